"""Candle files of other programs reach the store unchanged, or not at all."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather
from pyarrow import parquet as arrow_parquet

from bot.domain.errors import Misconfigured
from bot.domain.market import Market, Stream
from bot.history import exporting, importing
from bot.history.columns import Columns, made, read_csv
from bot.history.importing import Imported, import_files
from bot.history.names import Told, told_by
from bot.history.store import Store

DATA = Path(__file__).parents[3] / "../shared/data"
OFFICIAL = DATA / "official_zip/spot-klines-BTCUSDT-1h-2024-10-28.zip"
STREAM = Stream(Market.SPOT, "BTCUSDT", "5m")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "history")


@pytest.fixture(scope="module")
def real() -> Columns:
    path = DATA / "klines/spot/BTCUSDT_5m_20250520_20250818.csv.gz"
    return read_csv(path, Market.SPOT, "BTCUSDT", "5m").rows(0, 1_000)


def bring(store: Store, *files: Path, **options: bool) -> Imported:
    (done,) = import_files(store, files, 1, **options)
    return done


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("BTCUSDT-1m-2024-01.zip", Told(None, "BTCUSDT", "1m")),
        ("spot/1000SATSUSDT-1mo-2024-01-31.zip", Told(Market.SPOT, "1000SATSUSDT", "1M")),
        ("um-klines-BTCUSDT-1h-2024-10-28.zip", Told(Market.FUTURES, "BTCUSDT", "1h")),
        ("binance/BTC_USDT-5m.feather", Told(None, "BTCUSDT", "5m")),
        ("futures/BTC_USDT_USDT-15m-futures.feather", Told(Market.FUTURES, "BTCUSDT", "15m")),
        ("futures/um/BTCUSDT_250627-1d-2025-06.zip", Told(Market.FUTURES, "BTCUSDT_250627", "1d")),
        ("klines/um/ETHUSDT_1m_20250504_20250615.csv.gz", Told(Market.FUTURES, "ETHUSDT", "1m")),
        ("candles.csv", Told()),
    ],
)
def test_a_files_name_tells_market_symbol_and_interval(name: str, told: Told) -> None:
    assert told_by(Path(name)) == told


def test_a_name_that_tells_nothing_asks_for_the_symbol_and_one_of_other_candles_is_refused(store: Store) -> None:
    with pytest.raises(Misconfigured, match="give --symbol"):
        bring(store, Path("candles.csv"))
    with pytest.raises(Misconfigured, match="no candle file of trades"):
        bring(store, Path("BTC_USDT_USDT-8h-mark.feather"))


def test_an_official_dump_is_taken_with_its_checksum(store: Store, tmp_path: Path) -> None:
    path = Path(shutil.copy(OFFICIAL, tmp_path / "BTCUSDT-1h-2024-10-28.zip"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    note = path.with_name(path.name + ".CHECKSUM")
    note.write_text(f"{digest}  {path.name}\n")
    assert bring(store, path).kept.added == 24
    certificate = store.certificate(Stream(Market.SPOT, "BTCUSDT", "1h"), "2024-10")
    assert [(one.name, one.sha256) for one in certificate.sources] == [(path.name, digest)]


@pytest.mark.parametrize("published", ["0" * 64 + "  BTCUSDT-1h-2024-10-28.zip\n", "", "not a checksum"])
def test_a_wrong_checksum_is_refused_and_nothing_is_kept(store: Store, tmp_path: Path, published: str) -> None:
    path = Path(shutil.copy(OFFICIAL, tmp_path / "BTCUSDT-1h-2024-10-28.zip"))
    path.with_name(path.name + ".CHECKSUM").write_text(published)
    with pytest.raises(Misconfigured, match="its checksum is wrong"):
        bring(store, path)
    assert not store.root.exists()


@pytest.mark.parametrize("kind", ["feather", "json", "json.gz", "jsongz", "parquet", "our.parquet", "csv", "csv.gz"])
def test_every_kind_of_file_gives_the_same_candles(store: Store, tmp_path: Path, real: Columns, kind: str) -> None:
    path = tmp_path / f"BTC_USDT-5m.{kind}"
    _write(path, kind, real)
    assert bring(store, path).kept.added == len(real)
    kept = store.read(STREAM)
    assert all((array == getattr(kept, name)).all() for name, array in real.arrays().items())


def _write(path: Path, kind: str, columns: Columns) -> None:
    if kind in {"our.parquet", "csv", "csv.gz"}:
        exporting.export(columns, path)
    elif kind in {"feather", "parquet"}:
        # As freqtrade writes them: a date with a time zone, and its own order.
        dates = pa.array(columns.open_time, pa.timestamp("ms", "UTC"))
        names = ("open", "high", "low", "close", "volume")
        table = pa.table({"date": dates, **{name: getattr(columns, name) for name in names}})
        if kind == "feather":
            feather.write_feather(table, path, compression="lz4")
        else:
            arrow_parquet.write_table(table, path)
    else:
        rows = [list(row) for row in zip(*(array.tolist() for array in columns.arrays().values()), strict=True)]
        text = json.dumps(rows).encode()
        path.write_bytes(text if kind == "json" else gzip.compress(text))


def test_files_of_one_series_are_one_whatever_their_order_and_where_they_overlap(
    store: Store, tmp_path: Path, real: Columns
) -> None:
    paths = [tmp_path / f"BTCUSDT-5m-{at}.csv" for at in range(3)]
    for at, path in enumerate(paths):
        exporting.export(real.rows(max(0, at * 300 - 10), at * 300 + 300), path)
    done = bring(store, paths[2], paths[0], paths[1])
    assert (done.files, done.kept.added, done.kept.gaps) == (3, 900, ())


def test_one_bad_file_keeps_all_of_them_out(store: Store, tmp_path: Path, real: Columns) -> None:
    good, bad = tmp_path / "BTCUSDT-5m-1.csv", tmp_path / "ETHUSDT-5m-1.csv"
    exporting.export(real, good)
    bad.write_text("")
    with pytest.raises(Misconfigured, match=r"ETHUSDT-5m-1.csv: the file is empty"):
        bring(store, good, bad)
    assert not store.root.exists()


@pytest.mark.parametrize("name", ["x.feather", "x.parquet", "x.json", "x.jsongz", "x.zip"])
def test_a_damaged_file_of_any_kind_is_refused_in_one_line(store: Store, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"BTC_USDT-5m-{name}"
    path.write_bytes(b"PK\x03\x04 this is nothing at all that anybody could read as candles")
    with pytest.raises(Misconfigured) as refused:
        bring(store, path)
    assert "\n" not in str(refused.value)
    assert not store.root.exists()


def test_without_pyarrow_a_feather_file_says_what_is_missing(
    store: Store, tmp_path: Path, real: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "BTC_USDT-5m.feather"
    _write(path, "feather", real)
    monkeypatch.setitem(sys.modules, "pyarrow.feather", None)
    with pytest.raises(Misconfigured, match="needs pyarrow to be read, of the extra pandas"):
        bring(store, path)


def test_other_programs_read_what_the_store_keeps(store: Store, real: Columns) -> None:
    store.put(real, [importing.Origin("x")], 1)
    path = store.folder(STREAM) / "2025-05.parquet"
    table = arrow_parquet.ParquetFile(path, page_checksum_verification=True).read()
    assert table.num_rows == len(real)
    assert all((table[name].to_numpy() == array).all() for name, array in real.arrays().items())


def test_an_export_leaves_unknown_cells_empty_and_writes_no_exponent(tmp_path: Path) -> None:
    open_time = np.arange(2) * 60_000 + 1_704_067_200_000
    tiny = np.full(2, 1e-7)
    columns = made(Market.SPOT, "PEPEUSDT", "1m", {
        "open_time": open_time, "open": tiny, "high": tiny, "low": tiny, "close": tiny, "volume": np.full(2, 5e16),
        "quote_volume": np.array([np.nan, 2.0]), "count": np.array([-1, 7]),
    })  # fmt: skip
    path = tmp_path / "out.csv"
    exporting.export(columns, path)
    assert path.read_text().splitlines()[1:] == [
        "1704067200000,0.0000001,0.0000001,0.0000001,0.0000001,50000000000000000,,",
        "1704067260000,0.0000001,0.0000001,0.0000001,0.0000001,50000000000000000,2,7",
    ]
    with pytest.raises(Misconfigured, match="is there already"):
        exporting.export(columns, path)
    with pytest.raises(Misconfigured, match="let it end in"):
        exporting.export(columns, tmp_path / "out.xls")
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]


def test_reading_candles_imports_nothing_heavy() -> None:
    code = "import sys, bot.history.store; print([m for m in ('pandas','pyarrow','duckdb','sqlalchemy') if m in sys.modules])"
    there = {**os.environ, "PYTHONPATH": str(Path(importing.__file__).parents[2])}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=there)
    assert said.stdout.strip() == "[]"
