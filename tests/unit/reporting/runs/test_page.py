import json
import re
from collections.abc import Callable

import pytest
from tests.unit.reporting.runs.conftest import walk

from bot.reporting.runs import bars, saying
from bot.reporting.runs.document import describe
from bot.reporting.runs.page import report
from bot.reporting.runs.record import Run

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(1)">'


def test_the_page_needs_nothing_from_anywhere(run: Run) -> None:
    page = report(describe(run))
    markup = re.sub(r"<script>.*?</script>|<style>.*?</style>", "", page, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="([^"]*)"', markup) == ["data:,"]
    assert "default-src 'none'" in markup
    assert len(page) < 1_000_000


def test_its_data_are_those_of_the_run(run: Run) -> None:
    told = describe(run)
    found = re.search(r'id="run">(.*?)</script>', report(told), re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert data["curve"] == told["curve"]
    assert data["trades"]["pnl"] == told["pictures"]["trades"]["pnl"]


def test_hostile_words_stay_words(run: Run) -> None:
    part = run.parts[0]
    trades = [*part.trades[:3]]
    hostile = part._replace(
        strategy=HOSTILE, settings={"note": HOSTILE}, stopped=HOSTILE,
        trades=[type(one)(**{name: getattr(one, name) for name in one.__struct_fields__} | {"reason": HOSTILE}) for one in trades],
    )  # fmt: skip
    page = report(describe(run._replace(parts=[hostile], candles_from=HOSTILE, notes=[(HOSTILE, HOSTILE)])))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;/script&gt;" in page


def test_a_run_without_round_trips_has_a_page_too(played: Callable[..., Run]) -> None:
    page = report(describe(played(walk(60), order_value=2.0)))
    assert "traded nothing" in page
    assert "None was closed." in page


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (saying.money(-1_234.5), "−1,234.50"),
        (saying.money(0.0004, signed=True), "+0.0004"),
        (saying.money(-0.00001), "0.00"),
        (saying.percent(0.1234, 1, signed=True), "+12.3 %"),
        (saying.percent(None), "–"),
        (saying.length(59_400), "59 s"),
        (saying.length(3_900_000), "1 h 5 min"),
        (saying.length(86_400_000 * 12 + 5), "12 d"),
        (saying.length(0), "0 s"),
        (saying.count(1, "candle"), "1 candle"),
        (saying.count(2_000, "wish", "wishes"), "2,000 wishes"),
        (saying.day(1_704_067_200_000), "1 Jan 2024"),
    ],
)
def test_numbers_are_said_as_people_read_them(said: str, text: str) -> None:
    assert said == text


def test_bars_of_a_histogram_stand_for_their_counts() -> None:
    drawn = bars.histogram([-0.02, -0.01, 0.0, 0.01], [1, 4, 2])
    heights = [float(each) for each in re.findall(r'height="([\d.]+)" rx', drawn)]
    assert heights[1] == pytest.approx(4 * heights[0], abs=0.2)
    assert re.findall(r'class="(\w+)" x', drawn)[:3] == ["loss", "loss", "gain"]


def test_steps_lead_from_before_costs_to_the_result() -> None:
    drawn = bars.steps([("Before", 10.0, True), ("Fees", -4.0, False), ("Result", 6.0, True)])
    boxes = [
        (float(x), float(width)) for x, width in re.findall(r'<rect[^>]* x="([\d.]+)"[^>]* width="([\d.]+)"', drawn)
    ]
    (_, before), (fees_x, fees), (result_x, result) = boxes
    assert before == pytest.approx(fees + result, abs=0.2)
    assert fees_x == pytest.approx(result_x + result, abs=0.2)
