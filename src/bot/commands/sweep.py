"""`bot sweep`: one strategy with many sets of settings on the same candles. Needs no database and no network.

The compiled kernel screens all sets in moments; the exact engine has the last word on the best of them.
"""

import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from bot.commands import sources, studying
from bot.commands.output import ExitCode, Json, as_json, fail, given, say, warn
from bot.commands.sweep_study import sweep_study, work
from bot.commands.sweep_telling import bar, rounded, show, write

if TYPE_CHECKING:
    from bot.backtest.screening import Screened
    from bot.backtest.space import Params
    from bot.domain.instrument import Instrument
    from bot.history.columns import Columns
    from bot.strategies.base import Strategy
    from bot.strategies.config import StrategyConfig

Best = Annotated[int, typer.Option("--best", min=1, help="How many of the best the exact engine plays again.")]
Jobs = Annotated[int, typer.Option("--jobs", min=0, help="How many work at once. 0: one for each core.")]
All = Annotated[bool, typer.Option("--all", help="Tell of every set, not of the best alone.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write every set to a file: .csv or .json.")]
WORKER = "worker"
"""Instead of a strategy: work on a study that is kept. No strategy may be called so."""
_SUFFIXES = {".csv", ".json"}
_SAME = 1e-6
"""Relative difference up to which kernel and engine agree."""


def sweep(
    name: sources.Name,
    candles: sources.Candles = None,
    symbol: sources.Symbol = "",
    interval: sources.Interval = "1m",
    since: sources.Since = "",
    until: sources.Until = "",
    grid: studying.Grid = None,
    param: sources.Param = None,
    order_value: sources.OrderValue = 50.0,
    fee_pct: sources.FeePct = 0.001,
    fill: sources.Fill = "next",
    slippage_bps: sources.Slippage = 0.0,
    funds: sources.Funds = 10_000.0,
    rules: sources.Rules = None,
    best: Best = 3,
    jobs: Jobs = 0,
    everything: All = False,
    out: Out = None,
    search: studying.Search = "grid",
    trials: studying.Trials = None,
    seed: studying.Seed = 1,
    objective: studying.Objective = None,
    where: studying.Where = None,
    study: studying.Study = "",
    worker_memory: studying.Memory = 1_000,
    cluster: studying.Cluster = "",
    json: Json = False,
) -> None:
    """Play a strategy with many sets of settings on the same candles, and show which did best by net P&L.

    `bot sweep worker --study NAME` works on a study that is kept, on this host or another one.
    """
    from bot.backtest.run import Part  # noqa: PLC0415
    from bot.domain.money import exact  # noqa: PLC0415

    if name == WORKER:
        work(study or fail("name the study to work on: --study NAME", ExitCode.USAGE), candles,
             studying.crew_of(jobs, worker_memory, cluster), json=json)  # fmt: skip
        return
    if not grid:
        fail("nothing varies; give --grid fast=5,10,15 or --grid slow=20:200:20", ExitCode.USAGE)
    if out is not None and (out.suffix not in _SUFFIXES or not out.absolute().parent.is_dir()):
        fail(f"--out {out}: name a .csv or .json file in a folder that is there", ExitCode.USAGE)
    if study or objective or where or trials is not None or search != "grid" or cluster:
        asked = studying.Asked(
            name, candles, symbol, interval, since, until, param or [], grid,
            {"order_value": order_value, "fee_pct": fee_pct, "fill": fill, "slippage_bps": slippage_bps}, funds,
            rules, search, trials, seed, objective or [], where or [],
        )  # fmt: skip
        crew = studying.crew_of(jobs, worker_memory, cluster)
        sweep_study(asked, study, crew, best, out, everything=everything, json=json)
        return
    strategy = sources.strategy_named(name)
    fixed = {
        "symbol": symbol or fail("--symbol is missing; name the pair, like --symbol BTCUSDT", ExitCode.USAGE),
        "candle": interval, "order_value": order_value, "fee_pct": fee_pct, "fill": fill, "slippage_bps": slippage_bps,
    } | given("--param", param or [])  # fmt: skip
    sets = _sets(strategy, fixed, grid)
    began = time.perf_counter()
    columns = sources.columns_of(candles, sets.configs[0], since, until)
    loaded = time.perf_counter()
    instrument = _instrument(sources.rules_of(rules), sets.configs[0].symbol)
    sources.refuse_misleading(Part(strategy, sets.configs[0]), columns, {instrument.symbol: instrument})
    task = Task(strategy, sets, columns, instrument, exact(funds), jobs)
    measured = _measure(task, quiet=json)
    result = _result(task, measured, best, loaded - began) | {"missing": sources.missing(columns)}
    rows = [rounded(params, one) for params, one in zip(sets.params, measured.figures, strict=True)]
    if out is not None:
        write(out, rows)
    if json:
        as_json(result | ({"rows": rows} if everything else {}))
        return
    show(result, rows if everything else [])
    if out is not None:
        say(f"wrote {out}")


class Sets(NamedTuple):
    """The sets of settings that may be, and how many of the grid may not."""

    params: "list[Params]"
    configs: "list[StrategyConfig]"
    left_out: int


class Task(NamedTuple):
    """What is to be measured."""

    strategy: "type[Strategy]"
    sets: Sets
    columns: "Columns"
    instrument: "Instrument"
    funds: Decimal
    jobs: int


