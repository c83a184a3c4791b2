"""The running bot: accounts, dashboard, aggregator and housekeeping in one tree of tasks, until told to stop."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
import uvicorn
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.api.main import create_app
from bot.bootstrap import Feeds, Outfit, Roof, dashboard_deps, setup_address
from bot.commands import heartbeat
from bot.commands.plans import Plans
from bot.commands.sealed import copy_path
from bot.commands.sweeping import sweep_through
from bot.db.base import Mode, unit_of_work
from bot.db.repositories import Sessions
from bot.db.retention import Retention
from bot.domain.errors import Misconfigured, Unavailable
from bot.reporting.cache import aggregator
from bot.runtime.interrupting import overruns_interrupted
from bot.runtime.kill_switch import KillNote, Stopped, engaged_by_signal
from bot.runtime.orchestrator import Orchestrator
from bot.runtime.scheduler import build_scheduler
from bot.runtime.supervisor import keep_alive
from bot.runtime.worker import Worker
from bot.security import sealed_copy

log = structlog.get_logger()

LAG_PROBE_S = 0.05
NOTE_EVERY_S = 1.0
HOUR_S = 3_600


class Program:
    """Everything `bot start` runs. `ready` is set once the dashboard listens and the accounts were asked to start."""

    def __init__(self, roof: Roof, *, with_dashboard: bool = True, with_aggregator: bool = True) -> None:
        self.roof = roof
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()
        self.address = ""
        self.first_run_address = ""
        self.lag = Lag()
        self.feeds = Feeds(roof.settings)
        self.outfit = Outfit(roof, self.feeds)
        self.plans = Plans(roof, self.outfit)
        self.orchestrator = Orchestrator(self.outfit, self.plans.load, self.outfit.clock)
        self._with_dashboard = with_dashboard
        self._with_aggregator = with_aggregator
        self._began_ms = time.time_ns() // 1_000_000

    async def run(self) -> None:
        """Run until `stop` is set; then stop everything cleanly, newest part first."""
        scheduler = build_scheduler({name: (chore, HOUR_S) for name, chore in self.chores().items()})
        try:
            listener = await self._prepare_dashboard() if self._with_dashboard else None
            with engaged_by_signal(self.roof.kill_switch), overruns_interrupted():
                await self._run_parts(listener)
        finally:
            scheduler.shutdown(wait=False)
            await self.feeds.close()
            await self.roof.close()

    async def _run_parts(self, listener: socket.socket | None) -> None:
        async with asyncio.TaskGroup() as group:
            parts: list[asyncio.Task[Any]] = []

            def begin(work: Coroutine[Any, Any, Any], name: str) -> None:
                parts.append(group.create_task(work, name=name))

            if listener is not None:
                begin(self._server.serve(sockets=[listener]), "dashboard")
            begin(self.orchestrator.run(), "accounts")
            begin(self.roof.kill_switch.watch(self._carry_out, self._lifted), "kill switch")
            if self._with_aggregator:
                begin(self._aggregate(), "aggregator")
            begin(self.lag.watch(), "lag")
            begin(self._keep_note(), "note")
            self.ready.set()
            await self.stop.wait()
            log.info("bot.stopping")
            for part in parts:
                if part.get_name() != "dashboard":
                    part.cancel()
            if self._with_dashboard:
                self._close_dashboard()

    def chores(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Give what is done once an hour. A database that is away makes no noise: the next hour will do."""
        chosen = self.roof.settings
        retention = Retention(
            self.roof.sessions,
            equity_keep_days=chosen.EQUITY_KEEP_DAYS,
            decisions_keep_days=chosen.DECISIONS_KEEP_DAYS,
        )
        return {
            "sessions.expire": partial(_put_off, self._expire_sessions),
            "records.thin": partial(_put_off, partial(_thin, retention)),
        }

    def describe(self) -> dict[str, Any]:
        """Give how it does, in numbers."""
        return {
            "began_ms": self._began_ms,
            "now_ms": time.time_ns() // 1_000_000,
            "dashboard": self.address,
            "memory_mb": round(_memory_mb(), 1),
            "lag_p99_ms": round(self.lag.p99_ms, 2),
            "halted": dict(self.orchestrator.halted),
            "accounts": [
                {
                    "account": str(worker.plan),
                    "strategies": len(worker.plan.strategies),
                    "state": self._state(str(worker.plan), is_running=worker.runner is not None),
                    "condition": worker.condition.state.value,
                    "trouble": self._trouble(worker),
                    "candles": worker.runner.candles if worker.runner else 0,
                    "last_candle_ms": worker.runner.last_candle_ms if worker.runner else 0,
                    "waiting": worker.runner.inbox.waiting if worker.runner else 0,
                    "database_away": worker.runner.is_waiting_for_database if worker.runner else False,
                }
                for worker in self.orchestrator.workers.values()
            ],
        }

    async def _carry_out(self, note: KillNote) -> Sequence[Stopped]:
        """Stop one account or all: those at work by their own connections, the others by their sealed keys."""
        workers = [each for each in self.orchestrator.workers.values() if note.account in {"", each.plan.name}]
        at_work = {each.plan.name for each in workers if each.is_connected and each.plan.mode is not Mode.PAPER}
        stopped = await asyncio.gather(*(each.carry_out(note) for each in workers if each.is_connected))
        copy = copy_path(self.roof.settings.VAR_DIR)
        idle = [
            each
            for each in (await asyncio.to_thread(sealed_copy.read, copy) if copy.exists() else ())
            if note.account in {"", each.name} and each.name not in at_work
        ]
        if not idle or not note.cancels:
            return stopped
        swept = await sweep_through(self.feeds, self.roof.settings, idle, everything=note.everything)
        return [*stopped, *swept]

    async def _lifted(self, account: str) -> None:
        """Let whoever was stopped begin anew: out of a halt no other way leads."""
        self.orchestrator.restart(account)

    def _state(self, account: str, *, is_running: bool) -> str:
        if is_running:
            return "running"
        return "halted" if account in self.orchestrator.halted else "starting"

    def _trouble(self, worker: Worker) -> str:
        if worker.runner:
            return worker.condition.reason
        return worker.waits_for or self.orchestrator.troubles.get(str(worker.plan), "")

    async def _prepare_dashboard(self) -> socket.socket:
        """Take the address before anything runs: whoever cannot have it has nothing to stop."""
        chosen = self.roof.settings
        listener = listen(chosen.API_HOST, chosen.API_PORT)
        port = listener.getsockname()[1]
        self.address = f"http://{chosen.API_HOST}:{port}/"
        token = await asyncio.to_thread(self.roof.first_run_token)
        self.first_run_address = setup_address(chosen, token, port) if token else ""
        self._app = create_app(dashboard_deps(self.roof, self.feeds, token))
        self._server = DashboardServer(server_config(self._app))
        return listener

    def _close_dashboard(self) -> None:
        self._app.state.hub.close()  # open event streams would hold the server back
        self._server.should_exit = True

    async def _aggregate(self) -> None:
        chosen = self.roof.settings

        async def work() -> None:
            await aggregator.run(
                self.roof.sessions,
                chosen.DASHBOARD_SQLITE_PATH,
                refresh_s=float(chosen.DASHBOARD_REFRESH_SECONDS),
                stop=self.stop,
            )

        await keep_alive("aggregator", work, self.outfit.clock)

    async def _keep_note(self) -> None:
        while True:
            await asyncio.to_thread(heartbeat.write, self.roof.settings.VAR_DIR, self.describe())
            await asyncio.sleep(NOTE_EVERY_S)

    async def _expire_sessions(self) -> None:
        async with unit_of_work(self.roof.sessions) as session:
            await Sessions(session).expire(now=datetime.now(UTC))


