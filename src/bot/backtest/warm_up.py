"""Checks strategies that decide candle by candle: the same run twice, and runs that begin later.

`on_tick` is shown one candle after the other, so it cannot look ahead. But what it remembers from before its warm-up
is gone after a restart, and a clock or a die decides otherwise each time.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from bot.backtest.findings import Finding, Looked, moment
from bot.backtest.other_clock import other_clock
from bot.backtest.run import Outcome, Part, backtest
from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.history.columns import Columns
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig

if TYPE_CHECKING:
    from bot.backtest.contracts import Futures

_FUNDS = Decimal(10**9)
"""Quote: what is wished is compared, so money shall be no reason."""


class Effort(NamedTuple):
    """How much is compared: candles of the run from the beginning beyond its warm-up, later starts, candles of each."""

    rows: int
    starts: int
    span: int


QUICK = Effort(rows=1_500, starts=6, span=150)
THOROUGH = Effort(rows=50_000, starts=40, span=1_000)


class Wished(NamedTuple):
    """What a strategy asked for while it was shown the candle that closed at `time_ms`."""

    time_ms: int
    what: str
    is_entry: bool
    price: float | None


class Watched:
    """What was seen of one run."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.flat: list[tuple[int, bool]] = []
        """Each candle it decided on, by its close, and whether nothing was held or open before it."""
        self.wishes: list[Wished] = []
        self.fault = ""

    def since(self, first_ms: int, last_ms: int) -> list[Wished]:
        """Give what was wished from one time to the other."""
        return [wish for wish in self.wishes if first_ms <= wish.time_ms <= last_ms]


def check_ticks(
    strategy: type[Strategy],
    config: StrategyConfig,
    instruments: Mapping[str, Instrument],
    columns: Columns,
    effort: Effort,
    futures: "Futures | None" = None,
) -> Looked:
    """Compare runs of one strategy on these candles. Raises Misconfigured where no backtest is possible."""
    trial = _Trial(strategy, config, instruments, futures)
    warm_up = trial.warm_up(columns)
    base = columns.rows(0, min(len(columns), 2 * warm_up + effort.rows))
    first = trial.run(base)
    if first.fault:
        return Looked("a run on these candles", _stopped(first.fault))
    with other_clock(strategy):
        second = trial.run(base)
    if first.wishes != second.wishes:
        return Looked("two runs on the same candles", _not_repeatable(first, second))
    starts = _starts(first, effort)
    for row in starts:
        late = base.rows(row, row + warm_up - 1 + effort.span)
        difference = _compare(first, trial.run(late), row, warm_up)
        if difference is not None:
            return Looked("runs that begin later", difference)
    compared = f"{len(first.wishes):,} wishes on {len(base):,} candles: the same twice and at another hour"
    if not starts:
        return Looked(f"{compared}; no later start could be compared, for it was never flat after its warm-up")
    return Looked(f"{compared}, and from {len(starts)} later starts after {warm_up} candles of warm-up")


class _Trial:
    """Runs one strategy while its wishes are watched. Limits that remember earlier losses are off."""

    def __init__(
        self,
        strategy: type[Strategy],
        config: StrategyConfig,
        instruments: Mapping[str, Instrument],
        futures: "Futures | None",
    ) -> None:
        self._strategy = strategy
        self._config = config.model_copy(update={"cooldown": 0, "max_drawdown": None, "daily_loss": None})
        self._instruments = instruments
        self._futures = futures
        known = instruments.get(config.symbol)
        self._quote = "USDT" if known is None else known.quote

    def warm_up(self, columns: Columns) -> int:
        """Give how many candles it needs before its first decision, at least 1."""
        outcome = self._play(self._strategy, columns.rows(0, 1))
        return max(1, outcome.slots[0].strategy.warm_up)

    def run(self, columns: Columns) -> Watched:
        """Play it on these candles."""
        watched = Watched()
        watched.fault = self._play(_watching(self._strategy, watched), columns).slots[0].stopped
        return watched

    def _play(self, strategy: type[Strategy], columns: Columns) -> Outcome:
        return backtest(
            [Part(strategy, self._config)], [columns], self._instruments, {self._quote: _FUNDS}, futures=self._futures
        )


