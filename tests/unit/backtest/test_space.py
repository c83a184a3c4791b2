"""Words for spaces of settings: what they mean, what is refused, and that draws repeat."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.backtest.space import Choices, Space, Span, parse
from bot.domain.errors import Misconfigured


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("fast=5,10,15", (5, 10, 15)),
        ("fast=5", (5,)),
        ("slow=20:200:60", (20, 80, 140, 200)),
        ("slow=20:199:60", (20, 80, 140)),
        ("slow=3:5", (3, 4, 5)),
        ("stop_loss=0.1:0.5:0.1", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("protect=watch,exchange", ("watch", "exchange")),
        ("open=true,false", (True, False)),
        ("threshold=0.1..0.4/4", (0.1, 0.2, 0.3, 0.4)),
        ("threshold=0.001..1~log/4", (0.001, 0.01, 0.1, 1.0)),
        ("threshold=0.001..1/4~log", (0.001, 0.01, 0.1, 1.0)),
        ("window=10..1000~log/3", (10, 100, 1000)),
    ],
)
def test_words_with_steps_are_choices(word: str, values: tuple[object, ...]) -> None:
    (axis,) = parse([word]).axes
    assert isinstance(axis, Choices)
    assert axis.values == values
    assert [type(each) for each in axis.values] == [type(each) for each in values]


@pytest.mark.parametrize(
    ("word", "span"),
    [
        ("a=0.001..0.01", Span("a", 0.001, 0.01, is_whole=False, is_log=False)),
        ("a=5..50", Span("a", 5, 50, is_whole=True, is_log=False)),
        ("a=5..50~log", Span("a", 5, 50, is_whole=True, is_log=True)),
        ("a=-1..1.5", Span("a", -1, 1.5, is_whole=False, is_log=False)),
    ],
)
def test_words_without_steps_are_spans(word: str, span: Span) -> None:
    assert parse([word]).axes == (span,)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "nothing varies"),
        (["fast"], "is not like"),
        (["=5"], "is not like"),
        (["fast="], "is not like"),
        (["fast=5,,6"], "empty value"),
        (["fast=5,5"], "twice"),
        (["fast=5", "fast=6"], "a second time"),
        (["slow=20:200:0"], "leads nowhere"),
        (["slow=200:20:20"], "leads nowhere"),
        (["slow=1:2:3:4"], "from, to, step"),
        (["slow=a:b"], "where a number belongs"),
        (["slow=0:1:0.0000001"], "steps"),
        (["a=1..1"], "leads nowhere"),
        (["a=0..1~log"], "no logarithm"),
        (["a=1..2~square"], "only ~log"),
        (["a=1..2/1"], "2 or more"),
        (["a=nan,1"], "no number to try"),
    ],
)
def test_words_that_mean_nothing_are_refused_by_name(words: list[str], complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint):
        parse(words)


def test_a_grid_has_every_set_once_and_moves_the_last_axis_quickest() -> None:
    space = parse(["fast=1,2", "slow=3:5"])
    assert space.size == 6
    assert [tuple(each.values()) for each in space.grid()] == [(1, 3), (1, 4), (1, 5), (2, 3), (2, 4), (2, 5)]


def test_a_grid_over_a_span_says_how_to_give_steps() -> None:
    with pytest.raises(Misconfigured, match=r"a=1:2:STEP or a=1\.\.2/5, or choose --search random"):
        parse(["a=1..2", "b=1,2"]).grid()


def test_too_large_a_grid_is_refused_before_it_begins() -> None:
    with pytest.raises(Misconfigured, match="sets; make it smaller"):
        parse(["a=1:2000", "b=1:2000"]).grid()


@given(st.integers(0, 2**32), st.integers(1, 30))
def test_draws_repeat_differ_and_stay_within(seed: int, count: int) -> None:
    space = parse(["a=2..9", "b=0.001..0.1~log", "c=1,2"])
    drawn = space.samples(count, seed, lambda params: params["a"] != 5)
    assert drawn == space.samples(count, seed, lambda params: params["a"] != 5)
    assert len({tuple(each.values()) for each in drawn}) == count
    for each in drawn:
        assert each["a"] in {2, 3, 4, 6, 7, 8, 9}
        assert 0.001 <= float(each["b"]) <= 0.1


def test_more_draws_than_sets_give_every_set() -> None:
    space = parse(["a=1:3", "b=1:3"])
    accepted = space.samples(100, 1, lambda params: params["a"] < params["b"])  # type: ignore[operator]
    assert sorted(tuple(each.values()) for each in accepted) == [(1, 2), (1, 3), (2, 3)]


def test_a_space_of_nothing_acceptable_gives_up() -> None:
    assert Space((Span("a", 0, 1, is_whole=False, is_log=False),)).samples(2, 1, lambda _: False) == []


def test_logarithmic_draws_favour_no_size() -> None:
    random = Random(7)
    drawn = [math.log10(float(Span("a", 0.001, 1, is_whole=False, is_log=True).draw(random))) for _ in range(3_000)]
    shares = [sum(low <= each < low + 1 for each in drawn) / len(drawn) for low in (-3, -2, -1)]
    assert all(abs(share - 1 / 3) < 0.04 for share in shares)
