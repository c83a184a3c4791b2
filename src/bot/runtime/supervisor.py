"""Keeps a task alive: what fails is started again after a growing pause; what a person has to mend is not."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.domain.errors import BotError, Misconfigured
from bot.ports import Clock

log = structlog.get_logger()

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0


async def keep_alive(
    name: str, work: Callable[[], Awaitable[None]], clock: Clock, on_failure: Callable[[str], None] = lambda _: None
) -> str:
    """Run `work` again and again until it ends by itself. Gives the reason when only a person can mend it, or "".

    `on_failure` hears why it is tried again.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        began = clock.monotonic()
        try:
            # A task of its own: before Python 3.13 a task group whose child fails late leaves its own call for an end
            # counted in the task, and it would look as if somebody had told us to end.
            await asyncio.ensure_future(work())
        except BaseExceptionGroup as group:
            error = gravest(group)
            if not isinstance(error, Exception):
                raise
        except Exception as caught:  # noqa: BLE001 - the one place that catches all: it tells, and starts again
            error = caught
        else:
            return ""
        if (task := asyncio.current_task()) is not None and task.cancelling():
            # It failed while it was letting go: that must not keep it alive.
            log.warning("task.failed_at_end", task=name, cause=f"{type(error).__name__}: {error}")
            raise asyncio.CancelledError from error
        if isinstance(error, Misconfigured):
            log.error("task.halted", task=name, cause=str(error))
            return str(error)
        on_failure(str(error) or type(error).__name__)
        if clock.monotonic() - began > LONGEST_PAUSE_S:
            pause_s = FIRST_PAUSE_S
        log.error(
            "task.failed",
            task=name,
            cause=f"{type(error).__name__}: {error}",
            pause_s=pause_s,
            exc_info=None if isinstance(error, BotError) else error,
        )
        await clock.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def gravest(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give what only a person can mend, if it is among them, else the first."""
    mendable = group.subgroup(Misconfigured)
    error: BaseException = mendable or group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
