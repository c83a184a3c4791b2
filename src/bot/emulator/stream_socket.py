"""Market streams: `/ws/<stream>` raw, `/stream?streams=a/b` wrapped, and SUBSCRIBE and its kin on either."""

from collections.abc import Callable
from typing import Any

import msgspec

from bot.emulator.connection import Peer
from bot.emulator.face import Face
from bot.emulator.wire import Json

_STREAMS_MAX = 1_024
_ID_MAX = 36
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")


class _Fault(Exception):
    """A control request that cannot be served, with the code of section `invalid request`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class StreamSocket:
    """The subscriptions of one connection."""

    def __init__(self, face: Face, connection: Peer, names: list[str]) -> None:
        self._face, self._connection = face, connection
        self._names: dict[str, None] = {}
        self._subscribe(names)

    def on_text(self, text: str) -> None:
        """Answer one control request."""
        self._connection.say(self._answer(text))

    def leave(self) -> None:
        """Drop every subscription: the connection is gone."""
        self._face.hub.unsubscribe(self._connection, list(self._names))

    def _answer(self, text: str) -> Json:
        request_id: Any = None
        try:
            request = _decode(text)
            request_id = self._request_id(request)
            return {"result": self._perform(request), "id": request_id}
        except _Fault as fault:
            return {"code": fault.code, "msg": str(fault), "id": request_id}

    def _perform(self, request: Json) -> Any:
        if extra := set(request) - {"method", "params", "id"}:
            raise _Fault(2, f"Invalid request: unknown field `{min(extra)}`")
        method, params = request.get("method"), request.get("params", [])
        if method not in _METHODS:
            raise _Fault(2, f"Invalid request: unknown method, expected one of {', '.join(_METHODS)}")
        if not isinstance(params, list):
            raise _Fault(2, "Invalid request: params must be an array")
        actions: dict[str, Callable[[list[Any]], Any]] = {
            "SUBSCRIBE": self._subscribe,
            "UNSUBSCRIBE": self._unsubscribe,
            "LIST_SUBSCRIPTIONS": lambda _: list(self._names),
            "SET_PROPERTY": self._set_property,
            "GET_PROPERTY": self._get_property,
        }
        return actions[method](params)

    def _subscribe(self, names: list[Any]) -> None:
        wanted = _stream_names(names)
        if len({*self._names, *wanted}) > _STREAMS_MAX:
            raise _Fault(2, f"Invalid request: more than {_STREAMS_MAX} streams on one connection")
        self._names |= dict.fromkeys(wanted)
        self._face.hub.subscribe(self._connection, self._face.on_subscribe(wanted, self._connection.path))

    def _unsubscribe(self, names: list[Any]) -> None:
        gone = [name for name in _stream_names(names) if name in self._names]
        for name in gone:
            self._names.pop(name, None)
        self._face.hub.unsubscribe(self._connection, gone)

    def _set_property(self, params: list[Any]) -> None:
        if params[:1] != ["combined"]:
            raise _Fault(0, "Unknown property")
        if len(params) != 2 or not isinstance(params[1], bool):
            raise _Fault(1, "Invalid value type: expected Boolean")
        self._connection.combined = params[1]

    def _get_property(self, params: list[Any]) -> bool:
        if params != ["combined"]:
            raise _Fault(0, "Unknown property")
        return self._connection.combined

    def _request_id(self, request: Json) -> Any:
        request_id = request.get("id")
        if self._face.request_ids_are_numbers:
            if isinstance(request_id, bool) or not isinstance(request_id, int) or request_id < 0:
                raise _Fault(2, "Invalid request: id must be an unsigned integer")
            return request_id
        if self._face.gate.settings.accepts_any_request_id:
            return request_id
        if isinstance(request_id, bool | float | list | dict):
            raise _Fault(2, "Invalid request: id must be an integer, a string or null")
        if isinstance(request_id, str) and len(request_id) > _ID_MAX:
            raise _Fault(2, "Invalid request: id is too long")
        return request_id


def _decode(text: str) -> Json:
    try:
        request = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise _Fault(3, f"Invalid JSON: {error}") from error
    if not isinstance(request, dict):
        raise _Fault(2, "Invalid request: expected an object")
    return request


def _stream_names(names: list[Any]) -> list[str]:
    if not all(isinstance(name, str) for name in names):
        raise _Fault(2, "Invalid request: stream names must be strings")
    return [name for name in names if name]
