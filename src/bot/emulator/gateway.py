"""The gateway: what every request passes on its way in, over REST and the WebSocket API alike, in Binance's order.

Weight, then the form of the parameters, then key, time and signature, then the operation itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.emulator import signing
from bot.emulator.faults import ApiError
from bot.emulator.params import Params
from bot.emulator.signing import Claim
from bot.emulator.venue import Customer, Venue
from bot.simulation.exchange import Refused

Weight = int | Callable[[Params], int]
PublicAct = Callable[[Venue], Any]
CustomerAct = Callable[[Venue, Customer], Any]


@dataclass(frozen=True, slots=True)
class Public:
    """An operation for everybody. `read` checks the parameters and gives what is then done."""

    read: Callable[[Params], PublicAct]
    weight: Weight = 1


@dataclass(frozen=True, slots=True)
class Signed:
    """An operation for a customer. `is_order` ones cost no weight when they succeed."""

    read: Callable[[Params], CustomerAct]
    weight: Weight = 1
    is_order: bool = False


Operation = Public | Signed


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from, and what it would have signed."""

    address: str
    key: str | None = None
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """A result, and whose order counts go with it."""

    result: Any
    customer: Customer | None = None


def perform(venue: Venue, operation: Operation, params: Params, caller: Caller) -> Answer:
    """Do what a request asks; ApiError when it is refused."""
    weight = operation.weight if isinstance(operation.weight, int) else operation.weight(params)
    venue.weight.charge(caller.address, weight, venue.wall_ms)
    try:
        match operation:
            case Public():
                return Answer(operation.read(params)(venue))
            case Signed():
                claim = signing.read_claim(params, caller.key, caller.payload)
                act = operation.read(params)
                customer = identify(venue, claim)
                answer = Answer(act(venue, customer), customer if operation.is_order else None)
                if operation.is_order:
                    venue.weight.refund(caller.address, weight, venue.wall_ms)
                return answer
    except Refused as refusal:
        raise ApiError(refusal.code, refusal.message) from refusal


def identify(venue: Venue, claim: Claim) -> Customer:
    """Find the customer behind a claim, or refuse it."""
    customer = venue.customers.get(signing.check_key(claim))
    if customer is None:
        raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    signing.check_time(claim, venue.wall_ms)
    signing.check_signature(claim, customer.secret)
    return customer
