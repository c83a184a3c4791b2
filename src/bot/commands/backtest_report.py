"""What a backtest leaves behind when asked to: a page, files, a row in the database. Joins the run with its report."""

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from bot.commands.output import ExitCode, fail

if TYPE_CHECKING:
    from bot.backtest.run import Outcome
    from bot.commands.backtest_plan import Wish
    from bot.history.columns import Columns
    from bot.reporting.runs.document import Document
    from bot.reporting.runs.record import Part, Run
    from bot.strategies.config import StrategyConfig


Html = Annotated[Path | None, typer.Option("--html", help="Write a report: one page that needs nothing else.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="A folder for page, result.json, round trips and equity (CSV, Parquet).")
]
Save = Annotated[
    str | None,
    typer.Option("--save", metavar="[NAME]", help="Keep it in the database, by a name of yours or one made."),
]
TIMING = ("load_s", "run_s", "bars_per_s", "peak_rss_mb")

_CHECKED = "A quick check before the run (bot strategy check) found nothing that looks ahead or makes figures mislead."
_UNCHECKED = "Not looked for in this run (--no-check); bot strategy check looks for it."
_NAME = re.compile(r"[A-Za-z0-9][\w.:+-]{0,79}", re.ASCII)


class Wanted(NamedTuple):
    """What somebody wants of a run beside the answer."""

    html: Path | None = None
    out: Path | None = None
    save: str | None = None
    """A name to keep it by; empty for one that is made."""

    def __bool__(self) -> bool:
        """Say whether anything is wanted."""
        return bool(self.html or self.out or self.save is not None)


class Sources(NamedTuple):
    """Where candles and rules came from, and what else was assumed, in words."""

    candles: str
    rules: str
    quote: str
    funds: float
    notes: tuple[tuple[str, str], ...] = ()


def sources(
    candles: Path | None,
    wishes: "Sequence[Wish]",
    series: "Sequence[Columns]",
    rules: Path | None,
    quote: str,
    funds: float,
    assumed: Mapping[str, str],
) -> Sources:
    """Say where things came from; `candles` is the file of the command, `assumed` are a result's own words."""
    from bot.domain.market import Stream  # noqa: PLC0415

    files = dict.fromkeys(path.name for path in (candles, *(wish.candles for wish in wishes)) if path is not None)
    named = [f"the file{'s' if len(files) > 1 else ''} {', '.join(files)}"] if files else []
    streams = {wish.stream for wish in wishes if candles is None and wish.candles is None}
    kept = [each for each in series if Stream(each.market, each.symbol, each.interval) in streams]
    return Sources(
        " and ".join([*named, *([_store(kept)] if kept else [])]),
        f"The answer of exchangeInfo in {rules.name}" if rules else "The bundled snapshot of exchangeInfo",
        quote,
        funds,
        tuple(
            (about.replace("_", " ").capitalize(), f"{words[:1].upper()}{words[1:]}.")
            for about, words in assumed.items()
        ),
    )


def _store(series: "Sequence[Columns]") -> str:
    """Say what the store vouches for of these candles."""
    from bot.commands.data import open_store  # noqa: PLC0415
    from bot.domain.market import Stream  # noqa: PLC0415
    from bot.history.store import month_of  # noqa: PLC0415

    store, certified = open_store(), 0
    for each in series:
        stream = Stream(each.market, each.symbol, each.interval)
        first, last = month_of(int(each.open_time[0])), month_of(int(each.open_time[-1]))
        months = [month for month in store.months(stream) if first <= month <= last]
        certified += sum(bool(store.certificate(stream, month)) for month in months)
    return f"the store of bot data ({certified} month{'s' if certified > 1 else ''}, each with its certificate)"


def refuse_unwritable(wanted: Wanted) -> None:
    """End before the run when its report could not be written, or the run not be kept, after it."""
    for option, path in (("--html", wanted.html), ("--out", wanted.out)):
        if path is None:
            continue
        folder = path.absolute().parent
        if not folder.is_dir():
            fail(f"{option}: there is no folder {folder}; make it first", ExitCode.CONFIG)
    if wanted.html and wanted.html.is_dir():
        fail(f"--html {wanted.html} is a folder; name a file, or use --out for a folder of files", ExitCode.CONFIG)
    if wanted.out and wanted.out.exists() and not wanted.out.is_dir():
        fail(f"--out {wanted.out} is a file; name a folder, or use --html for one page", ExitCode.CONFIG)
    if wanted.save is not None:
        if wanted.save and not _NAME.fullmatch(wanted.save):
            fail(f"--save {wanted.save!r}: a name has letters, digits and _ . : + - (80 at most)", ExitCode.USAGE)
        _refuse_taken(wanted.save)


def write(
    wanted: Wanted,
    outcome: "Outcome",
    wishes: "Sequence[Wish]",
    series: "Sequence[Columns]",
    sources: Sources,
    result: Mapping[str, Any],
) -> list[str]:
    """Write and keep what was wanted; gives what was done, in words."""
    from bot.reporting.runs import document, files, page  # noqa: PLC0415

    run = run_of(outcome, wishes, series, sources, result)
    told = document.describe(run)
    try:
        written = files.write(run, told, wanted.out) if wanted.out else []
        if wanted.html:
            written.append(files.replace(wanted.html, page.report(told)))
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}; choose another place", ExitCode.CONFIG)
    done = [f"wrote {path}" for path in written]
    if wanted.save is not None:
        done.append(f"kept as {_keep(wanted.save, told)}")
    return done


