"""The official SDKs at spot and USD-M. Run by `run.py`, in their own environment. Every reply must fit their models."""

import asyncio
import base64
import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import spot_extras
import spot_scene
import um_motion
import um_scene
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import Error
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from binance_sdk_spot.spot import Spot
from notes import KEY, RSA_KEY, RSA_PEM, SECRET, SPOT, SYMBOL, UM, Cannot, Loop, Notes, wait_until
from pydantic import BaseModel

CALLS = {
    "/api/v3/": {
        "GET ping": "ping", "GET time": "time", "GET exchangeInfo": "exchange_info", "GET klines": "klines",
        "GET uiKlines": "ui_klines", "GET depth": "depth", "GET trades": "get_trades",
        "GET historicalTrades": "historical_trades", "GET aggTrades": "agg_trades", "GET ticker/24hr": "ticker24hr",
        "GET ticker/tradingDay": "ticker_trading_day", "GET ticker": "ticker", "GET ticker/price": "ticker_price",
        "GET ticker/bookTicker": "ticker_book_ticker", "GET avgPrice": "avg_price",
        "GET executionRules": "execution_rules", "GET referencePrice": "reference_price", "GET account": "get_account",
        "GET account/commission": "account_commission", "GET rateLimit/order": "rate_limit_order",
        "GET myFilters": "my_filters", "POST order/test": "order_test", "POST order": "new_order",
        "GET order": "get_order", "DELETE order": "delete_order", "GET openOrders": "get_open_orders",
        "DELETE openOrders": "delete_open_orders", "GET allOrders": "all_orders", "GET myTrades": "my_trades",
        "GET myPreventedMatches": "my_prevented_matches", "GET myAllocations": "my_allocations",
        "POST order/cancelReplace": "order_cancel_replace", "PUT order/amend/keepPriority": "order_amend_keep_priority",
        "GET order/amendments": "order_amendments", "POST orderList/oco": "order_list_oco",
        "POST orderList/oto": "order_list_oto", "POST orderList/otoco": "order_list_otoco",
        "POST orderList/opo": "order_list_opo", "POST orderList/opoco": "order_list_opoco", "POST sor/order": "sor_order", "POST sor/order/test": "sor_order_test",
        "DELETE orderList": "delete_order_list", "GET orderList": "get_order_list",
        "GET allOrderList": "all_order_list", "GET openOrderList": "open_order_list",
    },
    "/fapi/": {
        "GET v1/ping": "test_connectivity", "GET v1/time": "check_server_time",
        "GET v1/exchangeInfo": "exchange_information", "GET v1/klines": "kline_candlestick_data",
        "GET v1/continuousKlines": "continuous_contract_kline_candlestick_data",
        "GET v1/markPriceKlines": "mark_price_kline_candlestick_data",
        "GET v1/indexPriceKlines": "index_price_kline_candlestick_data", "GET v1/depth": "order_book",
        "GET v1/trades": "recent_trades_list", "GET v1/historicalTrades": "old_trades_lookup",
        "GET v1/aggTrades": "compressed_aggregate_trades_list",
        "GET v1/ticker/24hr": "ticker24hr_price_change_statistics", "GET v1/ticker/price": "symbol_price_ticker",
        "GET v2/ticker/price": "symbol_price_ticker_v2", "GET v1/ticker/bookTicker": "symbol_order_book_ticker",
        "GET v1/premiumIndex": "mark_price", "GET v1/fundingRate": "get_funding_rate_history",
        "GET v1/fundingInfo": "get_funding_rate_info", "GET v1/openInterest": "open_interest",
        "GET v2/account": "account_information_v2", "GET v3/account": "account_information_v3",
        "GET v2/balance": "futures_account_balance_v2", "GET v3/balance": "futures_account_balance_v3",
        "GET v2/positionRisk": "position_information_v2", "GET v3/positionRisk": "position_information_v3",
        "GET v1/accountConfig": "futures_account_configuration", "GET v1/symbolConfig": "symbol_configuration",
        "GET v1/leverageBracket": "notional_and_leverage_brackets", "GET v1/commissionRate": "user_commission_rate",
        "GET v1/income": "get_income_history", "GET v1/positionSide/dual": "get_current_position_mode",
        "POST v1/positionSide/dual": "change_position_mode", "GET v1/multiAssetsMargin": "get_current_multi_assets_mode",
        "POST v1/multiAssetsMargin": "change_multi_assets_mode", "GET v1/feeBurn": "get_bnb_burn_status",
        "POST v1/feeBurn": "toggle_bnb_burn_on_futures_trade", "POST v1/leverage": "change_initial_leverage",
        "POST v1/marginType": "change_margin_type", "POST v1/positionMargin": "modify_isolated_position_margin",
        "GET v1/positionMargin/history": "get_position_margin_change_history",
        "GET v1/adlQuantile": "position_adl_quantile_estimation", "GET v1/rateLimit/order": "query_user_rate_limit",
        "POST v1/order/test": "test_order", "POST v1/order": "new_order", "PUT v1/order": "modify_order",
        "GET v1/orderAmendment": "get_order_modify_history", "GET v1/order": "query_order",
        "DELETE v1/order": "cancel_order", "GET v1/openOrder": "query_current_open_order",
        "GET v1/openOrders": "current_all_open_orders", "GET v1/allOrders": "all_orders",
        "DELETE v1/allOpenOrders": "cancel_all_open_orders", "GET v1/userTrades": "account_trade_list",
        "POST v1/batchOrders": "place_multiple_orders", "PUT v1/batchOrders": "modify_multiple_orders",
        "DELETE v1/batchOrders": "cancel_multiple_orders", "POST v1/countdownCancelAll": "auto_cancel_all_open_orders",
        "GET v1/forceOrders": "users_force_orders", "POST v1/algoOrder": "new_algo_order",
        "GET v1/algoOrder": "query_algo_order", "DELETE v1/algoOrder": "cancel_algo_order",
        "GET v1/openAlgoOrders": "current_all_algo_open_orders", "GET v1/allAlgoOrders": "query_all_algo_orders",
        "DELETE v1/algoOpenOrders": "cancel_all_algo_open_orders", "POST v1/listenKey": "start_user_data_stream",
        "PUT v1/listenKey": "keepalive_user_data_stream", "DELETE v1/listenKey": "close_user_data_stream",
    },
}  # fmt: skip
SOCKET_CALLS = {
    "ws-api": {
        "ping": "ping", "time": "time", "exchangeInfo": "exchange_info", "depth": "depth",
        "trades.recent": "trades_recent", "trades.historical": "trades_historical",
        "trades.aggregate": "trades_aggregate", "klines": "klines", "uiKlines": "ui_klines", "avgPrice": "avg_price",
        "ticker.24hr": "ticker24hr", "ticker.tradingDay": "ticker_trading_day", "ticker.price": "ticker_price",
        "ticker.book": "ticker_book", "ticker": "ticker", "executionRules": "execution_rules",
        "referencePrice": "reference_price", "session.status": "session_status", "account.status": "account_status",
        "account.commission": "account_commission", "account.rateLimits.orders": "account_rate_limits_orders", "allOrders": "all_orders", "myTrades": "my_trades",
        "myPreventedMatches": "my_prevented_matches", "myAllocations": "my_allocations", "order.test": "order_test",
        "order.place": "order_place", "order.status": "order_status", "order.cancel": "order_cancel",
        "openOrders.status": "open_orders_status", "openOrders.cancelAll": "open_orders_cancel_all",
        "order.amend.keepPriority": "order_amend_keep_priority", "order.amendments": "order_amendments",
        "order.cancelReplace": "order_cancel_replace", "orderList.place.oco": "order_list_place_oco",
        "orderList.place.opo": "order_list_place_opo", "orderList.place.opoco": "order_list_place_opoco", "sor.order.place": "sor_order_place", "sor.order.test": "sor_order_test",
        "orderList.place.oto": "order_list_place_oto", "orderList.place.otoco": "order_list_place_otoco",
        "orderList.status": "order_list_status", "openOrderLists.status": "open_order_lists_status",
        "orderList.cancel": "order_list_cancel", "allOrderLists": "all_order_lists",
    },
    "ws-fapi": {
        "depth": "order_book", "ticker.price": "symbol_price_ticker", "ticker.book": "symbol_order_book_ticker",
        "order.place": "new_order", "order.modify": "modify_order", "order.cancel": "cancel_order",
        "order.status": "query_order", "algoOrder.place": "new_algo_order", "algoOrder.cancel": "cancel_algo_order",
        "account.status": "account_information", "account.balance": "futures_account_balance",
        "account.position": "position_information", "v2/account.status": "account_information_v2",
        "v2/account.balance": "futures_account_balance_v2", "v2/account.position": "position_information_v2",
        "userDataStream.start": "start_user_data_stream", "userDataStream.ping": "keepalive_user_data_stream",
        "userDataStream.stop": "close_user_data_stream",
    },
}  # fmt: skip
SYMBOL_STREAMS = {
    "spot": (
        (r"kline_(?P<interval>\w+)", "kline"), (r"trade", "trade"), (r"aggTrade", "agg_trade"),
        (r"bookTicker", "book_ticker"), (r"miniTicker", "mini_ticker"), (r"ticker", "ticker"),
        (r"ticker_(?P<window_size>\w+)", "rolling_window_ticker"), (r"avgPrice", "avg_price"),
        (r"depth(?P<levels>\d+)", "partial_book_depth"), (r"depth@(?P<update_speed>\w+)", "diff_book_depth"),
    ),
    "um": (
        (r"kline_(?P<interval>\w+)", "kline_candlestick_streams"), (r"aggTrade", "aggregate_trade_streams"),
        (r"bookTicker", "individual_symbol_book_ticker_streams"),
        (r"miniTicker", "individual_symbol_mini_ticker_stream"), (r"ticker", "individual_symbol_ticker_streams"),
        (r"markPrice@(?P<update_speed>\w+)", "mark_price_stream"),
        (r"depth(?P<levels>\d+)@(?P<update_speed>\w+)", "partial_book_depth_streams"),
        (r"depth@(?P<update_speed>\w+)", "diff_book_depth_streams"),
    ),
}  # fmt: skip
OTHER_STREAMS = {
    "!miniTicker@arr": ("all_mini_ticker", "all_market_mini_tickers_stream", {}),
    "!ticker_1h@arr": ("all_market_rolling_window_ticker", "", {"window_size": "1h"}),
    "!ticker@arr": ("", "all_market_tickers_streams", {}),
    "!bookTicker": ("", "all_book_tickers_stream", {}),
    "!markPrice@arr@1s": ("", "mark_price_stream_for_all_market", {"update_speed": "1s"}),
}


