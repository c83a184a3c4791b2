"""The PostgreSQL journal beyond the contract: rows, the loss of the server, and the three kinds of money."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.fakes.journal import next_turn

from bot.db.base import Mode, SessionFactory, plain_dsn, unit_of_work
from bot.db.journal import BrokenRecord, PostgresJournal
from bot.db.repositories import Accounts, Strategies
from bot.domain.errors import Unavailable
from bot.domain.ledger import EXTERNAL, OWNER, move, postings_of
from bot.domain.messages import (
    Decision,
    EquityMarked,
    FillBooked,
    FundsPosted,
    OrderChanged,
    Outcome,
    PlaceOrder,
    StrategyStopped,
    Tick,
    TradeClosed,
    Verdict,
)
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Side, TimeInForce

NOW = 1_750_000_000_123
D = Decimal


@pytest.fixture
async def account_id(sessions: SessionFactory) -> int:
    """An account whose strategies have the ids 1 and 2."""
    async with unit_of_work(sessions) as session:
        account = await Accounts(session).create("main")
        for title in ("one", "two"):
            await Strategies(session).create(account.id, "breakout", {"symbol": "BTCUSDT"}, title=title)
    return account.id


@pytest.fixture
async def journal(database_url: str, account_id: int) -> AsyncIterator[PostgresJournal]:
    journal = await next_turn(database_url, account_id, Mode.PAPER)
    yield journal
    await journal.close()


async def record(journal: PostgresJournal, *outcomes: Outcome) -> None:
    await journal.record(Tick(NOW), outcomes)


def rows(url: str, question: str) -> list[dict[str, Any]]:
    with psycopg.connect(plain_dsn(url), row_factory=dict_row) as connection:
        return connection.execute(question).fetchall()  # type: ignore[call-overload, no-any-return]


def run(url: str, statement: str) -> None:
    with psycopg.connect(plain_dsn(url), dbname="postgres", autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def order(name: str, side: Side = Side.BUY, quantity: str = "2", strategy_id: int = 1) -> Order:
    return Order(name, strategy_id, "BTCUSDT", side, OrderType.MARKET, Quantity(D(quantity)), NOW, reason="why")


def booked(
    name: str,
    trade_id: int,
    price: str,
    quantity: str = "1",
    side: Side = Side.BUY,
    fee: str = "0.1",
    strategy_id: int = 1,
) -> FillBooked:
    fill = Fill(name, "BTCUSDT", trade_id, side, Price(D(price)), Quantity(D(quantity)), D(fee), "USDT", NOW + trade_id)
    return FillBooked(strategy_id, fill, D(fee), postings_of(fill, f"strategy:{strategy_id}", "BTC", "USDT"))


def trip(name: str, gross: str, fees: str, strategy_id: int = 1, opened_ms: int = NOW) -> TradeClosed:
    return TradeClosed(
        strategy_id, "BTCUSDT", Side.BUY, D(1), D(100), D(101), D(gross), D(fees), D(gross) - D(fees), opened_ms,
        NOW + 50, name,
    )  # fmt: skip


def marked(at: int, equity: float, strategy_id: int = 1) -> EquityMarked:
    return EquityMarked(strategy_id, NOW + at, equity, 1.0, 2.0, D("0.5"), 100.0)


async def test_an_order_row_carries_average_price_summed_fee_and_its_times(
    journal: PostgresJournal, database_url: str
) -> None:
    limit = Order("l", 1, "BTCUSDT", Side.BUY, OrderType.LIMIT, Quantity(D(1)), NOW, Price(D("99.5")), TimeInForce.GTC)
    await record(journal, PlaceOrder(order("a")), PlaceOrder(limit))
    await record(journal, booked("a", 1, "100"), booked("a", 2, "101", fee="0.2"))
    await record(journal, OrderChanged("a", OrderStatus.FILLED, D(2), D(201), NOW + 2, 55))
    first, second = rows(database_url, "SELECT * FROM orders ORDER BY id")
    assert (first["price"], first["fee"], first["filled"], first["quote_filled"]) == (D("100.5"), D("0.3"), 2, 201)
    assert (first["status"], first["exchange_order_id"], first["demo"], first["limit_price"]) == (
        "FILLED",
        55,
        True,
        None,
    )
    assert first["ts"].isoformat() == "2025-06-15T15:06:40.123000+00:00"
    assert (second["price"], second["limit_price"], second["status"]) == (D("99.5"), D("99.5"), "SENT")


@pytest.mark.parametrize("value", ["12345678901234567890.123456789012345678", "0.000000000000000001", "-0.1"])
async def test_money_comes_back_exactly_as_it_went_in(journal: PostgresJournal, database_url: str, value: str) -> None:
    await record(journal, FundsPosted(move("X", D(value), EXTERNAL, OWNER, NOW, "deposit")))
    (row,) = rows(database_url, "SELECT amount FROM postings WHERE ledger = 'owner'")
    assert row["amount"] == D(value)
    assert (await journal.recover()).balances[OWNER, "X"] == D(value)


async def test_ten_tenths_make_one(journal: PostgresJournal) -> None:
    for n in range(10):
        await record(journal, FundsPosted(move("X", D("0.1"), EXTERNAL, OWNER, NOW + n, "deposit")))
    assert (await journal.recover()).balances[OWNER, "X"] == 1


async def test_equal_movements_within_one_moment_all_count(journal: PostgresJournal) -> None:
    twice = move("X", D(1), EXTERNAL, OWNER, NOW, "deposit") * 2
    await record(journal, FundsPosted(twice))
    await record(journal, FundsPosted(twice))
    assert (await journal.recover()).balances[OWNER, "X"] == 2


@pytest.mark.parametrize(
    "outcome",
    [
        PlaceOrder(order("a", quantity="0")),
        PlaceOrder(order("a", quantity="NaN")),
        FundsPosted(move("X", D("NaN"), EXTERNAL, OWNER, NOW, "deposit")),
        FundsPosted(move("X", D("Infinity"), EXTERNAL, OWNER, NOW, "deposit")),
        marked(0, float("nan")),
        marked(0, float("inf")),
        booked("never placed", 1, "100"),
        trip("never placed", "1", "0"),
    ],
)
async def test_what_is_no_number_or_has_no_order_is_refused_whole(journal: PostgresJournal, outcome: Outcome) -> None:
    before = await journal.recover()
    with pytest.raises(BrokenRecord, match="the journal refuses a record"):
        await record(journal, StrategyStopped(1, NOW, "x"), outcome)
    assert await journal.recover() == before


@pytest.mark.parametrize(
    "change",
    [
        *(f"{name} = 'NaN'" for name in (
            "qty", "price", "limit_price", "stop_price", "fee", "filled", "quote_filled", "reserved"
        )),
        "qty = 0", "price = -1", "limit_price = 0", "filled = -1", "quote_filled = -1", "reserved = -1", "filled = 3",
    ],
)  # fmt: skip
async def test_no_order_has_a_number_that_cannot_be(journal: PostgresJournal, database_url: str, change: str) -> None:
    await record(journal, PlaceOrder(order("a")))
    with psycopg.connect(plain_dsn(database_url)) as connection, pytest.raises(psycopg.errors.CheckViolation) as told:
        connection.execute(f"UPDATE orders SET {change}")  # type: ignore[arg-type]
    assert told.value.diag.constraint_name == "orders_numbers_check"


async def test_more_filled_than_ordered_is_refused(journal: PostgresJournal) -> None:
    await record(journal, PlaceOrder(order("a", quantity="1")), booked("a", 1, "100"))
    with pytest.raises(BrokenRecord):
        await record(journal, booked("a", 2, "100"))


async def test_a_decision_keeps_what_was_seen_and_an_unready_indicator_is_null(
    journal: PostgresJournal, database_url: str
) -> None:
    decision = Decision(
        1, NOW, "BTCUSDT", Side.BUY, Verdict.DENIED, "below mean", "cap", seen={"mean": 100.5, "rsi": float("nan")}
    )
    await record(journal, decision, decision)
    (row,) = rows(database_url, "SELECT * FROM decisions")
    assert (row["seen"], row["verdict"], row["rule"]) == ({"mean": 100.5, "rsi": None}, "denied", "cap")


async def test_many_marks_in_one_record_are_kept_in_order(journal: PostgresJournal, database_url: str) -> None:
    await record(journal, *(marked(at, 100.0 + at, strategy) for at in range(5) for strategy in (1, 2)))
    await record(journal, marked(4, 90.0))
    series = rows(database_url, "SELECT equity FROM equity WHERE strategy_id = 1 ORDER BY time_ms")
    assert [row["equity"] for row in series] == [100.0, 101.0, 102.0, 103.0, 90.0]
    assert len(rows(database_url, "SELECT FROM equity")) == 10


async def test_a_repeated_mark_makes_no_drawdown(journal: PostgresJournal, database_url: str) -> None:
    marks = [marked(1, 100.0), marked(2, 200.0)]
    await record(journal, *marks)
    await record(journal, *marks)
    (row,) = rows(database_url, "SELECT max_drawdown, highest_equity FROM risk_state")
    assert (row["max_drawdown"], row["highest_equity"]) == (0.0, 200.0)


async def test_the_report_view_gives_the_numbers_worked_out_by_hand(
    journal: PostgresJournal, database_url: str
) -> None:
    names = ("a", "b", "c", "d")
    await record(journal, *(PlaceOrder(order(name)) for name in names), PlaceOrder(order("open", strategy_id=2)))
    for number, (name, gross, fees) in enumerate(
        [("a", "10", "0.1"), ("b", "-4", "0.1"), ("c", "0.3", "0.3"), ("d", "5.1", "0.1")]
    ):
        await record(journal, booked(name, number + 1, "100"), trip(name, gross, fees, opened_ms=NOW + number))
    await record(journal, booked("open", 9, "100", strategy_id=2))
    await record(journal, *(marked(at, equity) for at, equity in enumerate([100.0, 125.0, 100.0, 150.0, 135.0])))
    one, two = rows(database_url, "SELECT * FROM strategy_kpis ORDER BY strategy_id")
    factor = one.pop("profit_factor")
    assert one == {
        "strategy_id": 1, "gross": D("11.4"), "fees": D("0.6"), "pnl": D("10.8"), "closed_trades": 4, "wins": 2,
        "losses": 1, "win_rate": D("0.5"), "open_trades": 0, "max_drawdown": pytest.approx(0.2),
    }  # fmt: skip
    assert factor == pytest.approx(D("14.9") / D("4.1"), abs=D("1e-15"))
    assert (two["closed_trades"], two["open_trades"], two["pnl"], two["win_rate"]) == (0, 1, 0, 0)
    assert two["profit_factor"] is None
    (mark,) = rows(database_url, "SELECT * FROM strategy_equity")
    assert (mark["strategy_id"], mark["equity"], mark["highest_equity"]) == (1, 135.0, 150.0)


async def test_a_drawdown_is_measured_from_the_very_top_even_after_a_person_let_it_go_on(
    journal: PostgresJournal, database_url: str, sessions: SessionFactory
) -> None:
    await record(journal, marked(1, 100.0), marked(2, 80.0), StrategyStopped(1, NOW, "drawdown"))
    async with unit_of_work(sessions) as session:
        assert (await Strategies(session).get(1)).stopped_reason == "drawdown"
        await Strategies(session).enable(1)
    assert (await journal.recover()).strategies[1].peak_equity is None
    await record(journal, marked(3, 70.0))
    state = (await journal.recover()).strategies[1]
    assert (state.peak_equity, state.stopped) == (70.0, "")
    (row,) = rows(database_url, "SELECT max_drawdown FROM risk_state")
    assert row["max_drawdown"] == pytest.approx(0.3)


async def test_the_three_kinds_of_money_never_meet(database_url: str, account_id: int) -> None:
    for mode in Mode:
        journal = await next_turn(database_url, account_id, mode)
        assert (await journal.recover()).balances == {}
        await record(journal, PlaceOrder(order("same id")), booked("same id", 1, "100"))
        await record(journal, Decision(1, NOW, "BTCUSDT", Side.BUY, Verdict.APPROVED, str(mode)))
        assert len((await journal.recover()).open_orders) == 1
        await journal.close()
    for schema, is_demo in (("public", True), ("rehearsal", False), ("live", False)):
        (row,) = rows(database_url, f"SELECT demo FROM {schema}.orders")
        assert row["demo"] is is_demo


async def test_only_paper_money_skips_waiting_for_the_disk(database_url: str, account_id: int) -> None:
    shown = []
    for mode in Mode:
        journal = await next_turn(database_url, account_id, mode)
        connection = await journal._connected()
        cursor = await connection.execute("SHOW synchronous_commit")
        row = await cursor.fetchone()
        shown.append(row[0] if row else None)
        await journal.close()
    assert shown == ["off", "on", "on"]


async def test_a_lost_connection_is_unavailable_and_the_next_call_goes_on(
    journal: PostgresJournal, database_url: str
) -> None:
    await record(journal, PlaceOrder(order("a")))
    # Of this database alone: other workers' journals use the same server.
    name = rows(database_url, "SELECT current_database() AS name")[0]["name"]
    run(database_url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    with pytest.raises(Unavailable, match="does not answer"):
        await record(journal, PlaceOrder(order("b")))
    await record(journal, PlaceOrder(order("b")))
    assert [each.order.client_order_id for each in (await journal.recover()).open_orders] == ["a", "b"]


async def test_no_server_at_all_is_unavailable() -> None:
    journal = PostgresJournal("postgresql://bot:hunter2@127.0.0.1:9/none", 1, Mode.LIVE)
    with pytest.raises(Unavailable, match=r"bot:\*\*\*@127") as caught:
        await journal.recover()
    assert "hunter2" not in str(caught.value)
    await record(journal)
    await journal.close()


async def test_a_cancelled_record_leaves_a_journal_that_works(journal: PostgresJournal) -> None:
    task = asyncio.create_task(record(journal, PlaceOrder(order("a"))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await record(journal, PlaceOrder(order("a")), PlaceOrder(order("b")))
    assert [each.order.client_order_id for each in (await journal.recover()).open_orders] == ["a", "b"]


async def test_records_asked_for_at_once_take_turns(journal: PostgresJournal) -> None:
    await asyncio.gather(*(record(journal, PlaceOrder(order(f"o{n}"))) for n in range(20)))
    assert (await journal.recover()).strategies[1].sequence == 20