def write_page(path: Path, text: str) -> Path:
    """Write one page, whole or not at all; ends with one line when it cannot be."""
    from bot.reporting.runs import files  # noqa: PLC0415

    refuse_unwritable(Wanted(html=path))
    try:
        return files.replace(path, text)
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}; choose another place", ExitCode.CONFIG)


def _refuse_taken(name: str) -> None:
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import with_session  # noqa: PLC0415
    from bot.db.runs import Runs, taken  # noqa: PLC0415

    if with_session(Roof(), lambda session: Runs(session).has(name)):
        raise taken(name)


def _keep(name: str, told: "Document") -> str:
    """Keep a run in the database; gives its name."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import with_session  # noqa: PLC0415
    from bot.db.runs import Runs  # noqa: PLC0415
    from bot.reporting.runs.document import result_of  # noqa: PLC0415

    part = told["parts"][0]
    made = datetime.fromtimestamp(told["made_ms"] / 1000, UTC)
    chosen = name or f"{part['strategy']}-{part['symbol']}-{part['interval']}-{made:%Y%m%d-%H%M%S.%f}"[:-3]
    with_session(Roof(), lambda session: Runs(session).add(chosen, result_of(told), told["pictures"]))
    return chosen


def run_of(
    outcome: "Outcome",
    wishes: "Sequence[Wish]",
    series: "Sequence[Columns]",
    sources: Sources,
    result: Mapping[str, Any],
) -> "Run":
    """Put together what reports are made of; `result` is the answer of the command."""
    from bot import __version__  # noqa: PLC0415
    from bot.reporting.runs.record import Run  # noqa: PLC0415

    parts = [_part(outcome, place, wish, series) for place, wish in enumerate(wishes)]
    capitals = [wish.config.capital for wish in wishes if wish.config.capital is not None]
    return Run(
        parts=parts,
        quote=sources.quote,
        funds=sources.funds,
        capital=sum(capitals) if len(capitals) == len(wishes) else sources.funds,
        mode=result["mode"],
        candles_from=sources.candles,
        rules_from=sources.rules,
        look_ahead=_CHECKED if result["checked"] else _UNCHECKED,
        timing={name: result[name] for name in TIMING},
        version=__version__,
        made_ms=time.time_ns() // 1_000_000,
        notes=sources.notes,
    )


def _part(outcome: "Outcome", place: int, wish: "Wish", series: "Sequence[Columns]") -> "Part":
    from bot.backtest.equity import curve  # noqa: PLC0415
    from bot.domain.messages import IncomeKind  # noqa: PLC0415
    from bot.reporting.runs.record import Part  # noqa: PLC0415
    from bot.simulation.desk import terms_of  # noqa: PLC0415

    slot, tally = outcome.slots[place], outcome.tally
    columns = next(each for each in series if _is_of(each, wish.config))
    fills = [booked for booked in tally.fills if booked.strategy_id == slot.id]
    trades = [trade for trade in tally.trades if trade.strategy_id == slot.id]
    mine = [
        (booked.kind, posting)
        for booked in tally.income
        for posting in booked.postings
        if posting.ledger == slot.ledger
    ]
    drawn = curve(columns, fills, trades, slot.instrument, 0.0, [posting for _, posting in mine])
    return Part(
        strategy=slot.strategy.name,
        settings=wish.config.model_dump(mode="json"),
        terms=terms_of(wish.config),
        columns=columns,
        instrument=slot.instrument,
        times=drawn.time_ms,
        pnl=drawn.equity,
        fills=fills,
        trades=trades,
        warm_up=slot.strategy.warm_up,
        denied=sum(decision.strategy_id == slot.id for decision in tally.denied),
        stopped=slot.stopped,
        funding=sum(float(posting.amount) for kind, posting in mine if kind is IncomeKind.FUNDING),
        liquidation_fees=-sum(float(posting.amount) for kind, posting in mine if kind is IncomeKind.LIQUIDATION),
        liquidations=sum(found.order.strategy_id == slot.id for found in tally.forced),
        title=wish.title if wish.title != slot.strategy.name else "",
        signals=slot.strategy.has_signals(),
    )


def _is_of(columns: "Columns", config: "StrategyConfig") -> bool:
    wanted = (config.market_of, config.symbol, config.candle)
    return (columns.market, columns.symbol, columns.interval) == wanted
