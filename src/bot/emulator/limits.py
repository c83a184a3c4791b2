"""Binance's limits: weight, requests and connections per address, orders per account; bans. Windows are UTC-aligned."""

from dataclasses import dataclass

from bot.emulator.refusals import ApiError
from bot.emulator.unverified import Unverified
from bot.emulator.wire import Json

_SECOND, _MINUTE, _DAY = 1_000, 60_000, 86_400_000
_TOO_MUCH = "Too many requests; please use WebSocket Streams for live updates to avoid polling the API."
_UNITS = {"SECOND": _SECOND, "MINUTE": _MINUTE, "DAY": _DAY}


class Window:
    """A count that starts over at each multiple of its length (ms)."""

    def __init__(self, length_ms: int) -> None:
        self._length = length_ms
        self._number = -1
        self._count = 0

    def count(self, now_ms: int) -> int:
        """Give the count of the window that holds `now_ms`."""
        number = now_ms // self._length
        if number != self._number:
            self._number, self._count = number, 0
        return self._count

    def add(self, amount: int, now_ms: int) -> None:
        """Count up, or down, never below zero."""
        self._count = max(0, self.count(now_ms) + amount)

    def ends_ms(self, now_ms: int) -> int:
        """Give the time at which the window ends."""
        return (now_ms // self._length + 1) * self._length


class _Visitor:
    """What is counted of one address."""

    def __init__(self) -> None:
        self.weight = Window(_MINUTE)
        self.raw = Window(5 * _MINUTE)
        self.connections = Window(5 * _MINUTE)
        self.waits_until_ms = 0
        self.ignored = 0
        self.banned_until_ms = 0
        self.bans = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one address may do: weight a minute, requests and new connections in five."""

    weight: int
    raw: int = 300_000
    connections: int = 300


class WeightBank:
    """Everything that is counted by address. Whoever goes on after a 429 is banned, each time for longer."""

    def __init__(self, bounds: Bounds, settings: Unverified | None = None) -> None:
        self.bounds = bounds
        self._settings = settings or Unverified()
        self._visitors: dict[str, _Visitor] = {}

    def charge(self, address: str, weight: int, now_ms: int) -> None:
        """Take the weight of a request; refuse the request of whoever is banned, has to wait, or is over the limit."""
        visitor = self._visitor(address)
        self._check_patience(visitor, now_ms)
        visitor.raw.add(1, now_ms)
        visitor.weight.add(weight, now_ms)
        if visitor.weight.count(now_ms) > self.bounds.weight:
            limit = self.bounds.weight
            raise self._stop(
                visitor, visitor.weight.ends_ms(now_ms), now_ms,
                f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API.",
            )  # fmt: skip
        if visitor.raw.count(now_ms) > self.bounds.raw:
            raise self._stop(
                visitor, visitor.raw.ends_ms(now_ms), now_ms,
                f"Too many requests; current limit is {self.bounds.raw} requests per 5 MINUTE.",
            )  # fmt: skip

    def connect(self, address: str, weight: int, now_ms: int) -> None:
        """Count a new connection; refuse one too many, and any from a banned address.

        One without weight is to market streams, which no 429 speaks of: it is nothing that goes on in spite of it.
        """
        visitor = self._visitor(address)
        if weight or now_ms < visitor.banned_until_ms:
            self._check_patience(visitor, now_ms)
        visitor.weight.add(weight, now_ms)
        visitor.connections.add(1, now_ms)
        if visitor.connections.count(now_ms) > self.bounds.connections:
            raise _refusal(
                -1034, "Too many connections; please wait before connecting again.", 429,
                visitor.connections.ends_ms(now_ms), now_ms,
            )  # fmt: skip

    def refund(self, address: str, weight: int, now_ms: int) -> None:
        """Give weight back: a successful order request is free."""
        self._visitor(address).weight.add(-weight, now_ms)

    def used(self, address: str, now_ms: int) -> int:
        """Give the weight that an address has used in this minute."""
        visitor = self._visitors.get(address)
        return visitor.weight.count(now_ms) if visitor else 0

    def hold_up(self, address: str, seconds: int, now_ms: int) -> ApiError:
        """Make an address wait as if it had used its weight up; give what it is told."""
        return self._stop(
            self._visitor(address), now_ms + seconds * _SECOND, now_ms,
            _TOO_MUCH,
        )  # fmt: skip

    def ban(self, address: str, seconds: int, now_ms: int) -> ApiError:
        """Ban an address; give what it is told."""
        visitor = self._visitor(address)
        visitor.banned_until_ms = now_ms + seconds * _SECOND
        visitor.bans += 1
        visitor.ignored = 0
        return _banned(visitor, now_ms)

    def is_banned(self, address: str, now_ms: int) -> bool:
        """Say whether an address is banned now."""
        visitor = self._visitors.get(address)
        return visitor is not None and now_ms < visitor.banned_until_ms

    def bans(self) -> dict[str, Json]:
        """Give every address that was banned or has to wait."""
        return {
            address: {"banned_until_ms": one.banned_until_ms, "bans": one.bans, "waits_until_ms": one.waits_until_ms}
            for address, one in self._visitors.items()
            if one.bans or one.waits_until_ms
        }

    def _visitor(self, address: str) -> _Visitor:
        visitor = self._visitors.get(address)
        if visitor is None:
            visitor = self._visitors[address] = _Visitor()
        return visitor

    def _check_patience(self, visitor: _Visitor, now_ms: int) -> None:
        if now_ms < visitor.banned_until_ms:
            raise _banned(visitor, now_ms)
        if now_ms >= visitor.waits_until_ms:
            visitor.ignored = 0
            return
        visitor.ignored += 1
        if visitor.ignored > self._settings.refusals_before_ban:
            length_s = min(self._settings.first_ban_s * 2**visitor.bans, self._settings.longest_ban_s)
            visitor.banned_until_ms = now_ms + length_s * _SECOND
            visitor.bans += 1
            visitor.ignored = 0
            raise _banned(visitor, now_ms)
        raise _refusal(-1003, _TOO_MUCH, 429, visitor.waits_until_ms, now_ms)

    def _stop(self, visitor: _Visitor, until_ms: int, now_ms: int, message: str) -> ApiError:
        visitor.waits_until_ms = max(visitor.waits_until_ms, until_ms)
        return _refusal(-1003, message, 429, until_ms, now_ms)


class OrderCount:
    """Unfilled orders of one account: up with each order, down with its first fill. Limits by (unit, number)."""

    def __init__(self, limits: dict[tuple[str, int], int], settings: Unverified | None = None) -> None:
        self._settings = settings or Unverified()
        self._limits = [
            (Window(_UNITS[unit] * number), limit, unit, number) for (unit, number), limit in limits.items()
        ]

    def check(self, now_ms: int, amount: int = 1) -> None:
        """Refuse orders that do not fit into a window."""
        for window, limit, unit, number in self._limits:
            if window.count(now_ms) + amount > limit:
                raise _too_many(window, limit, unit, number, now_ms)

    def add(self, now_ms: int, amount: int = 1) -> None:
        """Count orders; refuse them when a window is full."""
        self.check(now_ms, amount)
        for window, *_ in self._limits:
            window.add(amount, now_ms)

    def add_batch(self, now_ms: int, size: int) -> None:
        """Count a request of several orders: `size` in the windows of seconds, one in longer ones."""
        sizes = [(one, size if one[2] == "SECOND" else 1) for one in self._limits]
        for (window, limit, unit, number), amount in sizes:
            if window.count(now_ms) + amount > limit:
                raise _too_many(window, limit, unit, number, now_ms)
        for (window, *_), amount in sizes:
            window.add(amount, now_ms)

    def give_back(self, now_ms: int) -> None:
        """Take an order out of the count again: it never got as far as the engine."""
        for window, *_ in self._limits:
            window.add(-1, now_ms)

    def filled(self, *, is_maker: bool, now_ms: int) -> None:
        """Count the first fill of an order: a maker earns more room than a taker."""
        credit = self._settings.maker_fill_credit if is_maker else 1
        for window, *_ in self._limits:
            window.add(-credit, now_ms)

    def headers(self, now_ms: int) -> dict[str, str]:
        """Give the counts as REST headers."""
        return {
            f"X-MBX-ORDER-COUNT-{number}{unit[0]}": str(window.count(now_ms))
            for window, _, unit, number in self._limits
        }

    def rows(self, now_ms: int) -> list[Json]:
        """Give the counts as rateLimit/order rows."""
        return [
            order_limit(unit, number, limit) | {"count": window.count(now_ms)}
            for window, limit, unit, number in self._limits
        ]


def order_limit(interval: str, number: int, limit: int) -> Json:
    """One limit of orders as exchangeInfo declares it."""
    return {"rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": limit}


def address_limits(bounds: Bounds) -> list[Json]:
    """The limits by address as exchangeInfo declares them."""
    return [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": bounds.weight},
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": bounds.raw},
    ]


def _too_many(window: Window, limit: int, unit: str, number: int, now_ms: int) -> ApiError:
    return _refusal(
        -1015, f"Too many new orders; current limit is {limit} orders per {number} {unit}.", 429,
        window.ends_ms(now_ms), now_ms,
    )  # fmt: skip


def _banned(visitor: _Visitor, now_ms: int) -> ApiError:
    until_ms = visitor.banned_until_ms
    return _refusal(
        -1003,
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        418, until_ms, now_ms,
    )  # fmt: skip


def _refusal(code: int, message: str, status: int, until_ms: int, now_ms: int) -> ApiError:
    left_s = max(1, (until_ms - now_ms + _SECOND - 1) // _SECOND)
    return ApiError(
        code, message, status,
        data={"serverTime": now_ms, "retryAfter": until_ms}, headers={"Retry-After": str(left_s)},
    )  # fmt: skip
