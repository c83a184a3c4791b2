"""The WebSocket API: requests by method name, a session, and user events, all on one connection."""

import json
from collections.abc import Awaitable
from typing import Any

import msgspec

from bot.emulator import disturbance, signing
from bot.emulator.connection import Peer
from bot.emulator.face import Face
from bot.emulator.frames import framed
from bot.emulator.gateway import Caller, Outcome, admit, carry_out, note, settle
from bot.emulator.hub import deliver
from bot.emulator.keys import Customer
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, illegal, rejected_key
from bot.emulator.signing import read_claim
from bot.emulator.wire import Json, encode

_OF_THE_ENVELOPE = ("apiKey", "returnRateLimits")
"""Parameters that every method takes; they are signed like the others."""
_ID_MAX = 36


class _Request(msgspec.Struct):
    """The envelope. Numbers in `params` stay as they were written: their text is what was signed."""

    method: str
    id: msgspec.Raw = msgspec.Raw(b"null")
    params: msgspec.Raw = msgspec.Raw(b"{}")


class ApiSocket:
    """One connection's requests, its session and its subscriptions."""

    def __init__(self, face: Face, connection: Peer, address: str, *, shows_limits: bool) -> None:
        self.face, self.connection, self.address = face, connection, address
        self.shows_limits = shows_limits
        self.customer: Customer | None = None
        """Who logged on."""
        self.authorized_ms: int | None = None
        self.subscriptions: dict[int, Subscription] = {}
        self.next_subscription = 0

    def on_text(self, text: str) -> Awaitable[None] | None:
        """Answer one request: at once, or later when a fault holds it up."""
        request_id, shows_limits = msgspec.Raw(b"null"), self.shows_limits
        try:
            request = _decode(text, is_strict=not self.face.gate.settings.accepts_any_request_id)
            request_id = request.id
            values = _texts(request.params)
            shows_limits = values.get("returnRateLimits", str(shows_limits).lower()) == "true"
        except ApiError as error:
            failure = error
            self._reply(settle(lambda: _raise(failure)), request_id, shows_limits=shows_limits)
            return None
        return self._perform(request.method.removeprefix("v3/"), values, request_id, shows_limits=shows_limits)

    def leave(self) -> None:
        """End every subscription: the connection is gone."""
        for subscription in self.subscriptions.values():
            subscription.stop()
        self.subscriptions.clear()

    def tell(self, number: int, account: str, event: Json) -> None:
        """Send a user event of a subscription."""
        faults = self.face.gate.faults
        if not faults.on_frames:
            self.connection.say({"subscriptionId": number, "event": event})
            return
        rule = faults.for_frame(self.face.gate.name, "", account, event)
        event = faults.change(self.face.gate.name, "", account, event, is_frame=True)
        frame = framed(encode({"subscriptionId": number, "event": event}))
        deliver(self.connection, frame, rule.kind if rule else "", rule.delay_ms if rule else 0)

    def charge(self, weight: int) -> None:
        """Count the weight of a method about the connection."""
        gate = self.face.gate
        gate.weight.charge(self.address, weight, gate.clock.now_ms)

    def _perform(
        self, method: str, values: dict[str, str], request_id: msgspec.Raw, *, shows_limits: bool
    ) -> Awaitable[None] | None:
        gate = self.face.gate
        encoded = gate.settings.accepts_encoded_socket_signature
        payloads = signing.socket_payloads(values, accepts_encoded=encoded) if "signature" in values else ()
        caller = Caller(self.address, "ws-api", values.get("apiKey"), payloads, self.customer)
        for name in _OF_THE_ENVELOPE:
            values.pop(name, None)
        params = Params(values, gate.settings)
        about_connection = self.face.socket_methods.get(method)
        operation = self.face.methods.get(method)
        if about_connection is not None:
            outcome = settle(lambda: Outcome(200, about_connection(self, params, caller)))
            note(gate, caller, "", method, params, outcome)
        elif operation is None:
            message = f"Unknown method '{method}'." if method else "Missing method."
            outcome = settle(lambda: _raise(ApiError(-1100, message)))
        elif gate.faults.on_requests:
            work = disturbance.serve(self.face, operation, params, caller, "", method)
            return self._later(work, request_id, shows_limits=shows_limits)
        else:
            known = operation
            outcome = settle(lambda: carry_out(self.face, admit(self.face, known, params, caller), caller))
            note(gate, caller, "", method, params, outcome)
        self._reply(outcome, request_id, shows_limits=shows_limits)
        return None

    async def _later(self, work: Awaitable[Outcome], request_id: msgspec.Raw, *, shows_limits: bool) -> None:
        self._reply(await work, request_id, shows_limits=shows_limits)

    def _reply(self, outcome: Outcome, request_id: msgspec.Raw, *, shows_limits: bool) -> None:
        if outcome.is_dropped:
            self.connection.abort()
            return
        if outcome.raw is not None and outcome.status == 200:
            if outcome.raw:
                self.connection.send(framed(outcome.raw))
            return
        answer: Json = {"id": request_id, "status": outcome.status}
        if outcome.status == 200:
            answer["result"] = outcome.content
        else:
            answer["error"] = outcome.content | ({"data": outcome.data} if outcome.data else {})
        if shows_limits:
            answer["rateLimits"] = self._limits(outcome)
        self.connection.say(answer)
        if outcome.status == 418:
            self.connection.abort()

    def _limits(self, outcome: Outcome) -> list[Json]:
        gate = self.face.gate
        now_ms = gate.clock.now_ms
        used: Json = {
            "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
            "limit": gate.weight.bounds.weight, "count": gate.weight.used(self.address, now_ms),
        }  # fmt: skip
        if outcome.customer is None or not outcome.shows_orders:
            return [used]
        return [*self.face.order_count(outcome.customer.name).rows(now_ms), used]


