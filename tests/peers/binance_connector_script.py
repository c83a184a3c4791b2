"""The old official connectors at spot and USD-M. Run by `run.py`, in their own environment."""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import spot_scene
import um_motion
import um_scene
from binance.error import ClientError
from binance.spot import Spot
from binance.um_futures import UMFutures
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient
from notes import KEY, RSA_KEY, RSA_PEM, SECRET, SPOT, UM, Cannot, Notes, wait_until

S, F, W = "/api/v3/", "/fapi/v1/", "ws-api "
SPOT_CALLS = {
    "GET ping": "ping", "GET time": "time", "GET exchangeInfo": "exchange_info", "GET klines": "klines",
    "GET uiKlines": "ui_klines", "GET depth": "depth", "GET trades": "trades",
    "GET historicalTrades": "historical_trades", "GET aggTrades": "agg_trades", "GET ticker/24hr": "ticker_24hr",
    "GET ticker/tradingDay": "trading_day_ticker", "GET ticker": "rolling_window_ticker",
    "GET ticker/price": "ticker_price", "GET ticker/bookTicker": "book_ticker", "GET avgPrice": "avg_price",
    "GET account": "account", "GET account/commission": "query_commission_rates",
    "GET rateLimit/order": "get_order_rate_limit", "POST order/test": "new_order_test", "POST order": "new_order",
    "GET order": "get_order", "DELETE order": "cancel_order", "GET openOrders": "get_open_orders",
    "DELETE openOrders": "cancel_open_orders", "GET allOrders": "get_orders", "GET myTrades": "my_trades",
    "GET myPreventedMatches": "query_prevented_matches", "GET myAllocations": "query_allocations",
    "POST order/cancelReplace": "cancel_and_replace", "POST orderList/oco": "new_oco_order",
    "POST orderList/oto": "new_oto_order", "POST orderList/otoco": "new_otoco_order",
    "DELETE orderList": "cancel_oco_order", "GET orderList": "get_oco_order", "GET allOrderList": "get_oco_orders",
    "GET openOrderList": "get_oco_open_orders",
}  # fmt: skip
SAPI_CALLS = {
    "GET /sapi/v1/account/apiRestrictions": "api_key_permissions", "GET /sapi/v1/asset/tradeFee": "trade_fee",
    "GET /sapi/v1/system/status": "system_status", "GET /sapi/v1/capital/config/getall": "coin_info",
}  # fmt: skip
SOCKET_CALLS = {
    "ping": "ping_connectivity", "time": "server_time", "exchangeInfo": "exchange_info", "depth": "order_book",
    "trades.recent": "recent_trades",
    "trades.historical": "historical_trades", "trades.aggregate": "aggregate_trades", "klines": "klines",
    "uiKlines": "ui_klines", "avgPrice": "avg_price", "ticker.24hr": "ticker_24hr", "ticker.price": "ticker_price",
    "ticker.book": "ticker_book", "ticker": "ticker", "account.status": "account",
    "account.rateLimits.orders": "order_rate_limit", "allOrders": "order_history", "myTrades": "my_trades",
    "myPreventedMatches": "prevented_matches", "order.test": "new_order_test", "order.place": "new_order",
    "order.status": "get_order", "order.cancel": "cancel_order", "openOrders.status": "get_open_orders",
    "openOrders.cancelAll": "cancel_open_orders", "order.cancelReplace": "cancel_replace_order",
    "orderList.place.oco": "new_oco_order", "orderList.place.oto": "new_oto_order",
    "orderList.place.otoco": "new_otoco_order", "orderList.status": "get_oco_order",
    "openOrderLists.status": "get_open_oco_orders", "orderList.cancel": "cancel_oco_order",
    "allOrderLists": "oco_history",
}  # fmt: skip
UM_CALLS = {
    "GET v1/ping": "ping", "GET v1/time": "time", "GET v1/exchangeInfo": "exchange_info", "GET v1/klines": "klines",
    "GET v1/continuousKlines": "continuous_klines", "GET v1/markPriceKlines": "mark_price_klines",
    "GET v1/indexPriceKlines": "index_price_klines", "GET v1/depth": "depth", "GET v1/trades": "trades",
    "GET v1/historicalTrades": "historical_trades", "GET v1/aggTrades": "agg_trades",
    "GET v1/ticker/24hr": "ticker_24hr_price_change", "GET v1/ticker/price": "ticker_price",
    "GET v1/ticker/bookTicker": "book_ticker", "GET v1/premiumIndex": "mark_price",
    "GET v1/fundingRate": "funding_rate", "GET v1/fundingInfo": "funding_info",
    "GET v1/openInterest": "open_interest", "GET v2/account": "account", "GET v2/balance": "balance",
    "GET v2/positionRisk": "get_position_risk", "GET v1/accountConfig": "futures_account_configuration",
    "GET v1/symbolConfig": "symbol_configuration", "GET v1/leverageBracket": "leverage_brackets",
    "GET v1/commissionRate": "commission_rate", "GET v1/income": "get_income_history",
    "GET v1/positionSide/dual": "get_position_mode", "POST v1/positionSide/dual": "change_position_mode",
    "GET v1/multiAssetsMargin": "get_multi_asset_mode", "POST v1/multiAssetsMargin": "change_multi_asset_mode",
    "GET v1/feeBurn": "get_bnb_burn", "POST v1/feeBurn": "toggle_bnb_burn", "POST v1/leverage": "change_leverage",
    "POST v1/marginType": "change_margin_type", "POST v1/positionMargin": "modify_isolated_position_margin",
    "GET v1/positionMargin/history": "get_position_margin_history", "GET v1/adlQuantile": "adl_quantile",
    "GET v1/rateLimit/order": "query_user_rate_limit", "POST v1/order/test": "new_order_test",
    "POST v1/order": "new_order", "PUT v1/order": "modify_order", "GET v1/order": "query_order",
    "DELETE v1/order": "cancel_order", "GET v1/openOrder": "get_open_orders", "GET v1/openOrders": "get_orders",
    "GET v1/allOrders": "get_all_orders", "DELETE v1/allOpenOrders": "cancel_open_orders",
    "GET v1/userTrades": "get_account_trades", "POST v1/batchOrders": "new_batch_order",
    "DELETE v1/batchOrders": "cancel_batch_order", "POST v1/countdownCancelAll": "countdown_cancel_order",
    "GET v1/forceOrders": "force_orders", "POST v1/listenKey": "new_listen_key", "PUT v1/listenKey": "renew_listen_key",
    "DELETE v1/listenKey": "close_listen_key",
}  # fmt: skip