class Misfit(Exception):
    """A reply that does not fit the SDK's own model."""


class Refusal(Exception):
    """What the SDK hands over as data when the socket answers with an error."""

    def __init__(self, told: Any) -> None:
        super().__init__(str(told))
        self.code = told.get("code", 0) if isinstance(told, dict) else 0


class Complaints(logging.Handler):
    """Keeps what the SDK logs about replies and frames that it could not read."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a complaint about a model."""
        text = record.getMessage()
        if re.search(r"Failed to parse|did not match|Error in callback|validation error", text):
            self.heard.append(text)


class Official:
    """`binance-sdk-spot` and `binance-sdk-derivatives-trading-usds-futures`."""

    def __init__(self, **keys: str) -> None:
        self.loop = Loop()
        self.clients = {"ws-api": _make(Spot, SPOT, "ws-api/v3", keys)}
        if UM and not keys:
            self.clients["ws-fapi"] = _make(DerivativesTradingUsdsFutures, UM, "ws-fapi/v1")
        self.sockets: dict[str, Any] = {}
        self.complaints = Complaints()
        logging.getLogger().handlers = [self.complaints]
        self.models: dict[str, int] = {}
        self.unknown: dict[str, set[str]] = {}

    def ask(self, endpoint: str, params: dict[str, Any]) -> Any:
        """Call the method of the endpoint, with its words in snake case."""
        verb, _, path = endpoint.partition(" ")
        words = {_snake(name): value for name, value in params.items()}
        if words.get("compute_commission_rates"):
            words["compute_commission_rates"] = True
        self.complaints.heard.clear()
        answer = self._ask_socket(verb, path, words) if verb in SOCKET_CALLS else self._ask_rest(verb, path, words)
        if self.complaints.heard:
            raise Misfit(self.complaints.heard[0])
        return answer

    def _ask_rest(self, verb: str, path: str, words: dict[str, Any]) -> Any:
        for prefix, calls in CALLS.items():
            name = calls.get(f"{verb} {path.removeprefix(prefix)}") if path.startswith(prefix) else None
            if name is not None:
                client = self.clients["ws-fapi" if prefix == "/fapi/" else "ws-api"]
                return self._plain(getattr(client.rest_api, name)(**words).data())
        raise Cannot("no method for it")

    def _ask_socket(self, kind: str, method: str, words: dict[str, Any]) -> Any:
        name = SOCKET_CALLS[kind].get(method)
        if method == "myFilters":
            raise Cannot("its model of the reply leaves the result out")
        if name is None:
            raise Cannot("no method for it")
        return self.read(self.loop.run(self._call(kind, name, words)).data())

    def read(self, data: Any) -> Any:
        """Give the result out of what came over the WebSocket API."""
        answer = self._plain(data)
        if "error" in answer:
            raise Refusal(answer["error"])
        return answer.get("result", {})

    async def _call(self, kind: str, name: str, words: dict[str, Any]) -> Any:
        return await getattr(await self._socket(kind), name)(**words)

    async def _socket(self, kind: str) -> Any:
        if kind not in self.sockets:
            self.sockets[kind] = await self.clients[kind].websocket_api.create_connection()
        return self.sockets[kind]

    def code(self, error: Exception) -> int:
        """Read Binance's code, which this SDK keeps as the status of its own errors."""
        return int(getattr(error, "status_code", 0) or 0) if isinstance(error, Error) else getattr(error, "code", 0)

    @contextlib.contextmanager
    def stream(self, market: str, name: str) -> Iterator[list[Any]]:
        """Subscribe by the method made for the stream."""
        method, words = _stream_method(market, name)
        client = self.clients["ws-api" if market == "spot" else "ws-fapi"]
        self.complaints.heard.clear()
        frames: list[Any] = []

        async def begin() -> Any:
            connection = await client.websocket_streams.create_connection()
            handle = await getattr(connection, method)(**words)
            handle.on("message", lambda frame: frames.append(self._plain(frame)))
            return connection

        connection = self.loop.run(begin())
        try:
            yield frames
        finally:
            self.loop.run(connection.close_connection(close_session=True))
            if self.complaints.heard:
                raise Misfit(self.complaints.heard[0])

    @contextlib.contextmanager
    def user_stream(self, market: str) -> Iterator[list[Any]]:
        """Subscribe by signature on spot, by listen key on USD-M."""
        self.complaints.heard.clear()
        events: list[Any] = []

        def keep(event: Any) -> None:
            events.append(self._plain(event) | {"e": _event_name(market, event)})

        if market == "spot":

            async def begin() -> None:
                answer = await (await self._socket("ws-api")).user_data_stream_subscribe_signature()
                answer.stream.on("message", keep)

            self.loop.run(begin())
            yield events
        else:
            key = self.ask("POST /fapi/v1/listenKey", {})["listenKey"]

            async def listen() -> Any:
                connection = await self.clients["ws-fapi"].websocket_streams.create_connection()
                (await connection.user_data(key)).on("message", keep)
                await asyncio.sleep(0.5)  # the SDK does not wait for the answer to a subscription
                return connection

            connection = self.loop.run(listen())
            try:
                yield events
            finally:
                self.loop.run(connection.close_connection(close_session=True))
        if self.complaints.heard:
            raise Misfit(self.complaints.heard[0])

    def _plain(self, value: Any) -> Any:
        """Turn models into JSON with Binance's names; count them, and note the keys they do not know."""
        if isinstance(value, BaseModel):
            if "actual_instance" in type(value).model_fields:
                return self._plain(value.actual_instance)
            kind = type(value).__name__
            self.models[kind] = self.models.get(kind, 0) + 1
            found = {
                field.alias or name: self._plain(getattr(value, name))
                for name, field in type(value).model_fields.items()
                if name != "additional_properties" and getattr(value, name) is not None
            }
            extra = getattr(value, "additional_properties", {}) or {}
            self.unknown.setdefault(kind, set()).update(extra)
            return extra | found
        if isinstance(value, dict):
            return {name: self._plain(each) for name, each in value.items()}
        return [self._plain(each) for each in value] if isinstance(value, list) else value

    def close(self) -> None:
        """Close the sockets."""
        for socket in self.sockets.values():
            self.loop.run(socket.close_connection(close_session=True))


