"""Nonsense at the futures face is answered with a code, never with a fault of the server."""

import time
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.futures.tables import METHODS, ROUTES
from bot.emulator.futures.venue import FuturesVenue
from bot.emulator.gateway import Caller, Signed, admit, carry_out, settle
from bot.emulator.limits import Bounds, OrderCount
from bot.emulator.params import Params
from bot.emulator.world import World

ACCOUNT = AccountConfig("k", "s", {"USDT": Decimal(10_000)}, name="me")
WORLD = World(EmulatorConfig(Synthetic(1), accounts=(ACCOUNT,), speed=0, warmup=20))
VENUE = FuturesVenue(WORLD)
VENUE.gate.weight.bounds = Bounds(10**9, 10**9)
VENUE.count_orders_of("me", OrderCount({("MINUTE", 1): 10**9}))
WORLD.player.begin()


class Believer:
    """A proof that any signature passes."""

    is_ed25519 = False

    def holds(self, payload: bytes, signature: str) -> bool:
        return True


KNOWN = (
    "symbol", "pair", "interval", "limit", "startTime", "endTime", "side", "type", "timeInForce", "quantity", "price",
    "positionSide", "reduceOnly", "newClientOrderId", "origClientOrderId", "orderId", "fromId", "newOrderRespType",
    "stopPrice", "triggerPrice", "closePosition", "callbackRate", "activatePrice", "workingType", "priceProtect",
    "algoType", "algoId", "clientAlgoId", "batchOrders", "orderIdList", "origClientOrderIdList", "leverage",
    "marginType", "amount", "dualSidePosition", "multiAssetsMargin", "countdownTime", "priceMatch", "goodTillDate",
    "selfTradePreventionMode", "contractType", "incomeType", "page", "listenKey", "feeBurn", "modifyId",
)  # fmt: skip
LIKELY = (
    "BTCUSDT", "BUY", "SELL", "LIMIT", "MARKET", "STOP_MARKET", "TRAILING_STOP_MARKET", "GTC", "GTX", "GTD", "1m", "1s",
    "0", "1", "0.010", "500", "-1", "1e9", "NaN", "Infinity", "", " ", "99999999999999999999.99999999",
    "0.00000000000000000001", "true", "false", "[]", "[1]", "[null]", '["a"]', "[[[", '[{"symbol":"BTCUSDT"}]',
    '[{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":0.01}]', "9223372036854775808", "\x00", "٣", "LONG",
    "BOTH", "CONDITIONAL", "ISOLATED", "CROSSED", "PERPETUAL", "QUEUE", "OPPONENT_5", "MARK_PRICE", "1704067200000",
)  # fmt: skip
values = st.one_of(st.sampled_from(LIKELY), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
requests = st.dictionaries(st.one_of(st.sampled_from(KNOWN), st.text(max_size=8)), values, max_size=10)
operations = st.sampled_from([*ROUTES.values(), *METHODS.values()])
quick = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(operation=operations, request=requests)
@example(operation=ROUTES["POST", "/fapi/v1/batchOrders"], request={"batchOrders": "[{}]"})
@example(operation=ROUTES["DELETE", "/fapi/v1/batchOrders"], request={"symbol": "BTCUSDT", "orderIdList": "[null]"})
@example(operation=ROUTES["POST", "/fapi/v1/leverage"], request={"symbol": "BTCUSDT", "leverage": "9" * 18})
@example(
    operation=ROUTES["POST", "/fapi/v1/countdownCancelAll"], request={"symbol": "BTCUSDT", "countdownTime": "9" * 18}
)
def test_any_request_gives_an_answer_or_a_documented_code(operation: Any, request: dict[str, str]) -> None:
    customer = VENUE.gate.customers["k"]
    object.__setattr__(customer, "proof", Believer())
    if isinstance(operation, Signed):
        request = request | {"timestamp": str(time.time_ns() // 1_000_000), "signature": "0"}
    caller, params = Caller("127.0.0.1", "rest", "k", (b"",)), Params(request)
    outcome = settle(lambda: carry_out(VENUE, admit(VENUE, operation, params, caller), caller))
    assert outcome.status in {200, 400}, outcome.content
    if outcome.status == 400:
        assert -5100 < outcome.content["code"] < -999
        assert outcome.content["msg"]


@quick
@given(
    sends=st.lists(st.tuples(st.sampled_from(["BUY", "SELL"]), st.integers(-30, 30), st.integers(1, 40)), max_size=12)
)
def test_money_is_neither_made_nor_lost_by_any_flow_of_orders(sends: list[tuple[str, int, int]]) -> None:
    last = VENUE.exchange.last_price("BTCUSDT")
    assert last is not None
    for side, ticks, lots in sends:
        price = (last + ticks * Decimal("0.1")).quantize(Decimal("0.1"))
        request = {
            "symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": "GTC", "quantity": f"{lots / 1000:.3f}",
            "price": f"{price:f}", "timestamp": str(time.time_ns() // 1_000_000), "signature": "0",
        }  # fmt: skip
        caller, params = Caller("127.0.0.1", "rest", "k", (b"",)), Params(request)
        operation = ROUTES["POST", "/fapi/v1/order"]
        object.__setattr__(VENUE.gate.customers["k"], "proof", Believer())
        settle(lambda: carry_out(VENUE, admit(VENUE, operation, params, caller), caller))  # noqa: B023
    assert held() == sum(VENUE.exchange.house.deposits.values())


def held() -> Decimal:
    """Sum wallets and the house's own books, less what open positions cost."""
    house = VENUE.exchange.house
    account = VENUE.exchange.account("me")
    books = (house.cash, house.fees, house.insurance, house.funding, house.dust)
    cost = sum((one.cost for slot in account.slots.values() for one in slot.held), Decimal(0))
    isolated = sum(
        (one.isolated_wallet for slot in account.slots.values() for one in slot.positions.values()), Decimal(0)
    )
    wallets = sum(account.wallets.values(), Decimal(0))
    return wallets + isolated - cost + sum((value for book in books for value in book.values()), Decimal(0))
