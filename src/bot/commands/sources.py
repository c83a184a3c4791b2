"""What commands that play the past are given by a person: a strategy, candles, and the rules of symbols."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.output import ExitCode, fail, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.backtest.contracts import Futures
    from bot.backtest.run import Part
    from bot.domain.instrument import Instrument
    from bot.domain.market import Stream
    from bot.history.columns import Columns
    from bot.strategies.base import Strategy
    from bot.strategies.config import StrategyConfig

Name = Annotated[str, typer.Argument(metavar="STRATEGY", help="See: bot strategy list --available.")]
Candles = Annotated[
    Path | None, typer.Option("--candles", help="A candle file (CSV, .gz, .zip). Default: the store of bot data.")
]
Symbol = Annotated[str, typer.Option("--symbol", help="Trading pair, such as BTCUSDT.")]
Interval = Annotated[str, typer.Option("--interval", help="Candle interval, such as 1m.")]
Since = Annotated[str, typer.Option("--since", help="From then on, UTC: 2024, 2024-03, 2024-03-15.")]
Until = Annotated[str, typer.Option("--until", help="Up to, not including, then.")]
Param = Annotated[list[str] | None, typer.Option("--param", help="A setting that stays, like fast=20; repeatable.")]
OrderValue = Annotated[float, typer.Option("--order-value", help="Quote amount of one entry.")]
FeePct = Annotated[float, typer.Option("--fee-pct", help="Fee of one fill as a fraction: 0.001 is 0.1 %.")]
Fill = Annotated[str, typer.Option("--fill", help="Of market orders: last, midpoint, next (open).")]
Slippage = Annotated[float, typer.Option("--slippage-bps", help="Against us, in 1/100 %.")]
Funds = Annotated[float, typer.Option("--funds", help="Quote amount in the wallet.")]
Rules = Annotated[
    Path | None, typer.Option("--rules", help="An answer of exchangeInfo: tick, step and smallest order by symbol.")
]


def strategy_named(name: str) -> "type[Strategy]":
    """Give the strategy of that name: built in, of the strategies folder, or of a package."""
    from bot.config import load  # noqa: PLC0415
    from bot.strategies.registry import discover  # noqa: PLC0415

    return discover(load().STRATEGIES_DIR).find(name)


def columns_of(path: Path | None, config: "StrategyConfig", since: str, until: str) -> "Columns":
    """Give the candles that a strategy wants: those of a file, or else of the store of `bot data`."""
    from bot.domain.market import Stream  # noqa: PLC0415

    return candles_of(path, Stream(config.market_of, config.symbol, config.candle), since=since, until=until)


def candles_of(path: Path | None, stream: "Stream", *, since: str, until: str) -> "Columns":
    """Give the candles of a series: those of a file, or else of the store of `bot data`."""
    from bot.commands.data import open_store, time_range  # noqa: PLC0415
    from bot.history.columns import read_csv  # noqa: PLC0415

    bounds = time_range(since, until)
    if path is None:
        return open_store().read(stream, *bounds)
    columns = read_csv(path, stream.market, stream.symbol, stream.interval).between(*bounds)
    if not len(columns):
        fail(f"{path} has no candle between --since and --until; widen them", ExitCode.CONFIG)
    return columns


def missing(columns: "Columns") -> int:
    """Count the candles that are missing between the first and the last, and warn of them."""
    from bot.history.checks import gaps  # noqa: PLC0415

    holes = gaps(columns)
    count = sum(hole.count for hole in holes)
    if holes:
        hole = f"the first hole: {holes[0]}" if len(holes) > 1 else f"the hole: {holes[0]}"
        verb = "candles are" if count > 1 else "candle is"
        where = f"{columns.symbol} {columns.interval}"
        warn(f"{count} {verb} missing in {where}, and those around are played as neighbours; {hole}")
    return count


def rules_of(path: Path | None) -> "dict[str, Instrument]":
    """Give the rules of symbols: those of a file, or else those that come with the program."""
    if path is None:
        from bot.simulation.instruments import bundled  # noqa: PLC0415

        return bundled()
    import msgspec  # noqa: PLC0415

    from bot.binance.wire import ExchangeInfo  # noqa: PLC0415

    try:
        return msgspec.json.decode(path.read_bytes(), type=ExchangeInfo).instruments()
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}; give an answer of exchangeInfo as a file", ExitCode.CONFIG)
    except msgspec.MsgspecError as error:
        fail(f"{path} is no answer of exchangeInfo ({error})", ExitCode.CONFIG)


def refuse_misleading(
    part: "Part", columns: "Columns", instruments: "Mapping[str, Instrument]", futures: "Futures | None" = None
) -> None:
    """Refuse a strategy whose figures would mean nothing, and say what else a quick look finds."""
    from bot.backtest.checking import check  # noqa: PLC0415
    from bot.backtest.checking import refuse_misleading as refuse  # noqa: PLC0415

    for finding in refuse(check(part, columns, instruments, futures, quick=True)):
        warn(f"{part.strategy.name}: {finding}")
