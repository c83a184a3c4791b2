"""The supervisor: what fails starts again after a growing pause; what a person has to mend does not."""

import asyncio

import pytest
from tests.fakes.clock import FakeClock
from tests.fakes.outfit import StillClock, end, until

from bot.domain.errors import BotError, Misconfigured, Unavailable
from bot.runtime.supervisor import FIRST_PAUSE_S, LONGEST_PAUSE_S, keep_alive


class Work:
    """Fails in the given ways, one after the other, and then ends well."""

    def __init__(self, *errors: BaseException | float, clock: FakeClock | None = None) -> None:
        self.errors = list(errors)
        self.runs = 0
        self._clock = clock

    async def __call__(self) -> None:
        self.runs += 1
        while self.errors:
            error = self.errors.pop(0)
            if isinstance(error, BaseException):
                raise error
            assert self._clock is not None
            await self._clock.sleep(error)


class Listening(FakeClock):
    """A clock that remembers its pauses."""

    def __init__(self) -> None:
        super().__init__()
        self.naps: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        await super().sleep(seconds)


async def test_pauses_grow_up_to_a_limit() -> None:
    clock = Listening()
    work = Work(*(Unavailable("away") for _ in range(8)))
    assert await keep_alive("a", work, clock) == ""
    assert clock.naps == [1, 2, 4, 8, 16, 30, 30, 30]
    assert work.runs == 9


async def test_the_pause_is_short_again_after_a_long_good_time() -> None:
    clock = Listening()
    work = Work(OSError(), OSError(), OSError(), LONGEST_PAUSE_S + 1, OSError(), OSError(), clock=clock)
    await keep_alive("a", work, clock)
    assert clock.naps == [1, 2, 4, LONGEST_PAUSE_S + 1, FIRST_PAUSE_S, 2]


@pytest.mark.parametrize(
    "error",
    [
        Misconfigured("the key is refused; make a new one"),
        ExceptionGroup("two", [ExceptionGroup("one", [Misconfigured("the key is refused; make a new one")])]),
        ExceptionGroup("two", [Unavailable("away"), Misconfigured("the key is refused; make a new one")]),
    ],
)
async def test_what_a_person_has_to_mend_is_told_and_not_tried_again(error: Exception) -> None:
    work = Work(error)
    assert await keep_alive("a", work, Listening()) == "the key is refused; make a new one"
    assert work.runs == 1


@pytest.mark.parametrize("error", [BotError("x"), ExceptionGroup("one", [Unavailable("x")]), ZeroDivisionError()])
async def test_anything_else_is_tried_again(error: Exception) -> None:
    work = Work(error)
    assert await keep_alive("a", work, Listening()) == ""
    assert work.runs == 2


async def test_a_task_group_that_fails_is_started_again_too() -> None:
    runs = 0

    async def fails() -> None:
        raise Unavailable("away")

    async def work() -> None:
        nonlocal runs
        runs += 1
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())
            if runs == 1:
                group.create_task(fails())
            else:
                raise Misconfigured("enough")

    assert await keep_alive("a", work, FakeClock()) == "enough"
    assert runs == 2


async def test_being_cancelled_ends_it_whether_at_work_or_in_a_pause() -> None:
    clock = StillClock()
    resting = asyncio.create_task(keep_alive("a", Work(Unavailable("away")), clock))
    await until(lambda: clock.naps)
    resting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await resting
    working = asyncio.create_task(keep_alive("a", asyncio.Event().wait, clock))  # type: ignore[arg-type]
    await until(working.get_coro)
    await end(working)  # type: ignore[arg-type]
    assert working.cancelled()


async def test_what_fails_while_it_lets_go_is_not_started_again() -> None:
    begun = asyncio.Event()

    async def clumsy() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            raise Unavailable("cannot even say goodbye")

    clock = StillClock()
    task = asyncio.create_task(keep_alive("a", clumsy, clock))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.naps == []


async def test_a_request_to_end_the_process_is_not_held_up() -> None:
    with pytest.raises(BaseExceptionGroup):
        await keep_alive("a", Work(BaseExceptionGroup("one", [asyncio.CancelledError()])), Listening())


async def test_a_failure_inside_a_task_group_is_no_call_to_end() -> None:
    runs = 0

    async def fail() -> None:
        await asyncio.sleep(0)
        raise Unavailable("away")

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())

    assert await keep_alive("a", work, FakeClock()) == ""
    assert runs == 3
