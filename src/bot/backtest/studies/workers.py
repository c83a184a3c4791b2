"""Workers of this machine: this process itself, or others that share the candles.

Candles are written once into a file without a name, which every worker maps: they are in memory once, and gone when
the last process that had them is, however it ended. A worker that grew beyond its memory is replaced after its trial;
one that died is replaced at once, and its trial played again.
"""

import contextlib
import mmap
import multiprocessing
import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bot.backtest.studies.conductor import ATTEMPTS_MAX, Job
from bot.backtest.studies.figures import to_json
from bot.backtest.studies.plan import Plan, read, refuse_other_code
from bot.backtest.studies.trial import Bench, Stretch
from bot.db.trials import Result
from bot.domain.errors import BotError, Unavailable
from bot.history.columns import NEEDED, Columns, made
from bot.strategies.registry import discover

MEMORY_MB_MAX = 1_000.0
"""A worker larger than that is replaced."""


def answer(bench: Bench, job: Job) -> Result:
    """Play a trial; what goes wrong with these settings is a result, too."""
    try:
        stretches = tuple(Stretch(*each) for each in job.stretches)
        return Result(job.number, to_json(bench.measure(dict(job.params), stretches)))  # type: ignore[arg-type]
    except BotError as error:
        return Result(job.number, None, str(error))
    except Exception as error:  # noqa: BLE001 - a strategy is the user's own code and may fail in any way
        return Result(job.number, None, f"{type(error).__name__}: {error}".splitlines()[0])


