import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from bot.history import parquet
from bot.reporting.runs.document import describe, result_of, total
from bot.reporting.runs.files import NAMES, replace, write
from bot.reporting.runs.record import Run


def test_every_file_tells_of_the_same_run(run: Run, tmp_path: Path) -> None:
    told = describe(run)
    written = write(run, told, tmp_path / "report")
    assert [path.name for path in written] == list(NAMES)
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted(NAMES)
    assert json.loads((tmp_path / "report" / "result.json").read_text()) == result_of(told)
    trades = run.parts[0].trades
    with (tmp_path / "report" / "trades.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [Decimal(row["pnl"]) for row in rows] == [trade.pnl for trade in trades]
    assert [int(row["closed_ms"]) for row in rows] == [trade.closed_ms for trade in trades]
    arrays = parquet.read(tmp_path / "report" / "trades.parquet")
    assert arrays["pnl"].tolist() == [float(trade.pnl) for trade in trades]
    times, equity = total(run)
    drawn = parquet.read(tmp_path / "report" / "equity.parquet")
    assert (drawn["time_ms"] == times).all()
    assert (drawn["equity"] == equity).all()
    lines = (tmp_path / "report" / "equity.csv").read_text().splitlines()
    assert lines[0] == "time_ms,equity"
    assert [float(line.split(",")[1]) for line in lines[1:]] == pytest.approx(equity.tolist(), abs=1e-8)


def test_others_read_our_parquet(run: Run, tmp_path: Path) -> None:
    table = pytest.importorskip("pyarrow.parquet")
    write(run, describe(run), tmp_path)
    assert table.read_table(tmp_path / "trades.parquet").num_rows == len(run.parts[0].trades)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "page.html").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace(tmp_path / "page.html", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
