"""The tear sheet says the same as the ledger, to tables, programs and browsers."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from sqlalchemy.orm import Session
from tests.unit.api.world import NOW_MS, PAPER, World, populate, world_of

from bot.db.base import create_sync
from bot.domain.errors import Misconfigured
from bot.reporting.svg import equity_svg
from bot.reporting.tearsheet import report_html, report_rows


class Tags(HTMLParser):
    """Checks that tags close in order, and collects text and tag names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in {"meta", "line", "polygon", "polyline"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"line", "polygon", "polyline"}:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with world_of(database_url) as filled:
        populate(filled)
        yield filled


@pytest.fixture
def session(world: World, database_url: str) -> Iterator[Session]:
    engine = create_sync(database_url)
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def test_rows_are_plain_and_exact(session: Session, world: World) -> None:
    rows = json.loads(json.dumps(report_rows(session)))
    assert [row["title"] for row in rows] == ["mean", "idle", "off", "test", "live"]
    mean = rows[0]
    assert (mean["pnl"], mean["gross"], mean["fees"], mean["win_rate"]) == ("9.25", "13.25", "4", "0.5")
    assert (mean["account"], mean["symbol"], mean["mode"], mean["closed_trades"]) == ("home", "BTCUSDT", "paper", 4)
    assert (rows[1]["equity"], rows[1]["profit_factor"]) == (None, None)
    assert report_rows(session, world.ids["live"])[0]["pnl"] == "100"


def test_an_unknown_strategy_is_said_plainly(session: Session) -> None:
    for report in (lambda: report_rows(session, 4711), lambda: report_html(session, NOW_MS, 4711)):
        with pytest.raises(Misconfigured, match="no strategy 4711"):
            report()


def test_the_page_stands_on_its_own_and_shows_every_strategy(session: Session, world: World) -> None:
    page = report_html(session, NOW_MS)
    tags = Tags(page)
    assert tags.open == []
    assert tags.seen.count("section") == 5
    assert tags.seen.count("svg") == 1
    assert not {"script", "link", "img", "iframe"} & set(tags.seen)
    assert "http" not in page
    assert {"mean", "+9.25", "50.0 %", "+100.00", "LIVE", "No closed round trips yet."} <= set(tags.text)


def test_hostile_names_stay_text(session: Session, world: World) -> None:
    hostile = '<script>alert("x")</script>'
    world.strategy(1, hostile, PAPER | {"symbol": "<b>"}, stopped="<i>why</i>")
    tags = Tags(report_html(session, NOW_MS))
    assert hostile in tags.text
    assert not {"script", "b", "i"} & set(tags.seen)


def test_no_strategies_make_a_page_that_says_so(database_url: str) -> None:
    engine = create_sync(database_url)
    with Session(engine) as empty:
        assert report_rows(empty) == []
        assert "No strategies yet." in report_html(empty, NOW_MS)
    engine.dispose()


@pytest.mark.parametrize("values", [[1.0, 1.0], [0.0, 0.0], [100.0, 90.0, 120.0], [-5.0, 5.0], [1e-9, 2e-9]])
def test_a_curve_stays_inside_its_picture(values: list[float]) -> None:
    drawn = equity_svg([(NOW_MS + at, value) for at, value in enumerate(values)])
    points = drawn.split('class="equity" points="')[1].split('"')[0].split(" ")
    assert len(points) == len(values)
    for point in points:
        x, y = (float(number) for number in point.split(","))
        assert 0 <= x <= 760
        assert 0 <= y <= 220


@pytest.mark.parametrize("points", [[], [(1, 1.0)]])
def test_one_point_is_no_curve(points: list[tuple[int, float]]) -> None:
    assert equity_svg(points) == ""


def test_marks_of_one_moment_do_not_divide_by_zero() -> None:
    assert "polyline" in equity_svg([(1, 1.0), (1, 2.0)])
