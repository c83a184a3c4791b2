"""Binance's rate limits: weight per address and minute, unfilled orders per account. Windows are fixed, UTC-aligned."""

from bot.emulator import wire
from bot.emulator.faults import ApiError

_SECONDS_10, _MINUTE, _DAY = 10_000, 60_000, 86_400_000


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

    def left_s(self, now_ms: int) -> int:
        """Give whole seconds until the window ends, at least 1."""
        return (self._length - now_ms % self._length + 999) // 1000

    def ends_ms(self, now_ms: int) -> int:
        """Give the time at which the window ends."""
        return (now_ms // self._length + 1) * self._length


class WeightBank:
    """Request weight by address."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._windows: dict[str, Window] = {}

    def charge(self, address: str, weight: int, now_ms: int) -> None:
        """Take the weight of a request; refuse the request when the minute is used up."""
        window = self.add(address, weight, now_ms)
        if window.count(now_ms) > self.limit:
            raise ApiError(
                -1003,
                f"Too much request weight used; current limit is {self.limit} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API.",
                429,
                data={"serverTime": now_ms, "retryAfter": window.ends_ms(now_ms)},
                headers={"Retry-After": str(window.left_s(now_ms))},
            )

    def add(self, address: str, weight: int, now_ms: int) -> Window:
        """Count weight without refusing anything."""
        window = self._windows.setdefault(address, Window(_MINUTE))
        window.add(weight, now_ms)
        return window

    def refund(self, address: str, weight: int, now_ms: int) -> None:
        """Give weight back: a successful order request is free."""
        self._windows[address].add(-weight, now_ms)

    def used(self, address: str, now_ms: int) -> int:
        """Give the weight that an address has used in this minute."""
        window = self._windows.get(address)
        return window.count(now_ms) if window else 0


class OrderCount:
    """Unfilled orders of one account: up with each order, down with its first fill."""

    def __init__(self, per_10s: int, per_day: int) -> None:
        self._limits = ((Window(_SECONDS_10), per_10s, "10 SECOND"), (Window(_DAY), per_day, "1 DAY"))

    def add(self, now_ms: int) -> None:
        """Count an order; refuse it when a window is full."""
        for window, limit, name in self._limits:
            if window.count(now_ms) >= limit:
                raise ApiError(
                    -1015,
                    f"Too many new orders; current limit is {limit} orders per {name}.",
                    429,
                    data={"serverTime": now_ms, "retryAfter": window.ends_ms(now_ms)},
                    headers={"Retry-After": str(window.left_s(now_ms))},
                )
        for window, _, _ in self._limits:
            window.add(1, now_ms)

    def filled(self, *, is_maker: bool, now_ms: int) -> None:
        """Count the first fill of an order: a maker earns more room than a taker."""
        for window, _, _ in self._limits:
            window.add(-5 if is_maker else -1, now_ms)

    def headers(self, now_ms: int) -> dict[str, str]:
        """Give the counts as REST headers."""
        (short, *_), (day, *_) = self._limits
        return {
            "X-MBX-ORDER-COUNT-10S": str(short.count(now_ms)),
            "X-MBX-ORDER-COUNT-1D": str(day.count(now_ms)),
        }

    def rows(self, now_ms: int) -> list[wire.Json]:
        """Give the counts as rateLimit/order rows."""
        (short, per_10s, _), (day, per_day, _) = self._limits
        return [
            wire.order_limit("SECOND", 10, per_10s) | {"count": short.count(now_ms)},
            wire.order_limit("DAY", 1, per_day) | {"count": day.count(now_ms)},
        ]
