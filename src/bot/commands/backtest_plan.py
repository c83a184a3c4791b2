"""Several strategies in one backtest: a plan file names them in the words of `bot strategy list --json`."""

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from bot.commands.output import ExitCode, fail

if TYPE_CHECKING:
    from bot.backtest.run import Outcome
    from bot.domain.instrument import Instrument
    from bot.domain.market import Stream
    from bot.history.columns import Columns
    from bot.strategies.base import Strategy
    from bot.strategies.config import StrategyConfig

PlanFile = Annotated[
    Path | None,
    typer.Option("--plan", help="Several strategies on one wallet: a file (JSON or TOML) of name, title and config."),
]
Detail = Annotated[
    str, typer.Option("--detail", help="Finer candles of this interval are played while something is at stake.")
]
DetailCandles = Annotated[
    Path | None, typer.Option("--detail-candles", help="A file of those. Default: the store of bot data.")
]
_MORE = frozenset({"id", "account", "market", "enabled", "state", "candles", "title"})
"""What a strategy may have beside its name and config; all but the last two are left unread."""


class Wish(NamedTuple):
    """One strategy to be played: `candles` is its own file, None for that of the command or the store."""

    strategy: "type[Strategy]"
    config: "StrategyConfig"
    title: str
    candles: Path | None = None

    @property
    def stream(self) -> "Stream":
        """The candles that it decides on."""
        from bot.domain.market import Stream  # noqa: PLC0415

        return Stream(self.config.market_of, self.config.symbol, self.config.candle)


type Load = "Callable[[Path | None, Stream], Columns]"


def read(path: Path, defaults: Mapping[str, object], find: "Callable[[str], type[Strategy]]") -> list[Wish]:
    """Read a plan; what a config leaves out is as the options of the command say. Ends with one line when it cannot."""
    from bot.domain.errors import Misconfigured  # noqa: PLC0415
    from bot.strategies.config import parse_config  # noqa: PLC0415

    found: dict[str, Wish] = {}
    for number, row in enumerate(_rows(path), 1):
        where = f"{path}, strategy {number}"
        if not (isinstance(row, dict) and isinstance(row.get("name"), str) and isinstance(row.get("config"), dict)):
            fail(f"{where}: it needs a name and a config, as bot strategy list --json has them", ExitCode.CONFIG)
        if unknown := sorted(row.keys() - _MORE - {"name", "config"}):
            fail(f"{where}: {unknown[0]!r} is not known; settings stand in its config", ExitCode.CONFIG)
        title = str(row.get("title") or f"{row['name']} {row['config'].get('symbol', '')}".strip())
        if title in found:
            fail(
                f"{where}: a strategy before it is called {title!r} too; give each a title of its own", ExitCode.CONFIG
            )
        try:
            strategy = find(row["name"])
            config = parse_config(strategy.Config, {**defaults, **row["config"]})
        except Misconfigured as error:
            fail(f"{where}: {error}", ExitCode.CONFIG)
        file = row.get("candles")
        found[title] = Wish(strategy, config, title, None if file is None else path.parent / str(file))
    if not found:
        fail(f"{path} names no strategy; see: bot strategy list --json", ExitCode.CONFIG)
    return list(found.values())


def series_of(wishes: Sequence[Wish], file: Path | None, load: Load) -> "list[Columns]":
    """Load the candles that are wanted, each series once."""
    files: dict[Stream, Path | None] = {}
    for wish in wishes:
        known = files.setdefault(wish.stream, wish.candles)
        if wish.candles is not None and known not in {None, wish.candles}:
            fail(f"{wish.title}: {wish.candles} and {known} are both said to hold its candles", ExitCode.CONFIG)
        files[wish.stream] = wish.candles or known
    if file is not None and len(files) > 1:
        fail("--candles is one series, and the plan wants several; name a file with each strategy", ExitCode.USAGE)
    return [load(path or file, stream) for stream, path in files.items()]