def session(notes: Notes, peer: Official) -> None:
    """A session with an Ed25519 key: logged on, asked without signatures, told of events, logged out."""
    # The prefix says in DER that 32 bytes of an Ed25519 private key follow.
    der = bytes.fromhex("302e020100300506032b657004220420" + os.environ["EMU_SESSION_SEED"])
    lines = ("-----BEGIN " + "PRIVATE KEY-----", base64.b64encode(der).decode(), "-----END " + "PRIVATE KEY-----")
    keys = {"api_key": os.environ["EMU_SESSION_KEY"], "private_key": "\n".join(lines)}
    client = Spot(config_ws_api=ConfigurationWebSocketAPI(stream_url=f"ws://{SPOT}/ws-api/v3", **keys))
    events: list[Any] = []

    async def call(name: str, **words: Any) -> Any:
        return peer.read((await getattr(connection, name)(**words)).data())

    async def subscribe() -> Any:
        answer = await connection.user_data_stream_subscribe()
        answer.stream.on("message", lambda event: events.append(_event_name("spot", event)))
        return peer.read(answer.response.data())

    def step(method: str, work: Any, check: Any) -> None:
        notes.run(f"ws-api {method}", "in a session", lambda: peer.loop.run(work), check)

    connection = peer.loop.run(client.websocket_api.create_connection())
    order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    step("session.logon", call("session_logon"), lambda a: a["apiKey"] == keys["api_key"])
    step("session.status", call("session_status"), lambda a: a["authorizedSince"])
    step("userDataStream.subscribe", subscribe(), lambda a: a["subscriptionId"] >= 0)
    step("session.subscriptions", call("session_subscriptions"), lambda a: len(a) == 1)
    step("order.place", call("order_place", **order), lambda a: a["orderId"])
    check = {"executionReport", "outboundAccountPosition"}.issubset
    notes.run("spot user events", "in a session", lambda: wait_until(lambda: check(events)) and events, check)
    step("userDataStream.unsubscribe", call("user_data_stream_unsubscribe"), lambda a: a == {})
    step("session.logout", call("session_logout"), lambda a: a.get("apiKey") is None)
    peer.loop.run(connection.close_connection(close_session=True))


