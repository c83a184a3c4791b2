"""The same study on a Ray cluster: candles are placed once, trials are played wherever there is a core.

Ray keeps nothing that matters: what is to be done and what was done are rows of the study's book. A worker or a node
that dies costs the time of its trials; a driver that dies is started again with the same line. Every node needs this
program and the strategy.
"""

import os
import socket
from pathlib import Path
from typing import Any

from bot.backtest.studies.conductor import ATTEMPTS_MAX, Job
from bot.backtest.studies.plan import read, refuse_other_code
from bot.backtest.studies.trial import Bench
from bot.backtest.studies.workers import answer
from bot.db.trials import Result
from bot.domain.errors import BotError, Misconfigured, Unavailable
from bot.history.columns import NEEDED, made
from bot.strategies.registry import discover

LOCAL = "local"
"""Instead of an address: a cluster of this machine alone, which ends with us."""
_benches: dict[str, Bench] = {}


class OnRay:
    """A Ray cluster."""

    def __init__(self, bench: Bench, address: str, strategies: Path | None) -> None:
        """Join the cluster at `address` and place the candles there. Misconfigured or Unavailable say why not."""
        self._ray = _joined(address)
        columns = bench.columns
        self._candles = self._ray.put({name: columns.column(name) for name in NEEDED})
        self._outfit = (bench.plan.text(), None if strategies is None else str(strategies))
        # A task that dies with its worker is begun again by Ray; what still fails then is told by its reference.
        self._play = self._ray.remote(max_retries=2)(play)
        self._jobs: dict[Any, Job] = {}
        self._losses: dict[int, int] = {}

    @property
    def room(self) -> int:
        """One job for each core of the cluster as it is now, and one that waits for it."""
        return 2 * max(1, int(self._ray.cluster_resources().get("CPU", 1))) - len(self._jobs)

    @property
    def busy(self) -> int:
        """How many jobs are not answered yet."""
        return len(self._jobs)

    def submit(self, job: Job) -> None:
        """Hand a job to the cluster."""
        self._jobs[self._play.remote(*self._outfit, self._candles, job)] = job

    def collect(self, timeout_s: float) -> list[Result]:
        """Give what was answered, waiting so long for the first."""
        waiting = list(self._jobs)
        ready, _ = self._ray.wait(waiting, num_returns=1, timeout=timeout_s) if waiting else ([], [])
        if ready:
            ready, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
        found = (self._taken(reference) for reference in ready)
        return [result for result in found if result is not None]

    def close(self) -> None:
        """Leave the cluster."""
        self._ray.shutdown()

    def _taken(self, reference: Any) -> Result | None:
        job = self._jobs.pop(reference)
        try:
            told: Result | str = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            # Its worker or its node died, several times over: it is played again, unless it kills whoever plays it.
            self._losses[job.number] = self._losses.get(job.number, 0) + 1
            if self._losses[job.number] >= ATTEMPTS_MAX:
                return Result(job.number, None, f"the cluster could not play it: {_first_line(error)}")
            self.submit(job)
            return None
        if isinstance(told, str):
            raise Unavailable(f"a node of the cluster could not begin: {told}")
        return told


def play(plan: str, strategies: str | None, candles: dict[str, Any], job: Job) -> Result | str:
    """Play a trial on a node; a text says why this node cannot."""
    try:
        bench = _benches.get(plan)
        if bench is None:
            bench = _benches[plan] = _bench(plan, strategies, candles)
    except BotError as error:
        return str(error)
    return answer(bench, job)


def _bench(text: str, strategies: str | None, candles: dict[str, Any]) -> Bench:
    plan = read(text)
    strategy = discover(None if strategies is None else Path(strategies)).find(plan.strategy)
    refuse_other_code(plan, strategy)
    tape = plan.tape
    return Bench(plan, strategy, made(tape.market, tape.symbol, tape.interval, candles))


def _joined(address: str) -> Any:
    # Before the import, which reads it: nothing is told to anybody.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray  # noqa: PLC0415 (two seconds, and an extra)
    except ModuleNotFoundError:
        raise Misconfigured(
            "--cluster needs Ray; install the extra: pip install 'binance-bot[cluster]', or leave --cluster out"
        ) from None
    options: dict[str, Any] = {"_node_ip_address": "127.0.0.1", "include_dashboard": False} if address == LOCAL else {}
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level="error", **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise Unavailable(
            f"no cluster at {address!r} ({_first_line(error)}); start one with: ray start --head --port 6379, or use"
            f" --cluster {LOCAL} for this machine alone"
        ) from None
    return ray


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would ask for a minute."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in address:
        socket.create_connection((host, int(port)), timeout=10).close()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
