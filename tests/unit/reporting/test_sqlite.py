"""The KPI cache keeps what the aggregator wrote, and shows each reader the truth."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from bot.domain.errors import Misconfigured, Unavailable
from bot.reporting.cache.sqlite import DAY_S, HOUR_S, CacheWriter, Snapshot, latest, newest_ts, series


def snapshot(ts: int, strategy_id: int = 1, **changed: object) -> Snapshot:
    plain = Snapshot(
        ts=ts,
        strategy_id=strategy_id,
        symbol="BTCUSDT",
        pnl=float(ts),
        gross=float(ts * 2),
        fees=float(ts),
        win_rate=0.5,
        open_trades=1,
        closed_trades=ts % 1_000,
        equity=10_000.0 + ts,
    )
    return msgspec.structs.replace(plain, **changed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "metrics.sqlite3"


@pytest.fixture
def writer(path: Path) -> Iterator[CacheWriter]:
    opened = CacheWriter(path)
    yield opened
    opened.close()


def test_the_seeds_columns_come_first_by_name_and_the_index_exists(writer: CacheWriter, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(kpi_snapshots)")]
        indexes = {row[1] for row in connection.execute("PRAGMA index_list(kpi_snapshots)")}
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        made = connection.execute("SELECT sql FROM sqlite_master WHERE name='kpi_snapshots'").fetchone()[0]
    connection.close()
    assert columns[:9] == [
        "ts",
        "strategy_id",
        "symbol",
        "pnl",
        "gross",
        "fees",
        "win_rate",
        "open_trades",
        "closed_trades",
    ]
    assert "ix_kpi_ts" in indexes
    assert journal == "wal"
    assert "WITHOUT ROWID" in made


def test_latest_gives_one_snapshot_of_each_strategy_however_old_the_others_are(writer: CacheWriter, path: Path) -> None:
    writer.write(snapshot(ts, strategy_id) for ts in range(1, 300) for strategy_id in (1, 7, 9))
    writer.write([snapshot(500, 7)])
    assert [(row.strategy_id, row.ts) for row in latest(path)] == [(7, 500), (1, 299), (9, 299)]
    assert [row.strategy_id for row in latest(path, limit=1)] == [7]


def test_a_series_is_the_newest_rows_oldest_first(writer: CacheWriter, path: Path) -> None:
    writer.write(snapshot(ts) for ts in range(2_000))
    assert [row.ts for row in series(path, 1, limit=3)] == [1_997, 1_998, 1_999]
    assert [row.ts for row in series(path, 1, since_ts=1_998)] == [1_998, 1_999]
    assert len(series(path, 1, since_ts=0, limit=5_000)) == 2_000
    assert series(path, 2) == []


def test_a_cache_that_does_not_exist_yet_is_empty(path: Path) -> None:
    assert latest(path) == []
    assert series(path, 1) == []
    assert newest_ts(path) is None
    assert not path.exists()


def test_a_bare_file_name_is_kept_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bare = Path("metrics.sqlite3")
    writer = CacheWriter(bare)
    writer.write([snapshot(5)])
    writer.close()
    assert newest_ts(bare) == 5
    assert (tmp_path / "metrics.sqlite3").exists()


@pytest.mark.parametrize("rubbish", [b"this is not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4_000])
def test_a_corrupt_file_is_made_anew(path: Path, rubbish: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(rubbish)
    with pytest.raises(Unavailable):
        latest(path)
    writer = CacheWriter(path)
    writer.write([snapshot(1)])
    writer.close()
    assert [row.ts for row in latest(path)] == [1]


def test_a_table_of_another_shape_is_made_anew(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE kpi_snapshots(ts INTEGER, strategy_id INTEGER)")
    connection.close()
    writer = CacheWriter(path)
    writer.write([snapshot(1)])
    writer.close()
    assert latest(path) == [snapshot(1)]


def test_a_folder_that_cannot_be_made_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Misconfigured, match="DASHBOARD_SQLITE_PATH"):
        CacheWriter(tmp_path / "file" / "metrics.sqlite3")


def test_thinning_keeps_a_day_whole_then_five_minutes_then_hours_then_nothing(writer: CacheWriter, path: Path) -> None:
    now = 40 * DAY_S
    fresh = range(now - HOUR_S, now, 60)
    older = range(now - 3 * DAY_S, now - 3 * DAY_S + HOUR_S, 60)
    oldest = range(now - 20 * DAY_S, now - 20 * DAY_S + 2 * HOUR_S, 60)
    beyond = range(now - 35 * DAY_S, now - 35 * DAY_S + HOUR_S, 60)
    writer.write(
        snapshot(ts, strategy) for span in (fresh, older, oldest, beyond) for ts in span for strategy in (1, 2)
    )
    writer.thin(now)
    kept = [row.ts for row in series(path, 1, limit=5_000)]
    assert [ts for ts in kept if ts in fresh] == list(fresh)
    assert [ts for ts in kept if ts in older] == [older.start + 300 * n + 240 for n in range(12)]
    assert [ts for ts in kept if ts in oldest] == [oldest.start + HOUR_S * n + HOUR_S - 60 for n in range(2)]
    assert not [ts for ts in kept if ts in beyond]
    assert [row.ts for row in series(path, 2, limit=5_000)] == kept


def test_strategies_that_no_longer_exist_are_forgotten(writer: CacheWriter, path: Path) -> None:
    writer.write(snapshot(1, strategy_id) for strategy_id in (1, 2, 3))
    writer.keep_only([2])
    assert [row.strategy_id for row in latest(path)] == [2]


def test_a_reader_cannot_write(writer: CacheWriter, path: Path) -> None:
    writer.write([snapshot(1)])
    with (
        sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM kpi_snapshots")
    connection.close()


def test_32_readers_see_no_wrong_row_while_the_writer_writes(writer: CacheWriter, path: Path) -> None:
    writer.write(snapshot(0, strategy_id) for strategy_id in range(1, 6))

    def read(strategy_id: int) -> int:
        rows_seen = 0
        for _ in range(25):
            newest = latest(path)
            assert [row.strategy_id for row in sorted(newest, key=lambda row: row.strategy_id)] == [
                1,
                2,
                3,
                4,
                5,
            ]
            assert len({row.ts for row in newest}) == 1
            rows = series(path, strategy_id, limit=50)
            assert rows == [snapshot(row.ts, strategy_id) for row in rows]
            assert [row.ts for row in rows] == sorted(row.ts for row in rows)
            rows_seen += len(rows)
        return rows_seen

    with ThreadPoolExecutor(33) as pool:
        readers = [pool.submit(read, 1 + number % 5) for number in range(32)]
        for ts in range(1, 200):
            writer.write(snapshot(ts, strategy_id) for strategy_id in range(1, 6))
        assert all(reader.result() >= 25 for reader in readers)
