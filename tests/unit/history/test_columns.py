"""Candle files of every kind become columns, and what is no clean candle file is refused in one line."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bot.domain.errors import Misconfigured
from bot.domain.market import Market
from bot.history import checks
from bot.history.columns import Columns, joined, read_csv

DATA = Path(__file__).parents[3] / "../shared/data"
START = 1_704_067_200_000
ROWS = [
    f"{START + 60_000 * at},{at + 100}.5,{at + 101}.25,{at + 99},{at + 100},{at}.125,{START + 60_000 * at + 59_999},"
    f"{at * 100}.5,{at},0.5,50.25,0"
    for at in range(1, 6)
]
SIX = [",".join(row.split(",")[:6]) for row in ROWS]
NAMES = "open_time,open,high,low,close,volume"


def read(path: Path, interval: str = "1m") -> Columns:
    return read_csv(path, Market.SPOT, "BTCUSDT", interval)


def write(folder: Path, *lines: str) -> Path:
    path = folder / "candles.csv"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_plain_file_with_names_is_read_exactly(tmp_path: Path) -> None:
    columns = read(write(tmp_path, NAMES, *SIX))
    assert columns.open_time.tolist() == [START + 60_000 * at for at in range(1, 6)]
    assert (columns.open[0], columns.high[0], columns.low[0], columns.close[0]) == (101.5, 102.25, 100.0, 101.0)
    assert columns.volume.tolist() == [1.125, 2.125, 3.125, 4.125, 5.125]
    assert columns.quote_volume is None
    assert columns.open_time.dtype == np.int64
    assert all(array.flags.c_contiguous for array in columns.arrays().values())


def test_the_exchanges_own_files_have_no_names_and_all_columns(tmp_path: Path) -> None:
    columns = read(write(tmp_path, *ROWS))
    assert len(columns) == 5
    assert columns.count is not None
    assert columns.count.tolist() == [1, 2, 3, 4, 5]
    assert columns.taker_buy_quote_volume is not None
    assert columns.taker_buy_quote_volume.tolist() == [50.25] * 5


@pytest.mark.parametrize(("unit", "shape"), [("s", "{:.0f}"), ("us", "{:.0f}"), ("ns", "{:.0f}")])
def test_times_of_any_unit_become_milliseconds(tmp_path: Path, unit: str, shape: str) -> None:
    scale = {"s": 0.001, "us": 1_000, "ns": 1_000_000}[unit]
    rows = [f"{int(int(row.split(',', 1)[0]) * scale)},{row.split(',', 1)[1]}" for row in SIX]
    assert read(write(tmp_path, *rows)).open_time[0] == START + 60_000


def test_a_file_that_changes_from_milliseconds_to_microseconds_is_one_series(tmp_path: Path) -> None:
    later = [f"{int(row.split(',', 1)[0]) * 1000},{row.split(',', 1)[1]}" for row in SIX[3:]]
    columns = read(write(tmp_path, *SIX[:3], *later))
    assert np.diff(columns.open_time).tolist() == [60_000] * 4


def test_columns_are_found_by_other_peoples_names_in_any_order(tmp_path: Path) -> None:
    rows = [",".join((cells[0], cells[4], *cells[1:4], cells[5])) for cells in (row.split(",") for row in SIX)]
    path = write(tmp_path, "Timestamp,Close,Open,High,Low,Vol", *rows)
    assert read(path).close.tolist() == read(write(tmp_path, *SIX)).close.tolist()


@pytest.mark.parametrize("packed", ["gz", "zip"])
def test_packed_files_are_read_like_plain_ones(tmp_path: Path, packed: str) -> None:
    text = "\n".join([NAMES, *SIX]) + "\n"
    path = tmp_path / f"candles.csv.{packed}"
    if packed == "gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("candles.csv", text)
    assert read(path).close.tolist() == read(write(tmp_path, NAMES, *SIX)).close.tolist()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "is empty"),
        ([NAMES], "holds no candle"),
        ([*SIX[:3], SIX[2]], "same time twice: 1 candle, first in row 4"),
        ([SIX[1], SIX[0], SIX[2]], "earlier than the candle before"),
        ([SIX[0].replace("101.5", "nan")], "not a number"),
        ([SIX[0].replace("101.5", "-101.5")], "price zero or negative"),
        ([SIX[0].replace("101.5", "0")], "price zero or negative"),
        ([SIX[0].replace("1.125", "-1.125")], "volume negative"),
        ([SIX[0].replace("102.25", "99")], "high below"),
        ([SIX[0].replace(",100,", ",101.25,")], "low above"),
        ([SIX[0].replace("60000,", "60007,", 1)], "not on the grid of 1m"),
        ([SIX[0], SIX[2], SIX[4]], "the nearest are 2 x 1m"),
        ([SIX[0], SIX[1][:20]], "damaged or no candle file"),
        ([SIX[0], SIX[1].replace("102.5", "")], "damaged or no candle file"),
        (["open_time,open,high,low,volume", *SIX], "no column close"),
        (["1,2,3"], "3 columns"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_clean_is_refused_in_one_line_that_says_why(
    tmp_path: Path, lines: list[str], told: str
) -> None:
    with pytest.raises(Misconfigured, match=told) as refused:
        read(write(tmp_path, *lines))
    assert "\n" not in str(refused.value)
    assert "candles.csv" in str(refused.value)


def test_a_file_that_is_cut_off_or_missing_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join([NAMES, *SIX]).encode())
    cut, missing = tmp_path / "cut.csv.gz", tmp_path / "missing.csv"
    cut.write_bytes(whole[:-12])
    with pytest.raises(Misconfigured, match="damaged or incomplete"):
        read(cut)
    archive = (DATA / "official_zip/spot-klines-BTCUSDT-1h-2024-10-28.zip").read_bytes()
    cut.write_bytes(archive[:-30])
    with pytest.raises(Misconfigured, match="damaged or incomplete"):
        read(cut)
    with pytest.raises(Misconfigured, match="No such file"):
        read(missing)


def test_the_interval_that_a_file_does_not_have_is_refused() -> None:
    with pytest.raises(Misconfigured, match="not on the grid of 15m"):
        read(DATA / "klines/spot/BTCUSDT_5m_20250520_20250818.csv.gz", "15m")
    with pytest.raises(Misconfigured, match="the nearest are 5 x 1m"):
        read(DATA / "klines/spot/BTCUSDT_5m_20250520_20250818.csv.gz", "1m")


def test_real_dirty_data_is_refused_with_what_is_wrong() -> None:
    with pytest.raises(Misconfigured, match="same time twice: 32 candles, first in row 8487"):
        read(DATA / "dirty_klines/spot/BTCUSDT_1m_20211011_20211021.csv.gz")


@pytest.mark.parametrize("market", ["spot", "um"])
def test_official_dumps_are_read_with_and_without_names(market: str) -> None:
    columns = read(DATA / f"official_zip/{market}-klines-BTCUSDT-1h-2024-10-28.zip", "1h")
    assert len(columns) == 24
    assert columns.quote_volume is not None
    assert checks.gaps(columns) == []


def test_a_real_halt_of_the_exchange_is_a_gap_and_not_a_flaw() -> None:
    (gap,) = checks.gaps(read(DATA / "klines/spot/BTCUSDT_1m_20230316_20230501.csv.gz"))
    assert str(gap) == "80 missing from 2023-03-24 12:40 UTC to 2023-03-24 13:59 UTC"


def test_months_and_weeks_have_their_own_grid() -> None:
    months = np.array(["2024-01", "2024-02", "2024-05"], "datetime64[M]").astype("datetime64[ms]").astype(np.int64)
    numbers, off = checks.slots(months, "1M")
    assert np.diff(numbers).tolist() == [1, 3]
    assert not off.any()
    monday = np.array(["2024-01-01"], "datetime64[ms]").astype(np.int64)
    assert not checks.slots(monday, "1w")[1].any()
    assert checks.slots(monday + 86_400_000, "1w")[1].all()


def test_a_part_of_the_time_shares_the_memory_and_parts_join_again(tmp_path: Path) -> None:
    columns = read(write(tmp_path, *ROWS))
    first, rest = columns.between(None, START + 180_000), columns.between(START + 180_000, None)
    assert (len(first), len(rest)) == (2, 3)
    assert np.shares_memory(first.close, columns.close)
    assert joined([first, rest]).close.tolist() == columns.close.tolist()
