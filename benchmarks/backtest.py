"""Backtests and sweeps: a year of minutes candle by candle, sparsely, and a hundred pairs of averages at once.

Run it as `python benchmarks/backtest.py [dense sparse sweep command] [--rows 525600] [--json]`. Each figure stands
beside a floor measured in the same run: a bare Python loop with the two averages alone for one backtest, a compiled
loop that follows the averages of every pair for the sweep. The ratio can be compared between machines and days.
Time is processor time; `command` is the whole command as a person starts it, by the clock and in processor time.
Ends with 1 when an aim is missed, or when two ways of playing the same do not come to the same.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numba
import numpy as np

from bot.backtest import screening
from bot.backtest.exact_sets import exactly
from bot.backtest.run import Part, backtest
from bot.domain.market import Market
from bot.history.columns import NEEDED, Columns, made
from bot.simulation.instruments import bundled
from bot.strategies.sma_cross import SmaCross

YEAR = 525_600
BTC = bundled()["BTCUSDT"]
FUNDS = Decimal(1_000_000)
"""More than ten years of dust take: who runs out of money trades no more, and looks quick."""
PAIRS = [(fast, slow) for fast in range(5, 55, 5) for slow in range(60, 260, 20)]
ROUNDS = 3
AIMS = {"dense": 0.17, "sparse": 1.7, "sweep": 0.15}
"""Multiples of the floor: 400,000 and 4 million bars a second where the bare loop does 2.3 million; a sweep of 0.65 s
on two cores where the compiled loop takes 0.2 s on one."""


def year(rows: int) -> Columns:
    """Make minutes that wander by a seed, prices on the tick."""
    random = np.random.default_rng(7)
    close = np.round(60_000 * np.exp(np.cumsum(random.normal(0, 0.0006, rows))), 2)
    opened = np.concatenate(([60_000.0], close[:-1]))
    arrays = {
        "open_time": 1_704_067_200_000 + 60_000 * np.arange(rows),
        "open": opened,
        "high": np.round(np.maximum(opened, close) * (1 + np.abs(random.normal(0, 0.0003, rows))), 2),
        "low": np.round(np.minimum(opened, close) * (1 - np.abs(random.normal(0, 0.0003, rows))), 2),
        "close": close,
        "volume": np.round(random.gamma(2, 5, rows), 5),
    }
    return made(Market.SPOT, "BTCUSDT", "1m", arrays)


def config(fast: int, slow: int) -> SmaCross.Config:
    """Give the settings of the work that the peers were measured on."""
    return SmaCross.Config(symbol="BTCUSDT", fast=fast, slow=slow, order_value=50.0, fee_pct=0.001, fill="next")


def took(work: Callable[[], Any]) -> tuple[float, Any]:
    """Give the least processor time of some rounds, in seconds, and what came of the last."""
    least, found = float("inf"), None
    for _ in range(ROUNDS):
        began = time.process_time()
        found = work()
        least = min(least, time.process_time() - began)
    return least, found


def bare_loop(columns: Columns, fast: int, slow: int) -> int:
    """Walk rows and follow the two averages in plain Python, as exactly as ours: what no walk can do without."""
    rows = zip(*(columns.column(name).tolist() for name in NEEDED), strict=True)
    quick, calm = deque([0] * fast, fast), deque([0] * slow, slow)
    quick_sum = calm_sum = crossed = 0
    was_above = False
    for _, _, _, _, close, _ in rows:
        units = int(close * 1e10 + 0.5)
        quick_sum += units - quick[0]
        calm_sum += units - calm[0]
        quick.append(units)
        calm.append(units)
        is_above = quick_sum / fast > calm_sum / slow
        if is_above is not was_above:
            crossed += 1
            was_above = is_above
    return crossed


@numba.njit(nogil=True)
def compiled_loop(close: Any, opened: Any, fast: int, slow: int) -> tuple[int, float]:
    """Follow two averages and trade their crosses at the next open in floats: what no sweep can do without."""
    quick = calm = pnl = bought = 0.0
    trades, was_above = 0, False
    for row in range(len(close)):
        quick += close[row] - (close[row - fast] if row >= fast else 0.0)
        calm += close[row] - (close[row - slow] if row >= slow else 0.0)
        if row < slow:
            continue
        is_above = quick * slow > calm * fast
        if is_above != was_above and row + 1 < len(close):
            price = opened[row + 1]
            if is_above:
                bought = price
            elif bought:
                pnl += 50.0 / bought * (price * 0.999 - bought * 1.001)
                trades += 1
            was_above = is_above
    return trades, pnl


def one(columns: Columns, mode: Literal["dense", "sparse"], floor_s: float) -> dict[str, Any]:
    """Measure one backtest in a mode."""
    part = Part(SmaCross, config(20, 50))
    spent, outcome = took(lambda: backtest([part], [columns], {BTC.symbol: BTC}, {"USDT": FUNDS}, mode=mode))
    return {
        "bars_per_s": round(len(columns) / spent), "floor_bars_per_s": round(len(columns) / floor_s),
        "times_the_floor": round(floor_s / spent, 3), "trades": len(outcome.tally.trades),
        "net_pnl": float(outcome.tally.net_pnl), "cpu_s": round(spent, 3),
    }  # fmt: skip


def sweep(columns: Columns) -> dict[str, Any]:
    """Measure the kernel on all pairs in one thread, and in one a core by the clock."""
    screening.prepare()
    compiled_loop(columns.close[:300], columns.open[:300], 5, 60)
    configs = [config(*pair) for pair in PAIRS]
    floor_s, _ = took(lambda: [compiled_loop(columns.close, columns.open, *pair) for pair in PAIRS])
    spent, found = took(lambda: screening.screen(SmaCross, configs, columns, BTC, FUNDS, jobs=1))
    began = time.perf_counter()
    screening.screen(SmaCross, configs, columns, BTC, FUNDS)
    by_clock = time.perf_counter() - began
    exact = exactly(SmaCross, configs[0], columns, BTC, FUNDS)
    bars = len(columns) * len(PAIRS)
    return {
        "bars_per_s": round(bars / spent), "floor_bars_per_s": round(bars / floor_s),
        "times_the_floor": round(floor_s / spent, 3), "trades": sum(each.trades for each in found),
        "net_pnl": found[0].net_pnl, "cpu_s": round(spent, 3), "all_cores_s": round(by_clock, 3),
        "is_exact": found[0].trades == exact.trades and abs(found[0].net_pnl - exact.net_pnl) < 1e-6,
    }  # fmt: skip


def command(columns: Columns) -> dict[str, Any]:
    """Start `bot sweep` as a person does, on a CSV file, twice: the second finds the kernel compiled."""
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "year.csv"
        rows = zip(*(columns.column(name).tolist() for name in NEEDED), strict=True)
        lines = [",".join(NEEDED), *(",".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        grid = ("--grid", "fast=5:50:5", "--grid", "slow=60:240:20")
        words = ("sweep", "sma_cross", "--candles", str(path), "--symbol", "BTCUSDT", *grid, "--json")
        for _ in range(2):
            before, began = _spent_s(), time.perf_counter()
            done = subprocess.run([sys.executable, "-m", "bot.cli", *words], capture_output=True, text=True, check=True)
            by_clock = time.perf_counter() - began
            answer = json.loads(done.stdout)
            told = {
                "command_s": round(by_clock, 3), "cpu_s": round(_spent_s() - before, 3), "trades": answer["trades"],
                **{name: answer[name] for name in ("load_s", "prepare_s", "run_s", "exact_s", "peak_rss_mb")},
            }  # fmt: skip
    return told


def _spent_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    """Measure what was asked for and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    every = ("dense", "sparse", "sweep", "command")
    parser.add_argument("what", nargs="*", metavar="|".join(every), help="default: all")
    parser.add_argument("--rows", type=int, default=YEAR)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    wanted = asked.what or every
    if unknown := set(wanted) - set(every):
        parser.error(f"{', '.join(unknown)}: choose from {', '.join(every)}")
    columns = year(asked.rows)
    floor_s, _ = took(lambda: bare_loop(columns, 20, 50))
    results: dict[str, dict[str, Any]] = {}
    for mode in ("dense", "sparse"):
        if mode in wanted:
            results[mode] = one(columns, mode, floor_s)
    if "sweep" in wanted:
        results["sweep"] = sweep(columns)
    if "command" in wanted:
        results["command"] = command(columns)
    missed = [name for name, aim in AIMS.items() if name in results and results[name]["times_the_floor"] < aim]
    played = {(results[mode]["trades"], results[mode]["net_pnl"]) for mode in ("dense", "sparse") if mode in results}
    differs = len(played) > 1 or not results.get("sweep", {}).get("is_exact", True)
    if asked.json:
        print(json.dumps({"rows": asked.rows, **results, "missed": missed, "differs": differs}))
    else:
        for name, figures in results.items():
            aim = f"   (aim {AIMS[name]})" if name in AIMS else ""
            print(f"{name}{aim}")
            for figure, value in figures.items():
                print(f"  {figure.replace('_', ' '):18} {value}")
        print(f"missed: {', '.join(missed) or 'nothing'}; differs: {'yes' if differs else 'no'}")
    return 1 if missed or differs else 0


if __name__ == "__main__":
    sys.exit(main())
