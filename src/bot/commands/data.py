"""`bot data`: candles of the past, fetched, brought along, looked after and handed on."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.output import ExitCode, Json, as_json, fail, say, table, warn

if TYPE_CHECKING:
    from bot.domain.market import Market, Stream
    from bot.history.checks import Gap
    from bot.history.store import Store
    from bot.history.verifying import Finding

SymbolArgument = Annotated[str, typer.Argument(metavar="SYMBOL", help="Like BTCUSDT.")]
IntervalArgument = Annotated[str, typer.Argument(metavar="INTERVAL", help="Like 1m, 1h, 1d.")]
MarketOption = Annotated[str, typer.Option("--market", help="spot, or futures (USD-M).")]
Since = Annotated[str, typer.Option("--since", help="From then on, UTC: 2024, 2024-03, 2024-03-15, 2024-03-15T12:00.")]
Until = Annotated[str, typer.Option("--until", help="Up to, not including, then. Default: now, or all there is.")]
Mark = Annotated[bool, typer.Option("--mark", help="Keep candles with holes between them; the certificate tells them.")]
Replace = Annotated[bool, typer.Option("--replace", help="Where candles differ from those kept, take the new ones.")]

app = typer.Typer(no_args_is_help=True, help="Candles of the past: fetch, import, check, list, export.")


def open_store() -> "Store":
    """Give the store of this installation."""
    from bot.config import load  # noqa: PLC0415
    from bot.history.store import Store  # noqa: PLC0415

    return Store(load().VAR_DIR / "history")


@app.command("import")
def bring(
    files: Annotated[list[Path], typer.Argument(help="CSV, .gz, .zip, freqtrade .feather or .json, .parquet.")],
    symbol: Annotated[str, typer.Option("--symbol", help="Whose candles, when the names do not say.")] = "",
    interval: Annotated[str, typer.Option("--interval", help="Of which interval, when the names do not say.")] = "",
    market: Annotated[
        str, typer.Option("--market", help="spot or futures, when the names do not say; else spot.")
    ] = "",
    mark: Mark = False,
    replace: Replace = False,
    json: Json = False,
) -> None:
    """Bring candle files into the store: all of them, or none when one is not clean."""
    from bot.history.importing import import_files  # noqa: PLC0415

    done = import_files(
        open_store(), files, now_ms(), market=market_of(market) if market else None, symbol=symbol or None,
        interval=interval or None, mark=mark, replace=replace,
    )  # fmt: skip
    if json:
        as_json([
            {**named(one.stream), "files": one.files, "rows": one.rows, "added": one.kept.added,
             "months": one.kept.months, "gaps": gap_rows(one.kept.gaps)}
            for one in done
        ])  # fmt: skip
        return
    for one in done:
        say(f"{title(one.stream)}: {one.rows} candles of {one.files} files, {one.kept.added} of them new")
        tell_gaps(one.kept.gaps)


@app.command("list")
def show(json: Json = False) -> None:
    """List what is kept: from when to when, how many candles, and how many are missing in between."""
    store = open_store()
    rows: list[dict[str, object]] = []
    for stream in store.streams():
        found = [store.certificate(stream, month) for month in store.months(stream)]
        rows.append({
            **named(stream), "first": found[0].first_ms, "last": found[-1].last_ms,
            "rows": sum(one.rows for one in found), "missing": sum(gap.count for one in found for gap in one.gaps),
            "months": len(found), "bytes": sum(one.stat().st_size for one in store.folder(stream).glob("*.parquet")),
        })  # fmt: skip
    if json:
        as_json(rows)
        return
    table(
        f"candles in {store.root}", ["market", "symbol", "interval", "from", "to", "#candles", "#missing", "#MB"],
        [
            (row["market"], row["symbol"], row["interval"], _minute(row["first"]), _minute(row["last"]), row["rows"],
             row["missing"], f"{int(str(row['bytes'])) / 1e6:.1f}")
            for row in rows
        ],
        empty="no candles are kept yet; fetch some: bot data download BTCUSDT 1m --since 2024-01-01",
    )  # fmt: skip


@app.command("verify")
def verify(
    symbol: Annotated[str, typer.Argument(help="Only this symbol.")] = "",
    interval: Annotated[str, typer.Argument(help="Only this interval.")] = "",
    market: Annotated[str, typer.Option("--market", help="Only this market: spot, futures.")] = "",
    json: Json = False,
) -> None:
    """Read every candle that is kept, and compare it with the certificates."""
    from bot.history import verifying  # noqa: PLC0415

    store = open_store()
    chosen = [
        stream for stream in store.streams()
        if (symbol.upper() in {"", stream.symbol} and interval in {"", stream.interval})
        and (not market or market_of(market) is stream.market)
    ]  # fmt: skip
    found = [finding for stream in chosen for finding in verifying.verify(store, stream)]
    if json:
        as_json([_finding_row(one) for one in found])
    else:
        table(
            "months", ["market", "symbol", "interval", "month", "#candles", "#missing", "found"],
            [(*named(one.stream).values(), one.month, *_counts(one), _found(one)) for one in found],
            empty="nothing of that is kept; see: bot data list",
        )  # fmt: skip
    if broken := [one for one in found if one.trouble]:
        first = broken[0]
        fail(f"{title(first.stream)} {first.month}: {first.trouble}", ExitCode.CONFIG)


@app.command("export")
def export(
    symbol: SymbolArgument,
    interval: IntervalArgument,
    file: Annotated[Path, typer.Argument(help="Where to: .csv, .csv.gz or .parquet; it must not be there yet.")],
    since: Since = "",
    until: Until = "",
    market: MarketOption = "spot",
) -> None:
    """Write candles that are kept to a file."""
    from bot.history import exporting  # noqa: PLC0415

    stream = stream_of(market, symbol, interval)
    columns = open_store().read(stream, *time_range(since, until), extras=True)
    exporting.export(columns, file)
    say(f"{len(columns)} candles of {title(stream)} are in {file}")


def stream_of(market: str, symbol: str, interval: str) -> "Stream":
    """Read which series is meant; ends with one line when it is none."""
    from bot.domain.market import INTERVAL_MS, Stream  # noqa: PLC0415

    if interval not in INTERVAL_MS:
        fail(f"unknown interval {interval!r}; use one of {', '.join(INTERVAL_MS)}", ExitCode.USAGE)
    return Stream(market_of(market), symbol.upper(), interval)


def market_of(name: str) -> "Market":
    """Read which market is meant; ends with one line when it is none."""
    from bot.domain.market import Market  # noqa: PLC0415

    if name not in list(Market):
        fail(f"unknown market {name!r}; use one of {', '.join(Market)}", ExitCode.USAGE)
    return Market(name)


def time_range(since: str, until: str) -> tuple[int | None, int | None]:
    """Read both ends of a time (ms); ends with one line when they are none, or the wrong way round."""
    first, last = (time_of(text, option) for text, option in ((since, "--since"), (until, "--until")))
    if first is not None and last is not None and last <= first:
        fail(f"--until {until} is not after --since {since}", ExitCode.USAGE)
    return first, last


def time_of(text: str, option: str) -> int | None:
    """Read a time in UTC as ms; None when nothing was typed."""
    if not text:
        return None
    whole = text + {4: "-01-01", 7: "-01"}.get(len(text), "")
    try:
        told = datetime.fromisoformat(whole)
    except ValueError:
        fail(f"{option} {text!r} is no date; write it like 2024-03-15", ExitCode.USAGE)
    return int((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp() * 1000)


def now_ms() -> int:
    """Give this machine's time."""
    return time.time_ns() // 1_000_000


