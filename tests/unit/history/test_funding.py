"""Funding rates from files of several kinds, and kept beside the candles of their contract."""

import gzip
import itertools
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.errors import Misconfigured
from bot.history import funding
from bot.history.store import Store

RECORDED = Path(__file__).parents[3] / "../shared/data/funding/um/BTCUSDT_funding_20230101_20251206.csv.gz"
D = Decimal
EIGHT = 1_672_560_000_000


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_three_years_of_real_rates_are_read() -> None:
    rates = funding.read(RECORDED)
    assert rates[:2] == [(EIGHT - 28_800_000, D("0.0001")), (EIGHT, D("0.0001"))]
    assert {after[0] - before[0] for before, after in itertools.pairwise(rates)} == {28_800_000}


def test_the_exchanges_own_file_is_read_as_it_comes(tmp_path: Path) -> None:
    lines = ("calc_time,funding_interval_hours,last_funding_rate", f"{EIGHT + 7},8,-0.00012359")
    plain = write(tmp_path / "a.csv", *lines)
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(plain, "a.csv")
    squeezed = tmp_path / "a.csv.gz"
    squeezed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed, squeezed):
        assert funding.read(path) == [(EIGHT, D("-0.00012359"))]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ((), "no funding rate"),
        (("funding_time,funding_rate",), "no funding rate"),
        (("time,rate", "1,2"), "no columns funding_time and funding_rate"),
        (("funding_time,funding_rate", f"{EIGHT},zero"), "line 2 is no time and rate"),
        (("funding_time,funding_rate", f"{EIGHT},NaN"), "is no funding rate"),
        (("funding_time,funding_rate", f"{EIGHT},12"), "is no funding rate"),
        (("funding_time,funding_rate", f"{EIGHT},0", f"{EIGHT - 60_000},0"), "not after the one before"),
        (("funding_time,funding_rate", f"{EIGHT},0", f"{EIGHT},0"), "not after the one before"),
    ],
)
def test_a_file_that_is_not_clean_is_refused(tmp_path: Path, lines: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint):
        funding.read(write(tmp_path / "rates.csv", *lines))


def test_a_damaged_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "half.gz").write_bytes(gzip.compress(b"x" * 1000)[:20])
    (tmp_path / "half.zip").write_bytes(b"PK\x03\x04")
    for name in ("half.gz", "half.zip"):
        with pytest.raises(Misconfigured, match="damaged"):
            funding.read(tmp_path / name)
    with pytest.raises(Misconfigured, match="No such file"):
        funding.read(tmp_path / "none.csv")


def test_kept_rates_grow_and_newer_words_replace_older_ones(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert funding.kept(store, "BTCUSDT") == []
    assert funding.keep(store, "BTCUSDT", [(EIGHT, D("0.0001")), (2 * EIGHT, D("0.0000001"))]) == 2
    assert funding.keep(store, "BTCUSDT", [(EIGHT - 60_000, D("-0.0002")), (EIGHT, D("0.0003"))]) == 1
    assert funding.kept(store, "BTCUSDT") == [
        (EIGHT - 60_000, D("-0.0002")), (EIGHT, D("0.0003")), (2 * EIGHT, D("0.0000001")),
    ]  # fmt: skip
    assert store.streams() == []
    assert [each.name for each in (tmp_path / "futures" / "BTCUSDT").iterdir()] == ["funding.csv"]


class Pages:
    """A source that gives two rates at a time."""

    def __init__(self, *rates: tuple[int, Decimal]) -> None:
        self._rates = rates
        self.asked: list[tuple[int, int]] = []

    async def rates(self, symbol: str, start_ms: int, end_ms: int) -> list[tuple[int, Decimal]]:
        self.asked.append((start_ms, end_ms))
        return [rate for rate in self._rates if start_ms <= rate[0] <= end_ms][:2]


async def test_a_download_goes_from_page_to_page_up_to_its_end() -> None:
    times = [EIGHT + n * 28_800_000 + n for n in range(6)]  # (each some ms late)
    source = Pages(*((at, D(f"0.000{n}")) for n, at in enumerate(times)))
    found = await funding.fetch(source, "BTCUSDT", EIGHT, times[-1])
    assert found == [(EIGHT + n * 28_800_000, D(f"0.000{n}")) for n in range(5)]
    assert [start for start, _ in source.asked] == [EIGHT, times[1] + 1, times[3] + 1, times[4] + 1]
    assert await funding.fetch(Pages(), "BTCUSDT", EIGHT, times[-1]) == []
