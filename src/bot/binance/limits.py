"""The weight bank: how much we may still ask of Binance, for all clients behind one address and market.

Used weight is what the host's headers said, plus what is under way. Orders are counted by account in `OrderCounts`.
REST and the WebSocket API draw on one count by address: when the one says that it is enough, the other is no way out.
So our own requests never get there (each kind leaves a share of the limit to what matters more, cancels have the last
of it), and when others behind the address did, everything waits as long as the host said. Where they might get there
while ours are under way, ours go one at a time: one is refused then, and the others have not left.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.binance.bans import NO_NOTE, Note
from bot.binance.endpoints import Pool, Priority
from bot.binance.errors import Throttled
from bot.binance.lanes import Lane, Lanes
from bot.binance.neighbours import Neighbours
from bot.binance.wire import UsedLimit
from bot.domain.market import Market

WINDOW_S = 60.0
LIMITS = {Market.SPOT: 6000, Market.FUTURES: 2400}
"""Weight a minute, until the host says otherwise."""
HANDSHAKE_WEIGHT = 5
"""Of a connection to the WebSocket API."""
_SIDE_POOLS = {Pool.WALLET: (12_000, 60.0), Pool.FUNDING: (500, 300.0)}
_SOON_S = 0.02
"""Between looks whether what is under way has left room."""
_NEAR_THE_END = 0.8
"""The share of the limit from which on requests go one at a time."""
_SLOWER = 0.9995
"""How this machine's clock is taken, which may run ahead of the host's by less than the rest."""
_AT_ONCE = frozenset({Priority.CANCEL, Priority.STOP, Priority.ORDER})


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where the present window goes if it goes on like this. `exhausted_in_s` is None when it ends before."""

    used: int
    limit: int
    exhausted_in_s: float | None