def named(stream: "Stream") -> dict[str, object]:
    """Say which series, to a program."""
    return {"market": stream.market.value, "symbol": stream.symbol, "interval": stream.interval}


def title(stream: "Stream") -> str:
    """Say which series, to a person."""
    return f"{stream.market} {stream.symbol} {stream.interval}"


def gap_rows(gaps: "tuple[Gap, ...]") -> list[dict[str, int]]:
    """Tell holes to a program: the first and the last open time that are missing (ms), and how many."""
    return [{"from": gap.first_ms, "to": gap.last_ms, "count": gap.count} for gap in gaps]


def tell_gaps(gaps: "tuple[Gap, ...]") -> None:
    """Tell holes to a person."""
    for gap in gaps[:5]:
        warn(f"marked as a hole: {gap}")
    if len(gaps) > 5:
        warn(f"and {len(gaps) - 5} more; bot data verify shows how many are missing in which month")


def _finding_row(one: "Finding") -> dict[str, object]:
    rows, missing = _counts(one)
    return {**named(one.stream), "month": one.month, "rows": rows, "missing": missing, "trouble": one.trouble}


def _counts(one: "Finding") -> tuple[int, int]:
    told = one.certificate
    return (told.rows, sum(gap.count for gap in told.gaps)) if told else (0, 0)


def _found(one: "Finding") -> str:
    return one.trouble or ("as certified; its copy was mended" if one.is_copy_mended else "as certified")


def _minute(time_ms: object) -> str:
    return datetime.fromtimestamp(int(str(time_ms)) / 1000, UTC).strftime("%Y-%m-%d %H:%M")
