import time
from typing import Any

import pytest


@pytest.mark.parametrize(("key", "status", "code"), [(None, 401, -2014), ("", 401, -2014), ("nobody", 401, -2015)])
async def test_an_unknown_key_is_not_let_in(visitor: Any, key: str | None, status: int, code: int) -> None:
    path = f"/api/v3/account?timestamp={time.time_ns() // 1_000_000}&signature=00"
    reply = await visitor.raw("GET", path, key=key)
    assert (reply.status, reply.code) == (status, code)


async def test_a_wrong_secret_is_refused(visitor: Any) -> None:
    visitor.secret = "wrong"
    reply = await visitor.signed("GET", "account")
    assert (reply.status, reply.code) == (400, -1022)


@pytest.mark.parametrize(("shift_ms", "window"), [(-6_000, None), (-2_000, 1_000), (5_000, None), (0, 60_001)])
async def test_a_stale_or_future_request_is_refused(visitor: Any, shift_ms: int, window: int | None) -> None:
    params: dict[str, Any] = {"timestamp": time.time_ns() // 1_000_000 + shift_ms}
    if window:
        params["recvWindow"] = window
    reply = await visitor.signed("GET", "account", **params)
    assert reply.code == (-1131 if window == 60_001 else -1021)


async def test_the_check_uses_wall_time_even_when_market_time_is_another(visitor: Any) -> None:
    assert visitor.emulator.venue.now_ms < time.time_ns() // 1_000_000 - 86_400_000
    assert (await visitor.signed("GET", "account")).status == 200


async def test_percent_encoding_counts_as_it_was_sent(visitor: Any) -> None:
    reply = await visitor.signed("GET", "openOrders", symbol="%E6%B5%8B%E8%AF%95USDT")
    assert reply.code == -1121


async def test_a_missing_signature_or_timestamp_is_named(visitor: Any) -> None:
    reply = await visitor.raw("GET", "/api/v3/account", key=visitor.key)
    assert (reply.code, "timestamp" in reply.body["msg"]) == (-1102, True)
    reply = await visitor.raw("GET", "/api/v3/account?timestamp=1", key=visitor.key)
    assert (reply.code, "signature" in reply.body["msg"]) == (-1102, True)
