import pytest

from bot.emulator.limits import Bounds, OrderCount, WeightBank
from bot.emulator.refusals import ApiError
from bot.emulator.unverified import Unverified

MINUTE = 60_000


def test_weight_over_the_limit_is_refused_until_the_next_minute() -> None:
    bank = WeightBank(Bounds(10))
    bank.charge("a", 10, 30_000)
    with pytest.raises(ApiError) as refused:
        bank.charge("a", 1, 30_500)
    assert (refused.value.status, refused.value.code) == (429, -1003)
    assert refused.value.headers == {"Retry-After": "30"}
    assert refused.value.data == {"serverTime": 30_500, "retryAfter": MINUTE}
    bank.charge("a", 1, MINUTE)
    assert bank.used("a", MINUTE) == 1


def test_addresses_have_weights_of_their_own_and_a_refund_comes_back() -> None:
    bank = WeightBank(Bounds(10))
    bank.charge("a", 4, 0)
    bank.charge("b", 1, 0)
    bank.refund("a", 4, 0)
    assert (bank.used("a", 0), bank.used("b", 0), bank.used("c", 0)) == (0, 1, 0)


def test_orders_are_refused_when_a_window_is_full_and_fills_make_room() -> None:
    count = OrderCount({("SECOND", 10): 2, ("DAY", 1): 5})
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


def test_more_orders_at_once_than_fit_are_refused_as_a_whole() -> None:
    count = OrderCount({("SECOND", 10): 2})
    with pytest.raises(ApiError):
        count.add(0, 3)
    count.add(0, 2)
    assert count.headers(0) == {"X-MBX-ORDER-COUNT-10S": "2"}


def test_who_goes_on_after_a_429_is_banned_each_time_for_longer() -> None:
    bank = WeightBank(Bounds(1), Unverified(refusals_before_ban=2))

    def status(now_ms: int) -> int:
        try:
            bank.charge("a", 1, now_ms)
        except ApiError as error:
            return error.status
        return 200

    assert [status(0) for _ in range(6)] == [200, 429, 429, 429, 418, 418]
    assert (status(119_999), status(120_000)) == (418, 200)
    assert [status(120_001) for _ in range(4)] == [429, 429, 429, 418]
    assert bank.is_banned("a", 120_001 + 239_999)
    assert not bank.is_banned("a", 120_001 + 240_000)
    assert bank.bans()["a"]["bans"] == 2


def test_a_banned_address_may_not_connect_and_others_may() -> None:
    bank = WeightBank(Bounds(10))
    refusal = bank.ban("a", 120, 0)
    assert (refusal.status, refusal.code, refusal.headers) == (418, -1003, {"Retry-After": "120"})
    with pytest.raises(ApiError, match="banned until 120000"):
        bank.connect("a", 2, 1_000)
    bank.connect("b", 2, 1_000)
    assert bank.used("b", 1_000) == 2


def test_new_connections_and_raw_requests_have_limits_of_their_own() -> None:
    bank = WeightBank(Bounds(100, raw=2, connections=1))
    bank.connect("a", 0, 0)
    with pytest.raises(ApiError) as refused:
        bank.connect("a", 0, 0)
    assert refused.value.code == -1034
    bank.charge("a", 1, 0)
    bank.charge("a", 1, 0)
    with pytest.raises(ApiError, match="2 requests per 5 MINUTE"):
        bank.charge("a", 1, 0)


def test_a_batch_counts_its_orders_in_the_short_window_and_once_in_the_long_one() -> None:
    count = OrderCount({("MINUTE", 1): 3, ("SECOND", 10): 12})
    for _ in range(2):
        count.add_batch(0, 5)
    assert count.headers(0) == {"X-MBX-ORDER-COUNT-1M": "2", "X-MBX-ORDER-COUNT-10S": "10"}
    with pytest.raises(ApiError, match="12 orders per 10 SECOND"):
        count.add_batch(0, 5)
    count.add_batch(10_000, 5)
    with pytest.raises(ApiError, match="3 orders per 1 MINUTE"):
        count.add_batch(20_000, 5)
    assert count.headers(20_000) == {"X-MBX-ORDER-COUNT-1M": "3", "X-MBX-ORDER-COUNT-10S": "0"}
