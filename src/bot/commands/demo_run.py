"""Runs the demo: an emulator in a process of its own, a folder of its own, and the same program as `bot start`."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.bootstrap import Roof
from bot.commands import heartbeat, program
from bot.commands.demo_result import gather
from bot.commands.demo_scene import SECRETS, SYMBOLS, Scene, furnish, scene_for
from bot.config import Settings, home, load
from bot.db import embedded
from bot.db.base import Mode
from bot.domain.errors import Misconfigured, Unavailable

READY_S = 30.0


@dataclass(frozen=True)
class Choice:
    """What the person asked for."""

    files: tuple[Path, ...]
    seconds: float
    json: bool
    rehearsal: bool
    live_data: bool
    speed: float
    seed: int
    port: int


def run(choice: Choice) -> int:
    """Run the demo to its end; gives the exit code."""
    var = _var()
    with heartbeat.only_one(var, "end it with Ctrl-C where it runs"), _market(choice) as market:
        scene = scene_for(market["symbols"], market["interval"], rehearsal=choice.rehearsal, live_data=choice.live_data)
        roof = Roof(_settings(var, choice, market["spot"]))
        logs = roof.start_logs("demo", console=False)
        try:
            return program.run_in_loop(lambda: _trade(roof, scene, choice))
        finally:
            logs.stop()
            _stop_database(var)


def reset() -> str:
    """Remove what an earlier demo left, its database included."""
    var = _var()
    if heartbeat.is_running(var):
        raise Misconfigured("a demo is running; end it first (Ctrl-C)")
    if not var.exists():
        return "there is no demo to remove"
    embedded.erase(var / "postgres")
    shutil.rmtree(var)
    return "the demo and its database are removed"


async def _trade(roof: Roof, scene: Scene, choice: Choice) -> int:
    began = time.monotonic()
    ids = await furnish(roof, scene)
    running = program.Program(roof)
    with program.stopped_by_signals(running.stop) as came:
        task = asyncio.create_task(running.run())
        await asyncio.wait({task, asyncio.create_task(running.ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            _welcome(running, choice)
            await _until_told(running, choice, task)
            mode = Mode.REHEARSAL if choice.rehearsal else Mode.PAPER
            result = await gather(roof, ids, mode, running.describe()) if choice.json else None
        running.stop.set()
        await task
    if choice.json:
        assert result is not None
        print(json.dumps({**result, "seconds": round(time.monotonic() - began, 1)}, default=str), flush=True)
    return program.exit_code_for(came)


async def _until_told(running: program.Program, choice: Choice, task: asyncio.Task[None]) -> None:
    stopped = asyncio.create_task(running.stop.wait())
    await asyncio.wait({stopped, task}, timeout=choice.seconds or None, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()


def _welcome(running: program.Program, choice: Choice) -> None:
    if running.first_run_address:
        print(f"Open {running.first_run_address}", file=sys.stderr)
        print("and choose a name and a password; the link works once.", file=sys.stderr)
    else:
        print(f"Open {running.address} (sign in as you did before; bot demo --reset forgets it).", file=sys.stderr)
    market = (
        "Binance's real market" if choice.live_data else "candles from files" if choice.files else "a made-up market"
    )
    print(f"Strategies are trading on {market}, with play money. Ctrl-C ends it.", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _market(choice: Choice) -> Iterator[Mapping[str, Any]]:
    """Run the emulator as a child; gives what it said when it was ready. It ends with us, whatever becomes of us."""
    if choice.live_data:
        yield {"spot": "", "symbols": SYMBOLS, "interval": "1m"}
        return
    command = [
        sys.executable, "-m", "bot.cli", "emulator", "--spot-port", "0", "--speed", str(choice.speed),
        "--balance", "USDT=10000", "--wait", "--parent", str(os.getpid()),
    ]  # fmt: skip
    for file in choice.files:
        command += ["--replay", str(file.absolute())]
    if not choice.files:
        command += ["--synthetic", str(choice.seed), "--symbols", ",".join(SYMBOLS)]
    source = str(Path(__file__).parents[2])
    # By the environment: a command line shows in the process list.
    customers = " ".join(f"demo-{name}:{secret}" for name, secret in SECRETS.items())
    child = subprocess.Popen(  # noqa: S603
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source, "EMULATOR_CUSTOMERS": customers},
        start_new_session=True,  # Ctrl-C is for us: the market goes on until our strategies have stopped
    )
    try:
        yield _ready_line(child)
    finally:
        child.terminate()
        try:
            child.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()


def _ready_line(child: "subprocess.Popen[str]") -> Mapping[str, Any]:
    assert child.stdout is not None
    assert child.stderr is not None
    line = child.stdout.readline()
    if not line:
        words = child.stderr.read().strip().splitlines() or ["it ended without a word"]
        raise Misconfigured(words[-1].removeprefix("error: "))
    ready: Mapping[str, Any] = json.loads(line)
    return ready


def _settings(var: Path, choice: Choice, address: str) -> Settings:
    market = {"MARKET_DATA_ENVIRONMENT": "production"} if choice.live_data else {
        "MARKET_DATA_ENVIRONMENT": "emulator", "EMULATOR_URL": address,
    }  # fmt: skip
    values = {"VAR_DIR": str(var), "DASHBOARD_REFRESH_SECONDS": "2", "API_PORT": str(choice.port), "LOG_LEVEL": "INFO"}
    # The person's own .env is for their own bot: a demo neither reads nor touches it.
    return load(env_file=var / "no.env", environ=values | market)


def _stop_database(var: Path) -> None:
    server = embedded.running(var / "postgres")
    if server is not None:
        with contextlib.suppress(Unavailable):
            server.stop()


def _var() -> Path:
    return (home() / "var" / "demo").absolute()