class Refusal(Exception):
    """An error that came over the WebSocket API."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code


class Connector:
    """`binance-connector` and `binance-futures-connector`."""

    def __init__(self, *, by_rsa: bool = False) -> None:
        self.spot = Spot(api_key=KEY, api_secret=SECRET, base_url=f"http://{SPOT}")
        keys = {"key": RSA_KEY, "private_key": RSA_PEM} if by_rsa else {"key": KEY, "secret": SECRET}
        self.um = UMFutures(**keys, base_url=f"http://{UM}")
        self._socket: SpotWebsocketAPIClient | None = None
        self._answers: list[dict[str, Any]] = []
        self._listen_key = ""

    def ask(self, endpoint: str, params: dict[str, Any]) -> Any:
        """Call the method of the endpoint; the connectors take Binance's own parameter names."""
        if endpoint.startswith("ws-"):
            return self._ask_socket(endpoint, params)
        verb, _, path = endpoint.partition(" ")
        if path.startswith("/fapi/"):
            name, client = UM_CALLS.get(f"{verb} {path.removeprefix('/fapi/')}"), self.um
            if path.endswith("/listenKey"):
                return self._listen(verb)
        elif path.startswith("/sapi/"):
            name, client = SAPI_CALLS.get(endpoint), self.spot
        else:
            name, client = SPOT_CALLS.get(f"{verb} {path.removeprefix(S)}"), self.spot
        if name is None:
            raise Cannot("no method for it")
        if name == "new_batch_order":
            raise Cannot("its method is broken: it hands its own signer one argument too many")
        if name == "cancel_batch_order":
            params = {"orderIdList": [], "origClientOrderIdList": [], **params}
        return getattr(client, name)(**params)

    def _listen(self, verb: str) -> Any:
        if verb == "POST":
            answer = self.um.new_listen_key()
            self._listen_key = answer["listenKey"]
            return answer
        return (self.um.renew_listen_key if verb == "PUT" else self.um.close_listen_key)(self._listen_key)

    def _ask_socket(self, endpoint: str, params: dict[str, Any]) -> Any:
        kind, _, method = endpoint.partition(" ")
        if kind != "ws-api" or method not in SOCKET_CALLS:
            raise Cannot("no method for it")
        if self._socket is None:
            self._socket = SpotWebsocketAPIClient(
                stream_url=f"ws://{SPOT}/ws-api/v3", api_key=KEY, api_secret=SECRET,
                on_message=lambda _, text: self._answers.append(json.loads(text)),
            )  # fmt: skip
        if method == "trades.historical":
            params = {"apiKey": KEY, **params}
        self._answers.clear()
        getattr(self._socket, SOCKET_CALLS[method])(**params)
        if not wait_until(lambda: self._answers, 10):
            raise TimeoutError("no answer within 10 s")
        answer = self._answers.pop()
        if answer["status"] != 200:
            raise Refusal(answer["error"]["code"], answer["error"]["msg"])
        return answer["result"]

    def code(self, error: Exception) -> int:
        """Read Binance's code."""
        if isinstance(error, ClientError):
            return int(error.error_code or 0)
        return error.code if isinstance(error, Refusal) else 0

    @contextlib.contextmanager
    def stream(self, market: str, name: str) -> Iterator[list[Any]]:
        """Subscribe on a raw socket. On USD-M the caller has to know the route of a stream."""
        frames: list[Any] = []

        def keep(_: Any, text: str) -> None:
            frame = json.loads(text)
            if not (isinstance(frame, dict) and "result" in frame):
                frames.append(frame)

        client: Any
        if market == "spot":
            client = SpotWebsocketStreamClient(stream_url=f"ws://{SPOT}", on_message=keep)
        else:
            route = um_scene.route(name)
            client = UMFuturesWebsocketClient(stream_url=f"ws://{UM}/{route}", on_message=keep)
        try:
            client.subscribe(name)
            yield frames
        finally:
            client.stop()

    @contextlib.contextmanager
    def user_stream(self, market: str) -> Iterator[list[Any]]:
        """Listen by listen key: there is no other way in these connectors, and spot has none any more."""
        if market == "spot":
            raise Cannot("only knows listen keys, which spot has ended")
        key = self._listen("POST")["listenKey"]
        events: list[Any] = []

        def keep(_: Any, text: str) -> None:
            frame = json.loads(text)
            if "e" in frame:
                events.append(frame)

        client = UMFuturesWebsocketClient(stream_url=f"ws://{UM}/private", on_message=keep)
        try:
            client.user_data(listen_key=key)
            time.sleep(0.5)  # the connector tells nobody that a subscription is in place
            yield events
        finally:
            client.stop()

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.stop()


def main() -> None:
    """Play both scenes."""
    peer = Connector()
    notes = Notes(peer)
    if SPOT:
        notes.scene("spot", lambda: spot_scene.play(notes, peer))
    if UM:
        um_motion.signed_by_rsa(notes, Connector(by_rsa=True))
        notes.scene("um", lambda: um_scene.play(notes, peer))
    peer.close()


if __name__ == "__main__":
    sys.exit(main())
