"""Backtests that were kept, in a real database."""

import pytest

from bot.db.base import SessionFactory, unit_of_work
from bot.db.repositories import AlreadyThere, NotFound
from bot.db.runs import Runs

RESULT = {
    "strategy": "sma_cross",
    "figures": {"trades": 3, "result": -1.25},
    "curve": {"time": [1, 2], "equity": [1.0, 2.5]},
}
PICTURES = {"trades": {"pnl": [0.1, -0.2], "reasons": ["crossed → out"]}}


async def test_what_was_kept_comes_back_whole(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        await Runs(session).add("first", RESULT, PICTURES)
    async with unit_of_work(sessions) as session:
        assert await Runs(session).result("first") == RESULT
        assert await Runs(session).whole("first") == {**RESULT, "pictures": PICTURES}


async def test_the_list_is_newest_first_and_without_curves(sessions: SessionFactory) -> None:
    for name in ("first", "second"):
        async with unit_of_work(sessions) as session:
            await Runs(session).add(name, RESULT, PICTURES)
    async with unit_of_work(sessions) as session:
        kept = await Runs(session).list()
    assert [each.name for each in kept] == ["second", "first"]
    assert kept[0].result == {name: value for name, value in RESULT.items() if name != "curve"}


async def test_a_name_is_taken_once_and_free_again_after_removal(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        runs = Runs(session)
        await runs.add("first", RESULT, PICTURES)
        assert await runs.has("first")
        with pytest.raises(AlreadyThere, match="bot backtest remove first"):
            await runs.add("first", RESULT, PICTURES)
        await runs.remove("first")
        assert not await runs.has("first")
        await runs.add("first", RESULT, PICTURES)


async def test_a_run_that_was_never_kept_is_said_to_be_none(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        with pytest.raises(NotFound, match="bot backtest list"):
            await Runs(session).whole("nothing")