def _starts(first: Watched, effort: Effort) -> list[int]:
    """Choose rows to begin at, so that the run from the beginning is flat when the late one is warm.

    Half of them come just before an entry, where what is not remembered shows at once; the others anywhere.
    """
    ticks = first.flat
    flat = [at for at, (_, is_flat) in enumerate(ticks) if is_flat and at > 0]
    if not flat:
        return []
    entered = {wish.time_ms for wish in first.wishes if wish.is_entry}
    entries = [at for at in flat if ticks[at][0] in entered]
    half = effort.starts // 2
    places = [len(ticks) * (n + 0.37) / (half + 1) for n in range(half)]
    chosen = {min(flat, key=lambda at: (_is_round(at), abs(at - place))) for place in places}
    chosen |= {entries[len(entries) * n // half] for n in range(half)} if entries else set()
    return sorted(chosen)


def _is_round(row: int) -> bool:
    """Say whether a row falls in with what counts in tens or sixties."""
    return row % 2 == 0 or row % 3 == 0 or row % 5 == 0


def _compare(first: Watched, late: Watched, row: int, warm_up: int) -> Finding | None:
    if not late.flat:
        return None
    begin, end = late.flat[0][0], late.flat[-1][0]
    ours, theirs = first.since(begin, end), late.since(begin, end)
    for one, other in zip([*ours, None], [*theirs, None], strict=False):
        if one is None and other is None:
            return None
        if one is None or other is None or not _alike(one, other):
            at = min(each.time_ms for each in (one, other) if each is not None)
            cause = (
                f"begun {row} candles later and warm after {warm_up}, it decides otherwise at {moment(at)}: "
                f"{_words(other, at)} where the run from the beginning {_words(one, at)}"
            )
            fix = (
                "it remembers more than its warm-up brings back after a restart: keep that in an indicator whose "
                "warm_up covers it, not in variables of its own"
            )
            return Finding("warm-up too short", cause, fix, misleads=False, time_ms=at)
    return None


def _alike(one: Wished, other: Wished) -> bool:
    if one[:3] != other[:3] or (one.price is None) != (other.price is None):
        return False
    return one.price is None or other.price is None or abs(one.price - other.price) <= 1e-6 * abs(one.price)


def _words(wish: Wished | None, at: int) -> str:
    return "does nothing" if wish is None or wish.time_ms != at else f"wants to {wish.what}"


def _stopped(fault: str) -> Finding:
    return Finding("raises", f"it is stopped: {fault}", "mend it, or give it other settings", misleads=False)


def _not_repeatable(first: Watched, second: Watched) -> Finding:
    pairs = zip([*first.wishes, None], [*second.wishes, None], strict=False)
    one, other = next((one, other) for one, other in pairs if one != other)
    at = min(each.time_ms for each in (one, other) if each is not None)
    return Finding(
        "not repeatable", f"two runs on the same candles differ from {moment(at)} on",
        "use no clock, no randomness and nothing that outlives a run", time_ms=at,
    )  # fmt: skip


class _Watching(Strategy):
    """Notes what a strategy wishes, and changes nothing."""

    watched: ClassVar[Watched]

    def on_tick(self, candle: Candle) -> Any:
        self.watched.now_ms = candle.close_time
        if candle.is_closed:
            self.watched.flat.append((candle.close_time, self.position.is_flat and not self.orders))
        return super().on_tick(candle)

    def buy(self, reason: str, **wish: Any) -> None:
        self._note("buy", True, wish)
        super().buy(reason, **wish)

    def short(self, reason: str, **wish: Any) -> None:
        self._note("sell short", True, wish)
        super().short(reason, **wish)

    def sell(self, reason: str, **wish: Any) -> None:
        self._note("sell", False, wish)
        super().sell(reason, **wish)

    def close(self, reason: str) -> None:
        self._note("close", False, {})
        super().close(reason)

    def _note(self, what: str, is_entry: bool, wish: Mapping[str, Any]) -> None:
        self.watched.wishes.append(Wished(self.watched.now_ms, what, is_entry, wish.get("price")))


def _watching(strategy: type[Strategy], watched: Watched) -> type[Strategy]:
    """Give the strategy itself, watched."""
    return type(strategy.__name__, (_Watching, strategy), {"watched": watched, "__module__": strategy.__module__})
