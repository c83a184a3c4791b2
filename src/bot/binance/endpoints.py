"""What a request of Binance's is: address, price, rights, and whether it may be sent twice.

The tables are `spot` and `futures`. Weights come from the protocol reference; the bank learns from the host's headers
what they really were.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct

from bot.domain.errors import Unavailable
from bot.killpoints import reached


class Priority(Enum):
    """What a request is for; the value is the share of a limit it may use up, so that what matters goes last."""

    CANCEL = 1.0
    STOP = 0.99
    ORDER = 0.97
    """Entries, and looking for an order whose outcome is unknown."""
    QUERY = 0.9
    HISTORY = 0.6


class Security(Enum):
    """Which rights a request needs."""

    NONE = "none"
    KEY = "key"
    """The API key's header, no signature."""
    SIGNED = "signed"


class Pool(Enum):
    """Which of Binance's counters a request's weight goes to."""

    MARKET = "market"
    WALLET = "wallet"
    FUNDING = "funding"


Weight = int | Callable[[Any], int]
"""A weight, or a function of the request."""


@dataclass(frozen=True, kw_only=True)
class Endpoint[Q: Struct, R]:
    """One request Binance takes. Only what is `repeatable` is ever sent twice."""

    method: str
    path: str
    request: type[Q]
    reply: Any
    """R, as a value: no type of types covers unions."""
    weight: Weight = 1
    priority: Priority = Priority.QUERY
    security: Security = Security.NONE
    repeatable: bool = True
    pool: Pool = Pool.MARKET
    orders: Weight = 0
    """How much it counts against the order limits."""
    is_free_when_done: bool = False
    """Spot gives the weight of what succeeded back."""
    ws_method: str = ""
    """Its name on the WebSocket API, where it exists there."""

    @cached_property
    def read(self) -> Callable[[bytes | msgspec.Raw], R]:
        """Read a reply's body."""
        return msgspec.json.Decoder(self.reply).decode

    def weight_of(self, request: Q) -> int:
        """Give what this request costs."""
        return self.weight if isinstance(self.weight, int) else self.weight(request)

    def orders_of(self, request: Q) -> int:
        """Give how many orders this request counts as."""
        return self.orders if isinstance(self.orders, int) else self.orders(request)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Sending:
    """How a request goes out that was written down before: signed with the time that was written, if nobody objects."""

    signed_ms: int
    objection: Callable[[], str]
    """Asked at the last moment before the first byte: why it may not go, or nothing."""

    def check(self) -> None:
        """Raise Unavailable when somebody objects: nothing has left by then."""
        if why := self.objection():
            raise Unavailable(f"not sent: {why}")
        reached("gate.checked")


def one_or_all(one: int, everything: int) -> Weight:
    """Price a request by whether it names a symbol."""
    return lambda request: one if request.symbol else everything


def by_limit(default: int, *steps: tuple[int, int]) -> Weight:
    """Price a request by its `limit`: steps of (largest limit, weight), the last one for all above."""

    def weight(request: Any) -> int:
        limit = request.limit or default
        return next((price for largest, price in steps if limit <= largest), steps[-1][1])

    return weight
