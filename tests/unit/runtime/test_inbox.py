"""The inbox: facts first, closed candles all of them, forming ones only the newest."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.outfit import breathe, candle, end, until

from bot.domain.market import Candle
from bot.domain.messages import Event, OrderUpdate, StopRequested, Tick
from bot.domain.order import OrderStatus
from bot.runtime.inbox import Inbox

FACT = OrderUpdate("a", OrderStatus.NEW, 1)


async def read(inbox: Inbox, count: int) -> list[Event]:
    """Take so many events out."""
    taken: list[Event] = []
    async for event in inbox:
        taken.append(event)
        if len(taken) == count:
            break
    return taken


async def test_what_became_of_orders_overtakes_candles() -> None:
    inbox = Inbox()
    for event in (candle(0, 1.0), FACT, candle(1, 1.0), Tick(5)):
        inbox.put(event)
    assert await read(inbox, 4) == [FACT, Tick(5), candle(0, 1.0), candle(1, 1.0)]


async def test_a_forming_candle_gives_way_to_a_newer_one_and_to_its_own_end() -> None:
    inbox = Inbox()
    forming = [candle(0, price, is_closed=False) for price in (1.0, 2.0, 3.0)]
    for event in forming:
        inbox.put(event)
    assert inbox.waiting == 1
    assert await read(inbox, 1) == [forming[-1]]
    inbox.put(forming[0])
    inbox.put(candle(0, 4.0))
    assert await read(inbox, 1) == [candle(0, 4.0)]
    assert inbox.waiting == 0


async def test_forming_candles_of_two_series_do_not_replace_each_other() -> None:
    inbox = Inbox()
    one, other = candle(0, 1.0, is_closed=False), candle(0, 1.0, is_closed=False, interval="5m")
    inbox.put(one)
    inbox.put(other)
    assert await read(inbox, 2) == [one, other]


EVENTS = st.lists(
    st.one_of(
        st.builds(lambda n, closed: candle(n, 1.0, is_closed=closed), st.integers(0, 5), st.booleans()),
        st.just(FACT),
        st.just(StopRequested(1, "enough", 1)),
    ),
    max_size=30,
)


@given(events=EVENTS)
def test_no_fact_and_no_closed_candle_is_ever_lost_or_reordered(events: list[Event]) -> None:
    async def taken() -> list[Event]:
        inbox = Inbox()
        for event in events:
            inbox.put(event)
        return await read(inbox, inbox.waiting) if inbox.waiting else []

    def closed(of: list[Event]) -> list[Event]:
        return [each for each in of if isinstance(each, Candle) and each.is_closed]

    def facts(of: list[Event]) -> list[Event]:
        return [each for each in of if not isinstance(each, Candle)]

    out = asyncio.run(taken())
    assert closed(out) == closed(events)
    assert facts(out) == facts(events)
    assert sum(isinstance(each, Candle) and not each.is_closed for each in out) <= 1


async def test_a_reader_waits_until_something_comes() -> None:
    inbox = Inbox()
    seen: list[Event] = []

    async def reader() -> None:
        async for event in inbox:
            seen.append(event)

    task = asyncio.create_task(reader())
    await breathe()
    assert seen == []
    inbox.put(FACT)
    await until(lambda: seen == [FACT])
    await end(task)


async def test_a_long_queue_lets_others_have_their_turn() -> None:
    inbox = Inbox()
    for n in range(100):
        inbox.put(candle(n, 1.0))
    turns: list[int] = []

    async def other() -> None:
        while inbox.waiting:
            turns.append(inbox.waiting)
            await asyncio.sleep(0)

    reader = asyncio.create_task(read(inbox, 100))
    await other()
    await reader
    assert len(turns) >= 3
    assert inbox.longest == 100


async def test_asking_for_facts_leaves_candles_where_they_are() -> None:
    inbox = Inbox()
    inbox.put(candle(0, 1.0))
    assert inbox.next_fact() is None
    inbox.put(FACT)
    assert inbox.next_fact() == FACT
    assert inbox.waiting == 1
