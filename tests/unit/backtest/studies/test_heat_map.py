"""The heat map: means where more varies, holes where nothing was judged, and text that stays text."""

import xml.etree.ElementTree as ElementTree

import pytest
from tests.unit.backtest.studies.test_aims import made

from bot.backtest.studies.heat_map import colour, heat_map, page, svg
from bot.domain.errors import Misconfigured

TRIALS = [
    ({"fast": 5, "slow": 20, "stop": "a"}, made(sharpe=1.0)),
    ({"fast": 5, "slow": 20, "stop": "b"}, made(sharpe=2.0)),
    ({"fast": 10, "slow": 20, "stop": "a"}, made(sharpe=-1.0)),
    ({"fast": 5, "slow": 100, "stop": "a"}, made(sharpe=0.5)),
    ({"fast": 10, "slow": 100, "stop": "a"}, made(sharpe=None)),
]


def test_a_cell_is_the_mean_over_what_else_varies() -> None:
    drawn = heat_map(TRIALS, "fast", "slow", "sharpe")
    assert (drawn.xs, drawn.ys) == ([5, 10], [20, 100])
    assert drawn.cells == [[1.5, -1.0], [0.5, None]]
    assert [drawn.share(each) for each in (-1.0, 0.25, 1.5)] == [0, 0.5, 1]


def test_the_drawing_is_one_page_with_a_cell_for_each_that_was_judged() -> None:
    drawn = heat_map(TRIALS, "fast", "slow", "sharpe")
    root = ElementTree.fromstring(svg(drawn))
    titles = [each.text for each in root.iter("title")]
    assert titles == ["fast 5, slow 20: sharpe 1.5", "fast 10, slow 20: sharpe -1", "fast 5, slow 100: sharpe 0.5"]
    told = page(drawn, "a <b> study", "mean & more")
    assert "a &lt;b&gt; study" in told
    assert "http" not in told.replace("http-equiv", "")


def test_colours_go_from_bad_over_middle_to_good() -> None:
    (red, *_), (_, middle, _), (good_red, good_green, _) = colour(0), colour(0.5), colour(1)
    assert red > 150 > good_red
    assert middle > 200
    assert good_green > good_red


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(Misconfigured, match="there is no figure 'luck'"):
        heat_map(TRIALS, "fast", "slow", "luck")
    with pytest.raises(Misconfigured, match="nothing to draw"):
        heat_map([], "fast", "slow", "sharpe")
    many = [({"fast": n, "slow": 1}, made()) for n in range(61)]
    with pytest.raises(Misconfigured, match="too many for a heat map"):
        heat_map(many, "fast", "slow", "sharpe")
