"""What a broker remembers of its orders: enough to tell each thing once, and forward only."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from bot.binance.client import OrderSeen
from bot.domain.market import Market
from bot.domain.money import ZERO
from bot.domain.order import Fill, OrderStatus, may_move

FILLS_REMEMBERED = 10_000
"""Fills told lately: reply, stream and looks tell of the same ones, also after an order's end."""
ENDED_REMEMBERED = 10_000
"""Orders that ended lately: their late trades are ours still, and an old list may show them as open."""


@dataclass(slots=True)
class Tracked:
    """One order of ours on its way."""

    id: str
    symbol: str
    market: Market
    is_conditional: bool = False
    """It waits for a price on futures, and becomes another order there."""
    status: OrderStatus = OrderStatus.SENT
    number: int = 0
    """The exchange's own id of it; 0 until it told, and of a conditional one until it became an order."""
    was_shown: bool = False
    """True when the exchange had shown it before this process began."""
    was_found: bool = False
    """True once the exchange has shown it."""
    trades: dict[int, Decimal] = field(default_factory=dict)
    doubts: int = 0
    """Reports of the user stream that know of more trades than we were told, since the exchange was last asked."""
    denied_ms: int = 0
    """Since when the exchange says that there is no such order, though it had shown it; 0 while it does not."""

    @property
    def is_live(self) -> bool:
        """True until its end was told."""
        return self.status.is_open

    @property
    def is_unproven(self) -> bool:
        """True until the exchange has shown it or refused it."""
        return self.status in {OrderStatus.SENT, OrderStatus.UNKNOWN}

    @property
    def was_there(self) -> bool:
        """True when the exchange has had it at some time: whoever denies it now has forgotten it."""
        return bool(self.number) or self.was_shown

    @property
    def filled(self) -> Decimal:
        """Quantity of the trades told so far."""
        return sum(self.trades.values(), ZERO)

    def fits(self, reply: OrderSeen) -> bool:
        """Say whether a reply speaks of this order, and of a quantity that can be."""
        is_possible = reply.executedQty.is_finite() and reply.executedQty >= 0
        return reply.our_id == self.id and reply.symbol == self.symbol and is_possible

    def move(self, status: OrderStatus) -> bool:
        """Move on; False for what was told already or lies behind us: replies and events race each other."""
        if status is self.status or not may_move(self.status, status):
            return False
        self.status = status
        return True

    def book(self, fill: Fill) -> bool:
        """Note a trade; False when it was told already."""
        if fill.trade_id in self.trades:
            return False
        self.trades[fill.trade_id] = fill.quantity
        return True


class Ended(NamedTuple):
    """How an order ended, and where. `number` is 0 while the exchange never showed it."""

    symbol: str
    number: int
    status: OrderStatus


class Orders:
    """Orders of ours: all that may still trade, and the newest of those that ended."""

    def __init__(self) -> None:
        self._live: dict[str, Tracked] = {}
        self._ended: dict[str, Ended] = {}
        self._ids: dict[tuple[str, int], str] = {}
        self._told: dict[tuple[str, str, int], None] = {}
        self.fills_told = 0
        """How many fills were told in all: unchanged, nothing was filled meanwhile as far as we know."""

    @property
    def live(self) -> list[Tracked]:
        """Those whose end was not told yet."""
        return list(self._live.values())

    @property
    def unknown(self) -> int:
        """How many are of unknown outcome."""
        return sum(each.status is OrderStatus.UNKNOWN for each in self._live.values())

    def end_of(self, client_order_id: str) -> OrderStatus | None:
        """Give how an order ended lately; None when it did not."""
        ended = self._ended.get(client_order_id)
        return ended.status if ended else None

    def get(self, client_order_id: str) -> Tracked | None:
        """Give one that may still trade."""
        return self._live.get(client_order_id)

    def track(self, client_order_id: str, symbol: str, market: Market, *, is_conditional: bool = False) -> Tracked:
        """Give the order of this id, a new one if there is none under way."""
        return self._live.setdefault(client_order_id, Tracked(client_order_id, symbol, market, is_conditional))

    def name(self, tracked: Tracked, number: int) -> None:
        """Note what the exchange calls an order; 0 tells nothing."""
        if number:
            tracked.number = number
            self._ids[tracked.symbol, number] = tracked.id

    def end(self, tracked: Tracked) -> None:
        """Note an order's end; the one that ended longest ago is forgotten."""
        if self._live.pop(tracked.id, None) is None:
            return
        self.recall(tracked.id, Ended(tracked.symbol, tracked.number, tracked.status))

    def recall(self, client_order_id: str, ended: Ended) -> None:
        """Note an order that is over, whichever process placed it."""
        self._ended.pop(client_order_id, None)
        self._ended[client_order_id] = ended
        if ended.number:
            self._ids[ended.symbol, ended.number] = client_order_id
        if len(self._ended) > ENDED_REMEMBERED:
            self._ids.pop(self._ended.pop(next(iter(self._ended)))[:2], None)

    def remembers(self, client_order_id: str) -> bool:
        """Say whether an order of this id is under way or ended lately."""
        return client_order_id in self._live or client_order_id in self._ended

    def id_of(self, symbol: str, number: int) -> str:
        """Give our id of an order under way or lately ended by the exchange's own; empty when it is none."""
        return self._ids.get((symbol, number), "")

    def own(self, seen: OrderSeen) -> bool:
        """Say whether an order of the exchange's is one of these: the id is ours, and no other order bears it."""
        tracked = self._live.get(seen.our_id)
        known = tracked or self._ended.get(seen.our_id)
        # (One that waits for a price has no such number before it becomes an order.)
        is_same = known is not None and (known.number in {0, seen.orderId} or not seen.orderId)
        return is_same and known is not None and known.symbol == seen.symbol

    def is_news(self, fill: Fill) -> bool:
        """Note that a fill is told; False when it was before."""
        tracked = self._live.get(fill.client_order_id)
        if (tracked is not None and not tracked.book(fill)) or fill.key in self._told:
            return False
        self._told[fill.key] = None
        if len(self._told) > FILLS_REMEMBERED:
            del self._told[next(iter(self._told))]
        self.fills_told += 1
        return True
