"""`bot data`: what it answers to people and programs, and what it leaves behind when it refuses."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.commands.output import ExitCode
from bot.domain.errors import Misconfigured

DATA = Path(__file__).parents[3] / "../shared/data"
HALTED = DATA / "klines/spot/BTCUSDT_1m_20230316_20230501.csv.gz"
DIRTY = DATA / "dirty_klines/spot/BTCUSDT_1m_20211011_20211021.csv.gz"
DUMP = DATA / "official_zip/um-klines-BTCUSDT-1h-2024-10-28.zip"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOT_HOME", str(tmp_path))
    return tmp_path


def bot(*words: object) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, words)])


def answer(*words: object) -> list[dict[str, object]]:
    result = bot(*words, "--json")
    assert result.exit_code == ExitCode.OK, result.output
    told: list[dict[str, object]] = json.loads(result.stdout)
    return told


def test_a_dump_is_brought_in_listed_verified_and_written_again(home: Path) -> None:
    (done,) = answer("import", DUMP)
    assert (done["market"], done["symbol"], done["interval"], done["added"]) == ("futures", "BTCUSDT", "1h", 24)
    (listed,) = answer("list")
    assert (listed["rows"], listed["missing"], listed["months"]) == (24, 0, 1)
    (found,) = answer("verify", "btcusdt", "1h", "--market", "futures")
    assert (found["month"], found["trouble"]) == ("2024-10", "")
    out = home / "out.csv.gz"
    assert bot("export", "BTCUSDT", "1h", out, "--market", "futures", "--since", "2024-10-28T12:00").exit_code == 0
    assert len(gzip.decompress(out.read_bytes()).splitlines()) == 13


def test_an_outage_is_refused_until_it_is_marked_and_then_counted(home: Path) -> None:
    refused = bot("import", HALTED)
    assert isinstance(refused.exception, Misconfigured)
    assert "80 missing from 2023-03-24 12:40 UTC" in str(refused.exception)
    assert answer("list") == []
    marked = bot("import", HALTED, "--mark")
    assert "80 missing" in marked.stderr
    assert answer("list")[0]["missing"] == 80
    assert [row["missing"] for row in answer("verify")] == [80, 0, 0]


def test_dirty_candles_are_refused_and_nothing_is_left_behind(home: Path) -> None:
    refused = bot("import", DIRTY, DUMP)
    assert isinstance(refused.exception, Misconfigured)
    assert "same time twice: 32 candles" in str(refused.exception)
    assert list(home.iterdir()) == []


def test_a_damaged_month_ends_verify_with_an_exit_code_and_its_name(home: Path) -> None:
    answer("import", DUMP)
    (path,) = home.rglob("2024-10.parquet")
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    result = bot("verify")
    assert result.exit_code == ExitCode.CONFIG
    assert "futures BTCUSDT 1h 2024-10" in result.stderr
    assert "checksum is wrong" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("export", "BTCUSDT", "7m", "x.csv"), "unknown interval '7m'"),
        (("export", "BTCUSDT", "1m", "x.csv", "--market", "options"), "unknown market 'options'"),
        (("export", "BTCUSDT", "1m", "x.csv", "--since", "yesterday"), "is no date"),
        (("export", "BTCUSDT", "1m", "x.csv", "--since", "2024", "--until", "2023"), "is not after"),
        (("download", "BTCUSDT", "1m", "--since", ""), "--since is empty"),
    ],
)
def test_what_is_typed_wrong_is_said_in_one_line(words: tuple[str, ...], told: str) -> None:
    result = bot(*words)
    assert result.exit_code == ExitCode.USAGE
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_symbol_that_is_a_path_goes_nowhere(home: Path) -> None:
    refused = bot("export", "../../etc", "1m", "x.csv")
    assert isinstance(refused.exception, Misconfigured)
    assert list(home.iterdir()) == []
