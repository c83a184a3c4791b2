"""REST: one dispatcher from method and path to operations, with Binance's headers and error bodies."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from bot.emulator import disturbance, signing
from bot.emulator.dumps import Dumps
from bot.emulator.face import Face
from bot.emulator.gateway import Caller, Operation, Outcome, admit, carry_out, note, refused, settle
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, illegal
from bot.emulator.wire import encode, in_microseconds

_JSON = "application/json;charset=UTF-8"
_UNITS = {"MILLISECOND": False, "MICROSECOND": True}


class Request(msgspec.Struct, frozen=True, gc=False):
    """A request as it came in: query and body are the untouched bytes, headers are found by name in any case."""

    method: str
    path: str
    query: bytes
    body: bytes
    headers: Mapping[str, str]
    address: str


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What goes back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def answer(face: Face, request: Request) -> Answer | None:
    """Serve one request; None when its connection ends without an answer. Signatures cover the raw bytes."""
    operation = face.routes.get((request.method, request.path))
    address, gate = request.address, face.gate
    if gate.weight.is_banned(address, gate.clock.now_ms):
        return _reply(face, address, settle(lambda: _banned(face, address)), in_micro=False)
    if request.path.startswith("/data/") and face.dumps is not None and request.method == "GET":
        return _dump(face.dumps, request.path)
    if operation is None:
        return _not_found(face, address, request.path)
    payload = signing.rest_payload(request.query, request.body)
    caller = Caller(address, "rest", request.headers.get("X-MBX-APIKEY"), (payload,))
    try:
        in_micro = _reads_microseconds(face, request)
        params = Params(_join(request.query, request.body), gate.settings)
    except ApiError as error:
        outcome, in_micro = refused(error), False
    else:
        outcome = await _serve(face, operation, params, caller, request.method, request.path)
    return None if outcome.is_dropped else _reply(face, address, outcome, in_micro=in_micro)


async def _serve(
    face: Face, operation: Operation[Any], params: Params, caller: Caller, method: str, path: str
) -> Outcome:
    if face.gate.faults.on_requests:
        return await disturbance.serve(face, operation, params, caller, method, path)
    outcome = settle(lambda: carry_out(face, admit(face, operation, params, caller), caller))
    note(face.gate, caller, method, path, params, outcome)
    return outcome


def _dump(dumps: Dumps, path: str) -> Answer:
    """Give a public file. Really another host has them: they cost no weight."""
    content = dumps.file(path)
    if content is None:
        return Answer(404, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchKey</Code></Error>")
    return Answer(200, {"Content-Type": "application/octet-stream"}, content)


def _banned(face: Face, address: str) -> Outcome:
    face.gate.weight.charge(address, 0, face.gate.clock.now_ms)
    return Outcome(200, {})


def _not_found(face: Face, address: str, path: str) -> Answer:
    outcome = settle(lambda: _charged(face, address))
    if outcome.status == 200:
        outcome = Outcome(404, {"code": 404, "status": 404, "error": "Not Found", "msg": "Not Found", "path": path})
    return _reply(face, address, outcome, in_micro=False)


def _charged(face: Face, address: str) -> Outcome:
    face.gate.weight.charge(address, 1, face.gate.clock.now_ms)
    return Outcome(200, None)


def _reply(face: Face, address: str, outcome: Outcome, *, in_micro: bool) -> Answer:
    gate = face.gate
    now_ms = gate.clock.now_ms
    used = str(gate.weight.used(address, now_ms))
    headers = {"Content-Type": _JSON, "X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used, **outcome.headers}
    if outcome.shows_orders and outcome.customer is not None:
        headers |= face.order_count(outcome.customer.name).headers(now_ms)
    if outcome.raw is not None:
        headers["Content-Type"] = "text/html" if outcome.status >= 500 else _JSON
        return Answer(outcome.status, headers, outcome.raw)
    content = in_microseconds(outcome.content) if in_micro else outcome.content
    return Answer(outcome.status, headers, encode(content))


def _reads_microseconds(face: Face, request: Request) -> bool:
    unit = request.headers.get("X-MBX-TIME-UNIT")
    if unit is None or not face.knows_microseconds:
        return False
    if unit.upper() not in _UNITS:
        raise bad_unit()
    return _UNITS[unit.upper()]


def bad_unit() -> ApiError:
    """A unit of time that does not exist."""
    return ApiError(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")


def _join(query: bytes, body: bytes) -> dict[str, str]:
    """Put query and form body together; a name in both has the value of the query."""
    return _pairs(body) | _pairs(query) if body else _pairs(query)


def _pairs(raw: bytes) -> dict[str, str]:
    values: dict[str, str] = {}
    if raw.isascii() and b"%" not in raw and b"+" not in raw:
        for plain in raw.decode().split("&"):
            if plain:
                word, _, text = plain.partition("=")
                _put(values, word, text)
        return values
    for pair in raw.split(b"&"):
        if not pair:
            continue
        name, _, value = pair.partition(b"=")
        _put(values, _decoded(name), _decoded(value))
    return values


def _put(values: dict[str, str], name: str, value: str) -> None:
    if name in values:
        raise ApiError(-1101, "Duplicate values for a parameter detected.")
    values[name] = value


def _decoded(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise illegal("query", "UTF-8") from None
