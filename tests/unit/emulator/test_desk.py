from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.emulator.config import AccountConfig
from bot.emulator.gateway import Caller, perform
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError
from bot.emulator.spot import list_calls, order_calls
from bot.emulator.spot.desk import new_client_id
from bot.emulator.spot.venue import Venue
from bot.simulation.exchange import ListKind


class Trading:
    """A venue with one customer who listens; BTCUSDT stands at 100."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.venue.exchange.on_price("BTCUSDT", Decimal(100), venue.now_ms)
        self.events: list[dict[str, Any]] = []
        self.stop = venue.listen("account-1", self.events.append)

    def ask(self, operation: Any, **params: Any) -> Any:
        customer = self.venue.gate.customers["k"]
        act = operation.read(Params({"symbol": "BTCUSDT"} | {name: str(value) for name, value in params.items()}))
        return act(self.venue, customer)

    def place(self, **params: Any) -> Any:
        base: dict[str, Any] = {"side": "BUY", "type": "MARKET", "quantity": "1", "newClientOrderId": "c1"}
        limit = {"type": "LIMIT", "timeInForce": "GTC"} if "price" in params else {}
        return self.ask(order_calls.PLACE, **(base | limit | params))

    def trade_at(self, price: int, quantity: str | None = None) -> None:
        part = None if quantity is None else Decimal(quantity)
        with self.venue.desk.settling():
            self.venue.exchange.on_price("BTCUSDT", Decimal(price), self.venue.now_ms + 1, part)

    def told(self) -> list[tuple[str, ...]]:
        """Give the events in short, and forget them."""
        names = {"outboundAccountPosition": ("balances",), "balanceUpdate": ("money",), "externalLockUpdate": ("lock",)}
        short = []
        for event in self.events:
            if event["e"] == "listStatus":
                short.append(("list", event["l"], event["L"]))
            else:
                short.append(names.get(event["e"]) or (event["x"], event["X"]))
        self.events.clear()
        return short


@pytest.fixture
def trading(make_venue: Callable[..., Venue]) -> Trading:
    return make_trading(make_venue)


def make_trading(make_venue: Callable[..., Venue], **changes: Any) -> Trading:
    account = AccountConfig("k", "s", {"USDT": Decimal(10_000), "BTC": Decimal(5)})
    return Trading(make_venue(accounts=(account,), **changes))


def test_a_market_order_is_told_as_new_then_each_fill_then_balances(trading: Trading) -> None:
    trading.place()
    new, trade, position = trading.events
    assert (new["x"], new["X"], new["t"], new["n"], new["N"]) == ("NEW", "NEW", -1, "0", None)
    assert (trade["x"], trade["X"], trade["w"], trade["M"]) == ("TRADE", "FILLED", False, True)
    assert (trade["l"], trade["L"], trade["z"]) == ("1.00000000", "100.00000000", "1.00000000")
    assert (trade["n"], trade["N"], trade["Y"]) == ("0.00100000", "BTC", "100.00000000")
    assert position["B"] == [
        {"a": "BTC", "f": "5.99900000", "l": "0.00000000"},
        {"a": "USDT", "f": "9900.00000000", "l": "0.00000000"},
    ]


def test_a_resting_order_is_told_once_for_each_part_that_fills(trading: Trading) -> None:
    trading.place(price=90)
    assert trading.told() == [("NEW", "NEW"), ("balances",)]
    trading.trade_at(90, "0.4")
    part = trading.events[0]
    assert (part["X"], part["l"], part["z"], part["m"]) == ("PARTIALLY_FILLED", "0.40000000", "0.40000000", True)
    trading.told()
    trading.trade_at(90)
    rest = trading.events[0]
    assert (rest["X"], rest["l"], rest["z"], rest["Z"]) == ("FILLED", "0.60000000", "1.00000000", "90.00000000")
    assert trading.told() == [("TRADE", "FILLED"), ("balances",)]


def test_a_cancel_names_its_own_id_and_the_original_one(trading: Trading) -> None:
    order = trading.place(price=90)
    trading.told()
    trading.ask(order_calls.CANCEL, orderId=order["orderId"], newClientOrderId="x1")
    report = trading.events[0]
    assert (report["x"], report["X"], report["c"], report["C"]) == ("CANCELED", "CANCELED", "x1", "c1")
    assert trading.told() == [("CANCELED", "CANCELED"), ("balances",)]


def test_an_amended_order_keeps_its_id_and_names_both_client_ids(trading: Trading) -> None:
    order = trading.place(price=90)
    trading.told()
    reply = trading.ask(order_calls.AMEND, orderId=order["orderId"], newQty="0.5", newClientOrderId="c2")
    report = trading.events[0]
    assert (report["x"], report["X"], report["c"], report["C"], report["q"]) == (
        "REPLACED", "NEW", "c2", "c1", "0.50000000"
    )  # fmt: skip
    assert (reply["amendedOrder"]["origClientOrderId"], reply["amendedOrder"]["qty"]) == ("c1", "0.50000000")
    (row,) = trading.ask(order_calls.AMENDMENTS, orderId=order["orderId"])
    assert (row["origQty"], row["newQty"]) == ("1.00000000", "0.50000000")


def test_an_order_that_cannot_fill_at_once_expires_with_its_reason(trading: Trading) -> None:
    trading.place(price=90, timeInForce="IOC")
    assert trading.events[1]["eR"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert trading.told() == [("NEW", "NEW"), ("EXPIRED", "EXPIRED"), ("balances",)]


def test_a_reached_stop_is_told_as_working_and_then_as_filled(trading: Trading) -> None:
    placed = trading.place(type="STOP_LOSS", side="SELL", stopPrice=95)
    assert placed == {
        name: placed[name] for name in ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")
    }
    assert [event.get("w") for event in trading.events] == [False, None]
    trading.told()
    trading.trade_at(94)
    working, filled, _ = trading.events
    assert (working["x"], working["w"], working["P"]) == ("NEW", True, "95.00000000")
    assert (filled["x"], filled["L"]) == ("TRADE", "94.00000000")


def test_the_other_leg_of_an_oco_expires_when_one_trades(trading: Trading) -> None:
    trading.ask(
        list_calls.PLACE[ListKind.OCO], side="SELL", quantity="1", aboveType="LIMIT_MAKER", abovePrice=110,
        belowType="STOP_LOSS", belowStopPrice=90,
    )  # fmt: skip
    assert trading.told() == [
        ("NEW", "NEW"), ("NEW", "NEW"), ("list", "EXEC_STARTED", "EXECUTING"), ("balances",)
    ]  # fmt: skip
    trading.trade_at(111)
    expired = next(event for event in trading.events if event.get("x") == "EXPIRED")
    assert expired["eR"] == "OCO_TRIGGER"
    told = trading.told()
    assert ("TRADE", "FILLED") in told
    assert told[-2:] == [("list", "ALL_DONE", "ALL_DONE"), ("balances",)]


def test_an_otoco_shows_its_waiting_legs_as_waiting(trading: Trading) -> None:
    reply = trading.ask(
        list_calls.PLACE[ListKind.OTOCO], workingType="LIMIT", workingSide="BUY", workingTimeInForce="GTC",
        workingPrice=100, workingQuantity=1, pendingSide="SELL", pendingQuantity=1, pendingAboveType="LIMIT_MAKER",
        pendingAbovePrice=110, pendingBelowType="STOP_LOSS", pendingBelowStopPrice=90,
    )  # fmt: skip
    # The working leg fills at once; the reply keeps showing what was placed.
    assert [row["status"] for row in reply["orderReports"]] == ["FILLED", "PENDING_NEW", "PENDING_NEW"]
    assert reply["contingencyType"] == "OTO"
    (one,) = list_calls.OPEN.read(Params({}))(trading.venue, trading.venue.gate.customers["k"])
    assert one["listOrderStatus"] == "EXECUTING"


def test_a_replacement_that_half_succeeds_says_so_with_both_halves(trading: Trading) -> None:
    order = trading.place(price=90)
    wish = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": 91, "quantity": 1}
    done = trading.ask(order_calls.REPLACE, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=order["orderId"], **wish)
    assert (done["cancelResult"], done["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    with pytest.raises(ApiError) as refused:
        trading.ask(order_calls.REPLACE, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=order["orderId"], **wish)
    assert (refused.value.status, refused.value.code) == (400, -2022)
    assert refused.value.data is not None
    assert (refused.value.data["newOrderResult"], refused.value.data["newOrderResponse"]) == ("NOT_ATTEMPTED", None)
    with pytest.raises(ApiError) as half:
        trading.ask(order_calls.REPLACE, cancelReplaceMode="ALLOW_FAILURE", cancelOrderId=order["orderId"], **wish)
    assert (half.value.status, half.value.code) == (409, -2021)
    assert half.value.data is not None
    assert half.value.data["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}


def test_money_from_outside_is_told_and_moves_the_balance(trading: Trading) -> None:
    trading.venue.deposit("account-1", "USDT", Decimal(5), locks=False)
    assert (trading.events[0]["a"], trading.events[0]["d"]) == ("USDT", "5.00000000")
    assert trading.told() == [("money",), ("balances",)]
    trading.venue.deposit("account-1", "USDT", Decimal(7), locks=True)
    assert trading.told() == [("lock",), ("balances",)]
    assert trading.venue.exchange.balances("account-1")["USDT"].free == 9_998


def test_everything_that_happened_is_in_the_truth_book_in_order(trading: Trading) -> None:
    trading.place(price=90)
    trading.trade_at(90)
    rows = trading.venue.gate.truth.read(account="account-1")
    kinds = [row["kind"] for row in rows]
    assert kinds.index("order") < kinds.index("move")
    assert [row["execution"] for row in rows if row["kind"] == "move"] == ["TRADE"]
    trade = next(row for row in trading.venue.gate.truth.read(kind="trade"))
    assert (trade["maker"], trade["taker"], trade["price"]) == ("account-1", "market", "90")
    assert [row["n"] for row in rows] == sorted(row["n"] for row in rows)


def test_a_refused_order_leaves_no_event_and_no_order(trading: Trading) -> None:
    for wrong, text in (
        ({"quantity": 101}, "insufficient"),
        ({"quantity": "0.000001"}, "LOT_SIZE"),
        ({"symbol": "NO"}, "Invalid"),
    ):
        with pytest.raises(Exception, match=text):
            trading.place(**wrong)
    assert trading.told() == []
    assert trading.venue.exchange.orders("account-1", "BTCUSDT") == []


def test_who_stops_listening_is_told_nothing_more(trading: Trading) -> None:
    trading.stop()
    trading.place()
    assert trading.told() == []


def test_orders_that_fill_at_once_do_not_use_the_limit_up_and_resting_ones_do(make_venue: Any) -> None:
    trading = make_trading(make_venue, orders_per_10s=2)
    for _ in range(5):
        trading.place(quantity="0.1")
    trading.place(price=90, newClientOrderId="a")
    trading.place(price=90, newClientOrderId="b")
    with pytest.raises(ApiError) as refused:
        trading.place(price=90, newClientOrderId="c")
    assert refused.value.code == -1015


def test_a_key_without_the_permission_to_trade_may_only_look(make_venue: Any) -> None:
    trading = make_trading(make_venue)
    customer = trading.venue.gate.customers["k"]
    assert customer.may("trade", "127.0.0.1")
    customer.permissions = frozenset({"read"})
    params = Params({"timestamp": str(trading.venue.wall_ms), "symbol": "BTCUSDT"})
    caller = Caller("127.0.0.1", "ws-api", session=customer)
    with pytest.raises(ApiError) as refused:
        perform(trading.venue, order_calls.CANCEL_ALL, params, caller)
    assert (refused.value.status, refused.value.code) == (401, -2015)


def test_made_client_ids_differ_and_fit() -> None:
    made = {new_client_id() for _ in range(50)}
    assert len(made) == 50
    assert all(len(one) <= 36 for one in made)