def detail_of(interval: str, file: Path | None, wishes: Sequence[Wish], load: Load) -> "list[Columns]":
    """Load the finer candles of each symbol; none when none are wanted."""
    from bot.domain.market import INTERVAL_MS, Stream  # noqa: PLC0415

    if not interval:
        return [] if file is None else fail("--detail-candles needs --detail, their interval", ExitCode.USAGE)
    if interval not in INTERVAL_MS:
        fail(f"--detail {interval!r} is no interval; use one of {', '.join(INTERVAL_MS)}", ExitCode.USAGE)
    wanted = dict.fromkeys(Stream(wish.config.market_of, wish.config.symbol, interval) for wish in wishes)
    if file is not None and len(wanted) > 1:
        fail("--detail-candles is of one symbol, and several are played; take them from the store", ExitCode.USAGE)
    return [load(file, stream) for stream in wanted]


def apart(outcome: "Outcome", wishes: Sequence[Wish], series: "Sequence[Columns]") -> "Iterable[Outcome]":
    """Give what came of each strategy by itself."""
    from bot.backtest.tally import Tally  # noqa: PLC0415

    known = by_stream(series)
    for slot, wish in zip(outcome.slots, wishes, strict=True):
        tally, whole = Tally(), outcome.tally
        tally.fills = [each for each in whole.fills if each.strategy_id == slot.id]
        tally.trades = [each for each in whole.trades if each.strategy_id == slot.id]
        tally.denied = [each for each in whole.denied if each.strategy_id == slot.id]
        tally.stopped = [each for each in whole.stopped if each.strategy_id == slot.id]
        tally.income = [each for each in whole.income if any(one.ledger == slot.ledger for one in each.postings)]
        tally.forced = [each for each in whole.forced if each.order.strategy_id == slot.id]
        yield outcome._replace(tally=tally, slots=[slot], bars=len(known[wish.stream]))


def by_stream(series: "Sequence[Columns]") -> "dict[Stream, Columns]":
    """Give candles by their series."""
    from bot.domain.market import Stream  # noqa: PLC0415

    return {Stream(each.market, each.symbol, each.interval): each for each in series}


def sums(outcome: "Outcome", wishes: Sequence[Wish], series: "Sequence[Columns]", funds: float) -> dict[str, Any]:
    """Give the figures of the wallet as a whole."""
    import numpy as np  # noqa: PLC0415

    from bot.backtest.equity import curve  # noqa: PLC0415

    known = by_stream(series)
    curves = []
    for one, wish in zip(apart(outcome, wishes, series), wishes, strict=True):
        (slot,), tally = one.slots, one.tally
        mine = [each for booked in tally.income for each in booked.postings if each.ledger == slot.ledger]
        curves.append(curve(known[wish.stream], tally.fills, tally.trades, slot.instrument, 0.0, mine))
    times = np.unique(np.concatenate([each.time_ms for each in curves]))
    equity = np.full(len(times), funds)
    for each in curves:
        rows = np.searchsorted(each.time_ms, times, side="right") - 1
        equity += np.where(rows < 0, 0.0, each.equity[rows])
    peak = np.maximum.accumulate(equity)
    tally = outcome.tally
    return {
        "mode": "dense",
        "bars": outcome.bars,
        "trades": len(tally.trades),
        "net_pnl": float(tally.net_pnl),
        "unrealised": sum(slot.unrealised for slot in outcome.slots),
        "fees": float(tally.fees),
        "max_drawdown": float(((peak - equity) / peak).max()),
        "denied": len(tally.denied),
    }


def quote_of(wishes: Sequence[Wish], instruments: "Mapping[str, Instrument]") -> str:
    """Give the asset that the wallet holds."""
    known = (instruments[wish.config.symbol] for wish in wishes if wish.config.symbol in instruments)
    quotes = sorted({each.quote for each in known})
    if len(quotes) > 1:
        fail(f"one wallet holds one quote asset, and the plan wants {' and '.join(quotes)}", ExitCode.CONFIG)
    return quotes[0] if quotes else "USDT"


def _rows(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        fail(f"cannot read {path}: {reason}; give a plan as JSON or TOML", ExitCode.CONFIG)
    try:
        content = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except ValueError as error:
        fail(f"{path} cannot be understood: {' '.join(str(error).split())}", ExitCode.CONFIG)
    rows = content.get("strategies") if isinstance(content, dict) else content
    if not isinstance(rows, list):
        fail(f"{path} is no list of strategies; see: bot strategy list --json", ExitCode.CONFIG)
    return rows
