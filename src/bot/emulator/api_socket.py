"""The WebSocket API: requests by method name, user events by subscription, all on one connection."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from bot.emulator import customer_calls as calls
from bot.emulator import public_calls, signing
from bot.emulator.connection import Connection
from bot.emulator.faults import ApiError, illegal
from bot.emulator.gateway import Caller, Operation, identify, perform
from bot.emulator.params import Params
from bot.emulator.venue import Venue
from bot.emulator.wire import Json, encode

_SUBSCRIPTION_IDS_MAX = 65_535
_OF_THE_ENVELOPE = ("apiKey", "returnRateLimits")
"""Parameters that every method takes; they are signed like the others."""
_OPERATIONS: dict[str, Operation] = {
    "ping": public_calls.PING,
    "time": public_calls.TIME,
    "exchangeInfo": public_calls.EXCHANGE_INFO,
    "klines": public_calls.KLINES,
    "uiKlines": public_calls.KLINES,
    "depth": public_calls.DEPTH,
    "trades.recent": public_calls.TRADES,
    "trades.aggregate": public_calls.AGG_TRADES,
    "avgPrice": public_calls.AVERAGE_PRICE,
    "ticker.24hr": public_calls.DAY_TICKER,
    "ticker.price": public_calls.PRICE_TICKER,
    "ticker.book": public_calls.BOOK_TICKER,
    "order.place": calls.PLACE,
    "order.test": calls.TEST,
    "order.cancel": calls.CANCEL,
    "order.status": calls.QUERY,
    "openOrders.status": calls.OPEN_ORDERS,
    "openOrders.cancelAll": calls.CANCEL_ALL,
    "allOrders": calls.ALL_ORDERS,
    "myTrades": calls.MY_TRADES,
    "account.status": calls.ACCOUNT,
    "account.commission": calls.COMMISSION,
    "account.rateLimits.orders": calls.ORDER_COUNTS,
}


class _Request(msgspec.Struct):
    """The envelope. Numbers in `params` stay as they were written: their text is what was signed."""

    method: str
    id: int | str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


class ApiSocket:
    """One connection's requests and subscriptions."""

    def __init__(self, venue: Venue, connection: Connection, address: str, *, shows_limits: bool) -> None:
        self._venue, self._connection, self._address = venue, connection, address
        self._shows_limits = shows_limits
        self._subscriptions: dict[int, tuple[str, Callable[[], None]]] = {}
        self._next_subscription = 0

    def on_text(self, text: str) -> None:
        """Answer one request."""
        self._connection.send(encode(self._answer(text)))

    def leave(self) -> None:
        """End every subscription: the connection is gone."""
        for _, stop in self._subscriptions.values():
            stop()
        self._subscriptions.clear()

    def _answer(self, text: str) -> Json:
        answer: Json = {"id": None}
        shows_limits = self._shows_limits
        try:
            request = _decode(text)
            answer["id"] = request.id
            values = _texts(request.params)
            shows_limits = values.get("returnRateLimits", str(shows_limits).lower()) == "true"
            answer |= {"status": 200, "result": self._perform(request.method.removeprefix("v3/"), values)}
        except ApiError as error:
            fault: Json = {"code": error.code, "msg": error.message}
            if error.data:
                fault["data"] = error.data
            answer |= {"status": error.status, "error": fault}
        if shows_limits:
            answer["rateLimits"] = [self._used_weight()]
        return answer

    def _perform(self, method: str, values: dict[str, str]) -> Any:
        key = values.get("apiKey")
        caller = Caller(self._address, key, signing.socket_payload(values))
        params = Params({name: value for name, value in values.items() if name not in _OF_THE_ENVELOPE})
        match method:
            case "userDataStream.subscribe.signature":
                return self._subscribe(params, caller)
            case "userDataStream.unsubscribe":
                return self._unsubscribe(params)
            case "session.subscriptions":
                return [{"subscriptionId": number} for number in self._subscriptions]
        operation = _OPERATIONS.get(method)
        if operation is None:
            raise ApiError(-1100, f"Unknown method '{method}'." if method else "Missing method.")
        return perform(self._venue, operation, params, caller).result

    def _subscribe(self, params: Params, caller: Caller) -> Json:
        self._venue.weight.charge(self._address, 2, self._venue.wall_ms)
        claim = signing.read_claim(params, caller.key, caller.payload)
        params.done()
        customer = identify(self._venue, claim)
        if any(name == customer.name for name, _ in self._subscriptions.values()):
            raise ApiError(-2035, "User Data Stream subscription is already active.")
        number = self._next_subscription
        if number >= _SUBSCRIPTION_IDS_MAX:
            raise ApiError(-2042, "Maximum subscription ID reached for this connection.")
        self._next_subscription += 1
        stop = self._venue.desk.listen(customer.name, partial(self._tell, number))
        self._subscriptions[number] = (customer.name, stop)
        return {"subscriptionId": number}

    def _unsubscribe(self, params: Params) -> Json:
        self._venue.weight.charge(self._address, 2, self._venue.wall_ms)
        number = params.whole("subscriptionId")
        params.done()
        if number is not None and number not in self._subscriptions:
            raise ApiError(-2036, "User Data Stream subscription is not active.")
        for ended in list(self._subscriptions) if number is None else [number]:
            _, stop = self._subscriptions.pop(ended)
            stop()
            self._tell(ended, {"e": "eventStreamTerminated", "E": self._venue.now_ms})
        return {}

    def _tell(self, number: int, event: Json) -> None:
        self._connection.send(encode({"subscriptionId": number, "event": event}))

    def _used_weight(self) -> Json:
        bank = self._venue.weight
        return {
            "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": bank.limit,
            "count": bank.used(self._address, self._venue.wall_ms),
        }  # fmt: skip


def _decode(text: str) -> _Request:
    try:
        request = msgspec.json.decode(text, type=_Request)
    except msgspec.ValidationError as error:
        raise ApiError(-1102, f"Malformed request: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise ApiError(-1135, "Invalid JSON Request") from error
    if isinstance(request.id, str) and len(request.id) > 36:
        raise illegal("id", "^[a-zA-Z0-9-_]{1,36}$")
    return request


def _texts(raw: msgspec.Raw) -> dict[str, str]:
    """Give parameters as text: numbers as they were written, booleans as words, lists as JSON."""
    try:
        values = json.loads(bytes(raw), parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise ApiError(-1135, "Invalid JSON Request") from error
    if not isinstance(values, dict):
        raise ApiError(-1135, "Invalid JSON Request")
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
