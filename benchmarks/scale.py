"""200 strategies over 20 symbols in one process at 60 candles a second and symbol: is any lost, and does the loop lag?

Run it as `python benchmarks/scale.py [--seconds 60] [--json]`. The market is an emulator in a process of its own; the
bot is the program that `bot start` runs, dashboard and aggregator included, in this process.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from measure import LagProbe, cpu_s, emulator, family_of, lag_of_an_idle_loop, pss_mb, rss_mb
from sqlalchemy import text

from bot.bootstrap import Roof
from bot.commands import heartbeat, program
from bot.config import load
from bot.db import embedded
from bot.db.base import unit_of_work
from bot.db.repositories import Accounts, Strategies
from bot.simulation.instruments import bundled

ACCOUNTS = 4
MINUTE_MS = 60_000
START_S, DRAIN_S = 120.0, 60.0
LAG_MS = 50.0

Key = tuple[int, str]
"""A strategy and its symbol."""
Place = tuple[int, int]
"""How many candles somebody has seen of a series, and the open time of the newest."""


def main() -> int:
    """Run, print, and say by the exit code whether the target holds."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    arguments.add_argument("--strategies", type=int, default=200)
    arguments.add_argument("--symbols", type=int, default=20)
    arguments.add_argument("--speed", type=float, default=3600.0, help="60 times the candles a second and symbol")
    arguments.add_argument("--json", action="store_true")
    chosen = arguments.parse_args()
    symbols = sorted(bundled())[: chosen.symbols]
    var = Path(tempfile.mkdtemp(prefix="bot-scale-"))
    var.chmod(0o755)
    try:
        options = ("--synthetic", "1", "--symbols", ",".join(symbols), "--ticks", "1", "--wait")
        with heartbeat.only_one(var), emulator(*options, "--speed", str(chosen.speed)) as (market, ready):
            roof = Roof(load(env_file=var / "no.env", environ=_settings(var, ready["spot"])))
            logs = roof.start_logs("scale", console=False)
            try:
                result = program.run_in_loop(lambda: _measure(roof, symbols, chosen, market.pid))
            finally:
                logs.stop()
    finally:
        embedded.erase(var / "postgres")
        shutil.rmtree(var)
    print(json.dumps(result, indent=None if chosen.json else 2))
    return 0 if result["holds"] else 1


def _settings(var: Path, address: str) -> dict[str, str]:
    return {
        "VAR_DIR": str(var),
        "LOG_DIR": str(var / "log"),
        "DASHBOARD_SQLITE_PATH": str(var / "metrics.sqlite3"),
        "DASHBOARD_REFRESH_SECONDS": "2",
        "API_PORT": "0",
        "MARKET_DATA_ENVIRONMENT": "emulator",
        "EMULATOR_URL": address,
        "RISK_MAX_DRAWDOWN": "1",
        "STRATEGY_MAX_DRAWDOWN": "1",
    }


async def _measure(roof: Roof, symbols: list[str], chosen: argparse.Namespace, market_pid: int) -> dict[str, Any]:
    await asyncio.to_thread(lambda: roof.db_url)
    await _furnish(roof, symbols, chosen.strategies)
    running = program.Program(roof)
    task = asyncio.create_task(running.run())
    try:
        await _until(lambda: _is_trading(running, task), START_S)
        database = embedded.running(roof.settings.VAR_DIR / "postgres")
        assert database is not None
        before = _slots(running)
        figures = await _watch(running, chosen.seconds, market_pid, database.pid)
        os.kill(market_pid, signal.SIGSTOP)  # the market holds its breath, so that all can be counted
        try:
            await _until(lambda: _is_drained(running), DRAIN_S)
            figures["candles"]["lost"] = _lost(before, _slots(running))
            counts = _hub(running).counts
            figures["since_the_start"] = {
                name: counts[name] for name in ("delivered", "duplicates", "repaired", "absent")
            }
        finally:
            os.kill(market_pid, signal.SIGCONT)
    finally:
        running.stop.set()
        await task
    figures |= await _traded(roof)
    await roof.close()
    wanted = chosen.speed * 1000 / MINUTE_MS * len(symbols)
    figures["candles"]["wanted_a_second"] = wanted
    is_prompt = figures["candles"]["a_second"] >= 0.97 * wanted
    figures["holds"] = bool(
        not figures["candles"]["lost"] and is_prompt and figures["loop_lag"]["p99_ms"] <= LAG_MS and task.done()
    )
    return figures


