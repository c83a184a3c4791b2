"""Files of recordings: each is known by its content, read whole, and refused with file, line and cause."""

import gzip
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.errors import Misconfigured
from bot.emulator.config import EmulatorConfig, Replay
from bot.emulator.recorded.book import RecordedBook
from bot.emulator.recorded.records import BestShown, BookShown, FundingPaid, Record, Trade
from bot.emulator.recorded.shelf import sort_files
from bot.emulator.sources import Source, open_source

D = Decimal
DATA = Path(__file__).parents[3] / "../shared/data"
SPOT_TRADES = DATA / "trades/spot_BTCUSDT_trades_20210108.csv.gz"
TRADES_HEADER = "id,price,qty,quote_qty,time,is_buyer_maker"
DEPTH_HEADER = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu"


def records(path: Path, symbols: tuple[str, ...] = ()) -> list[Record]:
    (recording,) = sort_files([path], symbols).recordings
    return list(recording.read())


def write(folder: Path, text: str, name: str = "BTCUSDT-x.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def opened(*files: Path, **changes: object) -> Source:
    return open_source(EmulatorConfig(Replay(files), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("trades/spot_BTCUSDT_trades_20210108.csv.gz", {"Trade": 2_001}),
        ("trades/spot_BTCUSDT_quotes_20210108.csv.gz", {"BestShown": 451}),
        ("trades/um_APEUSDT_aggTrades_20241018_first5000.csv.gz", {"Trade": 5_000}),
        ("official_zip/spot-aggTrades-PEPEUSDT-2024-10-27.zip", {"Trade": 57_229}),
        ("depth/um_btcusdt-depth-snap.csv", {"BookShown": 1}),
        ("depth/um_btcusdt-depth-update.csv", {"BookShown": 1}),
        ("funding/um/BTCUSDT_funding_20230101_20251206.csv.gz", {"FundingPaid": 3_212}),
        ("raw_ws/spot_BTCUSDT_20240808_2354-2400.gz", {"BestShown": 28_040, "BookShown": 3_451, "Trade": 9_757}),
        ("raw_ws/spot_BTCUSDT_20240809_0000-0005.gz", {"BestShown": 45_134, "BookShown": 3_044, "Trade": 10_147}),
        ("raw_ws/um_BTCUSDT_20240808_2354-2400.gz", {"BestShown": 66_089, "BookShown": 6_551, "Trade": 21_313}),
        ("raw_ws/cryptofeed_BINANCE.http.0.0.gz", {"BookShown": 4}),
        ("raw_ws/cryptofeed_BINANCE.ws.1.0.gz", {"BestShown": 84, "BookShown": 177, "Trade": 2}),
    ],
)
def test_every_real_recording_is_read_whole(name: str, counts: dict[str, int]) -> None:
    found = Counter(type(record).__name__ for record in records(DATA / name))
    assert set(found) == set(counts)
    for kind, count in counts.items():
        # A picture replaces the changes that came before it.
        assert count - 10 <= found[kind] <= count + 1


def test_the_real_mark_price_and_klines_are_told_apart_by_their_volume() -> None:
    mark = DATA / "mark_price/um/BTCUSDT_8h_20230101_20251206.csv.gz"
    klines = DATA / "official_zip/um-klines-BTCUSDT-1h-2024-10-28.zip"
    shelf = sort_files([mark, klines], ())
    assert (shelf.marks, shelf.klines, shelf.recordings) == ([mark], [klines], [])


def test_the_first_real_trades_are_what_their_lines_say() -> None:
    first = records(SPOT_TRADES)[0]
    assert first == Trade(
        "BTCUSDT", 1_610_064_000_278, 553_287_559, D("39432.48"), D("0.000263"), True, 553_287_559, 553_287_559
    )  # fmt: skip
    second = records(DATA / "trades/um_APEUSDT_aggTrades_20241018_first5000.csv.gz")[1]
    assert second == Trade(
        "APEUSDT", 1_729_209_604_056, 171_927_518, D("0.7096"), D("2254.0"), True, 551_530_708, 551_530_712, True
    )  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "7,10.5,2,21,1747699200123456,True,True",
        "7,10.5,2,21,1747699200123,true",
        f"{TRADES_HEADER}\n7,10.5,2,21,1747699200123,true",
    ],
)
def test_trades_of_every_public_dump_say_the_same(tmp_path: Path, line: str) -> None:
    assert records(write(tmp_path, line)) == [Trade("BTCUSDT", 1_747_699_200_123, 7, D("10.5"), D(2), True, 7, 7)]


def test_official_funding_rates_are_read(tmp_path: Path) -> None:
    text = "calc_time,funding_interval_hours,last_funding_rate\n1747699200004,8,-0.0001\n"
    assert records(write(tmp_path, text)) == [FundingPaid("BTCUSDT", 1_747_699_200_004, D("-0.0001"))]