def _make(cls: Any, host: str, api_path: str, keys: dict[str, str] | None = None) -> Any:
    keys = keys or {"api_key": KEY, "api_secret": SECRET}
    return cls(
        config_rest_api=ConfigurationRestAPI(base_path=f"http://{host}", timeout=10_000, retries=0, **keys),
        config_ws_api=ConfigurationWebSocketAPI(stream_url=f"ws://{host}/{api_path}", **keys),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"ws://{host}"),
    )


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def _event_name(market: str, event: Any) -> str:
    """Give the name of an event, which the SDK turns into the name of a model."""
    kind = type(getattr(event, "actual_instance", event)).__name__
    return kind[0].lower() + kind[1:] if market == "spot" else _snake(kind).upper()


def _stream_method(market: str, name: str) -> tuple[str, dict[str, Any]]:
    symbol, _, rest = name.partition("@")
    if name.startswith("!"):
        spot, um, words = OTHER_STREAMS.get(name, ("", "", {}))
        method = spot if market == "spot" else um
    else:
        found = [
            (method, match) for pattern, method in SYMBOL_STREAMS[market] if (match := re.fullmatch(pattern, rest))
        ]
        method, words = (found[0][0], {"symbol": symbol, **found[0][1].groupdict()}) if found else ("", {})
    if not method:
        raise Cannot("no method for it")
    return method, words


def main() -> None:
    """Play both scenes, then tell how many models were checked."""
    if SPOT:
        signer = Official(api_key=RSA_KEY, private_key=RSA_PEM)
        Notes(signer).scene("RSA key", lambda: spot_extras.rsa(Notes(signer), signer.ask))
        signer.close()
    peer = Official()
    notes = Notes(peer)
    if SPOT:
        notes.scene("session", lambda: session(notes, peer))
        notes.scene("spot", lambda: spot_scene.play(notes, peer))
    if UM:
        keys, usual = {"api_key": RSA_KEY, "private_key": RSA_PEM}, peer.clients["ws-fapi"]
        peer.clients["ws-fapi"] = _make(DerivativesTradingUsdsFutures, UM, "ws-fapi/v1", keys)
        um_motion.signed_by_rsa(notes, peer)
        peer.clients["ws-fapi"] = usual
        notes.scene("um", lambda: um_scene.play(notes, peer))
    unknown = {kind: sorted(keys) for kind, keys in peer.unknown.items() if keys}
    notes.fact("models", kinds=len(peer.models), checked=sum(peer.models.values()), unknown_keys=unknown)
    peer.close()


if __name__ == "__main__":
    sys.exit(main())
