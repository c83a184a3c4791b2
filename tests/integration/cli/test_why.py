"""`bot why` at the command line: decisions with what came of them, and the reasons when there was none."""

import asyncio
import json
from decimal import Decimal

from tests.fakes.journal import next_turn
from tests.integration.cli.person import Person
from tests.unit.api.world import MINUTE_MS, NOW_MS, world_of

from bot.db.base import Mode
from bot.domain.ledger import move
from bot.domain.messages import AccountMoved, Attempt, Decision, FillBooked, OrderChanged, PlaceOrder, Tick, Verdict
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Side
from bot.domain.state import AccountState


def test_why_tells_of_decisions_or_of_why_there_was_none(person: Person, database_url: str) -> None:
    person.ok("account", "add", "--name", "a", "--paper")
    person.ok("strategy", "add", "mean_reversion", "--account", "a", "--symbol", "BTCUSDT", "--title", "dips")
    assert "it has never run with this money; it is disabled" in person.ok("why", "dips")

    with world_of(database_url) as world:
        for minute in range(10):
            world.mark(1, 10_000, NOW_MS + minute * MINUTE_MS)
        world.trade(1, "3.5")
        decision = world.decision(1, at_ms=NOW_MS)
        world.decision(1, "denied", rule="max_open_orders", at_ms=NOW_MS + 1)
        world.connection.execute(
            "UPDATE decisions SET client_order_id = (SELECT client_order_id FROM orders) WHERE id = %s", (decision,)
        )
    shown = person.ok("why", "a/dips")
    for words in ("BUY: below mean", "mean 101.5", "denied by max_open_orders", "P&L 3.5", "FILLED"):
        assert words in shown
    found = json.loads(person.ok("why", "1", str(NOW_MS), "--json"))
    assert [(each["verdict"], each["rule"]) for each in found["decisions"]] == [
        ("approved", ""),
        ("denied", "max_open_orders"),
    ]
    assert found["decisions"][0]["order"]["trip"]["pnl"] == "3.5"
    assert found["nothing_because"] == []

    quiet = json.loads(person.ok("why", "1", str(NOW_MS + 5 * MINUTE_MS), "--json"))
    assert quiet["decisions"] == []
    assert "rule max_open_orders had denied that" in quiet["nothing_because"][0]
    assert any("the candle was seen" in line for line in quiet["nothing_because"])
    assert "nothing was decided then" in person.ok("why", "1", str(NOW_MS + 5 * MINUTE_MS))
    assert "--mode paper" in person.ok("why", "1", "--mode", "live")

    for words in (("soon",), ("9" * 30,), ("--mode", "play")):
        assert person.run("why", "1", *words).code == 2
    unknown = person.run("why", "nobody")
    assert (unknown.code, "see: bot strategy list" in unknown.complaint) == (3, True)


async def traded(url: str) -> None:
    """Keep one order of strategy 1 from its decision to its fill, and a wish that was denied after it."""
    journal, name, half = await next_turn(url, 1, Mode.PAPER), "b-1-x-1", Decimal("0.5")
    placed = Order(name, 1, "BTCUSDT", Side.BUY, OrderType.MARKET, Quantity(half), NOW_MS, reason="dip")
    fill = Fill(
        name, "BTCUSDT", 501, Side.BUY, Price(Decimal(100)), Quantity(half), Decimal(0), "USDT", NOW_MS + 20, 77
    )
    postings = move("BTC", half, "market", "strategy:1", NOW_MS + 20, "fill")
    for number, outcomes in enumerate([
        [AccountMoved(AccountState.READY, "all is well", NOW_MS - 1)],
        [
            Decision(1, NOW_MS, "BTCUSDT", Side.BUY, Verdict.APPROVED, "dip", "", name, {"mean": 101.5}),
            PlaceOrder(placed, Decimal(50)), Attempt(name, NOW_MS + 3, 5_000, 7, "abc"),
        ],
        [OrderChanged(name, OrderStatus.UNKNOWN, Decimal(0), Decimal(0), NOW_MS + 10, reason="no answer")],
        [
            FillBooked(1, fill, Decimal(0), postings),
            OrderChanged(name, OrderStatus.FILLED, half, Decimal(50), NOW_MS + 20, 77),
        ],
        [Decision(1, NOW_MS + 30, "BTCUSDT", Side.BUY, Verdict.DENIED, "dip", "cooldown")],
    ]):  # fmt: skip
        await journal.record(Tick(number), outcomes)  # type: ignore[arg-type]
    await journal.close()


def test_the_whole_life_of_an_order_is_told_by_its_id_its_trade_or_its_position(
    person: Person, database_url: str
) -> None:
    person.ok("account", "add", "--name", "a", "--paper")
    person.ok("strategy", "add", "mean_reversion", "--account", "a", "--symbol", "BTCUSDT", "--title", "dips")
    asyncio.run(traded(database_url))
    by_order = person.ok("why", "--order", "b-1-x-1")
    told = (
        "the account is ready: all is well", "having seen mean 101.5; approved", "intent written: BUY 0.5 BTCUSDT market",
        "50 set aside", "under lease 7", "UNKNOWN: nobody knows", "(no answer)", "filled 0.5 at 100 as taker, trade 501",
        "strategy:1 0.5 BTC", "it ended FILLED, 0.5 of 0.5 filled",
    )  # fmt: skip
    for words in told:
        assert words in by_order
    assert person.ok("why", "--trade", "501") == by_order
    assert person.ok("why", "dips", "--position") == by_order
    (life,) = json.loads(person.ok("why", "--order", "b-1-x-1", "--json"))
    assert [each["kind"] for each in life["moments"]] == ["state", "intent", "attempt", "order", "fill", "order"]
    assert life["moments"][4]["fact"]["fill"]["trade_id"] == 501

    denied, approved = json.loads(person.ok("why", "dips", "--json"))["decisions"]
    assert (denied["rule"], denied["account_then"]) == ("cooldown", "the account is ready: all is well")
    assert approved["order"]["life"] == life["moments"][1:]
    assert "attempt written" in person.ok("why", "dips")

    for words in ((), ("dips", "--trade", "501"), ("--position", "--trade", "501")):
        assert person.run("why", *words).code == 2
    for words in (("--order", "b-no"), ("--trade", "9"), ("dips", "--position", "--mode", "live")):
        assert person.run("why", *words).code == 3
