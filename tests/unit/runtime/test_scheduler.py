"""Chores run inside the event loop, by the calendar."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from bot.runtime.scheduler import build_scheduler


async def test_a_chore_runs_on_the_event_loop_and_no_more_after_the_end() -> None:
    done = asyncio.Event()
    where: list[int] = []

    async def chore() -> None:
        where.append(threading.get_ident())
        done.set()

    scheduler = build_scheduler({"sweep": (chore, 3600)})
    scheduler.get_job("sweep").modify(next_run_time=datetime.now(UTC))
    await asyncio.wait_for(done.wait(), 30)
    assert where == [threading.get_ident()]
    scheduler.shutdown(wait=False)
    await asyncio.sleep(0)
    assert not scheduler.running


def run(chore: Callable[[], Awaitable[None]]) -> Awaitable[None]:
    """Be something to await, and no coroutine function."""
    return chore()


@pytest.mark.parametrize("wrap", [lambda chore: partial(run, chore), lambda chore: chore])
async def test_any_callable_that_gives_something_to_await_is_awaited(
    wrap: Callable[[Callable[[], Awaitable[None]]], Callable[[], Awaitable[None]]],
) -> None:
    done = asyncio.Event()

    async def chore() -> None:
        done.set()

    scheduler = build_scheduler({"sweep": (wrap(chore), 3600)})
    scheduler.get_job("sweep").modify(next_run_time=datetime.now(UTC))
    try:
        await asyncio.wait_for(done.wait(), 30)
    finally:
        scheduler.shutdown(wait=False)
        await asyncio.sleep(0)


async def test_a_chore_that_fails_is_due_again() -> None:
    failed = asyncio.Event()

    async def chore() -> None:
        failed.set()
        raise OSError("disk full")

    scheduler = build_scheduler({"sweep": (chore, 3600)})
    try:
        scheduler.get_job("sweep").modify(next_run_time=datetime.now(UTC))
        await asyncio.wait_for(failed.wait(), 30)
        assert scheduler.get_job("sweep").next_run_time > datetime.now(UTC)
    finally:
        scheduler.shutdown(wait=False)
        await asyncio.sleep(0)
