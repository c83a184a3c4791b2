"""`bot parity`: does a strategy decide the same in every mode, and where two runs part, why."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands import sources
from bot.commands.output import ExitCode, Json, as_json, fail, given, say, table
from bot.commands.parity_runs import MODES

if TYPE_CHECKING:
    from bot.commands.parity_runs import Journal
    from bot.reporting.parity import Comparison
    from bot.reporting.run_record import Record

SHOWN = 30
"""Differences of one comparison that a person is shown; --json has all."""


def parity(
    one: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A strategy's name (played here in every mode), paper:ACCOUNT/TITLE (or rehearsal:, live:), a file.",
        ),
    ],
    other: Annotated[
        str, typer.Argument(metavar="[RUN]", help="The run to compare with; a backtest is played when left out.")
    ] = "",
    candles: sources.Candles = None,
    symbol: sources.Symbol = "",
    interval: sources.Interval = "1m",
    since: sources.Since = "",
    until: sources.Until = "",
    param: sources.Param = None,
    order_value: sources.OrderValue = 50.0,
    fee_pct: sources.FeePct = 0.001,
    funds: sources.Funds = 10_000.0,
    rules: sources.Rules = None,
    modes: Annotated[str, typer.Option("--modes", help="Which to play, the first is compared with.")] = ",".join(MODES),
    save: Annotated[Path | None, typer.Option("--save", help="Keep each run as a file in this folder.")] = None,
    json: Json = False,
) -> None:
    """Compare runs of one strategy order by order: backtest, paper, rehearsal, live. Ends with 1 when they differ."""
    from bot.commands import parity_runs as runs  # noqa: PLC0415

    began = time.perf_counter()
    if other or runs.is_journaled(one) or Path(one).suffix == ".json":
        records = _pair(one, other, candles, rules)
    else:
        raw: dict[str, Any] = {
            "symbol": symbol or fail("--symbol is missing; name the pair, like --symbol BTCUSDT", ExitCode.USAGE)
        }
        raw |= {"candle": interval, "order_value": order_value, "fee_pct": fee_pct, "fill": "last"}
        raw |= given("--param", param or [])
        records = _played(one, raw, funds, candles, (since, until), rules, _modes(modes), quiet=json)
    from bot.reporting.parity import compare  # noqa: PLC0415

    comparisons = [compare(records[0], record) for record in records[1:]]
    kept = runs.save(records, save) if save is not None else []
    if json:
        as_json(_told(records, comparisons) | {"took_s": round(time.perf_counter() - began, 1)})
    else:
        _show(records, comparisons)
        for path in kept:
            say(f"wrote {path}")
    if parted := [each.other.label for each in comparisons if each.differences]:
        fail(f"{records[0].label} and {', '.join(parted)} differ; the causes are listed", ExitCode.FAULT)


def _played(
    name: str,
    raw: dict[str, Any],
    funds: float,
    path: Path | None,
    bounds: tuple[str, str],
    rules: Path | None,
    modes: list[str],
    *,
    quiet: bool,
) -> "list[Record]":
    """Play a strategy in these modes."""
    from bot.backtest.run import Part  # noqa: PLC0415
    from bot.commands import parity_runs as runs  # noqa: PLC0415
    from bot.commands.sources import columns_of, rules_of, strategy_named  # noqa: PLC0415
    from bot.domain.money import exact  # noqa: PLC0415
    from bot.strategies.config import parse_config  # noqa: PLC0415

    strategy = strategy_named(name)
    config = parse_config(strategy.Config, raw)
    if config.fill != "last" or config.slippage_bps:
        fail(
            'paper and the emulator fill alike at the last price alone; leave fill at "last", slippage at 0',
            ExitCode.CONFIG,
        )
    instruments = rules_of(rules)
    columns = columns_of(path, config, *bounds)
    quote = instruments[config.symbol].quote if config.symbol in instruments else "USDT"
    scene = runs.scene_of(Part(strategy, config), columns, instruments, {quote: exact(funds)})
    return runs.in_modes(scene, modes, rules, quiet=quiet)


def _pair(one: str, other: str, path: Path | None, rules: Path | None) -> "list[Record]":
    """Read two runs, or read one and play it back on candles."""
    from bot.commands import parity_runs as runs  # noqa: PLC0415

    if other:
        return [
            runs.journaled(each).record if runs.is_journaled(each) else runs.saved(Path(each)) for each in (one, other)
        ]
    if not runs.is_journaled(one):
        fail("give a second run to compare that file with", ExitCode.USAGE)
    journal = runs.journaled(one)
    return [_played_back(journal, path, rules), journal.record]


def _played_back(journal: "Journal", path: Path | None, rules: Path | None) -> "Record":
    """Play as a backtest what a journal's strategy ran on."""
    from bot.backtest.tape import close_times  # noqa: PLC0415
    from bot.commands import parity_runs as runs  # noqa: PLC0415
    from bot.commands.parity_modes import played_back  # noqa: PLC0415
    from bot.commands.sources import columns_of, rules_of  # noqa: PLC0415
    from bot.risk.rules import Limits  # noqa: PLC0415

    record, part, funds = journal
    columns = columns_of(path, part.config, "", "")
    closes = close_times(columns)
    last = int(closes.searchsorted(record.last_ms, side="right"))
    first = int(closes.searchsorted(record.first_ms))
    if first >= last:
        fail(f"the candles have nothing of the time in which {record.label} ran; give others", ExitCode.CONFIG)
    scene = runs.scene_of(part, columns.rows(0, last), rules_of(rules), funds, first + 1)
    (found,) = played_back(scene, Limits()).values()
    return found