class Window:
    """One counter that starts afresh at fixed times: Binance's windows are aligned to UTC, not sliding."""

    def __init__(self, limit: int, length_s: float, wall: Callable[[], float]) -> None:
        self.limit = limit
        self.length_s = length_s
        self._wall = wall
        self._number = 0
        self._told = 0
        self.paid = 0
        """Of the present window, by ourselves."""
        self.flying = 0
        """Of requests whose answer has not come."""

    @property
    def used(self) -> int:
        """What is used of the present window, as far as we know."""
        self._turn()
        return self._told + self.flying

    @property
    def number(self) -> int:
        """Which window it is, counted since 1970."""
        self._turn()
        return self._number

    @property
    def elapsed_s(self) -> float:
        """Seconds since the present window began."""
        return self._wall() % self.length_s

    @property
    def rest_s(self) -> float:
        """Seconds until the next window."""
        return self.length_s - self.elapsed_s

    def fits(self, amount: int, share: float) -> bool:
        """Say whether so much more stays within a share of the limit."""
        return not amount or self.used + amount <= self.limit * share

    def may_fit_soon(self, amount: int, share: float) -> bool:
        """Say whether nothing but what is under way keeps so much from fitting: much of that will be given back."""
        return self.used - self.flying + amount <= self.limit * share

    def learn(self, told: int | None, paid: int) -> None:
        """Take in what the host counts, or that a request of ours was counted."""
        self._turn()
        self.paid += paid
        self._told = self._told + paid if told is None else max(self._told, told)

    def forecast(self) -> Forecast:
        """Say when the window will be used up at the present rate."""
        used = self.used
        rate = used / max(self.elapsed_s, 1.0)
        left_s = (self.limit - used) / rate if rate else self.length_s
        return Forecast(used, self.limit, max(left_s, 0.0) if left_s < self.rest_s else None)

    def _turn(self) -> None:
        number = int(self._wall() // self.length_s)
        if number != self._number:
            self._number, self._told, self.paid = number, 0, 0


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that may go, and has to be settled."""

    weight: int
    pool: Pool
    lane: Lane


class WeightBank:
    """Holds requests back before Binance has to. After 429 or 418 nothing goes out until it is over.

    `note` keeps each such wait where other processes of this machine, and the next start, see it.
    """

    def __init__(
        self,
        limit: int = LIMITS[Market.SPOT],
        *,
        note: Note = NO_NOTE,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        patience_s: float = 65.0,
    ) -> None:
        self._monotonic = monotonic
        self.wall = wall
        """What tells the seconds UTC by which windows turn."""
        self._patience_s = patience_s
        self._note = note
        self._lanes = Lanes(lambda: self._is_risky)
        self._neighbours = Neighbours()
        self._is_sure = False
        """Whether the host told what is used, since the start and since it last said that it is enough."""
        self._blocked_until = 0.0
        self._host_time: tuple[float, float] | None = None
        """Seconds UTC that the host told, and the monotonic seconds at which we had them."""
        self._windows = {Pool.MARKET: Window(limit, WINDOW_S, self._time_s)} | {
            pool: Window(most, length_s, self._time_s) for pool, (most, length_s) in _SIDE_POOLS.items()
        }

    @property
    def used(self) -> int:
        """Weight used in the present minute, as far as we know."""
        return self._windows[Pool.MARKET].used

    @property
    def banned_s(self) -> float:
        """Seconds that nothing may go out; 0 when all is well."""
        return max(self._blocked_until - self._monotonic(), self._note.left_s(), 0.0)

    @property
    def on_their_way(self) -> int:
        """Requests whose answer has not come, but those of which it may not come any more."""
        return self._lanes.busy

    @property
    def _is_risky(self) -> bool:
        """Whether the host may say that it is enough to what leaves now: then one request is to hear it, not eight."""
        market = self._windows[Pool.MARKET]
        if not self._is_sure or not market.fits(1, _NEAR_THE_END):
            return True
        return market.used + self._neighbours.may_use(self._monotonic()) > market.limit

    def forecast(self) -> Forecast:
        """Say when the minute's weight will be used up at the present rate."""
        return self._windows[Pool.MARKET].forecast()

    def set_limits(self, told: Iterable[UsedLimit]) -> None:
        """Take over the weight a minute that the host tells."""
        for each in told:
            if each.rateLimitType == "REQUEST_WEIGHT" and each.window == "1m" and each.limit > 0:
                self._windows[Pool.MARKET].limit = each.limit

    def wait_s(self, weight: int, priority: Priority, pool: Pool = Pool.MARKET) -> float:
        """Say how long such a request has to wait; 0 when it may go."""
        window = self._windows[pool]
        if window.fits(weight, priority.value):
            return self.banned_s
        rest_s = min(window.rest_s, _SOON_S) if window.may_fit_soon(weight, priority.value) else window.rest_s
        return max(self.banned_s, rest_s)

    async def admit(self, weight: int, priority: Priority, pool: Pool = Pool.MARKET) -> Ticket:
        """Let a request go, now or when its turn comes. Raises Throttled for orders at once: a late order is stale."""
        while True:
            await self._wait(weight, priority, pool)
            lane = await self._lanes.enter(priority)
            # Between the wait and the lane others went, and perhaps one of them heard that it was enough.
            if not self.wait_s(weight, priority, pool):
                break
            self._lanes.leave(lane)
        self._windows[pool].flying += weight
        return Ticket(weight, pool, lane)

    def settle(self, ticket: Ticket, *, told: int | None = None, is_free: bool = False) -> None:
        """Close the account of a request that was admitted: `told` is the host's own count, when it came."""
        window = self._windows[ticket.pool]
        window.flying = max(0, window.flying - ticket.weight)
        window.learn(told, 0 if is_free else ticket.weight)
        if told is not None:
            self._learn_of_others(told)
        self._lanes.leave(ticket.lane)

    def learn(self, told: int) -> None:
        """Take in what the host counts, without a request of ours."""
        self._windows[Pool.MARKET].learn(told, 0)
        self._learn_of_others(told)

    def learn_time(self, host_ms: int) -> None:
        """Take in the host's time: its windows turn by its own clock, and this machine's may be off, or set."""
        told_s = host_ms / 1000
        known_s = self._time_s() if self._host_time else told_s
        # Both are behind the host, so the later one is nearer to it; far apart, the host's clock was set.
        is_nearer = known_s - WINDOW_S < told_s < known_s
        self._host_time = (known_s if is_nearer else told_s, self._monotonic())

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[None]:
        """Open a connection to the WebSocket API within: a banned address is refused there too, and each try counts.

        A refusal that tells us to wait holds for all requests. Raises Throttled.
        """
        ticket = await self.admit(HANDSHAKE_WEIGHT, Priority.QUERY)
        try:
            yield
        except Throttled as error:
            self.block(error.wait_s)
            raise
        finally:
            self.settle(ticket)

    def block(self, wait_s: float) -> None:
        """Let nothing out for so long, here and in other processes of this machine, now and after a restart."""
        self._blocked_until = max(self._blocked_until, self._monotonic() + wait_s)
        self._note.extend(wait_s)

    def _learn_of_others(self, told: int) -> None:
        market = self._windows[Pool.MARKET]
        # What is under way may be counted already, so the others used this much at least.
        self._neighbours.told(self._monotonic(), market.number, told - market.paid - market.flying)
        self._is_sure = True

    async def _wait(self, weight: int, priority: Priority, pool: Pool) -> None:
        while wait := self.wait_s(weight, priority, pool):
            self._is_sure = self._is_sure and not self.banned_s
            if wait > (_SOON_S if priority in _AT_ONCE else max(_SOON_S, self._patience_s)):
                raise Throttled(
                    f"Binance's request limit is used up for {wait:.0f} s: nothing was sent; it goes on by itself",
                    wait,
                )
            await asyncio.sleep(wait)

    def _time_s(self) -> float:
        """Give the host's time in s UTC, never ahead of it: what it told was older than its way to us."""
        if self._host_time is None:
            return self.wall()
        told_s, heard_s = self._host_time
        return told_s + (self._monotonic() - heard_s) * _SLOWER


class OrderCounts:
    """How many orders an account may still place; entries leave room for stops."""

    def __init__(self, market: Market, *, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._windows = {name: Window(limit, _SECONDS[name], wall) for name, limit in _ORDER_LIMITS[market].items()}
        self._blocked_until = 0.0

    def wait_s(self, count: int, priority: Priority) -> float:
        """Say how long so many orders have to wait; 0 when they may go."""
        if not count:
            return 0.0
        share = 0.9 if priority is Priority.ORDER else 1.0
        full = [window.rest_s for window in self._windows.values() if not window.fits(count, share)]
        return max(self._blocked_until - self._wall(), *full, 0.0)

    def admit(self, count: int, priority: Priority) -> None:
        """Let orders go. Raises Throttled at once: a late order is stale."""
        wait = self.wait_s(count, priority)
        if wait:
            raise Throttled(f"the account's order limit is used up for {wait:.0f} s: nothing was sent", wait)
        for window in self._windows.values():
            window.flying += count

    def settle(self, count: int, headers: Mapping[str, str]) -> None:
        """Close the account of orders that were admitted."""
        for name, window in self._windows.items():
            window.flying = max(0, window.flying - count)
            text = headers.get(f"x-mbx-order-count-{name}", "")
            window.learn(int(text) if text.isdecimal() else None, count)

    def block(self, wait_s: float) -> None:
        """Place nothing for so long: the host said that it is enough."""
        self._blocked_until = max(self._blocked_until, self._wall() + wait_s)

    def set_limits(self, told: Iterable[UsedLimit]) -> None:
        """Take over the limits that the host tells, and what is used of them."""
        for each in told:
            if each.rateLimitType == "ORDERS" and each.window in _SECONDS and each.limit > 0:
                found = self._windows.setdefault(each.window, Window(0, _SECONDS[each.window], self._wall))
                found.limit = each.limit
                found.learn(each.count, 0)


_SECONDS = {"10s": 10.0, "1m": 60.0, "1d": 86_400.0}
_ORDER_LIMITS = {
    Market.SPOT: {"10s": 50, "1d": 160_000},
    Market.FUTURES: {"10s": 300, "1m": 1200},
}


def told_weight(headers: Mapping[str, str]) -> int | None:
    """Give the used weight that a reply's headers tell, or None."""
    text = headers.get("x-mbx-used-weight-1m", "")
    return int(text) if text.isdecimal() else None


def told_wait_s(status: int, headers: Mapping[str, str]) -> float:
    """Give the seconds that a reply told us to wait (0: none)."""
    if status not in {418, 429}:
        return 0.0
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else (120.0 if status == 418 else WINDOW_S)