class Subscription(msgspec.Struct):
    """Whose events a connection gets. `is_of_session` ones end with the session."""

    account: str
    stop: Any
    is_of_session: bool


def log_on(socket: ApiSocket, params: Params, caller: Caller) -> Json:
    """Remember who this is, so that later requests need no signature. Ed25519 keys only."""
    socket.charge(2)
    gate = socket.face.gate
    claim = read_claim(params, caller.key, caller.payloads)
    params.done()
    if not claim.key:
        raise ApiError(-2014, "API-key format invalid.", 401)
    customer = gate.customers.get(claim.key)
    if customer is None:
        raise rejected_key()
    if not customer.proof.is_ed25519:
        raise ApiError(-2028, "Only Ed25519 keys are supported for session.logon; HMAC-SHA-256 keys are not supported.")
    signing.check_time(claim, gate.clock.now_ms)
    signing.check_signature(claim, customer.proof)
    if not customer.may("read", socket.address):
        raise rejected_key()
    socket.customer, socket.authorized_ms = customer, gate.clock.now_ms
    socket.connection.account = customer.name
    return _session(socket)


def status(socket: ApiSocket, params: Params, _: Caller) -> Json:
    """Say who is logged on."""
    socket.charge(2)
    params.done()
    return _session(socket)


def log_out(socket: ApiSocket, params: Params, _: Caller) -> Json:
    """Forget who this was; its own subscription ends, signed ones stay."""
    socket.charge(2)
    params.done()
    socket.customer = socket.authorized_ms = None
    for number in [number for number, one in socket.subscriptions.items() if one.is_of_session]:
        subscription = socket.subscriptions.pop(number)
        subscription.stop()
        event = {"e": "eventStreamTerminated", "E": socket.face.gate.clock.now_ms}
        socket.tell(number, subscription.account, event)
    return _session(socket)


def _session(socket: ApiSocket) -> Json:
    return {
        "apiKey": socket.customer.key if socket.customer else None, "authorizedSince": socket.authorized_ms,
        "connectedSince": socket.connection.opened_ms, "returnRateLimits": socket.shows_limits,
        "serverTime": socket.face.gate.clock.now_ms, "userDataStream": bool(socket.subscriptions),
    }  # fmt: skip


SESSION_METHODS = {"session.logon": log_on, "session.status": status, "session.logout": log_out}


def _raise(error: ApiError) -> Outcome:
    raise error


def _decode(text: str, *, is_strict: bool) -> _Request:
    try:
        request = msgspec.json.decode(text, type=_Request)
    except msgspec.ValidationError as error:
        raise ApiError(-1102, f"Malformed request: {error}") from error
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise ApiError(-1135, "Invalid JSON Request") from error
    if is_strict:
        request_id = msgspec.json.decode(request.id)
        if isinstance(request_id, bool | float | list | dict) or (
            isinstance(request_id, str) and len(request_id) > _ID_MAX
        ):
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
