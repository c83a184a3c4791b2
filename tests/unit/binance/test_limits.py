"""The weight bank: Binance never has to say it twice."""

import pytest

from bot.binance.errors import Throttled
from bot.binance.limits import Priority, WeightBank


class Times:
    """Wall and monotonic clocks held by the test."""

    def __init__(self) -> None:
        self.now = 60_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def bank(times: Times) -> WeightBank:
    return WeightBank(100, monotonic=times, wall=times, patience_s=0.0)


async def test_history_stops_first_then_queries_and_orders_last(bank: WeightBank) -> None:
    bank.learn(200, {"x-mbx-used-weight-1m": "60"})
    assert bank.wait_s(1, Priority.HISTORY) > 0
    await bank.admit(30, Priority.QUERY)
    assert bank.wait_s(1, Priority.QUERY) > 0
    await bank.admit(10, Priority.ORDER)
    with pytest.raises(Throttled, match="nothing was sent"):
        await bank.admit(1, Priority.ORDER)


async def test_the_next_minute_starts_empty(bank: WeightBank, times: Times) -> None:
    await bank.admit(100, Priority.ORDER)
    times.now += 59.9
    assert bank.wait_s(1, Priority.ORDER) == pytest.approx(0.1)
    times.now += 0.2
    assert bank.used == 0
    await bank.admit(60, Priority.HISTORY)


def test_what_others_used_is_learned_from_the_reply(bank: WeightBank) -> None:
    bank.learn(200, {"x-mbx-used-weight-1m": "42"})
    bank.learn(200, {"x-mbx-used-weight-1m": "40"})
    bank.learn(200, {"x-mbx-used-weight-1m": "nonsense"})
    assert bank.used == 42


@pytest.mark.parametrize(("status", "header", "wait"), [(429, "7", 7.0), (418, "180", 180.0), (418, "", 120.0)])
def test_nothing_goes_out_until_the_ban_is_over(
    bank: WeightBank, times: Times, status: int, header: str, wait: float
) -> None:
    assert bank.learn(status, {"Retry-After": header}) == wait
    times.now += wait - 0.5
    assert bank.wait_s(0, Priority.ORDER) == pytest.approx(0.5)
    times.now += 0.5
    assert bank.wait_s(0, Priority.ORDER) == 0
