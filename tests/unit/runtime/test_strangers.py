"""Orders that this bot did not send: a person's is told of, one in our own form halts."""

from decimal import Decimal

import pytest
from tests.fakes.journal import MemoryJournal

from bot.domain.errors import Unavailable
from bot.domain.market import Market
from bot.domain.messages import Event, ForeignSeen, PlaceOrder, Tick
from bot.domain.money import Quantity
from bot.domain.order import Order, OrderType, Side
from bot.domain.state import AccountState
from bot.runtime.condition import Condition
from bot.runtime.strangers import EXCHANGE_MADE, Strangers

D = Decimal


def found(name: str) -> ForeignSeen:
    return ForeignSeen(Market.SPOT, "BTCUSDT", name, 77, Side.BUY, D(2), D(1), True, 1_000)


class Court:
    """A judge of an account that is ready, with what was told."""

    def __init__(self, *, halts: bool = False) -> None:
        self.journal, self.condition = MemoryJournal(), Condition("main/live")
        self.condition.begin()
        self.condition.finish()
        self.told: list[Event] = []
        self.strangers = Strangers(self.journal, self.condition, self.told.append, halts=halts)


async def test_an_order_of_a_person_is_told_of_and_trading_goes_on() -> None:
    court = Court()
    await court.strangers.judge([found("web_1"), found("")])
    assert court.told == [found("web_1"), found("")]
    assert court.condition.state is AccountState.READY


async def test_an_order_of_a_person_halts_where_that_was_chosen() -> None:
    court = Court(halts=True)
    await court.strangers.judge([found("web_1")])
    assert court.condition.state is AccountState.HALTED
    assert "web_1 on BTCUSDT was not sent by this bot" in court.condition.reason


async def test_an_order_in_our_form_that_the_journal_does_not_know_halts_and_says_what_to_do() -> None:
    court = Court()
    await court.strangers.judge([found("b-9-1-abc-1")])
    assert court.condition.state is AccountState.HALTED
    for part in ("b-9-1-abc-1 on BTCUSDT", "another bot uses the same key", "older copy", "bot resume"):
        assert part in court.condition.reason
    assert court.told == [found("b-9-1-abc-1")]


async def test_an_order_of_ours_that_ended_long_ago_is_no_stranger() -> None:
    court = Court(halts=True)
    order = Order("b-1-1-abc-1", 1, "BTCUSDT", Side.BUY, OrderType.MARKET, Quantity(D(1)), 1_000)
    await court.journal.record(Tick(1), [PlaceOrder(order)])
    await court.strangers.judge([found("b-1-1-abc-1")])
    assert (court.told, court.condition.state) == ([], AccountState.READY)


@pytest.mark.parametrize("beginning", EXCHANGE_MADE)
async def test_what_the_exchange_itself_does_is_nobodys_order(beginning: str) -> None:
    court = Court(halts=True)
    await court.strangers.judge([found(f"{beginning}123")])
    assert (court.told, court.condition.state) == ([], AccountState.READY)


async def test_nothing_is_decided_while_the_journal_cannot_say() -> None:
    court = Court()
    court.journal.is_away = True
    with pytest.raises(Unavailable):
        await court.strangers.judge([found("b-9-1-abc-1")])
    assert (court.told, court.condition.state) == ([], AccountState.READY)
