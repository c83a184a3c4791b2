"""What every journal promises, in memory or in PostgreSQL, whichever money it keeps."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from tests.contracts.conftest import NextTurn

from bot.db.leases import LeaseLost
from bot.domain.errors import BotError
from bot.domain.ledger import EXTERNAL, FUNDING, OWNER, Ledger, move, postings_of, strategy_ledger
from bot.domain.market import Market
from bot.domain.messages import (
    AccountMarked,
    Attempt,
    CancelOrder,
    Decision,
    EquityMarked,
    FillBooked,
    FundsPosted,
    IncomeBooked,
    IncomeKind,
    OrderChanged,
    OrderFound,
    Outcome,
    PlaceOrder,
    ProtectionMoved,
    StrategyStopped,
    Tick,
    TradeClosed,
    Verdict,
)
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Purpose, Side, TimeInForce
from bot.ports import Journal

EVENT = Tick(1_750_000_000_000)
NOW = EVENT.time_ms


def order(name: str, side: Side = Side.BUY, quantity: str = "0.5", strategy_id: int = 1) -> Order:
    return Order(
        client_order_id=name,
        strategy_id=strategy_id,
        symbol="BTCUSDT",
        side=side,
        type=OrderType.LIMIT,
        quantity=Quantity(Decimal(quantity)),
        created_ms=NOW,
        price=Price(Decimal("100.01")),
        time_in_force=TimeInForce.GTC,
        purpose=Purpose.ENTRY if side is Side.BUY else Purpose.EXIT,
        reason="below mean",
    )


def fill(name: str, trade_id: int, side: Side = Side.BUY, quantity: str = "0.5", price: str = "100.00000001") -> Fill:
    return Fill(
        client_order_id=name,
        symbol="BTCUSDT",
        trade_id=trade_id,
        side=side,
        price=Price(Decimal(price)),
        quantity=Quantity(Decimal(quantity)),
        fee=Decimal("0.00000049"),
        fee_asset="BNB",
        time_ms=NOW + trade_id,
        exchange_order_id=77,
    )


def booked(name: str, trade_id: int, side: Side = Side.BUY, quantity: str = "0.5", strategy_id: int = 1) -> FillBooked:
    one = fill(name, trade_id, side, quantity)
    return FillBooked(
        strategy_id, one, Decimal("0.0003"), postings_of(one, strategy_ledger(strategy_id), "BTC", "USDT")
    )


def changed(name: str, status: OrderStatus, filled: str = "0") -> OrderChanged:
    quote = Decimal(filled) * Decimal("100.00000001")
    return OrderChanged(name, status, Decimal(filled), quote, NOW + 1, exchange_order_id=77)


def closed(name: str, *, opened_ms: int = NOW + 1) -> TradeClosed:
    return TradeClosed(
        strategy_id=1,
        symbol="BTCUSDT",
        side=Side.BUY,
        quantity=Decimal("0.5"),
        entry_price=Decimal(100),
        exit_price=Decimal(101),
        gross=Decimal("0.5"),
        fees=Decimal("0.0006"),
        pnl=Decimal("0.4994"),
        opened_ms=opened_ms,
        closed_ms=NOW + 9,
        client_order_id=name,
    )


def marked(time_ms: int, equity: float, strategy_id: int = 1) -> EquityMarked:
    return EquityMarked(strategy_id, time_ms, equity, equity - 100, 0.0, Decimal("0.5"), 100.0)


async def record(journal: Journal, *outcomes: Outcome) -> None:
    await journal.record(EVENT, outcomes)


async def test_a_new_journal_has_nothing_to_go_on_from(journal: Journal) -> None:
    recovered = await journal.recover()
    assert (recovered.balances, recovered.open_orders, recovered.fill_keys) == ({}, (), frozenset())
    assert all(not each.fills and not each.sequence for each in recovered.strategies.values())


async def test_a_journal_knows_every_order_that_it_was_ever_told_of(journal: Journal) -> None:
    await record(journal, PlaceOrder(order("open")), PlaceOrder(order("over")))
    await record(journal, changed("over", OrderStatus.CANCELED))
    assert await journal.knows(["open", "over", "a stranger's"]) == {
        "open": OrderStatus.SENT, "over": OrderStatus.CANCELED,
    }  # fmt: skip
    assert await journal.knows([]) == {}


async def test_an_order_about_to_be_sent_is_open_and_complete(journal: Journal) -> None:
    await record(journal, PlaceOrder(order("a")))
    (open_order,) = (await journal.recover()).open_orders
    assert open_order.order == order("a")
    assert (open_order.status, open_order.filled, open_order.exchange_order_id) == (OrderStatus.SENT, 0, 0)


async def test_what_was_decided_on_is_told_by_candles_and_trades_and_not_by_clocks_that_may_be_ahead(
    journal: Journal,
) -> None:
    candle_ms, hour_ms = NOW - 1, 3_600_000
    by_clock = {"created_ms": NOW + hour_ms, "side": Side.SELL, "purpose": Purpose.STOP}
    guards = (
        {"stop_price": Price(Decimal(90)), "type": OrderType.STOP_LOSS_LIMIT},
        {"price": None, "time_in_force": None, "type": OrderType.MARKET},
        {"purpose": Purpose.EXIT, "type": OrderType.LIMIT_MAKER, "time_in_force": None},
        {"purpose": Purpose.EXIT, "type": OrderType.TAKE_PROFIT, "stop_price": Price(Decimal(110))},
    )
    orders = [msgspec.structs.replace(order(f"g{n}"), **(by_clock | each)) for n, each in enumerate(guards)]
    await record(journal, PlaceOrder(order("a")), *(PlaceOrder(each) for each in orders))
    assert (await journal.recover()).strategies[1].decided_ms == NOW
    close = msgspec.structs.replace(orders[1], client_order_id="close", created_ms=candle_ms + 60_000)
    await record(journal, PlaceOrder(close))
    assert (await journal.recover()).strategies[1].decided_ms == candle_ms + 60_000


async def test_a_market_order_has_no_price_even_after_a_fill(journal: Journal) -> None:
    market = Order("m", 1, "BTCUSDT", Side.BUY, OrderType.MARKET, Quantity(Decimal(1)), NOW)
    await record(journal, PlaceOrder(market), booked("m", 1), changed("m", OrderStatus.PARTIALLY_FILLED, "0.5"))
    (open_order,) = (await journal.recover()).open_orders
    assert open_order.order == market


async def test_a_stop_keeps_the_price_that_sets_it_off(journal: Journal) -> None:
    stop = msgspec.structs.replace(
        order("s", Side.SELL), type=OrderType.STOP_LOSS_LIMIT, purpose=Purpose.STOP, stop_price=Price(Decimal("95.5"))
    )
    moved = ProtectionMoved(1, "sent", NOW, "s", stop.quantity, stop.stop_price)
    await record(journal, moved, PlaceOrder(stop))
    (open_order,) = (await journal.recover()).open_orders
    assert open_order.order == stop


@pytest.mark.parametrize("end", [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.VOID])
async def test_an_order_that_ended_is_not_open_and_does_not_come_back(journal: Journal, end: OrderStatus) -> None:
    await record(journal, PlaceOrder(order("a")), changed("a", end))
    await record(journal, changed("a", OrderStatus.PARTIALLY_FILLED))
    assert (await journal.recover()).open_orders == ()


async def test_what_an_order_has_filled_never_falls(journal: Journal) -> None:
    await record(journal, PlaceOrder(order("a")), changed("a", OrderStatus.PARTIALLY_FILLED, "0.3"))
    await record(journal, changed("a", OrderStatus.PARTIALLY_FILLED, "0.1"))
    (open_order,) = (await journal.recover()).open_orders
    assert open_order.filled == Decimal("0.3")
    assert open_order.exchange_order_id == 77


async def test_fills_add_up_on_their_order(journal: Journal) -> None:
    await record(journal, PlaceOrder(order("a")), booked("a", 1, quantity="0.1"), booked("a", 2, quantity="0.2"))
    (open_order,) = (await journal.recover()).open_orders
    assert open_order.filled == Decimal("0.3")
    assert open_order.quote_filled == Decimal("0.3") * Decimal("100.00000001")


async def test_balances_are_exact_to_the_last_unit_and_cancel_out(journal: Journal) -> None:
    facts: list[Outcome] = [FundsPosted(move("USDT", Decimal("10000"), EXTERNAL, OWNER, NOW, "first look"))]
    facts += [PlaceOrder(order("a", quantity="90000000.12345678"))]
    facts += [booked("a", n, quantity="1.00000001") for n in range(1, 8)]
    await record(journal, *facts)
    recovered = await journal.recover()
    ledger = Ledger()
    ledger.open(recovered.balances)
    assert ledger.imbalance() == {}
    assert ledger.balance("strategy:1", "BTC") == Decimal("7.00000007")
    assert ledger.balance("strategy:1", "USDT") == -7 * Decimal("1.00000001") * Decimal("100.00000001")
    assert ledger.balance("strategy:1", "BNB") == Decimal("-0.00000343")
    assert ledger.balance(OWNER, "USDT") == 10000


async def test_fills_of_the_open_round_trip_come_back_as_they_were(journal: Journal) -> None:
    await record(journal, PlaceOrder(order("a")), booked("a", 1), changed("a", OrderStatus.FILLED, "0.5"))
    state = (await journal.recover()).strategies[1]
    assert state.fills == (fill("a", 1),)
    assert state.fees == (Decimal("0.0003"),)


async def test_a_finished_round_trip_leaves_its_profit_and_no_fills(journal: Journal) -> None:
    await record(journal, PlaceOrder(order("a")), booked("a", 1), changed("a", OrderStatus.FILLED, "0.5"))
    sell = PlaceOrder(order("b", Side.SELL))
    await record(journal, sell)
    await record(journal, booked("b", 2, Side.SELL), changed("b", OrderStatus.FILLED, "0.5"), closed("b"))
    await record(journal, PlaceOrder(order("c")), booked("c", 3))
    recovered = await journal.recover()
    state = recovered.strategies[1]
    assert (state.realised, state.closed_ms) == (Decimal("0.4994"), NOW + 9)
    assert state.fills == (fill("c", 3),)
    assert state.sequence == 3
    assert recovered.fill_keys == {(Market.SPOT, "BTCUSDT", n) for n in (1, 2, 3)}


async def test_a_finished_trip_of_one_strategy_leaves_the_other_alone(journal: Journal) -> None:
    await record(journal, PlaceOrder(order("a")), PlaceOrder(order("z", strategy_id=2)))
    await record(journal, booked("a", 1), booked("z", 2, strategy_id=2))
    await record(journal, closed("a"))
    strategies = (await journal.recover()).strategies
    assert (strategies[1].fills, strategies[2].fills) == ((), (fill("z", 2),))


async def test_a_finished_trip_leaves_fills_of_another_symbol_alone(journal: Journal) -> None:
    other = msgspec.structs.replace(fill("e", 7), symbol="ETHUSDT")
    placed = msgspec.structs.replace(order("e"), symbol="ETHUSDT")
    fact = FillBooked(1, other, Decimal(0), postings_of(other, strategy_ledger(1), "ETH", "USDT"))
    await record(journal, PlaceOrder(order("a")), PlaceOrder(placed), booked("a", 1), fact, closed("a"))
    assert (await journal.recover()).strategies[1].fills == (other,)


async def test_the_newest_word_about_each_stop_comes_back(journal: Journal) -> None:
    lost = ProtectionMoved(1, "lost", NOW + 5, "s", Decimal("0.5"), Decimal(90), "by hand", 2, NOW)
    other = ProtectionMoved(2, "armed", NOW + 1, "t", Decimal(1), Decimal(80), "", 0, NOW + 1)
    await record(journal, PlaceOrder(order("a")), PlaceOrder(msgspec.structs.replace(order("z"), strategy_id=2)))
    await record(journal, ProtectionMoved(1, "armed", NOW, "s", Decimal("0.5"), Decimal(90), "", 1, NOW), other)
    await record(journal, lost)
    strategies = (await journal.recover()).strategies
    assert (strategies[1].protection, strategies[2].protection) == (lost, other)


async def test_recording_everything_again_changes_nothing(journal: Journal) -> None:
    everything: Sequence[Outcome] = (
        FundsPosted(move("USDT", Decimal("5.5"), EXTERNAL, OWNER, NOW, "deposit")),
        booked("a", 1),
        changed("a", OrderStatus.FILLED, "0.5"),
        booked("b", 2, Side.SELL),
        changed("b", OrderStatus.FILLED, "0.5"),
        closed("b"),
        Decision(1, NOW, "BTCUSDT", Side.BUY, Verdict.DENIED, "below mean", rule="max_open_orders"),
        marked(NOW, 110.0),
        marked(NOW + 1, 90.0),
        AccountMarked("USDT", NOW, 1000.0, 990.0),
        StrategyStopped(2, NOW, "drawdown"),
    )
    orders = (PlaceOrder(order("a")), PlaceOrder(order("b", Side.SELL)))
    await record(journal, *orders)
    await record(journal, *orders)
    await record(journal, *everything)
    before = await journal.recover()
    await record(journal, *everything)
    assert await journal.recover() == before
    assert before.balances[OWNER, "USDT"] == Decimal("5.5")


async def test_a_client_order_id_is_never_used_for_a_second_order(journal: Journal) -> None:
    await record(journal, PlaceOrder(order("a")), changed("a", OrderStatus.FILLED, "0.5"))
    with pytest.raises(BotError, match="client order id a was used before"):
        await record(journal, PlaceOrder(order("a")))
    with pytest.raises(BotError, match="client order id a was used before"):
        await record(journal, PlaceOrder(order("a", Side.SELL)))


async def test_an_order_in_flight_may_be_written_again_but_not_as_another(journal: Journal) -> None:
    await record(journal, PlaceOrder(order("a")))
    await record(journal, PlaceOrder(order("a")))
    with pytest.raises(BotError, match="client order id a was used before"):
        await record(journal, PlaceOrder(order("a", quantity="0.6")))


async def test_a_whole_intent_may_be_written_again_but_its_id_stands_for_one_order(journal: Journal) -> None:
    def intent(one: Order, signed_ms: int) -> list[Outcome]:
        why = Decision(1, NOW, "BTCUSDT", one.side, Verdict.APPROVED, one.reason, "", one.client_order_id, {"sma": 1.5})
        return [why, PlaceOrder(one, Decimal(50)), Attempt(one.client_order_id, signed_ms, 5_000, 1, "digest")]

    await record(journal, *intent(order("a"), NOW))
    before = await journal.recover()
    await record(journal, *intent(order("a"), NOW))
    assert await journal.recover() == before
    for other in (order("a", quantity="0.6"), order("a", Side.SELL)):
        with pytest.raises(BotError, match="client order id a was used before"):
            await record(journal, *intent(other, NOW))
    await record(journal, changed("a", OrderStatus.FILLED, "0.5"))
    with pytest.raises(BotError, match="client order id a was used before"):
        await record(journal, *intent(order("a"), NOW + 1))
    await record(journal, *intent(order("b"), NOW))
    assert [each.order.client_order_id for each in (await journal.recover()).open_orders] == ["b"]


async def test_a_refused_record_leaves_nothing_of_itself_behind(journal: Journal) -> None:
    await record(journal, PlaceOrder(order("a")), changed("a", OrderStatus.FILLED, "0.5"))
    before = await journal.recover()
    with pytest.raises(BotError):
        await record(journal, booked("a", 1), PlaceOrder(order("b")), PlaceOrder(order("a", Side.SELL)))
    assert await journal.recover() == before
    await record(journal, PlaceOrder(order("b")))
    assert [each.order.client_order_id for each in (await journal.recover()).open_orders] == ["b"]


async def test_the_highest_equity_and_a_stop_are_remembered_by_strategy(journal: Journal) -> None:
    await record(journal, marked(NOW, 100.0), marked(NOW, 50.0, strategy_id=2))
    await record(journal, marked(NOW + 1, 120.0), marked(NOW + 2, 90.0), StrategyStopped(2, NOW, "daily loss"))
    strategies = (await journal.recover()).strategies
    assert (strategies[1].peak_equity, strategies[2].peak_equity) == (120.0, 50.0)
    assert (strategies[1].stopped, strategies[2].stopped) == ("", "daily loss")


async def test_the_day_and_the_capital_of_a_strategy_are_those_of_its_newest_mark(journal: Journal) -> None:
    day = 86_400_000
    midnight = NOW // day * day
    await record(journal, marked(midnight - 1, 150.0), marked(midnight, 120.0), marked(midnight + 7, 110.0))
    state = (await journal.recover()).strategies[1]
    assert (state.marked_ms, state.day_equity, state.capital) == (midnight + 7, 120.0, 100.0)
    await record(journal, marked(midnight + day + 3, 90.0))
    state = (await journal.recover()).strategies[1]
    assert (state.marked_ms, state.day_equity) == (midnight + day + 3, 90.0)


async def test_the_newest_standing_of_the_account_is_remembered_by_quote(journal: Journal) -> None:
    await record(journal, AccountMarked("USDT", NOW, 1000.0, 990.0), AccountMarked("BTC", NOW, 2.0, 1.5))
    newest = AccountMarked("USDT", NOW + 5, 800.0, 790.5)
    await record(journal, newest)
    assert (await journal.recover()).accounts == (AccountMarked("BTC", NOW, 2.0, 1.5), newest)


async def test_a_cancellation_and_nothing_at_all_can_be_recorded(journal: Journal) -> None:
    await record(journal)
    await record(journal, CancelOrder("a", "BTCUSDT"))
    assert (await journal.recover()).open_orders == ()


def earned(number: int, amount: str, strategy_id: int = 1, kind: IncomeKind = IncomeKind.FUNDING) -> IncomeBooked:
    ledger, source = strategy_ledger(strategy_id), f"income:{kind}:{number}"
    postings = move("USDT", Decimal(amount), FUNDING, ledger, NOW + number, source)
    return IncomeBooked(kind, number, "BTCUSDT", "USDT", Decimal(amount), NOW + number, postings)


async def test_income_counts_once_and_in_the_open_round_trip_alone(journal: Journal) -> None:
    await record(journal, PlaceOrder(order("a")), booked("a", 1), earned(1, "-0.3"), earned(2, "0.1"))
    await record(journal, earned(2, "0.1"))
    recovered = await journal.recover()
    assert recovered.strategies[1].charges == Decimal("0.2")
    assert recovered.balances[FUNDING, "USDT"] == Decimal("0.2")
    assert recovered.income == {("FUNDING_FEE", 1), ("FUNDING_FEE", 2)}
    assert recovered.income_ms == {"FUNDING_FEE": NOW + 2}
    await record(journal, PlaceOrder(order("b", Side.SELL)), booked("b", 2, Side.SELL), closed("b"))
    assert (await journal.recover()).strategies[1].charges == 0
    await record(journal, PlaceOrder(order("c")), booked("c", 3), earned(3, "-0.7"))
    assert (await journal.recover()).strategies[1].charges == Decimal("0.7")


async def test_an_order_of_the_exchanges_own_has_its_row_and_may_be_written_again(journal: Journal) -> None:
    name = "autoclose-5:BTCUSDT:9:1"
    facts = (OrderFound(order(name, Side.SELL)), booked(name, 9, Side.SELL), changed(name, OrderStatus.FILLED, "0.5"))
    await record(journal, *facts)
    await record(journal, *facts)
    recovered = await journal.recover()
    assert recovered.open_orders == ()
    assert recovered.fill_keys == {("spot", "BTCUSDT", 9)}
    assert [each.client_order_id for each in recovered.strategies[1].fills] == [name]


async def test_once_another_turn_has_begun_nothing_of_the_one_before_is_written(turns: NextTurn) -> None:
    one = await turns()
    await record(one, PlaceOrder(order("a")))
    two = await turns()
    before = await two.recover()
    for late in (PlaceOrder(order("b")), changed("a", OrderStatus.FILLED, "0.5"), marked(NOW, 110.0)):
        with pytest.raises(LeaseLost):
            await record(one, late)
    assert await two.recover() == before == await one.recover()
    await record(two, changed("a", OrderStatus.FILLED, "0.5"))
    assert (await two.recover()).open_orders == ()
