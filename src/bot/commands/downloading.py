"""`bot data download`: candles from the exchange into the store, with a bar that says how long it will take."""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import structlog
import typer

from bot.commands import data
from bot.commands.output import ExitCode, Json, as_json, fail, say, warn

if TYPE_CHECKING:
    from bot.binance.client import Client
    from bot.binance.dumps import Dumps
    from bot.domain.market import Stream
    from bot.history.columns import Columns
    from bot.history.downloading import Outcome, Tell
    from bot.history.funding import Rate

FUNDING_MAX = 1_000
"""Funding rates that one answer holds at most."""
_FIELDS = {
    "open_time": "open_time", "open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume",
    "quote_volume": "quote_volume", "count": "trades", "taker_buy_volume": "taker_buy_volume",
    "taker_buy_quote_volume": "taker_buy_quote_volume",
}  # fmt: skip
"""Our columns, and what the client calls them."""


def download(
    symbols: Annotated[str, typer.Argument(metavar="SYMBOL", help="Like BTCUSDT; several with commas between.")],
    interval: data.IntervalArgument,
    since: data.Since,
    until: data.Until = "",
    market: data.MarketOption = "spot",
    environment: Annotated[str, typer.Option("--environment", help="Of which Binance; emulator for your own.")] = "",
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=16, help="How many files are fetched at once.")] = 4,
    funding: Annotated[bool, typer.Option("--funding", help="Futures: the funding rates of that time, too.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Fetch what is kept already, too.")] = False,
    json: Json = False,
) -> None:
    """Fetch candles: public files with their checksums, then REST. Start it again to go on where it ended."""
    # Standard output belongs to the answer; what goes wrong is told in one line at the end.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if funding and market != "futures":
        fail("--funding is for futures; give --market futures with it", ExitCode.USAGE)
    streams = [data.stream_of(market, one, interval) for one in symbols.split(",") if one]
    first, after = data.time_range(since, until)
    if first is None:
        fail("--since is empty; write it like 2024-03-15", ExitCode.USAGE)
    rows = []
    for stream in streams:
        data.open_store().folder(stream)
        began = time.monotonic()
        with _bar(data.title(stream), wanted=sys.stderr.isatty() and not json) as tell:
            outcome = _alone(_fetch(stream, first, after, environment, jobs, tell, again=again))
        row = _row(stream, outcome, time.monotonic() - began)
        if not json:
            _tell(stream, outcome)
        if funding:
            row["funding_rates"] = asyncio.run(_fetch_funding(stream, first, after, environment))
            if not json:
                say(f"{stream.symbol}: {row['funding_rates']} new funding rates")
        rows.append(row)
    if json:
        as_json(rows)


async def _fetch(
    stream: "Stream", first: int, after: int | None, environment: str, jobs: int, tell: "Tell", *, again: bool
) -> "Outcome":
    from bot.binance.client import build_public  # noqa: PLC0415
    from bot.binance.dumps import Dumps  # noqa: PLC0415
    from bot.bootstrap import Feeds, Roof  # noqa: PLC0415
    from bot.history.downloading import Download  # noqa: PLC0415

    settings = Roof().settings
    feeds = Feeds(settings)
    chosen = environment or settings.MARKET_DATA_ENVIRONMENT
    hosts = feeds.hosts(chosen, stream.market)
    client, dumps = build_public(hosts, feeds.bank(chosen, stream.market)), Dumps(hosts)
    try:
        source = Exchange(client, dumps)
        load = Download(stream, source, data.open_store(), data.now_ms, jobs=jobs, again=again, tell=tell)
        return await load.run(first, after)
    finally:
        await client.close()
        await dumps.close()


async def _fetch_funding(stream: "Stream", first: int, after: int | None, environment: str) -> int:
    """Fetch the funding rates of a contract into the store; give how many are new."""
    from bot.binance.client import build_public  # noqa: PLC0415
    from bot.bootstrap import Feeds, Roof  # noqa: PLC0415
    from bot.history import funding  # noqa: PLC0415

    settings = Roof().settings
    feeds = Feeds(settings)
    chosen = environment or settings.MARKET_DATA_ENVIRONMENT
    client = build_public(feeds.hosts(chosen, stream.market), feeds.bank(chosen, stream.market))
    try:
        until = min(after or data.now_ms(), await client.time_ms())
        rates = await funding.fetch(Rates(client), stream.symbol, first, until)
    finally:
        await client.close()
    return funding.keep(data.open_store(), stream.symbol, rates) if rates else 0


class Rates:
    """Funding rates of REST, as a download wants them."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    async def rates(self, symbol: str, start_ms: int, end_ms: int) -> "list[Rate]":
        """Give a page of them."""
        from bot.binance import futures  # noqa: PLC0415
        from bot.binance.wire_requests import FundingRequest  # noqa: PLC0415

        wanted = FundingRequest(symbol=symbol, startTime=start_ms, endTime=end_ms, limit=FUNDING_MAX)
        return [(row.fundingTime, row.fundingRate) for row in await self._client.call(futures.FUNDING_RATE, wanted)]


class Exchange:
    """Public files and REST klines of one market, as a download wants them."""

    def __init__(self, client: "Client", dumps: "Dumps") -> None:
        self._client, self._dumps = client, dumps

    async def now_ms(self) -> int:
        """Give the exchange's time."""
        return await self._client.time_ms()

    async def file(self, path: str) -> bytes | None:
        """Give a public file; None when there is none."""
        return await self._dumps.file(path)

    async def page(self, stream: "Stream", start_ms: int | None, end_ms: int | None, limit: int | None) -> "Columns":
        """Give candles from REST."""
        import numpy as np  # noqa: PLC0415

        from bot.binance.client import KLINES_MAX  # noqa: PLC0415
        from bot.history.columns import made  # noqa: PLC0415

        rows = await self._client.kline_rows(stream, start=start_ms, end=end_ms, limit=limit or KLINES_MAX)
        arrays = {ours: np.array([float(getattr(row, theirs)) for row in rows]) for ours, theirs in _FIELDS.items()}
        return made(stream.market, stream.symbol, stream.interval, arrays)


def _alone(work: "Coroutine[Any, Any, Outcome]") -> "Outcome":
    """Run a download; of several tasks that failed together, the first says why."""
    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


@contextlib.contextmanager
def _bar(title: str, *, wanted: bool) -> "Iterator[Tell]":
    if not wanted:
        yield lambda _done, _of: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("candles, left"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done, of: shown.update(task, completed=done, total=of)


def _row(stream: "Stream", outcome: "Outcome", took_s: float) -> dict[str, object]:
    return {
        **data.named(stream), "added": outcome.added, "changed": outcome.changed, "skipped": outcome.skipped,
        "files": outcome.files, "rest_rows": outcome.rest, "months": list(outcome.months),
        "gaps": data.gap_rows(tuple(outcome.gaps)), "took_s": round(took_s, 3),
    }  # fmt: skip


def _tell(stream: "Stream", outcome: "Outcome") -> None:
    skipped = f"; {outcome.skipped} were there already" if outcome.skipped else ""
    say(
        f"{data.title(stream)}: {outcome.added} new candles from {outcome.files} files"
        f" and {outcome.rest} candles of REST{skipped}"
    )
    if outcome.changed:
        warn(f"{outcome.changed} candles that were kept differed from the exchange's and were replaced by its")
    data.tell_gaps(tuple(outcome.gaps))
