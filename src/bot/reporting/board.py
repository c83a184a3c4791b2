"""The board: every strategy at a glance, computed at most once a second however many people look at it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec
from sqlalchemy.orm import Session

from bot.db.base import Mode, SessionFactory
from bot.domain import figures
from bot.domain.market import INTERVAL_MS
from bot.domain.money import ZERO
from bot.reporting import metrics, queries
from bot.reporting.metrics import Kpis
from bot.reporting.queries import DAY_MS, AccountFacts, Mark, StrategyFacts

FRESH_S = 90.0
"""Marks come each minute, but only with new candles: one may be this much older than its candle is long."""


class Row(msgspec.Struct, frozen=True):
    """One strategy at a glance. `age_s` is the age of its newest mark."""

    facts: StrategyFacts
    kpis: Kpis
    mark: Mark | None
    sparkline: list[float]
    pnl_today: Decimal
    age_s: float | None

    @property
    def state(self) -> str:
        """Disabled, stopped (and it says why), running, or waiting for its first fresh mark."""
        if not self.facts.enabled:
            return "disabled"
        if self.facts.stopped_reason:
            return "stopped"
        fresh_s = FRESH_S + INTERVAL_MS.get(self.facts.interval, 0) / 1000
        return "running" if self.age_s is not None and self.age_s <= fresh_s else "waiting"


class Totals(msgspec.Struct, frozen=True):
    """Sums over strategies of one mode."""

    mode: Mode
    strategies: int
    running: int
    equity: Decimal
    pnl: Decimal
    pnl_today: Decimal
    fees: Decimal
    open_trades: int
    closed_trades: int
    win_rate: Decimal | None


class Board(msgspec.Struct, frozen=True):
    """Everything the first page shows. `heartbeat_age_s` says how long ago the runner last gave a sign of life."""

    time_ms: int
    heartbeat_age_s: float | None
    accounts: list[AccountFacts]
    rows: list[Row]

    def of_account(self, account_id: int) -> list[Row]:
        """Give the rows of one account."""
        return [row for row in self.rows if row.facts.account_id == account_id]


class Pulse:
    """Tells how long ago the equity marks of each ledger last moved.

    Replayed markets live in the past, so it watches marks change instead of comparing their time with ours. Only the
    first look has nothing else to go by: then marks of a runner known to be alive count as new.
    """

    def __init__(self) -> None:
        self._newest: dict[Mode, int] = {}
        self._moved_ms: dict[Mode, int] = {}

    def beat(self, mode: Mode, newest_ms: int, now_ms: int, *, is_alive: bool = False) -> float:
        """Take the newest mark of a ledger; give the age of its last movement in seconds."""
        if mode not in self._newest:
            self._moved_ms[mode] = now_ms if is_alive else min(now_ms, newest_ms)
        elif newest_ms != self._newest[mode]:
            self._moved_ms[mode] = now_ms
        self._newest[mode] = newest_ms
        return (now_ms - self._moved_ms[mode]) / 1000


class Boards:
    """Gives the board; asks the database only when the last answer is a second old.

    `runner_age_s` tells how long ago the runner noted that it lives, None where its notes cannot be seen.
    """

    def __init__(
        self,
        sessions: SessionFactory,
        now_ms: Callable[[], int],
        runner_age_s: Callable[[], float | None] = lambda: None,
        *,
        keep_ms: int = 1_000,
    ) -> None:
        self._sessions = sessions
        self._now_ms = now_ms
        self._runner_age_s = runner_age_s
        self._keep_ms = keep_ms
        self._pulse = Pulse()
        self._last: Board | None = None
        self._one_at_a_time = asyncio.Lock()

    async def get(self, *, fresh: bool = False) -> Board:
        """Give the board; `fresh` asks the database whatever we know."""
        async with self._one_at_a_time:
            last, now_ms = self._last, self._now_ms()
            if fresh or last is None or now_ms - last.time_ms >= self._keep_ms:
                async with self._sessions() as session:
                    last = self._last = await session.run_sync(read, self._pulse, now_ms, self._runner_age_s())
            return last


def read(session: Session, pulse: Pulse, now_ms: int, runner_age_s: float | None = None) -> Board:
    """Read the board: four statements for each kind of money in use, however many strategies there are."""
    strategies, accounts = queries.strategies(session), queries.accounts(session)
    ledgers = {mode: _Ledger.read(session, mode) for mode in sorted({facts.mode for facts in strategies})}
    is_alive = runner_age_s is not None and runner_age_s <= FRESH_S
    ages_s = {
        mode: pulse.beat(mode, ledger.newest_ms, now_ms, is_alive=is_alive)
        for mode, ledger in ledgers.items()
        if ledger.newest_ms
    }
    signs_s = [*ages_s.values(), *([] if runner_age_s is None else [runner_age_s])]
    return Board(
        time_ms=now_ms,
        heartbeat_age_s=min(signs_s, default=None),
        accounts=accounts,
        # A strategy removed between two statements has no figures any more.
        rows=[
            ledgers[facts.mode].row(facts, ages_s.get(facts.mode, 0.0))
            for facts in strategies
            if facts.id in ledgers[facts.mode].kpis
        ],
    )


def totals(rows: Iterable[Row]) -> list[Totals]:
    """Add rows up, each kind of money apart."""
    by_mode: defaultdict[Mode, list[Row]] = defaultdict(list)
    for row in rows:
        by_mode[row.facts.mode].append(row)
    return [_total(mode, by_mode[mode]) for mode in sorted(by_mode)]


class _Ledger(msgspec.Struct, frozen=True):
    """What one ledger says about all strategies."""

    kpis: dict[int, Kpis]
    marks: dict[int, Mark]
    sparklines: dict[int, list[float]]
    today: dict[int, Decimal]
    newest_ms: int

    @classmethod
    def read(cls, session: Session, mode: Mode) -> "_Ledger":
        """Read it. Today is the day of the newest mark, since a replayed market has a calendar of its own."""
        kpis = metrics.strategy_kpis(session, mode)
        marks = queries.marks(session)
        newest_ms = max((mark.time_ms for mark in marks.values()), default=0)
        today = queries.pnl_by_strategy_since(session, newest_ms - newest_ms % DAY_MS)
        return cls(kpis, marks, queries.sparklines(session), today, newest_ms)

    def row(self, facts: StrategyFacts, ledger_age_s: float) -> Row:
        """Give the row of a strategy. Its mark is as old as its ledger, and older if others moved on since."""
        mark = self.marks.get(facts.id)
        return Row(
            facts=facts,
            kpis=self.kpis[facts.id],
            mark=mark,
            sparkline=self.sparklines.get(facts.id, []),
            pnl_today=self.today.get(facts.id, ZERO),
            age_s=None if mark is None else (self.newest_ms - mark.time_ms) / 1000 + ledger_age_s,
        )


def _total(mode: Mode, rows: list[Row]) -> Totals:
    closed = sum(row.kpis["closed_trades"] for row in rows)
    wins = sum((row.kpis["win_rate"] or ZERO) * row.kpis["closed_trades"] for row in rows)
    return Totals(
        mode=mode,
        strategies=len(rows),
        running=sum(row.state == "running" for row in rows),
        equity=sum((row.kpis["equity"] or ZERO for row in rows), ZERO),
        pnl=sum((row.kpis["pnl"] for row in rows), ZERO),
        pnl_today=sum((row.pnl_today for row in rows), ZERO),
        fees=sum((row.kpis["fees"] for row in rows), ZERO),
        open_trades=sum(row.kpis["open_trades"] for row in rows),
        closed_trades=closed,
        win_rate=figures.win_rate(round(wins), closed),
    )
