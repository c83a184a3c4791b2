"""Facts in words: every kind of fact that a history can hold, and amounts that are plain."""

import re

from hypothesis import given, settings
from hypothesis import strategies as some
from tests.unit.db.histories import History

from bot.db.facts import money_facts
from bot.domain.order import OrderStatus
from bot.reporting.telling import _STANDS, says, time_of


@given(seed=some.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_every_fact_of_any_history_is_told_without_exponents(seed: int) -> None:
    for _, outcomes in History(seed, [1, 2]).steps(12):
        for fact in money_facts(outcomes):
            told = says(fact)
            assert told
            assert "\n" not in told
            assert re.search(r"\dE[-+]?\d|Decimal|None", told) is None, told
            assert time_of(fact) >= 0


def test_every_state_an_order_can_come_to_has_words() -> None:
    assert set(OrderStatus) - _STANDS.keys() == {OrderStatus.INTENT, OrderStatus.PENDING_NEW}
