"""`bot strategy check`: does a strategy look ahead, is its warm-up long enough, does it decide the same twice."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.output import ExitCode, Json, as_json, fail, given, say

if TYPE_CHECKING:
    from bot.backtest.checking import Checked
    from bot.domain.instrument import Instrument
    from bot.history.columns import Columns
    from bot.strategies.base import Strategy
    from bot.strategies.config import StrategyConfig

ROWS = 40_000
SEED = 1


def check(
    name: Annotated[str, typer.Argument(metavar="STRATEGY", help="See: bot strategy list --available.")],
    candles: Annotated[
        Path | None, typer.Option("--candles", help="A candle file (CSV, .gz, .zip). Default: see --symbol.")
    ] = None,
    symbol: Annotated[
        str, typer.Option("--symbol", help="Trading pair of the file, or of the store of bot data; else made-up ones.")
    ] = "",
    interval: Annotated[str, typer.Option("--interval", help="Candle interval, such as 1m.")] = "1m",
    since: Annotated[str, typer.Option("--since", help="From then on, UTC: 2024, 2024-03, 2024-03-15.")] = "",
    until: Annotated[str, typer.Option("--until", help="Up to, not including, then.")] = "",
    param: Annotated[list[str] | None, typer.Option("--param", help="A setting, like fast=20; repeatable.")] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="An answer of exchangeInfo: tick, step and smallest order by symbol.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a strategy for look-ahead, for its warm-up, and for deciding the same twice."""
    from bot.backtest.checking import check as look  # noqa: PLC0415
    from bot.backtest.run import Part  # noqa: PLC0415
    from bot.commands.backtest_futures import Extras, bring  # noqa: PLC0415
    from bot.commands.sources import rules_of, strategy_named  # noqa: PLC0415
    from bot.strategies.config import parse_config  # noqa: PLC0415

    if candles is not None and not symbol:
        fail("--symbol is missing; name the pair of the file, like --symbol BTCUSDT", ExitCode.USAGE)
    strategy = strategy_named(name)
    config = parse_config(
        strategy.Config, {"symbol": symbol or "BTCUSDT", "candle": interval} | given("--param", param or [])
    )
    columns, source = _candles(candles, symbol, config, since, until)
    brought = bring(Extras(rules), [columns], config.market_of)
    instruments = rules_of(rules) if brought is None else brought.instruments
    _refuse_unknown(config, instruments)
    checked = look(Part(strategy, config), columns, instruments, None if brought is None else brought.futures)
    _tell(checked, strategy, columns, source, json=json)
    if checked.findings:
        fail(f"{name}: {checked.findings[0]}", ExitCode.CONFIG)


def _candles(path: Path | None, symbol: str, config: "StrategyConfig", since: str, until: str) -> "tuple[Columns, str]":
    """Give the candles and where they come from."""
    from bot.backtest.made_up import made_up  # noqa: PLC0415
    from bot.commands.sources import columns_of  # noqa: PLC0415

    if path is None and not symbol:
        if since or until:
            fail("--since and --until need --candles or --symbol; made-up candles have no dates", ExitCode.USAGE)
        return made_up(config.market_of, config.symbol, config.candle, ROWS, seed=SEED), f"made up (seed {SEED})"
    return columns_of(path, config, since, until), "the store" if path is None else str(path)


def _refuse_unknown(config: "StrategyConfig", instruments: "dict[str, Instrument]") -> None:
    if config.symbol not in instruments:
        fail(f"no rules are known for {config.symbol}; give those of the exchange with --rules FILE", ExitCode.CONFIG)


def _tell(checked: "Checked", strategy: "type[Strategy]", columns: "Columns", source: str, *, json: bool) -> None:
    way = "columns" if strategy.has_signals() else "on_tick"
    if json:
        as_json(
            {
                "strategy": checked.strategy,
                "decides_by": way,
                "candles": source,
                "bars": len(columns),
                "ok": not checked.findings,
                "compared": [looked.compared for looked in checked.looked],
                "findings": [finding._asdict() for finding in checked.findings],
                "took_s": round(checked.took_s, 3),
            }
        )
        return
    say(f"{checked.strategy} decides by {way}; {len(columns):,} candles, {source}")
    for looked in checked.looked:
        say(f"{'differs' if looked.finding else 'equal'}: {looked.compared}")
    if way == "on_tick":
        say("on_tick is shown one candle after the other: it cannot look at later ones")
    if not checked.findings:
        say(f"nothing found in {checked.took_s:.1f} s")
