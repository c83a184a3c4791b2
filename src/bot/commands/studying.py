"""What the commands of studies share: options, the way from these to a plan, progress, and how trials are told."""

import contextlib
import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from bot.commands import sources
from bot.commands.output import ExitCode, fail, given, pairs, table, warn
from bot.commands.sources import columns_of, rules_of, strategy_named

if TYPE_CHECKING:
    from pathlib import Path

    from bot.backtest.studies.figures import Figures
    from bot.backtest.studies.monte_carlo import Luck
    from bot.backtest.studies.plan import Plan
    from bot.backtest.studies.session import Crew, Row
    from bot.backtest.studies.trial import Bench
    from bot.db.studies import Studies
    from bot.db.trials import Trial

Grid = Annotated[
    list[str] | None,
    typer.Option("--grid", help="A setting that varies: fast=5,10,15, slow=20:200:20, x=0.1..1~log; repeatable."),
]
Search = Annotated[str, typer.Option("--search", help="grid, random, tpe or nsga2.")]
Trials = Annotated[int | None, typer.Option("--trials", help="How many sets to try. Default: all of a grid, else 100.")]
Seed = Annotated[int, typer.Option("--seed", help="Of what is drawn: the same seed gives the same sets.")]
Objective = Annotated[
    list[str] | None,
    typer.Option("--objective", help="A figure to aim at, like net_pnl or max_drawdown:min; repeatable."),
]


def _refuse_endless(bounds: list[str] | None) -> list[str] | None:
    """End with one line when a bound compares with what is no amount; all else that may be wrong, `aims` says."""
    for word in bounds or ():
        with contextlib.suppress(ValueError):
            if not math.isfinite(float(re.split("[<>]=?", word)[-1])):
                fail(f"--where {word!r} compares with what is no amount; write it like trades>=30", ExitCode.USAGE)
    return bounds


Where = Annotated[
    list[str] | None,
    typer.Option("--where", help="A bound, like 'trades>=30'; repeatable.", callback=_refuse_endless),
]
Jobs = Annotated[int, typer.Option("--jobs", min=0, help="Processes that play trials. 0: one for each core.")]
Memory = Annotated[int, typer.Option("--worker-memory", help="MB beyond which a process is replaced.")]
Cluster = Annotated[str, typer.Option("--cluster", help="Play on the Ray cluster there; local: on one of our own.")]
Study = Annotated[str, typer.Option("--study", help="Keep it in the database by this name; the same line goes on.")]
Best = Annotated[int, typer.Option("--best", help="How many of the best to show.")]

SHOWN = ("net_pnl", "trades", "win_rate", "profit_factor", "max_drawdown", "sharpe")


class Asked(NamedTuple):
    """What was asked for, as it was typed."""

    name: str
    candles: "Path | None"
    symbol: str
    interval: str
    since: str
    until: str
    param: Sequence[str]
    grid: Sequence[str]
    settings: Mapping[str, Any]
    """Those that have options of their own."""
    funds: float
    rules: "Path | None"
    search: str = "grid"
    trials: int | None = None
    seed: int = 1
    objectives: Sequence[str] = ()
    bounds: Sequence[str] = ()


