import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.domain.errors import Misconfigured
from bot.emulator.replay import read_tables

DATA = Path(__file__).parents[3] / "../shared/data"
GOOD = "1747699200000,10,12,9,11,5"


def write(folder: Path, text: str, name: str = "BTCUSDT_1m_x.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_table_with_a_header_is_read_as_it_stands(tmp_path: Path) -> None:
    path = write(tmp_path, f"open_time,open,high,low,close,volume\n{GOOD}\n1747699260000,11,11.5,10.5,10.75,2\n")
    (table,) = read_tables([path], ())
    first, second = table.candles()
    assert (table.symbol, table.interval) == ("BTCUSDT", "1m")
    assert (first.open, first.high, first.low, first.close, first.volume) == (10, 12, 9, 11, 5)
    assert (second.open_time, second.close_time) == (1_747_699_260_000, 1_747_699_319_999)


def test_microseconds_become_milliseconds(tmp_path: Path) -> None:
    row = "1747699200000000,10,12,9,11,5,1747699259999999,52.5,17,2,21,0"
    (table,) = read_tables([write(tmp_path, row, "BTCUSDT-1m-2025-05-20.csv")], ())
    (candle,) = table.candles()
    assert (candle.open_time, candle.quote_volume, candle.trade_count) == (1_747_699_200_000, 52.5, 17)


@pytest.mark.parametrize("market", ["spot", "um"])
def test_an_official_dump_is_read_from_its_zip(market: str) -> None:
    (table,) = read_tables([DATA / f"official_zip/{market}-klines-BTCUSDT-1h-2024-10-28.zip"], ())
    assert (table.symbol, table.interval, len(table.open_time)) == ("BTCUSDT", "1h", 24)
    assert table.trade_count[0] > 10_000


def test_several_files_of_a_symbol_continue_each_other_in_the_order_of_their_names(tmp_path: Path) -> None:
    later = write(tmp_path, "1747699260000,11,11,11,11,1", "BTCUSDT-1m-2025-06.csv")
    sooner = write(tmp_path, GOOD, "BTCUSDT-1m-2025-05.csv")
    (table,) = read_tables([later, sooner], ())
    assert list(table.close) == [11, 11]
    assert len(table.open_time) == 2


def test_a_name_without_a_symbol_takes_the_one_named_and_the_interval_from_its_lines(tmp_path: Path) -> None:
    path = write(tmp_path, f"{GOOD}\n1747699500000,11,11,11,11,1\n", "mine.csv")
    (table,) = read_tables([path], ("ETHUSDT",))
    assert (table.symbol, table.interval) == ("ETHUSDT", "5m")


def test_only_the_symbols_asked_for_are_read(candle_file: Callable[..., Path]) -> None:
    flat = (10, 10, 10, 10, 1)
    files = [candle_file(flat), candle_file(flat, name="ETHUSDT_1m.csv")]
    assert [table.symbol for table in read_tables(files, ("ETHUSDT",))] == ["ETHUSDT"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no candles"),
        ("open_time,open,high,low,close,volume\n", "holds no candles"),
        ("time,o,h,l,c,v\n", ":1: columns have to begin with open_time"),
        (f"{GOOD}\n1747699260000,10,12,9\n", ":2: 4 columns where 6 or more belong"),
        (f"{GOOD}\n1747699260000,10,12,9,eleven,5\n", ":2: not a number"),
        (f"{GOOD}\n1747699260000.5,10,12,9,11,5\n", ":2: not a number"),
        (f"{GOOD}\n1747699260000,10,12,nan,11,5\n", ":2: a value is not a finite number"),
        (f"{GOOD}\n1747699260000,10,inf,9,11,5\n", ":2: a value is not a finite number"),
        (f"{GOOD}\n1747699260000,10,8,9,8.5,5\n", ":2: high 8.0 is below low 9.0"),
        (f"{GOOD}\n1747699260000,13,12,9,11,5\n", ":2: open 13.0 or close 11.0 lies outside"),
        (f"{GOOD}\n1747699260000,10,12,9,8,5\n", "lies outside low 9.0 and high 12.0"),
        (f"{GOOD}\n1747699260000,0,12,0,11,5\n", ":2: a price is not above zero"),
        (f"{GOOD}\n1747699260000,10,12,-9,11,5\n", ":2: a price is not above zero"),
        (f"{GOOD}\n1747699260000,10,12,9,11,-5\n", ":2: a volume is below zero"),
        (f"{GOOD}\n{GOOD}\n", ":2: open time 1747699200000 occurs twice"),
        (f"{GOOD}\n1747699140000,10,12,9,11,5\n", "comes after 1747699200000: not sorted"),
        (f"{GOOD}\n1747699260001,10,12,9,11,5\n", "is not the start of a 1m candle"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(Misconfigured) as refused:
        read_tables([path], ())
    assert str(path) in str(refused.value)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_cut_off_archive_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT_1m.csv.gz"
    path.write_bytes(gzip.compress(f"{GOOD}\n".encode() * 50)[:-12])
    with pytest.raises(Misconfigured, match=r"occurs twice|cannot be read"):
        read_tables([path], ())
    path.write_bytes(b"not gzip at all")
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_tables([path], ())


def test_a_zip_holds_exactly_one_table(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1m-2025-05.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.csv", GOOD)
        packed.writestr("b.csv", GOOD)
    with pytest.raises(Misconfigured, match="holds 2 csv files"):
        read_tables([path], ())
    path.write_bytes(b"PK nonsense")
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_tables([path], ())


@pytest.mark.parametrize(
    ("names", "symbols", "reason"),
    [
        (("nothing.csv",), (), "does not say the symbol"),
        (("BTCUSDT_1m.csv", "BTCUSDT_5m.csv"), (), "comes in 1m and in 5m"),
        (("BTCUSDT_1m.csv", "ETHUSDT_5m.csv"), (), "different intervals"),
        (("BTCUSDT_1m.csv",), ("ETHUSDT",), "no replay file for ETHUSDT"),
        ((), (), "no replay files"),
    ],
)
def test_files_that_do_not_go_together_are_refused(
    tmp_path: Path, names: tuple[str, ...], symbols: tuple[str, ...], reason: str
) -> None:
    files = [write(tmp_path, GOOD, name) for name in names]
    with pytest.raises(Misconfigured, match=reason):
        read_tables(files, symbols)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no such file"):
        read_tables([tmp_path / "BTCUSDT_1m.csv"], ())


def test_a_really_dirty_file_is_refused_at_its_first_double_minute() -> None:
    with pytest.raises(Misconfigured, match=r"BTCUSDT_1m_20211011_20211021\.csv\.gz:\d+: open time \d+ "):
        read_tables([DATA / "dirty_klines/spot/BTCUSDT_1m_20211011_20211021.csv.gz"], ())
