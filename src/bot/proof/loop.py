"""An event loop whose time is made up: waiting costs nothing, and the order of turns is drawn from a seed.

Whatever is ready at the same moment may run in any order; which one is drawn. Time moves on only when nothing is ready.
One seed gives one run. A *life* is one run of a process: what belongs to a life that ended never gets another turn.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar
from heapq import heappop, heappush
from random import Random
from typing import Any

LIFE: ContextVar[int] = ContextVar("LIFE", default=0)
"""Whose turn it is: 0 for the world, else the number of the process's life."""
STARTS_S = 1_000.0
LONGEST_S = 86_400.0 + 1
"""Longer than anything: what has not ended by then never will."""
EPOCH_S = 1_800_000_000.0
"""What the wall clock shows (s UTC) when the loop's own shows 0."""
_ROUNDS_AT_ONE_MOMENT = 200_000
_PUT_OFF = 0.1
_WAITS_AT_THE_END = 20


class Stuck(Exception):
    """Nothing can ever happen again, or nothing but turns that lead nowhere."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs coroutines without ever waiting."""

    # What BaseEventLoop keeps, and the methods below read.
    _ready: deque[asyncio.Handle]
    _stopping: bool

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._lots = Random(seed)  # noqa: S311 - a seed has to come again in the same way
        self._now = STARTS_S
        self._tasks_made = 0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timers_made = 0
        self._rounds = 0
        self._has_ends = False
        """Whether any life has ended, is about to, or is held."""
        self._dead: set[int] = set()
        self._doomed: dict[int, tuple[int, Callable[[], None]]] = {}
        self._held: dict[int, list[asyncio.Handle]] = {}
        self.tasks: dict[asyncio.Task[Any], None] = {}
        """Tasks that are not done."""
        self.broken: list[str] = []
        """What was raised where nobody could catch it."""
        self.set_task_factory(self._numbered)
        self.set_exception_handler(self._note)

    def time(self) -> float:
        """Give virtual seconds."""
        return self._now

    def wall(self) -> float:
        """Give virtual seconds UTC."""
        return EPOCH_S + self._now

    def end_life(self, life: int) -> None:
        """Never give anything of a life another turn: no clean-up, no last word, like a process that is killed."""
        self._dead.add(life)
        self._has_ends = True

    def hold(self, life: int) -> None:
        """Give a life no turn until `let_go`: it stands still, and knows nothing of it."""
        self._held[life] = []
        self._has_ends = True

    def let_go(self, life: int) -> None:
        """Let a life go on where it stood; all that happened meanwhile comes to it now."""
        self._ready.extend(self._held.pop(life))

    def doom(self, life: int, turns: int, then: Callable[[], None]) -> None:
        """End a life after so many more turns of its own, wherever it stands then, and call `then`."""
        self._doomed[life] = (turns, then)
        self._has_ends = True

    def bury(self) -> None:
        """Let go of everything that never ended. The loop is of no use after that."""
        for task in self.tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            _drop(task.get_coro())
        self.tasks.clear()
        self._ready.clear()
        self._timers.clear()
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

    def _note(self, _loop: asyncio.AbstractEventLoop, what: dict[str, Any]) -> None:
        if "handle" in what:  # (else it is a task that nobody asked how it ended, because whoever would have is dead)
            self.broken.append(f"{what.get('message', '')}: {what.get('exception')!r}")

    # What follows stands in for what BaseEventLoop does with a selector and locks.

    def call_soon[*Ts](
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Call something in the next round."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later[*Ts](
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call something after so many seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at[*Ts](
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call something at a time; what is due at the same time keeps its order."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers_made += 1
        heappush(self._timers, (when, self._timers_made, timer))
        return timer

    def _run_once(self) -> None:
        timers, ready = self._timers, self._ready
        while not self._stopping:
            if not ready:
                self._jump()
            now = self._now
            while timers and timers[0][0] <= now:
                ready.append(heappop(timers)[2])
            self._rounds += 1
            if self._rounds > _ROUNDS_AT_ONE_MOMENT:
                raise Stuck(f"time stands still at {self._now:.3f} s: something goes round in circles")
            for handle in (ready.popleft(),) if len(ready) == 1 else self._shuffled():
                if not handle._cancelled and (not self._has_ends or self._may_run(handle)):
                    handle._run()

    def _jump(self) -> None:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        if not timers:
            waiting = ", ".join(task.get_name() for task in self.tasks)
            raise Stuck(f"everything waits for something that will never happen: {waiting}")
        if timers[0][0] > STARTS_S + LONGEST_S:
            waiting = ", ".join(task.get_name() for task in self.tasks)
            raise Stuck(f"it does not end: {waiting}")
        if timers[0][0] > self._now:
            self._now, self._rounds = timers[0][0], 0

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

    def _may_run(self, handle: asyncio.Handle) -> bool:
        life = handle.get_context().get(LIFE, 0)
        if not life:
            return True
        if life in self._held and life not in self._dead:
            self._held[life].append(handle)
            return False
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
    """The clock of a virtual loop (`ports.Clock`); `wall` gives s UTC as the machine believes."""

    def __init__(self, loop: VirtualLoop, wall: Callable[[], float] | None = None) -> None:
        self._loop = loop
        self._wall = wall or loop.wall

    def now_ms(self) -> int:
        """Give ms UTC."""
        return int(self._wall() * 1000)

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
    return type(getattr(handle._callback, "__self__", None)) is _Task  # type: ignore[attr-defined]


def _number(handle: asyncio.Handle) -> int:
    number: int = handle._callback.__self__.number  # type: ignore[attr-defined]
    return number


def _drop(work: Any) -> None:
    # Whatever its clean-up meets, its world is gone; where that wants to wait once more, nobody is there to wake it.
    for _ in range(_WAITS_AT_THE_END):
        with suppress(Exception):
            work.close()
            return