def bench_of(asked: Asked, split: Mapping[str, Any] | None = None) -> "Bench":
    """Read candles and rules, and make a plan of what was asked for; ends with one line when it cannot be."""
    from bot.backtest.space import parse  # noqa: PLC0415
    from bot.backtest.studies.plan import Plan, code_of, refuse_unknown_names, tape_of  # noqa: PLC0415
    from bot.backtest.studies.trial import Bench  # noqa: PLC0415
    from bot.domain.errors import Misconfigured  # noqa: PLC0415
    from bot.domain.money import exact  # noqa: PLC0415
    from bot.strategies.config import StrategyConfig, parse_config  # noqa: PLC0415

    strategy = strategy_named(asked.name)
    symbol = asked.symbol or fail("--symbol is missing; name the pair, like --symbol BTCUSDT", ExitCode.USAGE)
    common = {"symbol": symbol, "candle": asked.interval}
    settings = {**common, **asked.settings, **given("--param", asked.param)}
    space = parse(asked.grid)
    refuse_unknown_names(strategy, settings, space.names)
    for name in space.names:
        if name in given("--param", asked.param):
            raise Misconfigured(f"{name} stays by --param and varies by --grid; choose one")
        settings.pop(name, None)
    # What only the strategy knows may depend on what varies: it is read with each trial.
    fixed = parse_config(
        StrategyConfig, {key: value for key, value in settings.items() if key in StrategyConfig.model_fields}
    )
    columns = columns_of(asked.candles, fixed, asked.since, asked.until)
    instrument = rules_of(asked.rules).get(fixed.symbol)
    if instrument is None:
        raise Misconfigured(f"no rules are known for {fixed.symbol}; give those of the exchange with --rules FILE")
    sources.missing(columns)
    plan = Plan(
        strategy=asked.name,
        code=code_of(strategy),
        settings={**settings, "symbol": fixed.symbol, "candle": fixed.candle},
        space=tuple(asked.grid),
        funds={instrument.quote: exact(asked.funds)},
        instrument=instrument,
        tape=tape_of(columns),
        search=asked.search,
        trials=asked.trials,
        seed=asked.seed,
        objectives=tuple(asked.objectives) or ("net_pnl",),
        bounds=tuple(asked.bounds),
        split=dict(split or {}),
    )
    return Bench(plan, strategy, columns)


def refuse_misleading(bench: "Bench", params: "Mapping[str, Any]") -> None:
    """Refuse a strategy that looks ahead, by a quick look at one of its sets, and say what else is found."""
    from bot.backtest.run import Part  # noqa: PLC0415

    instrument = bench.plan.instrument
    part = Part(bench.strategy, bench.config(dict(params)))
    sources.refuse_misleading(part, bench.columns, {instrument.symbol: instrument})


def bench_again(plan: "Plan", candles: "Path | None") -> "Bench":
    """Find the strategy and the candles of a study that is kept; ends with one line when they are not the same."""
    from bot.backtest.studies.plan import refuse_other_candles, refuse_other_code  # noqa: PLC0415
    from bot.backtest.studies.trial import Bench  # noqa: PLC0415
    from bot.commands.data import open_store  # noqa: PLC0415
    from bot.history.columns import read_csv  # noqa: PLC0415

    strategy = strategy_named(plan.strategy)
    refuse_other_code(plan, strategy)
    tape = plan.tape
    bounds = tape.first_ms, tape.last_ms + 1
    if candles is None:
        columns = open_store().read(tape.stream, *bounds)
    else:
        columns = read_csv(candles, tape.market, tape.symbol, tape.interval).between(*bounds)
    if not len(columns):
        fail(f"{candles} has none of the study's candles; give the file that it began with", ExitCode.CONFIG)
    refuse_other_candles(plan, columns)
    return Bench(plan, strategy, columns)


def crew_of(jobs: int, memory_mb: int, cluster: str) -> "Crew":
    """Give the workers that were asked for."""
    import os  # noqa: PLC0415

    from bot.backtest.studies.session import Crew  # noqa: PLC0415
    from bot.config import load  # noqa: PLC0415

    return Crew(jobs or os.cpu_count() or 1, load().STRATEGIES_DIR, float(memory_mb), cluster)


@contextlib.contextmanager
def kept() -> "Iterator[Studies]":
    """Open the studies in the database, which is started if it is our own."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.db.studies import Studies  # noqa: PLC0415

    with Studies(Roof().db_url) as studies:
        yield studies


@contextlib.contextmanager
def progress(title: str, total: int | None, done: int = 0, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Show a bar with the time that is left, on a terminal; gives what is told of each trial that ends."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("trials, left"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=total, completed=done)
        yield lambda count: shown.advance(task, count)


class Timer:
    """How long it took since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def s(self) -> float:
        """Seconds, to a tenth of a ms."""
        return round(time.perf_counter() - self._began, 4)


