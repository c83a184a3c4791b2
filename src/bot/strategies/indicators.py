"""Incremental indicators: one candle in, one value out, a bounded memory. The same code in backtest, paper and live.

`warm_up` is how many candles make the value independent of where history began (below 1e-9 of its size);
`ready` is True from then on. Definitions follow TA-Lib, which the tests compare with.
"""

from collections import deque
from math import sqrt

from bot.domain.market import Candle

_UNITS = 1e10


class Indicator:
    """Base: feed `update`, read `value` once `ready`."""

    warm_up: int = 1

    def __init__(self, label: str) -> None:
        self.label = label
        self.value = 0.0
        self.count = 0

    @property
    def ready(self) -> bool:
        """True when the value may be trusted."""
        return self.count >= self.warm_up

    def update(self, candle: Candle) -> None:
        """Take one closed candle in."""
        self.count += 1
        self._take(candle)

    def _take(self, candle: Candle) -> None:
        raise NotImplementedError


class SMA(Indicator):
    """Simple moving average of closes.

    The running sum counts in whole units of 1e-10 (Binance's prices have at most 8 decimals), so it gathers no
    rounding: the average depends on the window alone, and a restart decides like the run it continues.
    """

    def __init__(self, period: int) -> None:
        super().__init__(f"sma_{period}")
        self.warm_up = period
        self._window: deque[int] = deque(maxlen=period)
        self._sum = 0
        self._period = period

    def _take(self, candle: Candle) -> None:
        window = self._window
        units = int(candle.close * _UNITS + 0.5)
        self._sum += units
        if len(window) == self._period:
            self._sum -= window[0]
        window.append(units)
        self.value = self._sum / (len(window) * _UNITS)


class EMA(Indicator):
    """Exponential moving average of closes, seeded with the simple average of the first `period`."""

    def __init__(self, period: int) -> None:
        super().__init__(f"ema_{period}")
        self.period = period
        self.warm_up = 11 * period  # (1 - 2/(n+1)) ** 11n is about 3e-10: the seed is forgotten
        self._alpha = 2.0 / (period + 1)

    def _take(self, candle: Candle) -> None:
        self.feed(candle.close)

    def feed(self, number: float) -> None:
        """Take one number in, for indicators made of this one; `count` must already include it."""
        if self.count <= self.period:
            self.value += (number - self.value) / self.count
        else:
            self.value += self._alpha * (number - self.value)


class RSI(Indicator):
    """Relative strength index by Wilder's smoothing, 0 to 100; 0 when nothing moved, as TA-Lib answers."""

    def __init__(self, period: int = 14) -> None:
        super().__init__(f"rsi_{period}")
        self.period = period
        self.warm_up = 22 * period
        self._last = 0.0
        self._gain = 0.0
        self._loss = 0.0

    def _take(self, candle: Candle) -> None:
        change = candle.close - self._last
        self._last = candle.close
        if self.count == 1:
            return
        gain, loss = (change, 0.0) if change > 0 else (0.0, -change)
        n = min(self.count - 1, self.period)
        self._gain += (gain - self._gain) / n
        self._loss += (loss - self._loss) / n
        total = self._gain + self._loss
        self.value = 100.0 * self._gain / total if total else 0.0


class ATR(Indicator):
    """Average true range by Wilder's smoothing, in price."""

    def __init__(self, period: int = 14) -> None:
        super().__init__(f"atr_{period}")
        self.period = period
        self.warm_up = 22 * period
        self._last = 0.0

    def _take(self, candle: Candle) -> None:
        last, self._last = self._last, candle.close
        if self.count == 1:
            return
        true_range = max(candle.high, last) - min(candle.low, last)
        n = min(self.count - 1, self.period)
        self.value += (true_range - self.value) / n


class Deviation(Indicator):
    """Standard deviation of the last closes (population), with their mean beside it, as in Bollinger bands."""

    def __init__(self, period: int = 20) -> None:
        super().__init__(f"deviation_{period}")
        self.warm_up = period
        self.mean = 0.0
        self._window: deque[float] = deque(maxlen=period)

    def _take(self, candle: Candle) -> None:
        window = self._window
        window.append(candle.close)
        self.mean = sum(window) / len(window)
        self.value = sqrt(sum((close - self.mean) ** 2 for close in window) / len(window))


class _Extreme(Indicator):
    """The largest of the last numbers before the current one; each number is kept only while it may still be it."""

    def __init__(self, label: str, period: int) -> None:
        super().__init__(f"{label}_{period}")
        self.warm_up = period + 1
        self._period = period
        self._window: deque[tuple[int, float]] = deque()

    def _slide(self, number: float) -> float:
        window = self._window
        while window and window[0][0] < self.count - self._period:
            window.popleft()
        largest = window[0][1] if window else number
        while window and window[-1][1] <= number:
            window.pop()
        window.append((self.count, number))
        return largest


class Highest(_Extreme):
    """Highest high of the last `period` candles *before* the current one, so that a new high can exceed it."""

    def __init__(self, period: int) -> None:
        super().__init__("highest", period)

    def _take(self, candle: Candle) -> None:
        self.value = self._slide(candle.high)


class Lowest(_Extreme):
    """Lowest low of the last `period` candles before the current one."""

    def __init__(self, period: int) -> None:
        super().__init__("lowest", period)

    def _take(self, candle: Candle) -> None:
        self.value = -self._slide(-candle.low)
