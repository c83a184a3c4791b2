"""The condition: doubts move right at once, and only a look that came after them moves left."""

import pytest

from bot.domain.state import AccountState
from bot.runtime.condition import EXCHANGE, Condition


class Story:
    """A condition that has become ready, and what it moved through since."""

    def __init__(self) -> None:
        self.moves: list[str] = []
        self.condition = Condition("main/live")
        self.look()
        self.condition.listener = lambda state, _: self.moves.append(state.value)

    def look(self) -> None:
        self.condition.begin()
        self.condition.finish()


@pytest.fixture
def story() -> Story:
    return Story()


def test_ready_comes_back_only_after_a_clean_look_without_doubts(story: Story) -> None:
    condition = story.condition
    condition.doubt("stream", "the user stream broke")
    condition.doubt("clock", "the clock is off")
    assert condition.reason == "the user stream broke; the clock is off"
    condition.settle("stream")
    story.look()
    assert (condition.state, condition.reason) == (AccountState.DEGRADED, "the clock is off")
    condition.settle("clock")
    assert condition.state is AccountState.DEGRADED
    assert condition.reason.endswith("a look at the exchange follows")
    story.look()
    assert story.moves == ["degraded", "reconciling", "ready"]


def test_a_look_while_all_is_well_moves_nothing(story: Story) -> None:
    story.look()
    assert story.moves == []


def test_what_was_settled_during_a_look_takes_another(story: Story) -> None:
    condition = story.condition
    condition.begin()
    condition.doubt("stream", "an event was missed")
    condition.settle("stream")
    condition.finish()
    assert condition.state is AccountState.DEGRADED
    assert condition.wants_look.is_set()
    story.look()
    assert story.moves == ["degraded", "reconciling", "ready"]


def test_a_wish_without_a_doubt_leaves_ready_alone(story: Story) -> None:
    story.condition.settle("user stream")
    assert (story.condition.state, story.condition.wants_look.is_set()) == (AccountState.READY, True)
    story.look()
    assert (story.moves, story.condition.wants_look.is_set()) == ([], False)


def test_looks_that_fail_move_once_and_the_one_that_succeeds_moves_back(story: Story) -> None:
    for cause in ("no answer", "still none"):
        story.condition.begin()
        story.condition.doubt(EXCHANGE, cause)
    assert (story.moves, story.condition.reason) == (["degraded"], "still none")
    story.look()
    assert story.moves == ["degraded", "reconciling", "ready"]


def test_a_doubt_from_before_the_first_look_outlives_it() -> None:
    condition = Condition("main/live")
    condition.doubt("user stream", "nothing is heard")
    condition.begin()
    condition.finish()
    assert (condition.state, condition.reason) == (AccountState.DEGRADED, "nothing is heard")


def test_nothing_but_a_new_start_leaves_a_halt(story: Story) -> None:
    condition = story.condition
    condition.halt("two bots share one key")
    condition.doubt("clock", "the clock is off")
    condition.settle("clock")
    story.look()
    assert (condition.state, condition.reason) == (AccountState.HALTED, "two bots share one key")
