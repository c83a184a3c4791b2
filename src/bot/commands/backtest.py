"""`bot backtest`: a strategy played on candles of the past. Needs no database and no network."""

import math
import resource
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bot.commands import backtest_futures as contracts
from bot.commands import backtest_money as money
from bot.commands import backtest_plan as plans
from bot.commands import backtest_report as reports
from bot.commands import sources
from bot.commands.output import ExitCode, Json, as_json, fail, given, pairs, say, warn

if TYPE_CHECKING:
    from bot.backtest.run import Outcome
    from bot.history.columns import Columns
    from bot.strategies.config import StrategyConfig


def backtest(
    name: sources.Name = "",
    candles: sources.Candles = None,
    symbol: sources.Symbol = "",
    interval: sources.Interval = "1m",
    since: sources.Since = "",
    until: sources.Until = "",
    param: sources.Param = None,
    order_value: sources.OrderValue = 50.0,
    fee_pct: sources.FeePct = 0.001,
    fill: sources.Fill = "next",
    slippage_bps: sources.Slippage = 0.0,
    funds: sources.Funds = 10_000.0,
    rules: sources.Rules = None,
    plan: plans.PlanFile = None,
    detail: plans.Detail = "",
    detail_candles: plans.DetailCandles = None,
    market: Annotated[str, typer.Option("--market", help="spot, or futures (USD-M).")] = "spot",
    leverage: contracts.Leverage = 1,
    funding: contracts.Funding = None,
    funding_rate: contracts.FundingRate = "0.0001",
    mark: contracts.Marks = None,
    brackets: contracts.Brackets = None,
    mode: Annotated[
        Literal["auto", "dense", "sparse"],
        typer.Option("--mode", help="auto, dense (candle by candle) or sparse (what no signal touches is skipped)."),
    ] = "auto",
    html: reports.Html = None,
    out: reports.Out = None,
    check: Annotated[bool, typer.Option(help="Check for look-ahead and warm-up first: bot strategy check.")] = True,
    save: reports.Save = None,
    json: Json = False,
) -> None:
    """Play a strategy on candles of the past, with the engine that trades live.

    Runs that were kept or written to files: bot backtest list, show, remove, compare.
    """
    from bot.backtest.run import Part  # noqa: PLC0415
    from bot.backtest.run import backtest as play  # noqa: PLC0415
    from bot.domain.money import exact  # noqa: PLC0415

    usual = {"candle": interval, "order_value": order_value, "fee_pct": fee_pct, "fill": fill}
    usual |= {"slippage_bps": slippage_bps, "market": market, "leverage": leverage}
    wishes = _wishes(plan, name, symbol, given("--param", param or []), usual)
    config = wishes[0].config
    if not math.isfinite(funds):
        fail(f"--funds {funds:g} is no amount; write it like 10000", ExitCode.CONFIG)
    wanted = reports.Wanted(html, out, save)
    reports.refuse_unwritable(wanted)
    began = time.perf_counter()
    load = partial(sources.candles_of, since=since, until=until)
    series = plans.series_of(wishes, candles, load)
    fine = plans.detail_of(detail, detail_candles, wishes, load)
    loaded = time.perf_counter()
    extras = contracts.Extras(rules, brackets, funding, funding_rate, mark)
    brought = contracts.bring(extras, series, config.market_of)
    instruments = sources.rules_of(rules) if brought is None else brought.instruments
    quote = plans.quote_of(wishes, instruments)
    futures = None if brought is None else brought.futures
    parts = [Part(wish.strategy, wish.config) for wish in wishes]
    for part, wish in zip(parts, wishes, strict=True) if check else ():
        sources.refuse_misleading(part, plans.by_stream(series)[wish.stream], instruments, futures)
    ready = time.perf_counter()
    outcome = play(parts, series, instruments, {quote: exact(funds)}, futures=futures, detail=fine, mode=mode)
    ended = time.perf_counter()
    result = _result(outcome, wishes, series, funds, loaded - began, ended - ready)
    result |= money.wallet(outcome, series, quote, exact(funds)) | {
        "missing": sum(map(sources.missing, series)),
        "checked": check,
    }
    said = {} if brought is None else brought.said
    if detail:
        said |= {"detail": f"{detail} candles inside the others while something is at stake"}
    if brought is not None:
        result |= contracts.told(outcome, config)
    result |= said
    done: list[str] = []
    if wanted:
        origin = reports.sources(candles, wishes, series, rules, quote, funds, said)
        done = reports.write(wanted, outcome, wishes, series, origin, result)
    if not result["trades"]:
        warn(f"nothing was traded: {_why_nothing(outcome)}")
    money.warn_of_poverty(outcome)
    if json:
        as_json(result)
    else:
        _show(result, done)