def test_lines_of_one_change_of_a_book_belong_together(tmp_path: Path) -> None:
    lines = ["B,5,1,2,a,set,11,3,0", "B,5,1,2,b,set,10,0,0", "B,6,3,4,a,set,12,1,2"]
    path = write(tmp_path, "\n".join([DEPTH_HEADER, *lines]))
    assert records(path) == [
        BookShown("B", 5, 1, 2, ((D(10), D(0)),), ((D(11), D(3)),)),
        BookShown("B", 6, 3, 4, (), ((D(12), D(1)),)),
    ]


def test_changes_that_a_capture_heard_before_its_picture_wait_for_it(tmp_path: Path) -> None:
    def change(first: int, last: int) -> str:
        return f'{{"e":"depthUpdate","E":{last},"s":"BTCUSDT","U":{first},"u":{last},"b":[["10","{last}"]],"a":[]}}'

    picture = '{"lastUpdateId":12,"bids":[["9","1"]],"asks":[]}'
    lines = [f"1 {change(10, 11)}", f"2 {change(12, 14)}", f"3 {picture}", f"4 {change(15, 16)}"]
    found = records(write(tmp_path, "\n".join(lines), "capture.txt"))
    assert [(one.last_id, one.is_whole) for one in found if isinstance(one, BookShown)] == [
        (12, True), (14, False), (16, False)
    ]  # fmt: skip


def test_captures_of_spot_and_of_futures_do_not_make_one_book(tmp_path: Path) -> None:
    change = '1 {"e":"depthUpdate","E":5,"s":"%s","U":1,"u":2,%s"b":[["10","1"]],"a":[]}'
    spot = write(tmp_path, "\n".join([change % ("BTCUSDT", ""), change % ("ETHUSDT", "")]), "one.txt")
    futures = write(tmp_path, change % ("BTCUSDT", '"pu":0,'), "two.txt")
    with pytest.raises(Misconfigured, match=r"BTCUSDT was captured on spot \(one.txt\) and on USD-M \(two.txt\)"):
        sort_files([spot, futures], ())
    assert len(sort_files([spot, futures], ("ETHUSDT",)).recordings) == 2


def test_marks_without_a_trade_are_passed_over_in_captures(tmp_path: Path) -> None:
    frame = '1 {"e":"trade","E":5,"T":5,"s":"BTCUSDT","t":%d,"p":"%s","q":"%s","X":"%s","m":false}'
    text = "\n".join([frame % (1, "0", "0", "NA"), frame % (2, "10", "1", "MARKET")])
    assert [one.trade_id for one in records(write(tmp_path, text)) if isinstance(one, Trade)] == [2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b,c\n1,2,3\n", ":1: nothing that can be played begins with 'a,b,c'"),
        (f"{TRADES_HEADER}\n7,10,2,20,5,true\n8,10,2,20\n", ":3: 4 columns where 6 belong"),
        (f"{TRADES_HEADER}\n7,ten,2,20,5,true\n", ":2: not a number: 'ten'"),
        (f"{TRADES_HEADER}\n7,-1,2,20,5,true\n", ":2: price -1 is not above zero"),
        (f"{TRADES_HEADER}\n7,1,-2,20,5,true\n", ":2: quantity -2 is below zero"),
        (f"{TRADES_HEADER}\n7,1,2,20,five,true\n", ":2: not a whole number: 'five'"),
        (f"{TRADES_HEADER}\n7,1,2,20,5,maybe\n", ":2: neither true nor false: 'maybe'"),
        (f"{TRADES_HEADER}\n7,1,2,20,5,true\n8,1,2,20,4,true\n", ":3: time 4 comes after 5: not sorted"),
        (f"{TRADES_HEADER}\n", "holds nothing that can be played"),
        ("7,1,2,9,8,5,true,true\n", ":1: the last trade 8 comes before the first 9"),
        ("funding_time,funding_rate\n5,1.5\n", ":2: funding rate 1.5 is not a fraction"),
        ("time,bid,bid_qty,ask,ask_qty\n5,10,1,10,1\n", ":2: bid 10 is not below ask 10"),
        (f"{DEPTH_HEADER}\nB,5,1,2,x,set,11,3,0\n", ":2: side is a or b, not 'x'"),
        (f"{DEPTH_HEADER}\nB,5,1,2,a,put,11,3,0\n", ":2: update_type is snap or set, not 'put'"),
        ('1 {"e":"trade","s":"BTCUSDT","p":"x","q":"1"}\n', ":1: not a message of the market"),
        ('1 {"e":"trade","s":"BTCUSDT","p":"1"\n', ":1: not a message of the market"),
        ('1 {"lastUpdateId":12,"bids":[["9","1"]],"asks":[]}\n', "does not say its symbol"),
    ],
)
def test_a_wrong_recording_is_named_with_line_and_cause(tmp_path: Path, text: str, reason: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(Misconfigured) as refused:
        sort_files([path], ())
    assert str(path) in str(refused.value)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_without_a_symbol_in_its_name_takes_the_one_that_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "7,10.5,2,21,5,true", "mine.csv")
    with pytest.raises(Misconfigured, match="does not say the symbol"):
        sort_files([path], ())
    assert [one.symbol for one in records(path, ("ETHUSDT",))] == ["ETHUSDT"]


