"""The gateway: what every request passes on its way in, over REST and the WebSocket API alike, in Binance's order.

Ban and weight, then the form of the parameters, then key, time, signature and permission, then the operation itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import structlog

from bot.emulator import signing
from bot.emulator.clock import Clock
from bot.emulator.faults import FaultBook
from bot.emulator.keys import Customer, Permission
from bot.emulator.limits import OrderCount, WeightBank
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, rejected_key
from bot.emulator.signing import Claim
from bot.emulator.truth import TruthBook
from bot.emulator.unverified import Unverified
from bot.emulator.wire import Json
from bot.simulation.orders import Refused

log = structlog.get_logger(__name__)

_STATEFUL = ("MAX_NUM_ORDERS", "MAX_NUM_ALGO", "MAX_NUM_ICEBERG", "MAX_NUM_ORDER_LISTS", "MAX_POSITION", "EXCHANGE_")
_STATEFUL_FILTERS = tuple(f"Filter failure: {name}" for name in _STATEFUL)
"""How refusals begin that depend on what else stands. The number of amendments has a code of its own."""
Weight = int | Callable[[Params], int]


@dataclass(slots=True)
class Gate:
    """What a face checks its requests with."""

    name: str
    clock: Clock
    weight: WeightBank
    customers: dict[str, Customer]
    settings: Unverified
    truth: TruthBook
    faults: FaultBook
    takes_ed25519_on_rest: bool = True


class Gated(Protocol):
    """A face that has a gate."""

    gate: Gate

    def order_count(self, account: str) -> OrderCount:
        """Give the unfilled order count of an account."""
        ...


@dataclass(frozen=True, slots=True)
class Public[F: Gated]:
    """An operation for everybody. `read` checks the parameters and gives what is then done."""

    read: Callable[[Params], Callable[[F], Any]]
    weight: Weight = 1


@dataclass(frozen=True, slots=True)
class Keyed[F: Gated]:
    """An operation that wants a known key, but no signature."""

    read: Callable[[Params], Callable[[F, Customer], Any]]
    weight: Weight = 1


@dataclass(frozen=True, slots=True)
class Signed[F: Gated]:
    """An operation for a customer. `is_order` ones show order counts; `is_free` ones cost nothing when they succeed."""

    read: Callable[[Params], Callable[[F, Customer], Any]]
    weight: Weight = 1
    is_order: bool = False
    is_free: bool = False
    needs: Permission = "read"


type Operation[F: Gated] = Public[F] | Keyed[F] | Signed[F]


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from, and what it would have signed. `session` is who logged on on this connection."""

    address: str
    channel: str = "rest"
    key: str | None = None
    payloads: tuple[bytes, ...] = ()
    session: Customer | None = None


@dataclass(slots=True)
class Outcome:
    """How a request ended. `content` is the result, or code and message; `raw` stands in for what is written of it."""

    status: int
    content: Any
    customer: Customer | None = None
    shows_orders: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    data: Json | None = None
    raw: bytes | None = None
    is_dropped: bool = False
    """The connection ends without an answer."""


class Request(msgspec.Struct, frozen=True, gc=False):
    """What the truth book keeps of a request: 200, or the code of its refusal."""

    channel: str
    method: str
    path: str
    address: str
    status: int
    code: int
    symbol: str
    client_order_id: str


@dataclass(slots=True)
class Admitted[F: Gated]:
    """A request that is let in: what is left is to do it."""

    operation: Operation[F]
    act: Callable[[F], Any]
    weight: int
    customer: Customer | None = None
    claim: Claim | None = None


def admit[F: Gated](face: F, operation: Operation[F], params: Params, caller: Caller) -> Admitted[F]:
    """Check a request up to the point where it would be done; ApiError when it is refused."""
    gate = face.gate
    weight = operation.weight if isinstance(operation.weight, int) else operation.weight(params)
    gate.weight.charge(caller.address, weight, gate.clock.now_ms)
    match operation:
        case Public():
            return Admitted(operation, operation.read(params), weight)
        case Keyed():
            keyed = operation.read(params)
            owner = _known(gate, caller.key)
            return Admitted(operation, lambda venue: keyed(venue, owner), weight, owner)
        case Signed():
            claim = signing.read_claim(params, caller.key, caller.payloads, needs_signature=not _is_in_session(caller))
            if not gate.settings.parameters_before_key:
                identify(gate, claim, caller, operation.needs)
            act = operation.read(params)
            customer = identify(gate, claim, caller, operation.needs)
            return Admitted(operation, lambda venue: act(venue, customer), weight, customer, claim)