def _wishes(
    plan: Path | None, name: str, symbol: str, params: dict[str, Any], usual: dict[str, Any]
) -> list[plans.Wish]:
    """Say what is to be played: what a plan names, or the one strategy of the command."""
    from bot.strategies.config import parse_config  # noqa: PLC0415

    if plan is not None:
        for option, value in (("STRATEGY", name), ("--symbol", symbol), ("--param", params)):
            if value:
                fail(f"{option} and --plan are two ways to say what is played; put it into the plan", ExitCode.USAGE)
        return plans.read(plan, usual, sources.strategy_named)
    if not name:
        fail("STRATEGY is missing; name one (bot strategy list --available), or a --plan", ExitCode.USAGE)
    if not symbol:
        fail("--symbol is missing; name the pair, like --symbol BTCUSDT", ExitCode.USAGE)
    strategy = sources.strategy_named(name)
    return [plans.Wish(strategy, parse_config(strategy.Config, {"symbol": symbol} | usual | params), name)]


def _show(result: dict[str, Any], done: list[str]) -> None:
    """Tell a person what came of it: each strategy of a plan first, then the whole, then what was written."""
    for each in result.pop("strategies", []):
        pairs({key.replace("_", " "): value for key, value in each.items()})
        say("")
    pairs({key.replace("_", " "): value for key, value in result.items()})
    for words in done:
        say(words)


def _why_nothing(outcome: "Outcome") -> str:
    """Say what kept a strategy from trading."""
    tally, (slot, *_) = outcome.tally, outcome.slots
    if slot.stopped:
        return f"it was stopped ({slot.stopped})"
    if tally.denied:
        return f"{tally.denied[0].reason} ({tally.denied[0].rule})"
    if outcome.bars < slot.strategy.warm_up:
        return f"{outcome.bars} candles, and it needs {slot.strategy.warm_up} before its first decision"
    return "a round trip was begun and not ended" if tally.fills else "it wanted nothing on these candles"


def _result(
    outcome: "Outcome",
    wishes: list[plans.Wish],
    series: "list[Columns]",
    funds: float,
    load_s: float,
    run_s: float,
) -> dict[str, Any]:
    """Answer for one strategy as ever; for several with the sums, and with each of them by itself."""
    timing = {
        "load_s": round(load_s, 4),
        "run_s": round(run_s, 4),
        "bars_per_s": round(outcome.bars / run_s),
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }
    if len(wishes) == 1:
        return _figures(outcome, wishes[0].config, series[0], funds) | timing
    known = plans.by_stream(series)
    each_alone = [
        {"title": wish.title} | _figures(one, wish.config, known[wish.stream], funds)
        for one, wish in zip(plans.apart(outcome, wishes, series), wishes, strict=True)
    ]
    return {"strategies": each_alone} | plans.sums(outcome, wishes, series, funds) | timing


def _figures(outcome: "Outcome", config: "StrategyConfig", columns: "Columns", funds: float) -> dict[str, Any]:
    from bot.backtest.equity import curve  # noqa: PLC0415
    from bot.domain.figures import profit_factor, win_rate  # noqa: PLC0415

    tally, slot = outcome.tally, outcome.slots[0]
    results = [trade.pnl for trade in tally.trades]
    won = win_rate(sum(result > 0 for result in results), len(results))
    factor = profit_factor(results)
    mine = [each for booked in tally.income for each in booked.postings if each.ledger == slot.ledger]
    fall = curve(columns, tally.fills, tally.trades, slot.instrument, config.capital or funds, mine).fall
    return {
        "strategy": slot.strategy.name,
        "symbol": config.symbol,
        "interval": config.candle,
        "mode": outcome.mode,
        "bars": outcome.bars,
        "trades": len(tally.trades),
        "net_pnl": float(tally.net_pnl),
        "unrealised": slot.unrealised,
        "fees": float(tally.fees),
        "win_rate": None if won is None else float(won),
        "profit_factor": None if factor is None else float(factor),
        "max_drawdown": float(fall.max()),
        "denied": len(tally.denied),
        "stopped": slot.stopped,
    }


def peak_rss_mb() -> float:
    """Give the most memory that this process, or one that it started and that ended, ever held: in MB."""
    # macOS counts bytes where Linux counts KiB, and Linux hands what our parent held on to us: its own file does not.
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    status = Path("/proc/self/status")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if status.exists():
        own = int(status.read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0])
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / unit