def test_index_candles_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "indexPriceKlines"
    folder.mkdir()
    path = write(folder, "1747699200000,10,12,9,11,0\n", "BTCUSDT-1m-2025.csv")
    with pytest.raises(Misconfigured, match="give markPriceKlines"):
        sort_files([path], ())


def test_a_broken_archive_of_trades_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades.csv.gz"
    path.write_bytes(gzip.compress(f"{TRADES_HEADER}\n".encode() + b"7,1,2,20,5,true\n" * 900)[:-9])
    with pytest.raises(Misconfigured, match="cannot be read"):
        sort_files([path], ())


# What goes together.


def test_a_symbol_whose_trades_were_recorded_has_its_earlier_klines_as_history(tmp_path: Path) -> None:
    rows = "\n".join(f"{1_747_699_200_000 + number * 60_000},10,12,9,11,5" for number in range(5))
    klines = write(tmp_path, rows, "BTCUSDT_1m.csv")
    trades = write(tmp_path, "7,10.5,2,21,1747699350000,true", "BTCUSDT-trades.csv")
    source = opened(klines, trades)
    assert (source.starts_ms, source.has_candles) == (1_747_699_350_000, False)
    assert [slot[0].open_time for slot in source.slots] == [1_747_699_200_000, 1_747_699_260_000]


def test_aggregates_are_left_out_where_the_single_trades_are_known(tmp_path: Path) -> None:
    trades = write(tmp_path, "7,10.5,2,21,5,true\n8,10.5,2,21,6,true", "BTCUSDT-trades.csv")
    aggregates = write(tmp_path, "1,10.5,4,7,8,5,true", "BTCUSDT-aggTrades.csv")
    found = [record for record in opened(trades, aggregates).records if isinstance(record, Trade)]
    assert [one.trade_id for one in found] == [7, 8]


def test_files_of_one_symbol_are_merged_in_the_order_of_time() -> None:
    quotes = DATA / "trades/spot_BTCUSDT_quotes_20210108.csv.gz"
    times = [record.time_ms for record in opened(quotes, SPOT_TRADES).records]
    assert times == sorted(times)
    assert len(times) > 2_001


@pytest.mark.parametrize(
    ("names", "changes", "reason"),
    [
        (("funding/um/BTCUSDT_funding_20230101_20251206.csv.gz",), {}, "no market of BTCUSDT"),
        (("trades/spot_BTCUSDT_trades_20210108.csv.gz",), {"symbols": ("ETHUSDT",)}, "no market of ETHUSDT"),
        (
            ("trades/spot_BTCUSDT_trades_20210108.csv.gz", "klines/um/ETHUSDT_1m_20250504_20250615.csv.gz"), {},
            "the recording of BTCUSDT ends before the market starts",
        ),
    ],
)  # fmt: skip
def test_recordings_that_make_no_market_are_refused(
    names: tuple[str, ...], changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(Misconfigured, match=reason):
        opened(*(DATA / name for name in names), **changes)


def test_a_recording_of_trades_is_not_looped() -> None:
    with pytest.raises(Misconfigured, match="only klines can be looped"):
        open_source(EmulatorConfig(Replay((SPOT_TRADES,), loop=True)))


# The book.


def test_a_newer_level_takes_away_what_it_crosses_and_better_prices_go_with_the_best() -> None:
    book = RecordedBook("B")
    book.show(BookShown("B", 1, 1, 1, ((D(10), D(1)), (D(9), D(2))), ((D(11), D(1)), (D(12), D(2))), is_whole=True))
    moved = book.show(BookShown("B", 2, 2, 5, ((D(11), D(4)),), ()))
    assert moved.asks == ((D(11), D(0)),)
    assert (book.bids[0], book.asks[0]) == ((D(11), D(4)), (D(12), D(2)))
    best = book.show_best(BestShown("B", 3, 7, (D(9), D(3)), (D(12), D(1))))
    assert best is not None
    assert best.is_best_only
    assert (book.bids, book.asks) == ([(D(9), D(3))], [(D(12), D(1))])
    assert book.show_best(BestShown("B", 3, 6, (D(8), D(3)), (D(12), D(1)))) is None


def test_best_prices_alone_are_a_book_of_one_level() -> None:
    book = RecordedBook("B")
    book.show_best(BestShown("B", 1, 0, (D(10), D(1)), (D(11), D(1))))
    moved = book.show_best(BestShown("B", 2, 0, (D(9), D(2)), (D(12), D(1))))
    assert moved is not None
    assert (moved.is_whole, moved.bids, moved.asks) == (True, ((D(9), D(2)),), ((D(12), D(1)),))