async def _thin(retention: Retention) -> None:
    gone = await retention.thin()
    if gone.marks or gone.decisions:
        log.info("records.thinned", marks=gone.marks, decisions=gone.decisions)


async def _put_off(chore: Callable[[], Awaitable[None]]) -> None:
    try:
        await chore()
    except (Unavailable, PoolTimeout) as error:
        log.warning("chore.put_off", cause=str(error))


class Lag:
    """How late the event loop wakes us: what a stalled loop would show first."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=2_000)

    @property
    def p99_ms(self) -> float:
        """The lag that 99 of 100 wake-ups stay below."""
        seen = sorted(self._seen)
        return seen[int(len(seen) * 0.99)] * 1000 if seen else 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(LAG_PROBE_S)
            self._seen.append(max(0.0, time.perf_counter() - began - LAG_PROBE_S))


class DashboardServer(uvicorn.Server):
    """A web server among other tasks: the program decides what a signal means, not it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def server_config(app: Any) -> uvicorn.Config:
    """Give the settings of our web server."""
    return uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=3, ws="none"
    )


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything else starts; Misconfigured when it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise Misconfigured(
            f"the dashboard cannot listen on {host}:{port}: {_why(error)}; "
            "stop who has it, or choose another port: API_PORT, or --port of the demo"
        ) from None


def _why(error: OSError) -> str:
    """Give the system's words alone: asyncio's repeat the address."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)


def run_in_loop[T](work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run an asyncio program on the fastest loop there is."""
    try:
        import uvloop  # noqa: PLC0415  (not on Windows)
    except ImportError:
        return asyncio.run(work())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())


@contextlib.contextmanager
def stopped_by_signals(stop: asyncio.Event) -> Iterator[list[signal.Signals]]:
    """Set `stop` at SIGINT or SIGTERM; gives the list into which the signals that came are put."""
    came: list[signal.Signals] = []
    loop = asyncio.get_running_loop()

    def take(name: signal.Signals) -> None:
        came.append(name)
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, take, name)
    try:
        yield came
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)


def exit_code_for(came: list[signal.Signals]) -> int:
    """Give the exit code that the first signal asks for; 0 when none came."""
    return 128 + came[0] if came else 0


def explain_address(described: Mapping[str, str]) -> None:
    """Tell where the dashboard is."""
    for name, address in described.items():
        if address:
            print(f"{name}: {address}", file=sys.stderr, flush=True)


def _memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform == "linux" else peak / 1024 / 1024
