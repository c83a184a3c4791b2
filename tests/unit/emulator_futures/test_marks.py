from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.emulator.futures.marks import mark_of

times = st.integers(1_600_000_000_000, 1_900_000_000_000)


@given(last=st.floats(0.01, 1e6), now_ms=times)
def test_mark_and_index_stay_near_the_last_price(last: float, now_ms: int) -> None:
    mark = mark_of("BTCUSDT", last, now_ms)
    near = Decimal(last) * Decimal("0.0004") + Decimal("0.00000001")
    assert abs(mark.index - Decimal(last)) <= near
    assert abs(mark.price - Decimal(last)) <= near / 2 + Decimal("0.00000001")


@given(now_ms=times)
def test_the_rate_follows_binances_formula(now_ms: int) -> None:
    mark = mark_of("ETHUSDT", 1_000.0, now_ms)
    premium = 1 - mark.index / 1_000
    expected = premium + min(Decimal("0.0005"), max(Decimal("-0.0005"), Decimal("0.0001") - premium))
    assert abs(mark.rate - expected) <= Decimal("0.00000002")


@given(now_ms=times)
def test_the_next_funding_is_at_midnight_eight_or_sixteen(now_ms: int) -> None:
    mark = mark_of("BTCUSDT", 1.0, now_ms)
    assert mark.next_ms % 28_800_000 == 0
    assert 0 < mark.next_ms - now_ms <= 28_800_000
