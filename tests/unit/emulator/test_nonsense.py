"""Nonsense is answered with a code, never with a fault of the server."""

import hashlib
import hmac
import json
import time
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.emulator.api_socket import ApiSocket
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.gateway import Caller, Signed, perform
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError
from bot.emulator.spot.tables import ROUTES
from bot.emulator.spot.venue import Venue
from bot.emulator.stream_socket import StreamSocket
from bot.emulator.wire import encode
from bot.emulator.world import World

ACCOUNT = AccountConfig("k", "s", {"USDT": Decimal(10_000), "BTC": Decimal(1)})
WORLD = World(
    EmulatorConfig(
        Synthetic(1), accounts=(ACCOUNT,), speed=0, warmup=20, weight_per_minute=10**9, orders_per_10s=10**6,
        orders_per_day=10**6,
    )
)  # fmt: skip
VENUE = Venue(WORLD)
WORLD.player.begin()
KNOWN = (
    "symbol", "symbols", "interval", "limit", "startTime", "endTime", "side", "type", "timeInForce", "quantity", "price",
    "quoteOrderQty", "newClientOrderId", "origClientOrderId", "orderId", "fromId", "newOrderRespType", "stopPrice",
    "selfTradePreventionMode", "strategyType", "recvWindow", "permissions", "omitZeroBalances", "cancelRestrictions",
)  # fmt: skip
LIKELY = (
    "BTCUSDT", "BUY", "SELL", "LIMIT", "MARKET", "LIMIT_MAKER", "GTC", "FOK", "1m", "1w", "0", "1", "0.01", "500", "-1",
    "60000", "1e9", "NaN", "Infinity", "", " ", "99999999999999999999.99999999", "0.00000000000000000001", "true",
    "[]", '["BTCUSDT"]', "[[[", "9223372036854775808", "\x00", "٣", "测试USDT", "FULL", "1704067200000",
)  # fmt: skip
values = st.one_of(st.sampled_from(LIKELY), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
requests = st.dictionaries(st.one_of(st.sampled_from(KNOWN), st.text(max_size=8)), values, max_size=9)
quick = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(operation=st.sampled_from(list(ROUTES.values())), request=requests)
def test_any_request_gives_an_answer_or_a_documented_code(operation: Any, request: dict[str, str]) -> None:
    if isinstance(operation, Signed):
        request = request | {"timestamp": str(time.time_ns() // 1_000_000), "recvWindow": "60000"}
    digest = hmac.new(b"s", b"all of it", hashlib.sha256).hexdigest()
    if isinstance(operation, Signed):
        request = request | {"signature": digest}
    refusal = refused(operation, request)
    if refusal is not None:
        assert -2100 < refusal.code < -999
        assert refusal.status in {400, 410}
        assert refusal.message


def refused(operation: Any, request: dict[str, str]) -> ApiError | None:
    try:
        perform(VENUE, operation, Params(request), Caller("127.0.0.1", "rest", "k", (b"all of it",)))
    except ApiError as error:
        return error
    return None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
texts = st.one_of(
    st.text(max_size=40),
    json_values.map(json.dumps),
    st.fixed_dictionaries(
        {"method": st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE", "SET_PROPERTY", "ping", "order.place", "klines"]) | json_values},
        optional={"params": json_values, "id": json_values, "extra": json_values},
    ).map(json.dumps),
)  # fmt: skip


class Heard:
    """A connection that remembers the last frame."""

    combined = in_microseconds = False
    path = account = ""
    opened_ms = 0
    last: Any = None

    def say(self, content: Any) -> None:
        self.last = json.loads(encode(content))


@quick
@given(text=texts)
def test_any_text_on_a_stream_socket_is_answered(text: str) -> None:
    connection = Heard()
    StreamSocket(VENUE, connection, []).on_text(text)  # type: ignore[arg-type]
    assert "result" in connection.last or connection.last["code"] in {0, 1, 2, 3}


@quick
@given(text=texts)
def test_any_text_on_the_api_socket_is_answered(text: str) -> None:
    connection = Heard()
    ApiSocket(VENUE, connection, "127.0.0.1", shows_limits=True).on_text(text)  # type: ignore[arg-type]
    assert connection.last["status"] in {200, 400, 401}
