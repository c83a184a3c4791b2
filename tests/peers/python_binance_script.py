"""python-binance at spot and USD-M. Run by `run.py`, in its own environment."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import spot_extras
import spot_scene
import um_motion
import um_scene
from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException
from notes import KEY, RSA_KEY, RSA_PEM, SECRET, SPOT, UM, Cannot, Loop, Notes

for each in (Client, AsyncClient):
    each.API_URL, each.MARGIN_API_URL = f"http://{SPOT}/api", f"http://{SPOT}/sapi"
    each.FUTURES_URL, each.FUTURES_DATA_URL = f"http://{UM}/fapi", f"http://{UM}/futures/data"
    each.WS_API_URL, each.WS_FUTURES_URL = f"ws://{SPOT}/ws-api/v3", f"ws://{UM}/ws-fapi/v1"
BinanceSocketManager.STREAM_URL, BinanceSocketManager.FSTREAM_URL = f"ws://{SPOT}/", f"ws://{UM}/"

CALLS = {
    "/api/v3/": {
        "GET ping": "ping", "GET time": "get_server_time", "GET exchangeInfo": "get_exchange_info",
        "GET klines": "get_klines", "GET uiKlines": "get_ui_klines", "GET depth": "get_order_book",
        "GET trades": "get_recent_trades", "GET historicalTrades": "get_historical_trades",
        "GET aggTrades": "get_aggregate_trades", "GET ticker/24hr": "get_ticker",
        "GET ticker/tradingDay": "v3_get_ticker_trading_day", "GET ticker": "get_symbol_ticker_window",
        "GET ticker/price": "get_symbol_ticker", "GET ticker/bookTicker": "get_orderbook_ticker",
        "GET avgPrice": "get_avg_price", "GET account": "get_account",
        "GET account/commission": "v3_get_account_commission", "GET rateLimit/order": "v3_get_rate_limit_order",
        "POST order/test": "create_test_order", "POST order": "create_order", "GET order": "get_order",
        "DELETE order": "cancel_order", "GET openOrders": "get_open_orders",
        "DELETE openOrders": "cancel_all_open_orders", "GET allOrders": "get_all_orders",
        "GET myTrades": "get_my_trades", "GET myPreventedMatches": "get_prevented_matches",
        "GET myAllocations": "get_allocations", "POST order/cancelReplace": "cancel_replace_order",
        "POST orderList/oco": "create_oco_order", "POST orderList/oto": "v3_post_order_list_oto",
        "POST orderList/otoco": "v3_post_order_list_otoco",
        "POST sor/order": "v3_post_sor_order", "POST sor/order/test": "v3_post_sor_order_test", "DELETE orderList": "v3_delete_order_list",
        "GET orderList": "v3_get_order_list", "GET allOrderList": "v3_get_all_order_list",
        "GET openOrderList": "get_open_oco_orders",
    },
    "/sapi/v1/": {
        "GET account/apiRestrictions": "get_account_api_permissions", "GET asset/tradeFee": "get_trade_fee",
        "GET system/status": "get_system_status", "GET capital/config/getall": "get_all_coins_info",
    },
    "/fapi/": {
        "GET v1/ping": "futures_ping", "GET v1/time": "futures_time", "GET v1/exchangeInfo": "futures_exchange_info",
        "GET v1/klines": "futures_klines", "GET v1/continuousKlines": "futures_continuous_klines",
        "GET v1/markPriceKlines": "futures_mark_price_klines",
        "GET v1/indexPriceKlines": "futures_index_price_klines", "GET v1/depth": "futures_order_book",
        "GET v1/trades": "futures_recent_trades", "GET v1/historicalTrades": "futures_historical_trades",
        "GET v1/aggTrades": "futures_aggregate_trades", "GET v1/ticker/24hr": "futures_ticker",
        "GET v2/ticker/price": "futures_symbol_ticker", "GET v1/ticker/bookTicker": "futures_orderbook_ticker",
        "GET v1/premiumIndex": "futures_mark_price", "GET v1/fundingRate": "futures_funding_rate",
        "GET v1/fundingInfo": "futures_v1_get_funding_info", "GET v1/openInterest": "futures_open_interest",
        "GET v2/account": "futures_account", "GET v3/balance": "futures_account_balance",
        "GET v3/positionRisk": "futures_position_information", "GET v1/accountConfig": "futures_account_config",
        "GET v1/symbolConfig": "futures_symbol_config", "GET v1/leverageBracket": "futures_leverage_bracket",
        "GET v1/commissionRate": "futures_commission_rate", "GET v1/income": "futures_income_history",
        "GET v1/positionSide/dual": "futures_get_position_mode",
        "POST v1/positionSide/dual": "futures_change_position_mode",
        "GET v1/multiAssetsMargin": "futures_get_multi_assets_mode",
        "POST v1/multiAssetsMargin": "futures_change_multi_assets_mode", "GET v1/feeBurn": "futures_v1_get_fee_burn",
        "POST v1/feeBurn": "futures_v1_post_fee_burn", "POST v1/leverage": "futures_change_leverage",
        "POST v1/marginType": "futures_change_margin_type", "POST v1/positionMargin": "futures_change_position_margin",
        "GET v1/positionMargin/history": "futures_position_margin_history",
        "GET v1/adlQuantile": "futures_adl_quantile_estimate", "GET v1/rateLimit/order": "futures_v1_get_rate_limit_order",
        "POST v1/order/test": "futures_create_test_order", "POST v1/order": "futures_create_order",
        "PUT v1/order": "futures_modify_order", "GET v1/orderAmendment": "futures_v1_get_order_amendment",
        "GET v1/order": "futures_get_order", "DELETE v1/order": "futures_cancel_order",
        "GET v1/openOrder": "futures_v1_get_open_order", "GET v1/openOrders": "futures_get_open_orders",
        "GET v1/allOrders": "futures_get_all_orders", "DELETE v1/allOpenOrders": "futures_cancel_all_open_orders",
        "GET v1/userTrades": "futures_account_trades", "POST v1/batchOrders": "futures_place_batch_order",
        "PUT v1/batchOrders": "futures_v1_put_batch_orders", "DELETE v1/batchOrders": "futures_cancel_orders",
        "POST v1/countdownCancelAll": "futures_countdown_cancel_all",
        "GET v1/forceOrders": "futures_liquidation_orders", "POST v1/algoOrder": "futures_create_algo_order",
        "GET v1/algoOrder": "futures_get_algo_order", "DELETE v1/algoOrder": "futures_cancel_algo_order",
        "GET v1/openAlgoOrders": "futures_get_open_algo_orders",
        "GET v1/allAlgoOrders": "futures_get_all_algo_orders",
        "DELETE v1/algoOpenOrders": "futures_cancel_all_algo_open_orders",
        "POST v1/listenKey": "futures_stream_get_listen_key", "PUT v1/listenKey": "futures_stream_keepalive",
        "DELETE v1/listenKey": "futures_stream_close",
    },
    "ws-api ": {
        "ping": "ws_ping", "time": "ws_get_time", "exchangeInfo": "ws_get_exchange_info", "depth": "ws_get_order_book",
        "trades.recent": "ws_get_recent_trades", "trades.historical": "ws_get_historical_trades",
        "trades.aggregate": "ws_get_aggregate_trades", "klines": "ws_get_klines", "uiKlines": "ws_get_uiKlines",
        "avgPrice": "ws_get_avg_price", "ticker.24hr": "ws_get_ticker", "ticker.tradingDay": "ws_get_trading_day_ticker",
        "ticker.price": "ws_get_symbol_ticker", "ticker.book": "ws_get_orderbook_ticker",
        "ticker": "ws_get_symbol_ticker_window", "account.status": "ws_get_account",
        "account.commission": "ws_get_commission_rates",
        "account.rateLimits.orders": "ws_get_account_rate_limits_orders", "allOrders": "ws_get_all_orders",
        "myTrades": "ws_get_my_trades", "myPreventedMatches": "ws_get_prevented_matches",
        "myAllocations": "ws_get_allocations", "order.test": "ws_create_test_order", "order.place": "ws_create_order",
        "order.status": "ws_get_order", "order.cancel": "ws_cancel_order", "openOrders.status": "ws_get_open_orders",
        "openOrders.cancelAll": "ws_cancel_all_open_orders", "order.cancelReplace": "ws_cancel_and_replace_order",
        "orderList.place.oco": "ws_create_oco_order", "orderList.place.oto": "ws_create_oto_order",
        "sor.order.place": "ws_create_sor_order", "sor.order.test": "ws_create_test_sor_order",
        "orderList.place.otoco": "ws_create_otoco_order", "orderList.status": "ws_get_oco_order",
        "openOrderLists.status": "ws_get_oco_open_orders", "orderList.cancel": "ws_cancel_oco_order",
    },
    "ws-fapi ": {
        "depth": "ws_futures_get_order_book", "ticker.price": "ws_futures_get_all_tickers",
        "ticker.book": "ws_futures_get_order_book_ticker", "order.place": "ws_futures_create_order",
        "order.modify": "ws_futures_edit_order", "order.cancel": "ws_futures_cancel_order",
        "order.status": "ws_futures_get_order", "algoOrder.place": "ws_futures_create_algo_order",
        "algoOrder.cancel": "ws_futures_cancel_algo_order", "account.status": "ws_futures_account_status",
        "account.balance": "ws_futures_account_balance", "account.position": "ws_futures_account_position",
        "v2/account.status": "ws_futures_v2_account_status", "v2/account.balance": "ws_futures_v2_account_balance",
        "v2/account.position": "ws_futures_v2_account_position",
    },
}  # fmt: skip
PLAIN = {"get_exchange_info", "futures_exchange_info", "futures_stream_get_listen_key"}
"""Methods that take no parameters."""
REROUTED = {"futures_create_order", "ws_futures_create_order"}


class PythonBinance:
    """`AsyncClient` with its sockets."""

    def __init__(self, *, by_rsa: bool = False) -> None:
        self.loop = Loop()
        made = AsyncClient.create(RSA_KEY, private_key=RSA_PEM) if by_rsa else AsyncClient.create(KEY, SECRET)
        self.client = self.loop.run(made)
        self._listen_key = ""

    def ask(self, endpoint: str, params: dict[str, Any]) -> Any:
        """Call the method of the endpoint; this client takes Binance's own parameter names."""
        verb, _, path = endpoint.partition(" ")
        for prefix, calls in CALLS.items():
            if prefix.startswith("ws-") and endpoint.startswith(prefix):
                name = calls.get(endpoint.removeprefix(prefix))
            elif path.startswith(prefix):
                name = calls.get(f"{verb} {path.removeprefix(prefix)}")
            else:
                continue
            if name is None:
                raise Cannot("no method for it")
            if name in PLAIN and params:
                raise Cannot(f"{name} takes no parameters")
            if path.endswith("/listenKey"):
                return self._listen(verb, name)
            if name in REROUTED and params.get("type", "").startswith(("STOP", "TAKE", "TRAILING")):
                raise Cannot("sends conditional types to algoOrder by itself")
            if name == "futures_change_multi_assets_mode":
                params = {"multiAssetsMargin": params["multiAssetsMargin"] == "true"}
            if name == "futures_v1_put_batch_orders":
                raise Cannot("its method signs the list before it is encoded for the body")
            if name == "futures_cancel_orders":
                params = {key.lower() if key.endswith("List") else key: value for key, value in params.items()}
            return self.loop.run(getattr(self.client, name)(**params))
        raise Cannot("no method for it")

    def _listen(self, verb: str, name: str) -> Any:
        if verb == "POST":
            self._listen_key = self.loop.run(self.client.futures_stream_get_listen_key())
            return {"listenKey": self._listen_key}
        return self.loop.run(getattr(self.client, name)(self._listen_key))

    def code(self, error: Exception) -> int:
        """Read Binance's code."""
        return int(error.code or 0) if isinstance(error, BinanceAPIException) else 0

    def stream(self, market: str, name: str) -> contextlib.AbstractContextManager[list[Any]]:
        """Open a combined socket of one stream."""

        def make() -> Any:
            manager = BinanceSocketManager(self.client)
            if market == "spot":
                return manager.multiplex_socket([name])
            return manager.futures_multiplex_socket([name], category=um_scene.route(name))

        return self._listening(make)

    def user_stream(self, market: str) -> contextlib.AbstractContextManager[list[Any]]:
        """Open the user socket: by the WebSocket API on spot, by listen key on USD-M."""

        def make() -> Any:
            manager = BinanceSocketManager(self.client)
            return manager.user_socket() if market == "spot" else manager.futures_user_socket()

        return self._listening(make)

    @contextlib.contextmanager
    def _listening(self, make: Any) -> Iterator[list[Any]]:
        frames: list[Any] = []
        is_open = asyncio.Event()

        async def listen() -> None:
            async with make() as socket:
                is_open.set()
                while True:
                    frame = await socket.recv()
                    frame = frame.get("data", frame) if isinstance(frame, dict) else frame
                    frames.append(frame.get("event", frame) if isinstance(frame, dict) else frame)

        with self.loop.task(listen()):
            self.loop.run(asyncio.wait_for(is_open.wait(), 10))
            yield frames

    def close(self) -> None:
        """Close the client."""
        self.loop.run(self.client.close_connection())


def main() -> None:
    """Play both scenes."""
    if SPOT:
        signer = PythonBinance(by_rsa=True)
        Notes(signer).scene("RSA key", lambda: spot_extras.rsa(Notes(signer), signer.ask))
        signer.close()
    peer = PythonBinance()
    notes = Notes(peer)
    if SPOT:
        notes.scene("spot", lambda: spot_scene.play(notes, peer))
    if UM:
        other = PythonBinance(by_rsa=True)
        um_motion.signed_by_rsa(notes, other)
        other.close()
        notes.scene("um", lambda: um_scene.play(notes, peer))
    peer.close()


if __name__ == "__main__":
    sys.exit(main())
