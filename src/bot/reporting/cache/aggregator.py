"""The aggregator looks at every strategy once in a while and adds what it sees to the KPI cache.

It is the cache's only writer: run it beside the runner (`run`), or as a process of its own (`run_aggregation_loop`).
"""

import asyncio
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.db.base import Mode, SessionFactory, create_async, session_factory
from bot.domain.errors import Unavailable
from bot.reporting import metrics, queries
from bot.reporting.cache.sqlite import HOUR_S, CacheWriter, Snapshot
from bot.reporting.metrics import Kpis
from bot.reporting.queries import StrategyFacts

log = structlog.get_logger()


async def aggregate_once(sessions: SessionFactory, writer: CacheWriter, now_s: int) -> int:
    """Add one snapshot of every strategy, enabled or not; give how many. Raises Unavailable without the database."""
    measured = await _ask(sessions, _measure)
    snapshots = [_snapshot(facts, kpis, now_s) for facts, kpis in measured]
    await asyncio.to_thread(writer.write, snapshots)
    return len(snapshots)


async def run(
    sessions: SessionFactory,
    path: Path,
    *,
    refresh_s: float,
    stop: asyncio.Event,
    now_s: Callable[[], int] = lambda: int(time.time()),
    keep_days: int = 30,
) -> None:
    """Aggregate every `refresh_s` seconds until `stop` is set. A database that is away is asked again next time."""
    writer: CacheWriter | None = None
    tidy_at = 0
    try:
        while not stop.is_set():
            try:
                if writer is None:
                    writer = await asyncio.to_thread(CacheWriter, path)
                await aggregate_once(sessions, writer, now_s())
                if now_s() >= tidy_at:
                    await _tidy(sessions, writer, now_s(), keep_days)
                    tidy_at = now_s() + HOUR_S
            except Unavailable as error:
                log.warning("kpis.delayed", reason=str(error))
            await _wait(stop, refresh_s)
    finally:
        if writer is not None:
            writer.close()


def run_aggregation_loop() -> None:
    """Aggregate until SIGINT or SIGTERM, with the settings of this installation: a process of its own."""
    from bot.bootstrap import aggregation_context  # noqa: PLC0415  the roof is asked only when we are the program

    database_url, sqlite_path, refresh_s = aggregation_context()
    asyncio.run(_run_alone(database_url, Path(sqlite_path), float(refresh_s)))


async def _run_alone(database_url: str, path: Path, refresh_s: float) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    engine = create_async(database_url)
    try:
        await run(session_factory(engine), path, refresh_s=refresh_s, stop=stop)
    finally:
        await engine.dispose()


async def _tidy(sessions: SessionFactory, writer: CacheWriter, now_s: int, keep_days: int) -> None:
    known = [facts.id for facts in await _ask(sessions, queries.strategies)]
    await asyncio.to_thread(writer.thin, now_s, keep_days)
    await asyncio.to_thread(writer.keep_only, known)


async def _ask[T](sessions: SessionFactory, question: Callable[[Session], T]) -> T:
    try:
        async with sessions() as session:
            return await session.run_sync(question)
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable(f"the database does not answer ({type(error).__name__}); KPIs stay as they are") from error


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _measure(session: Session) -> list[tuple[StrategyFacts, Kpis]]:
    strategies = queries.strategies(session)
    by_mode: dict[Mode, dict[int, Kpis]] = {
        mode: metrics.strategy_kpis(session, mode) for mode in {facts.mode for facts in strategies}
    }
    return [(facts, by_mode[facts.mode][facts.id]) for facts in strategies if facts.id in by_mode[facts.mode]]


def _snapshot(facts: StrategyFacts, kpis: Kpis, now_s: int) -> Snapshot:
    return Snapshot(
        ts=now_s,
        strategy_id=facts.id,
        symbol=facts.symbol,
        pnl=float(kpis["pnl"]),
        gross=float(kpis["gross"]),
        fees=float(kpis["fees"]),
        win_rate=float(kpis["win_rate"] or 0),
        open_trades=kpis["open_trades"],
        closed_trades=kpis["closed_trades"],
        max_drawdown=_float(kpis["max_drawdown"]),
        profit_factor=_float(kpis["profit_factor"]),
        equity=_float(kpis["equity"]),
        mode=facts.mode.value,
    )


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