def ordered(params: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Give settings in the order in which they were asked for: the database keeps another."""
    return {name: params[name] for name in names}


def numbers(figures: "Figures") -> dict[str, Any]:
    """Give figures to a program: money as text is exact, here it is for reading."""
    from bot.backtest.studies.figures import to_json  # noqa: PLC0415

    told = to_json(figures)
    return {**told, "net_pnl": float(figures.net_pnl), "fees": float(figures.fees)}


def row_of(row: "Row", names: Sequence[str]) -> dict[str, Any]:
    """Tell a trial to a program."""
    return {"number": row.trial.number, "params": ordered(row.trial.wanted.params, names), **numbers(row.figures)}


def told(plan: "Plan", trials: "Sequence[Trial]", count: int) -> dict[str, Any]:
    """Tell what came of a study of all candles: the best sets, and how far to believe the first of them."""
    from bot.backtest.studies.aims import aims  # noqa: PLC0415
    from bot.backtest.studies.session import belief, best, rows  # noqa: PLC0415
    from bot.db.trials import TrialState  # noqa: PLC0415

    judged, names = rows(trials), plan.where.names
    wished = aims(plan.objectives, plan.bounds)
    ranked = best(judged, wished)
    trust = belief(judged, ranked[0]) if ranked else None
    return {
        "strategy": plan.strategy, "symbol": plan.tape.symbol, "interval": plan.tape.interval, "search": plan.search,
        "objectives": list(plan.objectives), "where": list(plan.bounds), "seed": plan.seed,
        "combos": len(trials), "done": len(judged),
        "failed": sum(each.state is TrialState.FAILED for each in trials),
        "bars": sum(row.figures.bars for row in judged), "trades": sum(row.figures.trades for row in judged),
        "within_bounds": len(ranked),
        "front": len(wished.front([(row, row.figures) for row in judged])),
        "deflated_sharpe": None if trust is None else {
            "probability": round(trust.probability, 4), "expected_best": trust.expected, "trials": trust.trials,
        },
        "best": [row_of(row, names) for row in ranked[:count]],
    }  # fmt: skip


def show(answer: Mapping[str, Any]) -> None:
    """Show that to a person."""
    head = ("strategy", "symbol", "interval", "search", "combos", "done", "failed", "left_out", "bars", "run_s")
    pairs({key.replace("_", " "): answer[key] for key in head if key in answer})
    names = list(answer["best"][0]["params"]) if answer["best"] else []
    table(
        f"the best by {', '.join(answer['objectives'])}",
        ["#trial", *(f"#{name}" for name in names), *(f"#{name.replace('_', ' ')}" for name in SHOWN)],
        [(each["number"], *each["params"].values(), *(shown(name, each[name]) for name in SHOWN))
         for each in answer["best"]],
        empty=f"no set keeps the bounds {' '.join(answer['where'])}" if answer["where"] else "no set was judged",
    )  # fmt: skip
    if (trust := answer["deflated_sharpe"]) is not None:
        warn_of_luck(trust["probability"], trust["trials"])


def warn_of_luck(probability: float, trials: int) -> None:
    """Say how likely the best is better than the luckiest of so many that are worth nothing."""
    words = f"{probability:.1%} that the best is more than the luck of {trials} trials (deflated Sharpe ratio)"
    if probability < 0.95:
        warn(f"{words}; below 95 % it is not to be relied on. Try it on other candles: bot walk-forward")
    else:
        typer.echo(words)


def luck_of(luck: "Luck | None") -> dict[str, Any] | None:
    """Tell the luck in the order of round trips to a program."""
    return None if luck is None else luck._asdict()


def shown(name: str, value: Any) -> str:
    """Write a figure for a person."""
    if value is None:
        return "-"
    if name in {"win_rate", "max_drawdown", "total_return"}:
        return f"{value:.1%}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