async def _furnish(roof: Roof, symbols: list[str], count: int) -> None:
    """Spread strategies over accounts and symbols; no two of a kind are set alike."""
    async with unit_of_work(roof.sessions) as session:
        owners = [
            await Accounts(session).create(f"account-{n}", environment="emulator", paper_funds={"USDT": "1000000"})
            for n in range(ACCOUNTS)
        ]
        for n in range(count):
            symbol, turn = symbols[n % len(symbols)], n // len(symbols)
            config: dict[str, Any] = {"symbol": symbol, "candle": "1m", "order_value": 200.0 + n, "stop_loss": 0.05}
            if turn % 2:
                name = "breakout"
                config |= {"window": 240 + 20 * turn, "exit_window": 120 + 10 * turn}
            else:
                name = "mean_reversion"
                config |= {"window": 120 + 30 * turn, "threshold": 0.008 + 0.001 * turn}
            # Whole turns share an account, so that every account looks at every symbol.
            await Strategies(session).create(
                owners[turn % ACCOUNTS].id, name, config, title=f"{name} {n}", enabled=True
            )


def _is_trading(running: program.Program, task: "asyncio.Task[None]") -> bool:
    if task.done():
        task.result()
    workers = running.orchestrator.workers.values()
    return len(workers) == ACCOUNTS and all(each.runner and each.runner.candles > 0 for each in workers)


def _is_drained(running: program.Program) -> bool:
    """Say whether everybody has seen all that the hub delivered."""
    hub = _newest(running)
    return all(newest == hub[symbol] for (_, symbol), (_, newest) in _slots(running).items())


async def _watch(running: program.Program, seconds: float, market_pid: int, database_pid: int) -> dict[str, Any]:
    probe, counts = LagProbe(), _hub(running).counts
    watching = asyncio.create_task(probe.watch())
    floor = asyncio.create_task(lag_of_an_idle_loop(seconds))
    groups = {"bot": [os.getpid()], "emulator": [market_pid], "postgresql": family_of(database_pid)}
    began, before = time.perf_counter(), {name: cpu_s(pids) for name, pids in groups.items()}
    delivered, slots, longest = counts["delivered"], _slots(running), 0
    while (passed := time.perf_counter() - began) < seconds:
        await asyncio.sleep(min(0.1, seconds - passed))
        longest = max(longest, *(_waiting(running)))
    took = time.perf_counter() - began
    used = {name: round((cpu_s(pids) - before[name]) / took, 2) for name, pids in groups.items()}
    watching.cancel()
    after = _slots(running)
    if after.keys() != slots.keys():
        raise RuntimeError("an account stopped or began anew while it was measured")
    return {
        "seconds": round(took, 1),
        "strategies": len(slots),
        "series": len(_newest(running)),
        "candles": {
            "a_second": round((counts["delivered"] - delivered) / took, 1),
            "delivered": counts["delivered"] - delivered,
            "shown_to_strategies": sum(after[key][0] - slots[key][0] for key in slots),
            "longest_queue": longest,
        },
        "loop_lag": {**probe.figures(), "floor": await floor},
        "cpu_cores": used,
        "memory_mb": {
            "bot": round(rss_mb(os.getpid())),
            "emulator": round(rss_mb(market_pid)),
            "postgresql": round(pss_mb(family_of(database_pid))),
        },
    }


def _lost(before: Mapping[Key, Place], after: Mapping[Key, Place]) -> int:
    """Give the closed candles that strategies should have been shown between two looks, and were not."""
    shown = sum(after[key][0] - before[key][0] for key in before)
    happened = sum((after[key][1] - before[key][1]) // MINUTE_MS for key in before)
    return happened - shown


async def _traded(roof: Roof) -> dict[str, Any]:
    async with roof.sessions() as session:
        figures: dict[str, Any] = {
            name: (await session.execute(text(f"SELECT count(*) FROM public.{name}"))).scalar_one()
            for name in ("orders", "fills", "trades", "decisions", "equity")
        }
    return {"written": figures}


def _hub(running: program.Program) -> Any:
    return running.feeds.hub("emulator")


def _newest(running: program.Program) -> Mapping[str, int]:
    """Give the open time of the newest candle that the hub delivered, by symbol."""
    return {each.stream.symbol: each.expected - MINUTE_MS for each in _hub(running)._series.values()}


def _slots(running: program.Program) -> dict[Key, Place]:
    """Give where each strategy stands in its series."""
    return {
        (slot.id, slot.config.symbol): (slot.candles, slot.last_open)
        for worker in running.orchestrator.workers.values()
        if worker.runner
        for slot in worker.runner._engine.slots.values()
    }


def _waiting(running: program.Program) -> Iterable[int]:
    return [worker.runner.inbox.waiting for worker in running.orchestrator.workers.values() if worker.runner] or [0]


async def _until(condition: Any, seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError("the benchmark's scene does not come about; its log says why")
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