class Here:
    """This process: no other is started. A trial is played when it is asked for, and nothing else done meanwhile.

    So it is for trials that nobody else can take: those of a shared book would not be renewed while one is played.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._jobs: deque[Job] = deque()

    @property
    def room(self) -> int:
        """One is enough: further ones would only wait."""
        return 1 - len(self._jobs)

    @property
    def busy(self) -> int:
        """How many jobs wait."""
        return len(self._jobs)

    def submit(self, job: Job) -> None:
        """Take a job."""
        self._jobs.append(job)

    def collect(self, timeout_s: float) -> list[Result]:
        """Play what was taken; without any, wait."""
        if not self._jobs:
            time.sleep(timeout_s)
            return []
        return [answer(self._bench, self._jobs.popleft())]

    def close(self) -> None:
        """Nothing to let go."""


class _Outfit(NamedTuple):
    """What a worker is made from."""

    plan: str
    strategies: Path | None
    market: Any
    symbol: str
    interval: str
    rows: int


@dataclass(slots=True)
class _Worker:
    process: Any
    line: Connection
    is_ready: bool = False
    job: Job | None = None


class Processes:
    """One or several other processes of this machine."""

    def __init__(
        self,
        plan: Plan,
        columns: Columns,
        strategies: Path | None,
        count: int,
        memory_mb: float = MEMORY_MB_MAX,
        entry: Callable[..., None] | None = None,
    ) -> None:
        """Start `count` processes that look for the strategy where we did; `entry` is for tests of how they end."""
        self._outfit = _Outfit(plan.text(), strategies, columns.market, columns.symbol, columns.interval, len(columns))
        self._memory_mb = memory_mb
        self._entry = entry or work
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        with _own_modules():
            ensure_running()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (close() does)
        for name in NEEDED:
            self._file.write(np.ascontiguousarray(columns.column(name)).data)
        self._file.flush()
        self._waiting: deque[Job] = deque()
        self._losses: dict[int, int] = {}
        self._stillborn = 0
        self.replaced = 0
        """How many workers were replaced, because they died or grew."""
        self._workers = [self._start() for _ in range(count)]

    @property
    def room(self) -> int:
        """One job for each worker, and one that waits for it.

        None waits for one that is alone: a search then learns from each trial before it proposes the next.
        """
        count = len(self._workers)
        return (2 * count if count > 1 else count) - self.busy

    @property
    def busy(self) -> int:
        """How many jobs are not answered yet."""
        return len(self._waiting) + sum(each.job is not None for each in self._workers)

    def submit(self, job: Job) -> None:
        """Hand a job to a worker that is free, or to the next one that will be."""
        self._waiting.append(job)
        self._feed()

    def collect(self, timeout_s: float) -> list[Result]:
        """Give what was answered, waiting so long for the first."""
        lines = {id(each.line): each for each in self._workers}
        results = [
            result
            for line in wait([each.line for each in self._workers], timeout_s)
            if (result := self._hear(lines[id(line)])) is not None
        ]
        self._feed()
        return results

    def close(self) -> None:
        """End all processes, and forget the candles."""
        for each in self._workers:
            each.line.close()
            each.process.terminate()
        for each in self._workers:
            each.process.join()
            each.process.close()
        self._workers = []
        self._file.close()

    def _feed(self) -> None:
        for each in self._workers:
            if each.is_ready and each.job is None and self._waiting:
                each.job = self._waiting.popleft()
                with contextlib.suppress(OSError):  # it is dead: that is heard, and the job given to another
                    each.line.send(each.job)

    def _hear(self, worker: _Worker) -> Result | None:
        try:
            told, memory_mb = worker.line.recv()
        except (EOFError, OSError):
            return self._bury(worker)
        if isinstance(told, str):
            raise Unavailable(f"a worker could not begin: {told}")
        if told is None:
            worker.is_ready = True
            return None
        result: Result = told
        worker.job = None
        if memory_mb > self._memory_mb:
            self._replace(worker)
        return result

    def _bury(self, worker: _Worker) -> Result | None:
        """Replace a worker that died. Its job is played again, unless it has killed several."""
        job = worker.job
        self._stillborn += not worker.is_ready
        if self._stillborn >= ATTEMPTS_MAX:
            raise Unavailable("worker processes die before they begin; is there memory left? Try fewer --jobs")
        self._replace(worker)
        if job is None:
            return None
        self._losses[job.number] = self._losses.get(job.number, 0) + 1
        if self._losses[job.number] >= ATTEMPTS_MAX:
            return Result(job.number, None, f"{ATTEMPTS_MAX} workers began it and none lived to finish it")
        self._waiting.appendleft(job)
        return None

    def _replace(self, worker: _Worker) -> None:
        worker.line.close()
        worker.process.terminate()
        worker.process.join()
        worker.process.close()
        self.replaced += 1
        self._workers[self._workers.index(worker)] = self._start()

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=self._entry, args=(theirs, _Candles(self._file.fileno()), self._outfit), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)


class _Candles:
    """The file of candles on its way to a worker."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __getstate__(self) -> Any:
        return DupFd(self._descriptor)

    def __setstate__(self, state: Any) -> None:
        self._descriptor = state.detach()

    def take(self, outfit: _Outfit) -> Columns:
        """Map the candles; the file itself is no longer needed."""
        size = outfit.rows * 8
        memory = mmap.mmap(self._descriptor, size * len(NEEDED), prot=mmap.PROT_READ)
        os.close(self._descriptor)
        arrays: dict[str, Any] = {
            name: np.frombuffer(memory, np.int64 if name == "open_time" else np.float64, outfit.rows, n * size)
            for n, name in enumerate(NEEDED)
        }
        return made(outfit.market, outfit.symbol, outfit.interval, arrays)


def work(line: Connection, candles: _Candles, outfit: _Outfit) -> None:
    """Be a worker: answer jobs until the other end of the line is closed, or its process dead."""
    try:
        bench = _bench(candles, outfit)
    except BotError as error:
        line.send((str(error), 0.0))
        return
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        line.send((None, 0.0))
        while True:
            line.send((answer(bench, line.recv()), memory_mb()))


@contextlib.contextmanager
def _own_modules() -> Iterator[None]:
    """Let the mother of workers find modules where this process finds them: it loads ours before it is told."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def memory_mb() -> float:
    """Give what this process has in memory for itself, candles that it shares left out; 0 where it is not told."""
    try:
        resident, shared = Path("/proc/self/statm").read_text().split()[1:3]
    except OSError:
        return 0.0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGESIZE") / 1e6


def _bench(candles: _Candles, outfit: _Outfit) -> Bench:
    plan = read(outfit.plan)
    strategy = discover(outfit.strategies).find(plan.strategy)
    refuse_other_code(plan, strategy)
    return Bench(plan, strategy, candles.take(outfit))
