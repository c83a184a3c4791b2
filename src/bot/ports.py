"""Ports: what the inner rooms and the runner need from outside, as protocols. The roof (`bootstrap`) fills them.

Way in: the protocol. Leans on: domain. Fakes for tests stand in `tests/fakes/`, and the same contract test
(`tests/contracts/`) runs against fake and real.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.market import Candle, Market, Stream
from bot.domain.messages import AccountMarked, Attempt, Command, Event, ForeignSeen, Outcome, ProtectionMoved
from bot.domain.order import Fill, Order, OrderStatus


class Clock(Protocol):
    """Time, so that tests and simulations can hold it still."""

    def now_ms(self) -> int:
        """Give exchange time in ms UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds of a clock that never jumps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


Deliver = Callable[[Event], None]
"""Where events go: the one inbox of a runner. Never blocks."""


class Subscription(Protocol):
    """One consumer's hold on candle series."""

    async def close(self) -> None:
        """Stop delivering; the stream itself ends with its last consumer."""
        ...


class Feed(Protocol):
    """Where candles come from. Each closed candle is delivered once, in order, without holes."""

    async def subscribe(
        self, streams: Sequence[Stream], deliver: Deliver, *, open_candles: bool = False
    ) -> Subscription:
        """Deliver every closed candle of these series (and the forming ones on request) until closed."""
        ...

    async def history(self, stream: Stream, count: int) -> Sequence[Candle]:
        """Give the newest `count` closed candles, oldest first: what warms indicators up.

        The first candle that `subscribe` delivers continues it: the next one, or one the history already had.
        """
        ...

    async def instruments(self, market: Market) -> Mapping[str, Instrument]:
        """Give the tradable symbols with the rules in force."""
        ...


Permit = Callable[[Command, Attempt | None], str]
"""Asked at the last moment before a command leaves: why it may not, or nothing."""


class Swept(NamedTuple):
    """How many orders were open and are gone (cancelled, or filled while we were at it), and how many are left.

    `kept` are stops that guard what we hold, left where they are on purpose.
    """

    gone: int
    left: int
    kept: int = 0


class Doubts(Protocol):
    """Who has to hear of what makes us doubt that we know how the account stands."""

    def doubt(self, name: str, reason: str) -> None:
        """Take no new risk until `settle(name)` and a clean look at the exchange."""
        ...

    def settle(self, name: str) -> None:
        """Take a doubt back; a look at the exchange has to follow."""
        ...

    def halt(self, reason: str) -> None:
        """Stop until a person lets it start again."""
        ...


Newest = Mapping[tuple[Market, str], int]
"""By market and symbol that we trade: the newest trade that is booked, 0 when none is."""


Recall = Callable[[Collection[str]], Awaitable[Mapping[str, OrderStatus]]]
"""Gives where each of these orders stands, as far as the journal knows them. Raises Unavailable."""


class Broker(Protocol):
    """Where orders go. What becomes of them comes back as events through `deliver`."""

    async def start(
        self,
        deliver: Deliver,
        open_orders: Sequence["OpenOrder"] = (),
        permit: Permit | None = None,
        doubts: Doubts | None = None,
    ) -> None:
        """Make ready, without telling anything yet: `reconcile` follows. Raises Misconfigured or Unavailable.

        `permit` is asked before each command leaves, at the last moment. `doubts` hears when we may have missed
        something, and when we can look again.
        """
        ...

    async def reconcile(self, newest: Newest, recall: Recall | None = None) -> Sequence[ForeignSeen]:
        """Look at the exchange: trades since `newest`, then orders, then money; tells all that we missed.

        `recall` is asked about orders that bear our mark and that this process knows nothing of.
        Ends with `FundsSeen`. Gives the orders that are not ours, each once. It may be broken off anywhere, and done
        again at any time. Raises BotError.
        """
        ...

    def prepare(self, order: Order, take: Order | None = None) -> Attempt:
        """Say how an order will be sent, to be written down before it is; one list with `take`, if that is given."""
        ...

    async def execute(self, command: Command, attempt: Attempt | None = None, take: Order | None = None) -> None:
        """Take a command, an order with its `attempt`. Never raises for what happens to the order: that is an event.

        A stop leaves in one list with the `take` profit beside it: both stand then, or neither, and one trades.
        """
        ...

    async def cancel_all(self, *, everything: bool = False) -> Swept:
        """Cancel every open order of the account, whoever placed it; nobody is asked for a permit. Raises BotError.

        The stops that guard what our strategies hold stay, unless `everything` has to go.
        """
        ...

    def see(self, candle: Candle) -> None:
        """Look at a candle just before the engine does: a broker with a market of its own fills what it touches."""
        ...

    async def stop(self) -> None:
        """Let go of everything. Open orders stay where they are."""
        ...


class OpenOrder(msgspec.Struct, frozen=True):
    """An order that may still trade, as the journal remembers it."""

    order: Order
    status: OrderStatus
    filled: Decimal
    quote_filled: Decimal
    exchange_order_id: int
    attempt: Attempt | None = None
    """How it was sent; None when that was never written down."""


class StrategyState(msgspec.Struct, frozen=True):
    """What one strategy left behind: enough to go on as if nothing had happened.

    `fills` are those of the round trip still open, oldest first, with their `fees` in quote as they were booked;
    `realised` is the P&L of closed trips in quote, and `closed_ms` the end of the last one. `capital` is what equity
    was counted from at the newest mark, at `marked_ms`; `day_equity` is that of the first mark of the same UTC day.
    """

    strategy_id: int
    fills: tuple[Fill, ...] = ()
    fees: tuple[Decimal, ...] = ()
    realised: Decimal = Decimal(0)
    closed_ms: int = 0
    peak_equity: float | None = None
    capital: float | None = None
    marked_ms: int = 0
    day_equity: float | None = None
    stopped: str = ""
    sequence: int = 0
    decided_ms: int = -1
    """Time of the newest candle or trade that it was brought to an order by."""
    protection: ProtectionMoved | None = None
    """The newest word about its stop on the exchange."""
    lately: tuple[tuple[int, Decimal], ...] = ()
    """Its newest futures trades, oldest first: id and quantity, below zero when sold."""
    charges: Decimal = Decimal(0)
    """What funding and liquidation took of the open round trip, in quote."""


class Recovered(msgspec.Struct, frozen=True):
    """The state of an account as folded from the journal."""

    balances: Mapping[tuple[str, str], Decimal]
    open_orders: tuple[OpenOrder, ...]
    strategies: Mapping[int, StrategyState]
    fill_keys: frozenset[tuple[str, str, int]]
    accounts: tuple[AccountMarked, ...] = ()
    """Where the account stood, once for each quote asset."""
    income: frozenset[tuple[str, int]] = frozenset()
    """What the exchange took or gave by itself and was booked lately, by kind and transaction id."""
    income_ms: Mapping[str, int] = {}
    """When the newest of each kind was."""


class Journal(Protocol):
    """The memory of an account. What is recorded is durable when `record` returns, in one transaction."""

    async def record(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        """Remember what came out of an event, before anything of it is acted on.

        Nothing is kept, and LeaseLost raised, once a newer turn at the account has begun.
        """
        ...

    async def knows(self, client_order_ids: Collection[str]) -> Mapping[str, OrderStatus]:
        """Give those of these orders that were ever intended here, with where they stand. Raises Unavailable."""
        ...

    async def recover(self) -> Recovered:
        """Give the state to go on from."""
        ...
