"""An event loop whose time is made up: waiting costs nothing, and the order of turns is drawn from a seed.

Whatever is ready at the same moment may run in any order; which one is drawn. Time moves on only when nothing is ready.
One seed gives one run. A *life* is one run of a process: what belongs to a life that ended never gets another turn.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar
from heapq import heappop
from random import Random
from typing import Any

LIFE: ContextVar[int] = ContextVar("LIFE", default=0)
"""Whose turn it is: 0 for the world, else the number of the process's life."""
STARTS_S = 1_000.0
EPOCH_S = 1_800_000_000.0
"""What the wall clock shows (s UTC) when the loop's own shows 0."""
_TURNS_AT_ONE_MOMENT = 200_000
_PUT_OFF = 0.1


class Stuck(Exception):
    """Nothing can ever happen again, or nothing but turns that lead nowhere."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs coroutines without ever waiting."""

    # What BaseEventLoop keeps, and the methods below read.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._lots = Random(seed)  # noqa: S311 - a seed has to come again in the same way
        self._now = STARTS_S
        self._tasks_made = 0
        self._turns = 0
        self._dead: set[int] = set()
        self._doomed: dict[int, tuple[int, Callable[[], None]]] = {}
        self.tasks: dict[asyncio.Task[Any], None] = {}
        """Tasks that are not done."""
        self.set_task_factory(self._numbered)

    def time(self) -> float:
        """Give virtual seconds."""
        return self._now

    def wall(self) -> float:
        """Give virtual seconds UTC."""
        return EPOCH_S + self._now

    def end_life(self, life: int) -> None:
        """Never give anything of a life another turn: no clean-up, no last word, like a process that is killed."""
        self._dead.add(life)

    def doom(self, life: int, turns: int, then: Callable[[], None]) -> None:
        """End a life after so many more turns of its own, wherever it stands then, and call `then`."""
        self._doomed[life] = (turns, then)

    def bury(self) -> None:
        """Let go of everything that never ended. The loop is of no use after that."""
        for task in self.tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            _drop(task.get_coro())
        self.tasks.clear()
        self._ready.clear()
        self._scheduled.clear()
        self.close()

    def _numbered(
        self, _loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **kind: Any
    ) -> asyncio.Task[Any]:
        self._tasks_made += 1
        task = _Task(self._tasks_made, work, loop=self, **kind)
        self.tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self.tasks.pop(task, None)

    # What follows stands in for what BaseEventLoop does with a selector.

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        if not ready and not self._stopping:
            self._jump()
        while scheduled and scheduled[0].when() <= self._now:
            ready.append(heappop(scheduled))
        self._turns += 1
        if self._turns > _TURNS_AT_ONE_MOMENT:
            raise Stuck(f"time stands still at {self._now:.3f} s: something goes round in circles")
        for handle in self._shuffled():
            if not handle._cancelled and self._is_alive(handle.get_context()):
                handle._run()

    def _jump(self) -> None:
        scheduled = self._scheduled
        while scheduled and scheduled[0]._cancelled:
            heappop(scheduled)
        if not scheduled:
            waiting = ", ".join(task.get_name() for task in self.tasks)
            raise Stuck(f"everything waits for something that will never happen: {waiting}")
        if scheduled[0].when() > self._now:
            self._now, self._turns = scheduled[0].when(), 0

    def _shuffled(self) -> list[asyncio.Handle]:
        """Take what is ready: the turns of tasks in a drawn order, everything else where it stood."""
        batch = list(self._ready)
        self._ready.clear()
        places = [place for place, handle in enumerate(batch) if _is_turn(handle)]
        if len(places) > 1:
            turns = sorted((batch[place] for place in places), key=_number)
            self._lots.shuffle(turns)
            if self._lots.random() < _PUT_OFF:
                self._ready.append(turns.pop())
                del batch[places.pop()]
            for place, handle in zip(places, turns, strict=True):
                batch[place] = handle
        return batch

    def _is_alive(self, context: Context) -> bool:
        life = context.get(LIFE, 0)
        if not life:
            return True
        if life in self._doomed:
            left, then = self._doomed[life]
            if left > 0:
                self._doomed[life] = (left - 1, then)
            else:
                del self._doomed[life]
                self._dead.add(life)
                then()
        return life not in self._dead

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        """What is called off is passed over when its time comes."""

    def _process_events(self, _events: object) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody has to be woken."""


class LoopClock:
    """The clock of a virtual loop (`ports.Clock`)."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        """Give ms UTC."""
        return int(self._loop.wall() * 1000)

    def monotonic(self) -> float:
        """Give seconds."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Task(asyncio.Task[Any]):
    """A task that sets hold in the order of creation, whatever its address in memory."""

    def __init__(self, number: int, work: Coroutine[Any, Any, Any], **kind: Any) -> None:
        self.number = number
        super().__init__(work, **kind)

    def __hash__(self) -> int:
        return self.number


def _is_turn(handle: asyncio.Handle) -> bool:
    return isinstance(getattr(handle._callback, "__self__", None), _Task)  # type: ignore[attr-defined]


def _number(handle: asyncio.Handle) -> int:
    number: int = handle._callback.__self__.number  # type: ignore[attr-defined]
    return number


def _drop(work: Any) -> None:
    # Whatever its clean-up meets, its world is gone; one that wants to wait once more has nobody to wake it.
    with suppress(Exception):
        work.close()
