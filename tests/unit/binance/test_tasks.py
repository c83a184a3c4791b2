"""Tasks end with their owner, and their faults are heard."""

import asyncio

from structlog.testing import capture_logs

from bot.binance.tasks import Tasks


async def test_children_get_their_grace_and_are_then_cancelled() -> None:
    done: list[str] = []

    async def quick() -> None:
        await asyncio.sleep(0)
        done.append("quick")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            done.append("endless")

    tasks = Tasks()
    tasks.start(quick(), "quick")
    tasks.start(endless(), "endless")
    await tasks.close(grace_s=0.02)
    assert done == ["quick", "endless"]


async def test_a_fault_is_logged_by_the_name_of_its_task() -> None:
    async def fails() -> None:
        raise ValueError("broken")

    tasks = Tasks()
    with capture_logs() as logs:
        await asyncio.wait([tasks.start(fails(), "thing")])
        await tasks.close()
    assert [(entry["event"], entry["task"]) for entry in logs] == [("task.failed", "thing")]
