import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.reporting.runs.conftest import walk

from bot.reporting.runs import comparing_page
from bot.reporting.runs.comparing import compare, say
from bot.reporting.runs.document import describe, result_of
from bot.reporting.runs.record import Run


def test_a_run_and_itself_differ_in_nothing(run: Run) -> None:
    told = result_of(describe(run))
    found = compare([("one", told), ("one", told)])
    assert found.names == ["one", "one (2)"]
    assert found.differences == []
    assert found.same == ["strategies", "candles", "rules", "settings", "money", "mode", "version"]
    assert {each for figure in found.figures for each in figure.differences} <= {0, None}


def test_what_was_not_the_same_is_named(played: Callable[..., Run]) -> None:
    columns = walk(900)
    moved = replace(columns, close=np.where(np.arange(900) == 700, columns.close + 2, columns.close))
    told = [
        ("base", result_of(describe(played(columns)))),
        ("slower", result_of(describe(played(columns, slow=20)._replace(mode="sparse")))),
        ("moved", result_of(describe(played(moved)._replace(rules_from="A file")))),
    ]
    found = compare(told)
    named = {(each.subject, each.name): list(each.values) for each in found.differences}
    assert named["settings", "slow"] == ["9", "20", "9"]
    assert named["mode", "mode"] == ["dense", "sparse", "dense"]
    assert named["rules", "from"] == ["The bundled rules", "The bundled rules", "A file"]
    first, second, third = named["candles", "fingerprint"]
    assert first == second != third
    assert found.same == ["strategies", "money", "version"]


def test_figures_are_told_with_their_distance_to_the_first(played: Callable[..., Run]) -> None:
    told = [(str(fee), result_of(describe(played(walk(900), fee_pct=fee)))) for fee in (0.001, 0.002)]
    figures = {each.name: each for each in compare(told).figures}
    fees = figures["fees"]
    assert fees.values[1] == pytest.approx(2 * (fees.values[0] or 0), rel=1e-4)
    assert fees.differences == [0, pytest.approx(fees.values[0])]
    assert figures["trades"].differences == [0, 0]
    assert "liquidations" not in figures


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("return", -0.0123, "−1.23 %"), ("trades", 12.0, "+12"), ("average_duration_ms", -90_000, "−1 min 30 s"),
        ("sharpe", None, "–"), ("sharpe", 1.5, "+1.50"), ("drawdown_ms", None, "–"),
    ],
)  # fmt: skip
def test_differences_are_said_with_their_sign(name: str, value: float | None, text: str) -> None:
    assert say(name, value, signed=True) == text


def test_the_page_lays_curves_over_one_another(played: Callable[..., Run]) -> None:
    long, short = walk(900), walk(900).rows(300, 600)
    told = [describe(played(long)), describe(played(short))]
    found = compare([("long<i>", told[0]), ("short", told[1])])
    page = comparing_page.report(found, told)
    assert "long&lt;i&gt;" in page
    assert "long<i>" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    time, (one, other) = comparing_page._over_one_another(told)
    assert len(time) == len(one) == len(other) == 900
    assert None not in one
    assert [at for at, value in enumerate(other) if value is not None] == list(range(300, 600))
    assert one[-1] == pytest.approx(told[0]["curve"]["equity"][-1] / 100, abs=1e-3)
