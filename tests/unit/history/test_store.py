"""What the store keeps comes back the same, whoever writes or dies in between; what is not whole never gets in."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from bot.domain.errors import Misconfigured
from bot.domain.market import Market, Stream
from bot.history import checks, parquet
from bot.history.certificate import Origin
from bot.history.columns import Columns, made, read_csv
from bot.history.store import Store
from bot.history.verifying import verify

DATA = Path(__file__).parents[3] / "../shared/data"
HOUR = 3_600_000
JANUARY = 1_704_067_200_000
FEBRUARY = JANUARY + 31 * 24 * HOUR
STREAM = Stream(Market.SPOT, "BTCUSDT", "1h")


def candles(first: int, count: int, *, price: float = 100.0, extras: bool = False, seed: int = 1) -> Columns:
    """Make hours from hour `first` of 2024 on; the same hours are the same whenever they are made."""
    at = np.arange(first, first + count)
    open_ = price + np.sin(at * seed)
    arrays = {
        "open_time": JANUARY + at * HOUR, "open": open_, "high": open_ + 2, "low": open_ - 2, "close": open_ + 1,
        "volume": at + 0.5,
    }  # fmt: skip
    if extras:
        arrays |= {"quote_volume": at * 100.0, "count": at + 1}
    return made(STREAM.market, STREAM.symbol, STREAM.interval, arrays)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "history")


def put(store: Store, columns: Columns, **options: bool) -> None:
    store.put(columns, [Origin("test.csv", "abc")], 1, **options)


def test_candles_come_back_by_month_with_all_their_columns(store: Store) -> None:
    put(store, candles(700, 100, extras=True))
    assert store.months(STREAM) == ["2024-01", "2024-02"]
    assert store.streams() == [STREAM]
    columns = store.read(STREAM, extras=True)
    expected = candles(700, 100, extras=True)
    assert all((array == getattr(expected, name)).all() for name, array in columns.arrays().items())
    assert columns.count is not None
    part = store.read(STREAM, JANUARY + 710 * HOUR, JANUARY + 720 * HOUR)
    assert (part.open_time[0], len(part), part.quote_volume) == (JANUARY + 710 * HOUR, 10, None)


def test_a_certificate_says_what_is_there_and_stands_beside_as_json(store: Store) -> None:
    put(store, candles(10, 5))
    certificate = store.certificate(STREAM, "2024-01")
    assert (certificate.rows, certificate.expected, certificate.gaps) == (5, 5, ())
    told = json.loads((store.folder(STREAM) / "2024-01.json").read_text())
    assert (told["first"], told["last"]) == (JANUARY + 10 * HOUR, JANUARY + 14 * HOUR)
    assert told["sources"] == [{"name": "test.csv", "sha256": "abc"}]


def test_a_hole_is_refused_unless_it_is_marked_and_then_stands_on_the_certificate(store: Store) -> None:
    put(store, candles(0, 10))
    with pytest.raises(Misconfigured, match=r"5 missing from 2024-01-01 10:00 UTC to 2024-01-01 14:00 UTC.*--mark"):
        put(store, candles(15, 5))
    assert len(store.read(STREAM)) == 10
    put(store, candles(15, 5), mark=True)
    certificate = store.certificate(STREAM, "2024-01")
    assert (certificate.rows, certificate.expected) == (15, 20)
    assert [(gap.first_ms, gap.count) for gap in certificate.gaps] == [(JANUARY + 10 * HOUR, 5)]
    put(store, candles(20, 5))
    put(store, candles(10, 5))
    assert store.certificate(STREAM, "2024-01").gaps == ()


def test_a_hole_over_the_end_of_a_month_is_seen_too(store: Store) -> None:
    hours = candles(700, 100)
    kept = np.r_[0:30, 60:100]
    holed = made(STREAM.market, STREAM.symbol, "1h", {name: array[kept] for name, array in hours.arrays().items()})
    with pytest.raises(Misconfigured, match="30 missing"):
        put(store, holed)
    assert store.months(STREAM) == []
    put(store, holed, mark=True)
    assert [one.trouble for one in verify(store, STREAM)] == ["", ""]
    put(store, candles(800, 10))
    assert store.certificate(STREAM, "2024-02").gaps[0].count == 30
    put(store, hours)
    assert store.certificate(STREAM, "2024-02").gaps == ()


def test_the_same_candles_again_change_nothing_and_others_are_refused_unless_they_replace(store: Store) -> None:
    put(store, candles(0, 10))
    assert store.put(candles(5, 10), [Origin("more.csv")], 2).added == 5
    with pytest.raises(
        Misconfigured, match="10 candles differ from those that were there before, the first at 2024-01-01 00:00"
    ):
        put(store, candles(0, 10, price=200.0))
    put(store, candles(0, 10, price=200.0), replace=True)
    assert store.read(STREAM).open[0] == 200.0
    assert [one.name for one in store.certificate(STREAM, "2024-01").sources] == ["test.csv", "more.csv"]


def test_columns_that_one_source_did_not_have_are_not_lost(store: Store) -> None:
    put(store, candles(0, 10, extras=True))
    put(store, candles(5, 10))
    columns = store.read(STREAM, extras=True)
    assert columns.count is not None
    assert columns.count.tolist() == [*range(1, 11), *[-1] * 5]
    assert columns.quote_volume is not None
    assert np.isnan(columns.quote_volume[10:]).all()
    assert [one.trouble for one in verify(store, STREAM)] == [""]


def test_dirty_candles_leave_nothing_behind(store: Store) -> None:
    columns = candles(0, 10)
    columns.close[3] = -1
    with pytest.raises(Misconfigured, match=r"test.csv: price zero or negative: 1 candle, first in row 4"):
        put(store, columns)
    assert not store.root.exists()


def test_what_is_not_kept_is_asked_for_with_the_line_that_fetches_it(store: Store) -> None:
    with pytest.raises(Misconfigured, match="bot data download BTCUSDT 1h --since 2024-01-01"):
        store.read(STREAM, JANUARY)
    with pytest.raises(Misconfigured, match="no symbol"):
        store.read(Stream(Market.SPOT, "../../etc", "1h"))


def test_verify_finds_a_flipped_bit_a_cut_file_and_a_changed_certificate(store: Store) -> None:
    put(store, candles(0, 1400))
    path = store.folder(STREAM) / "2024-01.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
    assert [bool(one.trouble) for one in verify(store, STREAM)] == [True, False]
    path.write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in next(iter(verify(store, STREAM))).trouble
    with pytest.raises(Misconfigured, match="remove it and fetch the month again"):
        store.read(STREAM)
    path.write_bytes(whole)
    path.with_suffix(".json").write_text("{}")
    assert [one.is_copy_mended for one in verify(store, STREAM)] == [True, False]
    assert [one.is_copy_mended for one in verify(store, STREAM)] == [False, False]


def test_a_month_taken_away_from_the_middle_is_no_hole_but_a_cut_month_is(store: Store) -> None:
    put(store, candles(0, 2500))
    (store.folder(STREAM) / "2024-02.parquet").unlink()
    assert [one.trouble for one in verify(store, STREAM)] == ["", "", ""]
    put(store, candles(31 * 24, 100))
    assert "a hole that is not on the certificate" in [one.trouble for one in verify(store, STREAM)][2]


def test_months_and_minutes_have_different_folders_whatever_the_file_system(store: Store) -> None:
    minutes, months = (store.folder(Stream(Market.SPOT, "BTCUSDT", one)) for one in ("1m", "1M"))
    assert minutes.name.lower() != months.name.lower()


def test_real_candles_with_a_real_halt_are_kept_marked(store: Store) -> None:
    columns = read_csv(DATA / "klines/spot/BTCUSDT_1m_20230316_20230501.csv.gz", Market.SPOT, "BTCUSDT", "1m")
    with pytest.raises(Misconfigured, match="80 missing from 2023-03-24 12:40 UTC"):
        put(store, columns)
    put(store, columns, mark=True)
    stream = Stream(Market.SPOT, "BTCUSDT", "1m")
    assert [one.trouble for one in verify(store, stream)] == ["", "", ""]
    assert (store.read(stream).close == columns.close).all()
    assert [gap.count for gap in checks.gaps(store.read(stream))] == [80]


def _write_for_ever(root: Path, price: float) -> None:
    while True:
        Store(root).put(candles(0, 700, price=price), [Origin(f"{price}")], 1, replace=True)


def test_two_writers_and_kill_nine_leave_one_whole_month(store: Store) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_for_ever, args=(store.root, price), daemon=True) for price in (100.0, 200.0)]
    path = store.folder(STREAM) / "2024-01.parquet"
    for one in writers:
        one.start()
    try:
        seen: set[str] = set()
        until = time.monotonic() + 60
        while len(seen) < 2 and time.monotonic() < until:
            if path.exists():
                seen |= {one.name for one in store.certificate(STREAM, "2024-01").sources}
                assert store.read(STREAM).open[0] in {100.0, 200.0}
    finally:
        for one in writers:
            os.kill(one.pid or 0, signal.SIGKILL)
            one.join()
    assert seen == {"100.0", "200.0"}
    assert [one.trouble for one in verify(store, STREAM)] == [""]
    put(store, candles(0, 700, price=300.0), replace=True)
    assert store.read(STREAM).open[0] == 300.0


def test_a_write_that_fails_leaves_the_month_as_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, candles(0, 10))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(parquet, "write", fail)
        with pytest.raises(OSError, match="No space"):
            put(store, candles(10, 10))
    assert len(store.read(STREAM)) == 10
    assert not list(store.folder(STREAM).glob("*.new"))
