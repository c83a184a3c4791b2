"""What `bot backtest --market futures` reads beside candles, and the words in which its result says so."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from bot.commands.output import ExitCode, fail

if TYPE_CHECKING:
    from bot.backtest.contracts import Futures
    from bot.backtest.run import Outcome
    from bot.domain.instrument import Instrument
    from bot.domain.market import Market
    from bot.history.columns import Columns
    from bot.history.funding import Rate
    from bot.simulation.futures.contracts import Listing
    from bot.strategies.config import StrategyConfig

Leverage = Annotated[int, typer.Option("--leverage", help="Futures: of the account, on each symbol.")]
Funding = Annotated[
    Path | None, typer.Option("--funding", help="Futures: a file of funding rates. Default: those of bot data.")
]
FundingRate = Annotated[
    str, typer.Option("--funding-rate", help="Futures: assumed every 8 h where no rate is known; 0.0001 is 0.01 %.")
]
Marks = Annotated[
    Path | None, typer.Option("--mark", help="Futures: candles of the mark price. Default: the last price is it.")
]
Brackets = Annotated[
    Path | None, typer.Option("--brackets", help="Futures: an answer of leverageBracket. Default: bundled ones.")
]


class Extras(NamedTuple):
    """What was given for futures alone."""

    rules: Path | None
    brackets: Path | None = None
    funding: Path | None = None
    rate: str = "0.0001"
    marks: Path | None = None


class Brought(NamedTuple):
    """What it came to, and in words where it came from."""

    futures: "Futures"
    said: dict[str, str]

    @property
    def instruments(self) -> "dict[str, Instrument]":
        """The rules of its contracts, by symbol."""
        return {symbol: listing.contract.rules for symbol, listing in self.futures.listings.items()}


def bring(extras: Extras, series: Sequence["Columns"], market: "Market") -> Brought | None:
    """Read it for the series that are played, nothing for spot; ends with one line when it cannot be."""
    from bot.domain.market import Market  # noqa: PLC0415

    if market is not Market.FUTURES:
        _refuse(extras)
        return None
    from bot.backtest.contracts import Futures, end_of, planned  # noqa: PLC0415
    from bot.history.columns import read_csv  # noqa: PLC0415

    assumed = _rate(extras.rate)
    ends: dict[str, tuple[int, int]] = {}
    for columns in series:
        first, last = ends.get(columns.symbol, (int(columns.open_time[0]), end_of(columns)))
        ends[columns.symbol] = min(first, int(columns.open_time[0])), max(last, end_of(columns))
    if len(ends) > 1 and (extras.funding or extras.marks):
        fail("--funding and --mark are of one symbol, and several are played; keep rates by bot data", ExitCode.USAGE)
    plans = {symbol: planned(_known(extras.funding, symbol), *span, assumed) for symbol, span in ends.items()}
    marks = {}
    if extras.marks is not None:
        (played, *_) = series
        marks = {played.symbol: read_csv(extras.marks, Market.FUTURES, played.symbol, played.interval)}
    settled, guessed = sum(len(plan.rates) for plan in plans.values()), sum(plan.assumed for plan in plans.values())
    source = f"{settled - guessed} known rates" if guessed < settled else "no known rate"
    if guessed:
        source += f", {guessed} assumed at {assumed:f} every 8 h"
    return Brought(
        Futures(contracts(extras.rules, extras.brackets), {one: plan.rates for one, plan in plans.items()}, marks),
        {
            "funding_source": source,
            "mark_price": "its own candles" if marks else "assumed to be the last price",
            "margin": "cross, one-way; liquidated at the candle's extreme, or at the price where nothing is left",
        },
    )


def _refuse(extras: Extras) -> None:
    """End with one line when something for futures was given to a backtest of spot."""
    given = {"--brackets": extras.brackets, "--funding": extras.funding, "--mark": extras.marks}
    for option, value in given.items():
        if value is not None:
            fail(f"{option} is for futures; give --market futures with it", ExitCode.USAGE)


def told(outcome: "Outcome", config: "StrategyConfig") -> dict[str, Any]:
    """Give what a result of futures has beyond one of spot. `funding` is what was got, below zero when it cost."""
    tally = outcome.tally
    return {
        "market": config.market,
        "leverage": config.leverage,
        "funding": float(tally.funding),
        "liquidations": len(tally.forced),
        "liquidation_fees": float(tally.liquidation_fees),
    }


def contracts(rules: Path | None, brackets: Path | None) -> "dict[str, Listing]":
    """Give the contracts by symbol: of the files given, and bundled ones."""
    import msgspec  # noqa: PLC0415

    from bot.simulation.futures.contracts import Listing, bundled, read_contract  # noqa: PLC0415

    known = bundled()
    ladders = {symbol: listing.ladder for symbol, listing in known.items()}
    if brackets is not None:
        from bot.emulator.futures.listing import read_brackets  # noqa: PLC0415

        ladders |= read_brackets(brackets)
    listed = {symbol: listing.contract for symbol, listing in known.items()}
    if rules is not None:
        try:
            rows = msgspec.json.decode(_unpacked(rules))["symbols"]
            listed |= {str(row["symbol"]): read_contract(row) for row in rows if "quantityPrecision" in row}
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            fail(f"{rules} is no answer of exchangeInfo of futures ({error})", ExitCode.CONFIG)
    return {symbol: Listing(contract, ladders[symbol]) for symbol, contract in listed.items() if symbol in ladders}


def _unpacked(path: Path) -> bytes:
    import gzip  # noqa: PLC0415

    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}; give an answer of exchangeInfo as a file", ExitCode.CONFIG)


def _known(path: Path | None, symbol: str) -> "Sequence[Rate]":
    from bot.commands.data import open_store  # noqa: PLC0415
    from bot.history import funding  # noqa: PLC0415

    return funding.kept(open_store(), symbol) if path is None else funding.read(path)


def _rate(text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal("NaN")
    if not (rate.is_finite() and abs(rate) <= Decimal("0.05")):
        fail(f"--funding-rate {text!r} is no rate from -0.05 to 0.05; 0.0001 stands for 0.01 %", ExitCode.USAGE)
    return rate