def _modes(text: str) -> list[str]:
    chosen = [each.strip() for each in text.split(",") if each.strip()]
    unknown = [each for each in chosen if each not in MODES]
    if unknown or len(set(chosen)) < 2 or len(set(chosen)) < len(chosen):
        fail(f"--modes {text!r} does not name two or more of {', '.join(MODES)}", ExitCode.USAGE)
    return chosen


def _told(records: "list[Record]", comparisons: "list[Comparison]") -> dict[str, Any]:
    from bot.reporting.run_record import latencies  # noqa: PLC0415

    return {
        "strategy": records[0].strategy,
        "equal": not any(each.differences for each in comparisons),
        "runs": [
            {
                "run": record.label, "mode": record.mode, "first_ms": record.first_ms, "last_ms": record.last_ms,
                "orders": len(record.orders), "fills": len(record.fills), "trips": len(record.trips),
                "refused": len(record.refused), "pnl": record.pnl, "latency": latencies(record),
            }
            for record in records
        ],
        "comparisons": [
            {
                "one": each.one.label, "other": each.other.label, "equal": not each.differences,
                "orders_alike": each.orders, "fills_alike": each.fills, "refused_alike": each.refused,
                "causes": {name: {"count": count, "quote": quote} for name, (count, quote) in each.causes.items()},
                "differences": [
                    {"cause": one.cause, "time_ms": one.time_ms, "what": one.what, "quote": one.quote}
                    for one in each.differences
                ],
            }
            for each in comparisons
        ],
    }  # fmt: skip


def _show(records: "list[Record]", comparisons: "list[Comparison]") -> None:
    from bot.domain.money import plain  # noqa: PLC0415
    from bot.reporting.parity import moment  # noqa: PLC0415

    first, last = moment(records[0].first_ms), moment(records[0].last_ms)
    say(f"{records[0].strategy}, {first} to {last} UTC")
    table(
        "",
        ["run", "#orders", "#fills", "#round trips", "#refused", "#P&L"],
        [
            (run.label, len(run.orders), len(run.fills), len(run.trips), len(run.refused), f"{float(run.pnl):.4f}")
            for run in records
        ],
        empty="",
    )
    for each in comparisons:
        say("")
        if not each.differences:
            say(f"{each.one.label} = {each.other.label}: {each.orders} orders and {each.fills} fills alike, none apart")
            continue
        summary = ", ".join(f"{count} x {cause}" for cause, (count, _) in each.causes.items())
        say(f"{each.one.label} and {each.other.label}: {each.orders} orders and {each.fills} fills alike; {summary}")
        table(
            "",
            ["time", "cause", "what", "#cost"],
            [
                (
                    moment(one.time_ms),
                    one.cause.value,
                    one.what,
                    "" if one.quote is None else plain(round(one.quote, 8)),
                )
                for one in each.differences[:SHOWN]
            ],
            empty="",
        )
        if len(each.differences) > SHOWN:
            say(f"and {len(each.differences) - SHOWN} more; --json has all")
