"""`bot walk-forward`: settings are chosen on one stretch of candles and tried on the next, which they never saw."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands import sources, studying
from bot.commands.output import ExitCode, Json, as_json, fail, pairs, say, table, warn
from bot.commands.studying import (
    Asked,
    Timer,
    bench_of,
    crew_of,
    kept,
    luck_of,
    numbers,
    ordered,
    progress,
    refuse_misleading,
    shown,
)

if TYPE_CHECKING:
    from bot.backtest.studies.session import Crew
    from bot.backtest.studies.trial import Bench, Stretch
    from bot.backtest.studies.walk_forward import Leg, Walked

SHOWN = ("gain", "trades", "sharpe")


def walk_forward(
    name: sources.Name,
    candles: sources.Candles = None,
    symbol: sources.Symbol = "",
    interval: sources.Interval = "1m",
    since: sources.Since = "",
    until: sources.Until = "",
    param: sources.Param = None,
    grid: studying.Grid = None,
    order_value: sources.OrderValue = 50.0,
    fee_pct: sources.FeePct = 0.001,
    fill: sources.Fill = "next",
    slippage_bps: sources.Slippage = 0.0,
    funds: sources.Funds = 10_000.0,
    rules: sources.Rules = None,
    train: Annotated[str, typer.Option("--train", help="Length settings are chosen on, like 60d.")] = "",
    test: Annotated[str, typer.Option("--test", help="Length they are tried on then, like 20d.")] = "",
    anchored: Annotated[bool, typer.Option("--anchored", help="Choose on all there was since the beginning.")] = False,
    folds: Annotated[
        int, typer.Option("--folds", help="Instead: try on each of so many parts, chosen on the rest.")
    ] = 0,
    embargo: Annotated[str, typer.Option("--embargo", help="With --folds: left out after each part, like 1d.")] = "",
    search: studying.Search = "grid",
    trials: studying.Trials = None,
    seed: studying.Seed = 1,
    objective: studying.Objective = None,
    where: studying.Where = None,
    jobs: studying.Jobs = 0,
    worker_memory: studying.Memory = 1_000,
    cluster: studying.Cluster = "",
    study: studying.Study = "",
    equity: Annotated[
        Path | None, typer.Option("--equity", help="Write the joined equity of the tries as CSV.")
    ] = None,
    json: Json = False,
) -> None:
    """Choose settings on one stretch of candles, try them on the next, and say what was left of their gain."""
    asked = Asked(
        name, candles, symbol, interval, since, until, param or [], grid or [],
        {"order_value": order_value, "fee_pct": fee_pct, "fill": fill, "slippage_bps": slippage_bps}, funds, rules,
        search, trials, seed, objective or [], where or [],
    )  # fmt: skip
    split = _split(train, test, embargo, folds, is_anchored=anchored)
    crew = crew_of(jobs, worker_memory, cluster)
    timer = Timer()
    bench = bench_of(asked, split)
    load_s, timer = timer.s, Timer()
    walked, left_out = _walk(bench, crew, study, quiet=json)
    if equity is not None:
        _write(equity, walked)
    answer = _told(bench, walked, seed) | {"left_out": left_out, "load_s": load_s, "run_s": timer.s}
    if json:
        as_json(answer)
    else:
        _show(answer)


def _split(train: str, test: str, embargo: str, folds: int, *, is_anchored: bool) -> dict[str, Any]:
    from bot.backtest.studies.windows import folding, length_ms, walking  # noqa: PLC0415

    if folds and (train or test or is_anchored):
        fail("--folds cuts the candles by itself; leave out --train, --test and --anchored", ExitCode.USAGE)
    if folds:
        return folding(folds, length_ms("--embargo", embargo) if embargo else 0)
    if embargo:
        fail("--embargo goes with --folds: walking forward, nothing after a window is learned from", ExitCode.USAGE)
    lengths = (length_ms(option, text) if text else None for option, text in (("--train", train), ("--test", test)))
    return walking(*lengths, is_anchored=is_anchored)


def _walk(bench: "Bench", crew: "Crew", study: str, *, quiet: bool) -> "tuple[Walked, int]":
    from bot.backtest.studies.book import MemoryBook  # noqa: PLC0415
    from bot.backtest.studies.walk_forward import first_windows, walk  # noqa: PLC0415

    found, wanted, left_out = first_windows(bench)
    refuse_misleading(bench, wanted[0].params)
    total = len(wanted) + len(found)
    if not study:
        book = MemoryBook()
        book.add(wanted)
        with progress("walking", total, quiet=quiet) as tell:
            return walk(bench, book, found, crew, tell), left_out
    with kept() as studies:
        studies.begin(study, bench.plan.text(), bench.plan.digest, wanted)
        with progress("walking", total, studies.find(study).done, quiet=quiet) as tell:
            return walk(bench, studies.book(study), found, crew, tell), left_out


def _told(bench: "Bench", walked: "Walked", seed: int) -> dict[str, Any]:
    from bot.backtest.studies.monte_carlo import luck  # noqa: PLC0415

    plan = bench.plan
    chosen = [leg.params for leg in walked.legs if leg.params is not None]
    results = [result for played in walked.played for result in played.results]
    return {
        "strategy": plan.strategy, "symbol": plan.tape.symbol, "interval": plan.tape.interval, "search": plan.search,
        "objectives": list(plan.objectives), "where": list(plan.bounds), "seed": plan.seed, "split": plan.split,
        "windows": [_leg(bench, leg) for leg in walked.legs],
        "different_choices": len({tuple(each.values()) for each in chosen}),
        "joined": None if walked.figures is None else numbers(walked.figures),
        "efficiency": walked.efficiency,
        "probability": walked.probability,
        "luck": luck_of(luck(results, seed)),
    }  # fmt: skip


def _leg(bench: "Bench", leg: "Leg") -> dict[str, Any]:
    return {
        "window": leg.window.label,
        "train": [_times(bench, each) for each in leg.window.train],
        "test": _times(bench, leg.window.test),
        "params": None if leg.params is None else ordered(leg.params, bench.plan.where.names),
        "seen": None if leg.seen is None else numbers(leg.seen),
        "unseen": None if leg.unseen is None else numbers(leg.unseen),
        "deflated_sharpe": None if leg.belief is None else round(leg.belief.probability, 4),
    }


def _times(bench: "Bench", stretch: "Stretch") -> list[int]:
    """Give the open times (ms) of the first and the last candle."""
    times = bench.columns.open_time
    return [int(times[stretch.first]), int(times[stretch.last - 1])]


def _show(answer: dict[str, Any]) -> None:
    rows = []
    for each in answer["windows"]:
        seen, unseen, params = (each[key] or {} for key in ("seen", "unseen", "params"))
        for figures in (seen, unseen):
            figures["gain"] = figures["net_pnl"] + figures["unrealised"] if figures else None
        rows.append((
            each["window"], _day(each["test"][0]), _day(each["test"][1]),
            " ".join(f"{name}={value}" for name, value in params.items()) or "none kept the bounds",
            *(shown(key, seen.get(key)) for key in SHOWN), *(shown(key, unseen.get(key)) for key in SHOWN),
            shown("win_rate", each["deflated_sharpe"]),
        ))  # fmt: skip
    table(
        f"chosen by {', '.join(answer['objectives'])} on what was seen, tried on what was not",
        ["", "tried from", "to", "chosen", "#seen: P&L", "#trades", "#sharpe", "#unseen: P&L", "#trades",
         "#sharpe", "#deflated"],
        rows, empty="",
    )  # fmt: skip
    joined = answer["joined"]
    if joined is None:
        warn("nothing was ever chosen: no set kept the bounds in any window")
        return
    pairs({
        "tried": f"net P&L {joined['net_pnl']:.2f}, {joined['trades']} trades, drawdown {joined['max_drawdown']:.1%},"
                 f" Sharpe {shown('sharpe', joined['sharpe'])}",
        "efficiency": "nothing was gained where settings were chosen" if answer["efficiency"] is None
                      else f"{answer['efficiency']:.0%} of the gain that was seen, candle for candle",
        "choices": f"{answer['different_choices']} different ones in {len(answer['windows'])} windows",
        **_luck_words(answer["luck"]),
    })  # fmt: skip
    if answer["probability"] is not None:
        words = f"{answer['probability']:.1%} that what was tried is worth more than nothing"
        if answer["probability"] < 0.95:
            warn(f"{words}; below 95 % it is not to be relied on")
        else:
            say(words)


def _luck_words(luck: dict[str, Any] | None) -> dict[str, str]:
    if luck is None:
        return {}
    return {
        "order of trades": f"the deepest fall was {luck['fall']:.2f}; in other orders {luck['falls'][50]:.2f}"
        f" as a rule, {luck['falls'][95]:.2f} in one of twenty",
        "other draws": f"P&L from {luck['ends'][5]:.2f} to {luck['ends'][95]:.2f} in nine of ten,"
        f" a loss in {luck['loses']:.0%}",
    }


def _write(path: Path, walked: "Walked") -> None:
    won = 0.0
    lines = ["time_ms,equity"]
    for played in walked.played:
        lines += [
            f"{time_ms},{equity + won:.8f}"
            for time_ms, equity in zip(played.time_ms.tolist(), played.equity.tolist(), strict=True)
        ]
        won += float(played.equity[-1]) - played.capital
    try:
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}; choose another file", ExitCode.CONFIG)


def _day(time_ms: int) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
