"""Housekeeping by the calendar: APScheduler, for chores only. Nothing that trades waits for it."""

from collections.abc import Awaitable, Callable, Mapping

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger


def build_scheduler(chores: Mapping[str, tuple[Callable[[], Awaitable[None]], int]]) -> AsyncIOScheduler:
    """Make a started scheduler for named chores, each with its seconds between runs. Call it inside the event loop."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    for name, (chore, every_s) in chores.items():
        scheduler.add_job(
            _do, IntervalTrigger(seconds=every_s, timezone="UTC"), id=name, max_instances=1, coalesce=True, args=[chore]
        )
    scheduler.start()
    return scheduler


async def _do(chore: Callable[[], Awaitable[None]]) -> None:
    # APScheduler sends whatever is no coroutine function itself (a lambda, say) to a thread, where nobody awaits it.
    await chore()
