"""A download keeps what is right, fetches again what is not, and says which holes are the exchange's own."""

import asyncio
import hashlib
import io
import zipfile
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bot.domain.errors import Misconfigured, Rejected, Unavailable
from bot.domain.market import Market, Stream
from bot.history.columns import Columns, made
from bot.history.downloading import Download, Outcome
from bot.history.planning import pieces
from bot.history.store import Store
from bot.history.verifying import verify

MINUTE, DAY = 60_000, 86_400_000
STREAM = Stream(Market.SPOT, "BTCUSDT", "5m")
STEP = 5 * MINUTE
JANUARY = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)
FEBRUARY = JANUARY + 31 * DAY
NOW = FEBRUARY + 10 * DAY + 7 * MINUTE


def price(at: int) -> float:
    return 100.0 + at % 7


class Exchange:
    """An exchange with one symbol, whose candles are there but for the open times in `absent`."""

    def __init__(self, *, absent: range = range(0), not_in_files: range = range(0)) -> None:
        self.absent, self.not_in_files = absent, not_in_files
        self.spoiled: dict[str, int] = {}
        """Files that come wrong so many times."""
        self.missing: set[str] = set()
        self.asked: list[str] = []
        self.is_listed = True
        self.breaks_at = ""

    def times(self, first: int, after: int) -> list[int]:
        first = max(-(-first // STEP) * STEP, JANUARY)
        return [one for one in range(first, after, STEP) if one not in self.absent]

    async def now_ms(self) -> int:
        return NOW

    async def file(self, path: str) -> bytes | None:
        await asyncio.sleep(0)
        name = path.rpartition("/")[2]
        self.asked.append(name)
        plain = name.removesuffix(".CHECKSUM")
        if self.breaks_at and self.breaks_at in name:
            raise Unavailable("the line is cut")
        if plain in self.missing:
            return None
        content = self._zipped(plain)
        if name != plain:
            return f"{hashlib.sha256(content).hexdigest()}  {plain}\n".encode()
        if self.spoiled.get(name, 0):
            self.spoiled[name] -= 1
            return content[: len(content) // 2]
        return content

    def _zipped(self, name: str) -> bytes:
        date = name.removeprefix("BTCUSDT-5m-").removesuffix(".zip")
        day = datetime.fromisoformat(date if len(date) == 10 else f"{date}-01").replace(tzinfo=UTC)
        first = int(day.timestamp() * 1000)
        after = first + DAY if len(date) == 10 else first + 31 * DAY
        rows = [
            f"{one * 1000},{price(one)},{price(one) + 1},{price(one) - 1},{price(one)},1.5,0,2,3,4,5,0\n"
            for one in self.times(first, after)
            if one not in self.not_in_files
        ]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            # Without a time of its own: the checksum is asked for after the file, perhaps a tick of the clock later.
            archive.writestr(zipfile.ZipInfo(name.replace("zip", "csv")), "".join(rows))
        return packed.getvalue()

    async def page(self, stream: Stream, start_ms: int | None, end_ms: int | None, limit: int | None) -> Columns:
        self.asked.append("REST")
        if not self.is_listed:
            raise Rejected("Invalid symbol.")
        last = min(NOW, NOW if end_ms is None else end_ms)
        times = self.times(JANUARY if start_ms is None else start_ms, last + 1)
        times = times[-(limit or 1000) :] if start_ms is None else times[: limit or 1000]
        open_ = np.array([price(one) for one in times])
        return made(stream.market, stream.symbol, stream.interval, {
            "open_time": np.array(times, np.int64), "open": open_, "high": open_ + 1, "low": open_ - 1, "close": open_,
            "volume": np.full(len(times), 1.5),
        })  # fmt: skip


async def fetch(exchange: Exchange, store: Store, since: int = JANUARY, *, again: bool = False) -> Outcome:
    return await Download(STREAM, exchange, store, lambda: 1, again=again).run(since, None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "history")


def dealt(exchange: Exchange) -> list[str]:
    return [one for one in exchange.asked if one.endswith(".zip")]


async def test_months_come_whole_then_days_then_rest_and_the_forming_candle_stays_out(store: Store) -> None:
    exchange = Exchange()
    outcome = await fetch(exchange, store)
    assert dealt(exchange) == ["BTCUSDT-5m-2025-01.zip", *(f"BTCUSDT-5m-2025-02-{day:02}.zip" for day in range(1, 11))]
    columns = store.read(STREAM)
    assert columns.open_time[-1] == FEBRUARY + 10 * DAY
    assert (len(columns), outcome.added, outcome.rest) == (41 * 288 + 1, 41 * 288 + 1, 1)
    assert [one.trouble for one in verify(store, STREAM)] == ["", ""]


async def test_a_month_without_its_file_comes_by_days_and_a_day_without_its_file_by_rest(store: Store) -> None:
    exchange = Exchange()
    exchange.missing = {"BTCUSDT-5m-2025-01.zip", "BTCUSDT-5m-2025-01-20.zip"}
    outcome = await fetch(exchange, store)
    assert (outcome.rest, outcome.gaps) == (289, {})
    assert len(store.read(STREAM)) == 41 * 288 + 1


async def test_a_file_that_comes_broken_is_fetched_once_more_and_refused_when_it_stays_so(store: Store) -> None:
    exchange = Exchange()
    exchange.spoiled = {"BTCUSDT-5m-2025-01.zip": 1, "BTCUSDT-5m-2025-02-03.zip": 9}
    with pytest.raises(ExceptionGroup) as broken:
        await fetch(exchange, store)
    assert broken.group_contains(Misconfigured, match=r"BTCUSDT-5m-2025-02-03.zip: its checksum is wrong")
    assert dealt(exchange).count("BTCUSDT-5m-2025-01.zip") == 2
    kept = store.read(STREAM)
    assert kept.open_time[-1] < FEBRUARY + 2 * DAY
    exchange.spoiled, exchange.asked = {}, []
    await fetch(exchange, store)
    assert "BTCUSDT-5m-2025-01.zip" not in exchange.asked
    assert len(store.read(STREAM)) == 41 * 288 + 1


async def test_a_line_that_is_cut_keeps_what_came_before_and_goes_on_there(store: Store) -> None:
    exchange = Exchange()
    exchange.breaks_at = "2025-02-06"
    with pytest.raises(ExceptionGroup):
        await fetch(exchange, store)
    exchange.breaks_at, exchange.asked = "", []
    outcome = await fetch(exchange, store)
    assert outcome.skipped >= 31 * 288
    assert "BTCUSDT-5m-2025-01.zip" not in exchange.asked
    assert [one.trouble for one in verify(store, STREAM)] == ["", ""]
    assert len(store.read(STREAM)) == 41 * 288 + 1


async def test_a_hole_of_a_file_is_filled_by_rest(store: Store) -> None:
    hole = range(JANUARY + 3 * DAY, JANUARY + 3 * DAY + 10 * STEP, STEP)
    outcome = await fetch(Exchange(not_in_files=hole), store)
    assert (outcome.rest, outcome.gaps) == (11, {})
    assert len(store.read(STREAM)) == 41 * 288 + 1


@pytest.mark.parametrize("from_ms", [JANUARY + 3 * DAY, FEBRUARY - 4 * STEP, FEBRUARY + DAY - 4 * STEP])
async def test_a_hole_that_the_exchange_has_itself_is_marked_wherever_it_lies(store: Store, from_ms: int) -> None:
    outcome = await fetch(Exchange(absent=range(from_ms, from_ms + 10 * STEP, STEP)), store)
    assert [(gap.first_ms, gap.count) for gap in outcome.gaps] == [(from_ms, 10)]
    assert [one.trouble for one in verify(store, STREAM)] == ["", ""]
    again = Exchange(absent=range(from_ms, from_ms + 10 * STEP, STEP))
    assert (await fetch(again, store)).added == 0
    assert dealt(again) == []


async def test_a_hole_that_nobody_asked_the_exchange_about_is_no_reason_to_leave_it(store: Store) -> None:
    """So it is after a kill, when earlier days came in before later ones that were there already."""
    await fetch(Exchange(), store)
    whole = store.read(STREAM)
    for path in store.root.rglob("*.parquet"):
        path.unlink()
    store.put(whole.between(FEBRUARY + 5 * DAY, None), [], 1)
    store.put(whole.between(FEBRUARY, FEBRUARY + DAY), [], 1, mark=True)
    outcome = await fetch(Exchange(), store, since=FEBRUARY)
    assert (outcome.added, outcome.gaps) == (4 * 288, {})


async def test_days_before_those_that_are_kept_leave_no_hole_and_tell_of_none(store: Store) -> None:
    await fetch(Exchange(), store, since=FEBRUARY + 5 * DAY)
    outcome = await fetch(Exchange(), store, since=FEBRUARY + DAY)
    assert (outcome.added, outcome.skipped, outcome.gaps) == (4 * 288, 5 * 288 + 1, {})
    assert store.certificate(STREAM, "2025-02").gaps == ()


async def test_a_symbol_that_is_traded_no_more_comes_from_files_alone(store: Store) -> None:
    exchange = Exchange()
    exchange.is_listed = False
    exchange.missing = {f"BTCUSDT-5m-2025-02-{day:02}.zip" for day in range(5, 11)}
    await fetch(exchange, store)
    assert store.read(STREAM).open_time[-1] == FEBRUARY + 4 * DAY - STEP
    assert exchange.asked.count("REST") == 1


async def test_what_differs_from_the_exchange_is_replaced_and_told(store: Store) -> None:
    await fetch(Exchange(), store)
    columns = store.month(STREAM, "2025-01")
    columns.close[5] += 0.5
    store.put(columns, [], 1, replace=True)
    outcome = await fetch(Exchange(), store, again=True)
    assert (outcome.added, outcome.changed) == (0, 1)


def test_weeks_and_few_candles_come_from_rest_and_a_day_begun_is_not_asked_as_a_file() -> None:
    weeks = Stream(Market.SPOT, "BTCUSDT", "1w")
    assert [one.path for one in pieces(weeks, JANUARY, NOW, NOW)] == [""]
    plan = list(pieces(STREAM, JANUARY + 5 * DAY, NOW, NOW))
    assert plan[0].first_ms == JANUARY + 5 * DAY
    assert len(plan[0].days) == 26
    assert plan[-1].path == ""
    assert all(one.after_ms == after.first_ms for one, after in pairwise(plan))