def carry_out[F: Gated](face: F, admitted: Admitted[F], caller: Caller) -> Outcome:
    """Do what was let in; ApiError when the engine refuses it."""
    gate, operation = face.gate, admitted.operation
    if not isinstance(operation, Signed):
        return Outcome(200, admitted.act(face), admitted.customer)
    if operation.is_order and admitted.claim is not None and admitted.customer is not None:
        _check_again(face, admitted.claim, admitted.customer)
    try:
        result = admitted.act(face)
    except Refused as refusal:
        if refusal.message.startswith(_STATEFUL_FILTERS):
            raise Refused(gate.settings.stateful_filter_code, refusal.message) from refusal
        raise
    if operation.is_free:
        gate.weight.refund(caller.address, admitted.weight, gate.clock.now_ms)
    return Outcome(200, result, admitted.customer, operation.is_order)


def perform[F: Gated](face: F, operation: Operation[F], params: Params, caller: Caller) -> Outcome:
    """Do what a request asks, at once; ApiError when it is refused."""
    try:
        return carry_out(face, admit(face, operation, params, caller), caller)
    except Refused as refusal:
        raise ApiError(refusal.code, refusal.message) from refusal


def settle(work: Callable[[], Outcome]) -> Outcome:
    """Give how a request ended, whatever happened."""
    try:
        return work()
    except ApiError as error:
        return refused(error)
    except Refused as refusal:
        return Outcome(400, {"code": refusal.code, "msg": refusal.message})
    except Exception:
        log.exception("emulator.request_broke")
        return Outcome(500, {"code": -1000, "msg": "An unknown error occurred while processing the request."})


def refused(error: ApiError) -> Outcome:
    """Give the outcome of a refusal."""
    content: Json = {"code": error.code, "msg": error.message}
    if error.data_on_rest:
        content["data"] = error.data
    return Outcome(error.status, content, headers=error.headers, data=error.data)


def identify(gate: Gate, claim: Claim, caller: Caller, needs: Permission) -> Customer:
    """Find the customer behind a claim, or refuse it."""
    now_ms = gate.clock.now_ms
    if _is_in_session(caller) and caller.session is not None:
        customer = caller.session
        if gate.customers.get(customer.key) is not customer:
            raise rejected_key()
        signing.check_time(claim, now_ms)
    else:
        customer = _known(gate, claim.key)
        signing.check_time(claim, now_ms)
        if caller.channel == "rest" and customer.proof.is_ed25519 and not gate.takes_ed25519_on_rest:
            raise ApiError(-1022, "Signature for this request is not valid.")
        signing.check_signature(claim, customer.proof)
    if not customer.may(needs, caller.address):
        raise rejected_key()
    return customer


def note(gate: Gate, caller: Caller, method: str, path: str, params: Params, outcome: Outcome) -> None:
    """Write a request and how it really ended into the truth book."""
    account = outcome.customer.name if outcome.customer else ""
    if not account and (known := gate.customers.get(caller.key or "")):
        account = known.name
    code = 0 if outcome.status == 200 else int(outcome.content["code"])
    gate.truth.note(
        gate.name, "request", account,
        Request(
            caller.channel, method, path, caller.address, outcome.status, code, params.peek("symbol") or "",
            params.peek("newClientOrderId") or params.peek("origClientOrderId") or params.peek("clientAlgoId") or "",
        ),
    )  # fmt: skip


def _is_in_session(caller: Caller) -> bool:
    return caller.session is not None and caller.key is None


def _known(gate: Gate, key: str | None) -> Customer:
    if not key:
        raise ApiError(-2014, "API-key format invalid.", 401)
    customer = gate.customers.get(key)
    if customer is None:
        raise rejected_key()
    return customer


def _check_again(face: Gated, claim: Claim, customer: Customer) -> None:
    """Check the age of a request once more, just before the engine; here a refusal counts as an order."""
    now_ms = face.gate.clock.now_ms
    if now_ms - claim.timestamp_ms > claim.recv_window_ms:
        face.order_count(customer.name).add(now_ms)
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
