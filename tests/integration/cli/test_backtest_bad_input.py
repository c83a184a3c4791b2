"""Whatever is wrong with what `bot backtest` is given, it says so in one line, ends with its code and leaves nothing."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.cli.person import Person

KLINES = Path(__file__).parents[3] / "../shared/data/klines/spot/BTCUSDT_15m_20250520_20250818.csv.gz"
LINE = ("backtest", "sma_cross", "--symbol", "BTCUSDT", "--interval", "15m", "--candles", "candles.csv", "--json")
ROWS = 300

type Lines = list[str]


def cell(row: int, column: int, value: str) -> Callable[[Lines], Lines]:
    """Write something else into one cell; row 0 has the names."""

    def change(lines: Lines) -> Lines:
        cells = lines[row].split(",")
        cells[column] = value
        return [*lines[:row], ",".join(cells), *lines[row + 1 :]]

    return change


def swapped(lines: Lines) -> Lines:
    return [*lines[:10], lines[11], lines[10], *lines[12:]]


def twice(lines: Lines) -> Lines:
    return [*lines[:10], lines[10], *lines[10:]]


def backwards(lines: Lines) -> Lines:
    return [lines[0], *reversed(lines[1:])]


@pytest.fixture
def trader(person: Person) -> Person:
    write(person, lambda lines: lines)
    return person


def write(person: Person, change: Callable[[Lines], Lines]) -> None:
    with gzip.open(KLINES, "rt", encoding="utf-8") as text:
        lines = [line.rstrip("\n") for line, _ in zip(text, range(ROWS + 1), strict=False)]
    (person.folder / "candles.csv").write_text("".join(f"{line}\n" for line in change(lines)))


def refused(person: Person, code: int, complaint: str, *wish: str) -> None:
    """Look at all that may be seen of a command that did nothing."""
    before = {path: path.read_bytes() for path in person.folder.rglob("*") if path.is_file()}
    answer = person.run(*LINE, *wish)
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.count("\n") == 1, answer.err
    assert complaint in answer.complaint
    assert {path: path.read_bytes() for path in person.folder.rglob("*") if path.is_file()} == before


def test_what_is_tried_here_plays_when_it_is_left_as_it_is(trader: Person) -> None:
    assert trader.run(*LINE).code == 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda _: [], "the file is empty"),
        (lambda lines: lines[:1], "holds no candle"),
        (lambda _: ["", ""], "the file is empty"),
        (swapped, "earlier than the candle before: 1 candle, first in row 11 (2025-05-20 02:15 UTC)"),
        (backwards, "earlier than the candle before"),
        (twice, "same time twice: 1 candle, first in row 11"),
        (cell(7, 2, "NaN"), "not a number: 1 candle, first in row 7"),
        (cell(7, 2, "inf"), "not a number: 1 candle, first in row 7"),
        (cell(7, 2, ""), "candles.csv"),
        (cell(7, 3, "-1"), "price zero or negative: 1 candle, first in row 7"),
        (cell(7, 3, "0"), "price zero or negative: 1 candle, first in row 7"),
        (cell(7, 5, "-3"), "volume negative: 1 candle, first in row 7"),
        (cell(7, 2, "1"), "high below open, low or close: 1 candle, first in row 7"),
        (cell(0, 4, "final"), "no column close"),
        (lambda lines: [line.replace(",", ";", 3) for line in lines], "candles.csv"),
        (lambda lines: [*lines[:-1], lines[-1][:20]], "candles.csv"),
        (lambda _: ["<html>not found</html>"], "candles.csv"),
    ],
)
def test_a_file_that_is_not_clean(trader: Person, change: Callable[[Lines], Lines], complaint: str) -> None:
    write(trader, change)
    refused(trader, 3, complaint)


@pytest.mark.parametrize(
    ("wish", "code", "complaint"),
    [
        (("--candles", "none.csv"), 3, "none.csv: No such file or directory; give the path of a candle file"),
        (("--candles", "."), 3, "Is a directory"),
        (
            ("--interval", "1m"),
            3,
            "no two candles are 1m apart, the nearest are 15 x 1m; name the interval that it has",
        ),
        (("--interval", "1h"), 3, "not on the grid of 1h"),
        (("--interval", "7m"), 3, "is not one of Binance's intervals"),
        (("--symbol", "NEWUSDT"), 3, "no rules (tick, step, smallest order) are known for NEWUSDT; give those"),
        (("--rules", "none.json"), 3, "cannot read none.json: No such file or directory"),
        (("--rules", "candles.csv"), 3, "no answer of exchangeInfo"),
        (("--since", "2025-06-01", "--until", "2025-05-01"), 2, "--until 2025-05-01 is not after --since 2025-06-01"),
        (("--since", "2025-06-01", "--until", "2025-06-01"), 2, "is not after"),
        (("--since", "tomorrow"), 2, "--since 'tomorrow' is no date; write it like 2024-03-15"),
        (("--until", "2025-13"), 2, "is no date"),
        (("--since", "2030"), 3, "has no candle between --since and --until; widen them"),
        (("--until", "2020"), 3, "has no candle between --since and --until; widen them"),
        (("--funds", "0"), 3, "the wallet is empty"),
        (("--funds", "nan"), 3, "--funds nan is no amount; write it like 10000"),
        (("--funds", "inf"), 3, "funds"),
        (("--order-value", "0"), 3, "order_value"),
        (("--order-value", "nan"), 3, "order_value"),
        (("--fee-pct", "0.5"), 3, "fee_pct"),
        (("--slippage-bps", "-1"), 3, "slippage_bps"),
        (("--param", "fast"), 2, "is not like window=30"),
        (("--param", "fast=50", "--param", "slow=20"), 3, "fast is not below slow"),
    ],
)
def test_a_wish_that_cannot_be(trader: Person, wish: tuple[str, ...], code: int, complaint: str) -> None:
    refused(trader, code, complaint, *wish)


def test_a_name_that_no_strategy_has(trader: Person) -> None:
    answer = trader.run("backtest", "sma_croos", *LINE[2:])
    assert (answer.code, answer.out) == (3, "")
    assert "sma_cross" in answer.complaint


@pytest.mark.parametrize(
    ("wish", "cause"),
    [
        (("--param", "slow=290"), "nothing was traded: it wanted nothing on these candles"),
        (("--param", "slow=400"), "nothing was traded: 300 candles, and it needs"),
        (("--order-value", "1"), "nothing was traded: "),
        (("--param", "max_price=1.0"), "nothing was traded: "),
        (("--funds", "10"), "nothing was traded: "),
    ],
)
def test_no_trade_is_an_answer_with_its_cause_beside_it(trader: Person, wish: tuple[str, ...], cause: str) -> None:
    answer = trader.run(*LINE, *wish)
    assert answer.code == 0
    assert '"trades": 0' in answer.out
    assert cause in answer.err


def test_a_part_of_a_file_is_played_from_since_up_to_until(trader: Person) -> None:
    answer = trader.run(*LINE, "--since", "2025-05-21", "--until", "2025-05-22")
    assert answer.code == 0
    assert '"bars": 96' in answer.out
