import pytest

from bot.emulator.faults import ApiError
from bot.emulator.limits import OrderCount, WeightBank

MINUTE = 60_000


def test_weight_over_the_limit_is_refused_until_the_next_minute() -> None:
    bank = WeightBank(10)
    bank.charge("a", 10, 30_000)
    with pytest.raises(ApiError) as refused:
        bank.charge("a", 1, 30_500)
    assert (refused.value.status, refused.value.code) == (429, -1003)
    assert refused.value.headers == {"Retry-After": "30"}
    assert refused.value.data == {"serverTime": 30_500, "retryAfter": MINUTE}
    bank.charge("a", 1, MINUTE)
    assert bank.used("a", MINUTE) == 1


def test_addresses_have_weights_of_their_own_and_a_refund_comes_back() -> None:
    bank = WeightBank(10)
    bank.charge("a", 4, 0)
    bank.charge("b", 1, 0)
    bank.refund("a", 4, 0)
    assert (bank.used("a", 0), bank.used("b", 0), bank.used("c", 0)) == (0, 1, 0)


def test_orders_are_refused_when_a_window_is_full_and_fills_make_room() -> None:
    count = OrderCount(per_10s=2, per_day=5)
    count.add(0)
    count.add(0)
    with pytest.raises(ApiError, match="2 orders per 10 SECOND") as refused:
        count.add(9_999)
    assert (refused.value.status, refused.value.code, refused.value.headers) == (429, -1015, {"Retry-After": "1"})
    count.filled(is_maker=False, now_ms=9_999)
    count.add(9_999)
    count.add(10_000)
    assert count.headers(10_000) == {"X-MBX-ORDER-COUNT-10S": "1", "X-MBX-ORDER-COUNT-1D": "3"}
    count.filled(is_maker=True, now_ms=10_000)
    assert [row["count"] for row in count.rows(10_000)] == [0, 0]
