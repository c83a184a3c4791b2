"""`bot reconcile --dry-run` against an emulator: it tells every difference, and changes nothing."""

import asyncio
import json
from decimal import Decimal

import psycopg
from tests.fakes.journal import next_turn
from tests.integration.cli.person import Person

from bot.commands.reconcile_dry import Seen, compare
from bot.db.base import Mode, plain_dsn
from bot.domain.ledger import EXTERNAL, OWNER, move
from bot.domain.market import Market
from bot.domain.messages import FundsPosted, PlaceOrder, Tick
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Side
from bot.ports import OpenOrder, Recovered, StrategyState

D = Decimal


def order(name: str) -> Order:
    return Order(name, 1, "BTCUSDT", Side.BUY, OrderType.LIMIT, Quantity(D(1)), 5, Price(D(100)))


def test_each_kind_of_difference_is_told_and_what_agrees_is_not() -> None:
    fill = Fill(
        "f", "BTCUSDT", 7, Side.SELL, Price(D(1)), Quantity(D(2)), D(0), "USDT", 5, market=Market.FUTURES
    )  # fmt: skip
    recovered = Recovered(
        balances={(OWNER, "USDT"): D(10), ("strategy:1", "BTC"): D("0.5"), (EXTERNAL, "USDT"): D(-10)},
        open_orders=tuple(OpenOrder(order(name), OrderStatus.NEW, D(0), D(0), 1) for name in ("both", "ours")),
        strategies={1: StrategyState(1, fills=(fill,))},
        fill_keys=frozenset({("spot", "BTCUSDT", 3)}),
    )
    seen = Seen(
        {"USDT": D("10.00"), "BNB": D(1)}, {"both": "0", "theirs": "0"},
        [(Market.SPOT, "BTCUSDT", 3), (Market.SPOT, "BTCUSDT", 4)], {"BTCUSDT": D(-1)},
    )  # fmt: skip
    assert [tuple(each) for each in compare(recovered, seen)] == [
        ("money", "BNB", "0", "1"),
        ("money", "BTC", "0.5", "0"),
        ("open order", "ours", "0", ""),
        ("open order", "theirs", "", "0"),
        ("trade", "spot BTCUSDT 4", "", "traded"),
        ("position", "BTCUSDT", "-2", "-1"),
    ]


def test_journal_and_exchange_are_compared_and_left_as_they_are(
    person: Person, database_url: str, exchange: str
) -> None:
    assert person.run("reconcile").code == 2
    assert "nothing to compare" in person.ok("reconcile", "--dry-run")
    person.settings["EMULATOR_URL"] = exchange
    typed = "emulator-key\nemulator-secret\n"
    person.ok("account", "add", "--name", "anna", "--environment", "emulator", "--secrets-file", "-", typed=typed)
    person.ok("strategy", "add", "breakout", "--account", "anna", "--symbol", "BTCUSDT", "--title", "ups")

    told = person.run("reconcile", "--dry-run", "--json")
    (anna,) = json.loads(told.out)
    totals = {each["what"]: each["exchange"] for each in anna["differences"] if each["kind"] == "money"}
    assert (told.code, "differ on anna" in told.complaint, "USDT" in totals) == (1, True, True)

    async def write_down(*facts: object) -> None:
        journal = await next_turn(database_url, 1, Mode.REHEARSAL)
        await journal.record(Tick(5), facts)  # type: ignore[arg-type]
        await journal.close()

    postings = [each for asset, total in totals.items() for each in move(asset, D(total), EXTERNAL, OWNER, 5, "seen:5")]
    asyncio.run(write_down(FundsPosted(tuple(postings))))
    assert "no difference on anna" in person.ok("reconcile", "--dry-run", "--account", "anna")

    asyncio.run(write_down(PlaceOrder(order("b-1-lost-0"))))
    with psycopg.connect(plain_dsn(database_url)) as connection:
        before = connection.execute("SELECT count(*) FROM rehearsal.facts").fetchone()
        lost = person.run("reconcile", "--dry-run")
        assert (lost.code, "b-1-lost-0" in lost.out) == (1, True)
        assert connection.execute("SELECT count(*) FROM rehearsal.facts").fetchone() == before