class Measured(NamedTuple):
    """Figures of all sets, by whom, and how long getting ready and measuring took, in seconds."""

    figures: "list[Screened]"
    screened: int
    because: str
    """Why the engine had to play what the kernel did not; "" if nothing was left to it."""
    prepare_s: float
    run_s: float


def _sets(strategy: "type[Strategy]", fixed: Mapping[str, Any], grid: Sequence[str]) -> Sets:
    """Read the grid; sets that do not fit together (a quick average that is the slower one) are left out."""
    from bot.backtest.space import parse  # noqa: PLC0415
    from bot.domain.errors import Misconfigured  # noqa: PLC0415
    from bot.strategies.config import parse_config  # noqa: PLC0415

    space = parse(grid)
    for varied in space.names:
        if varied in {"symbol", "candle", "market"}:
            fail(f"{varied} says which candles are played; a sweep varies what is done with them", ExitCode.USAGE)
        if varied not in strategy.Config.model_fields:
            parse_config(strategy.Config, {**fixed, varied: 0})  # (says what the settings are)
    kept: list[Params] = []
    configs: list[StrategyConfig] = []
    left_out, why = 0, ""
    for params in space.grid():
        try:
            configs.append(parse_config(strategy.Config, {**fixed, **params}))
            kept.append(params)
        except Misconfigured as error:
            left_out, why = left_out + 1, why or str(error)
    if not configs:
        raise Misconfigured(f"none of the {left_out} sets can be: {why}")
    return Sets(kept, configs, left_out)


def _instrument(rules: "Mapping[str, Instrument]", symbol: str) -> "Instrument":
    from bot.domain.errors import Misconfigured  # noqa: PLC0415

    if (found := rules.get(symbol)) is None:
        raise Misconfigured(
            f"no rules (tick, step, smallest order) are known for {symbol}; "
            "give those of the exchange with --rules FILE, an answer of exchangeInfo"
        )
    return found


def _measure(task: Task, *, quiet: bool) -> Measured:
    """Screen what the kernel knows, and let the exact engine play the rest."""
    from bot.backtest import screening  # noqa: PLC0415
    from bot.backtest.exact_sets import exactly_all  # noqa: PLC0415

    strategy, configs = task.strategy, task.sets.configs
    began = ready = time.perf_counter()
    missing = ""
    if screening.is_there():
        screening.prepare()
        ready = time.perf_counter()
        with bar("screening", len(configs), quiet=quiet) as done:
            found = screening.screen(
                strategy, configs, task.columns, task.instrument, task.funds, jobs=task.jobs, done=done
            )
    else:
        missing = f"the compiled kernel is not installed ({screening.INSTALL})"
        found = [screening.unknown(strategy, config, task.instrument) or missing for config in configs]
    left = [number for number, each in enumerate(found) if isinstance(each, str)]
    because = str(found[left[0]]) if left else ""
    figures = {number: each for number, each in enumerate(found) if not isinstance(each, str)}
    if left:
        warn(f"{len(left)} of {len(configs)} sets are played by the exact engine: {because}")
        asked = [configs[number] for number in left]
        with bar("playing", len(left), quiet=quiet) as done:
            exact = exactly_all(strategy, asked, task.columns, task.instrument, task.funds, jobs=task.jobs, done=done)
        figures |= dict(zip(left, exact, strict=True))
    ended = time.perf_counter()
    every = [figures[number] for number in range(len(configs))]
    return Measured(every, len(configs) - len(left), because, ready - began, ended - ready)


def _result(task: Task, measured: Measured, best: int, load_s: float) -> dict[str, Any]:
    """Play the best again by the exact engine, and say what came of everything."""
    from bot.backtest.exact_sets import exactly_all  # noqa: PLC0415
    from bot.commands.backtest import peak_rss_mb  # noqa: PLC0415

    sets, figures = task.sets, measured.figures
    order = sorted(range(len(figures)), key=lambda number: -figures[number].net_pnl)[:best]
    began = time.perf_counter()
    again = exactly_all(
        task.strategy, [sets.configs[number] for number in order], task.columns, task.instrument, task.funds,
        jobs=task.jobs,
    )  # fmt: skip
    chosen = [
        rounded(sets.params[number], exact) | {"difference": _difference(figures[number], exact)}
        for number, exact in zip(order, again, strict=True)
    ]
    if any(each["difference"]["trades"] or each["difference"]["net_pnl"] > _SAME for each in chosen):
        warn("kernel and engine differ (see difference): believe the engine, and tell us of it")
    bars = len(figures) * len(task.columns)
    return {
        "strategy": task.strategy.name,
        "symbol": task.instrument.symbol,
        "interval": task.columns.interval,
        "combos": len(figures),
        "left_out": sets.left_out,
        "screened": measured.screened,
        "because": measured.because,
        "candles": len(task.columns),
        "bars": bars,
        "trades": sum(each.trades for each in figures),
        "load_s": round(load_s, 4),
        "prepare_s": round(measured.prepare_s, 4),
        "run_s": round(measured.run_s, 4),
        "exact_s": round(time.perf_counter() - began, 4),
        "bars_per_s": round(bars / measured.run_s),
        "peak_rss_mb": round(peak_rss_mb(), 1),
        "best": chosen,
    }


def _difference(screened: "Screened", exact: "Screened") -> dict[str, float]:
    """Say how far the kernel was from the engine: in trades, and in P&L as a fraction of all that was won and lost."""
    scale = max(abs(exact.net_pnl), exact.fees, 1e-9)
    return {"trades": screened.trades - exact.trades, "net_pnl": abs(screened.net_pnl - exact.net_pnl) / scale}
