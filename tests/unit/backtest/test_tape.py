"""The tape gives candles in the order in which they closed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.backtest import tape
from bot.domain.market import INTERVAL_MS, Market
from bot.history.columns import Columns, made

START = 1_735_689_600_000


def series(symbol: str, interval: str, count: int, first: int = 0) -> Columns:
    opens = START + INTERVAL_MS[interval] * np.arange(first, first + count)
    price = 100.0 + np.arange(count)
    return made(
        Market.SPOT, symbol, interval,
        {"open_time": opens, "open": price, "high": price + 2, "low": price - 2, "close": price + 1, "volume": price},
    )  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from(["1m", "3m", "5m"]), st.integers(1, 40), st.integers(0, 9)), min_size=1, max_size=4
    )
)
def test_series_come_merged_by_their_close_and_nothing_is_lost(shapes: list[tuple[str, int, int]]) -> None:
    many = [series(f"S{n}", interval, count, first) for n, (interval, count, first) in enumerate(shapes)]
    came = list(tape.candles(many))
    assert len(came) == sum(len(each) for each in many)
    order = [(candle.close_time, int(candle.symbol[1:])) for candle in came]
    assert order == sorted(order)
    for each in many:
        mine = [candle for candle in came if candle.symbol == each.symbol]
        assert [candle.close for candle in mine] == each.close.tolist()
        assert all(candle.close_time + 1 - candle.open_time == INTERVAL_MS[each.interval] for candle in mine)


def test_a_month_ends_with_its_last_day() -> None:
    months = made(Market.SPOT, "A", "1M", {**series("A", "1d", 1).arrays()})
    (candle,) = tape.candles([months])
    assert candle.close_time == START + 31 * 86_400_000 - 1


def test_rows_are_made_in_parts_without_a_seam() -> None:
    count = 2 * tape.AT_ONCE + 3
    came = [candle.open_time for candle in tape.candles([series("A", "1m", count)])]
    assert came == (START + 60_000 * np.arange(count)).tolist()
