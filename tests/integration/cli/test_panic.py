"""`bot panic` and `bot resume` as a person types them: with a bot, without one, and without a database."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from tests.integration.cli.person import CLI, Person, until

from bot.binance import spot
from bot.binance import wire_new_spot as new
from bot.binance import wire_requests as ask
from bot.binance.client import SpotClient, build_public, build_spot
from bot.binance.clock import ExchangeClock
from bot.binance.hosts import hosts_for
from bot.binance.signing import Credentials
from bot.commands import heartbeat
from bot.commands.sealed import copy_path, from_database
from bot.db.base import plain_dsn
from bot.runtime.kill_switch import KillSwitch
from bot.security.sealed_copy import refresh

D = Decimal
AWAY = "postgresql+psycopg://bot@127.0.0.1:9/none"


class Exchange:
    """The emulator seen by its customer at the exchange's own page."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rest_orders(self, count: int) -> None:
        """Let orders rest far below the market."""

        async def work(client: SpotClient) -> None:
            last = await client.call(spot.TICKER_PRICE, ask.OfSymbols(symbol="BTCUSDT"))
            assert not isinstance(last, list)
            price = (last.price * D("0.9")).quantize(D("0.01"))
            for _ in range(count):
                order = new.NewSpotOrder(
                    symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity=D("0.01"), price=price
                )
                await client.call(spot.PLACE_ORDER, order)

        self._do(work)

    def rest_stop(self, name: str) -> None:
        """Let a stop rest far below the market, for what is bought first."""

        async def work(client: SpotClient) -> None:
            last = await client.call(spot.TICKER_PRICE, ask.OfSymbols(symbol="BTCUSDT"))
            assert not isinstance(last, list)
            for order in (
                new.NewSpotOrder(
                    symbol="BTCUSDT", side="BUY", type="MARKET", quantity=D("0.02"), newOrderRespType="RESULT"
                ),
                new.NewSpotOrder(
                    symbol="BTCUSDT", side="SELL", type="STOP_LOSS", quantity=D("0.01"), newClientOrderId=name,
                    stopPrice=(last.price * D("0.9")).quantize(D("0.01")), newOrderRespType="RESULT",
                ),
            ):  # fmt: skip
                await client.call(spot.PLACE_ORDER, order)

        self._do(work)

    def open_orders(self) -> int:
        async def work(client: SpotClient) -> int:
            return len(await client.call(spot.OPEN_ORDERS, ask.OfAnySymbol()))

        return int(str(self._do(work)))

    def _do(self, work: object) -> object:
        async def run() -> object:
            hosts = hosts_for("emulator", emulator_url=self.url)
            public = build_public(hosts)
            clock = ExchangeClock(public.time_ms)
            client = build_spot(Credentials("emulator-key", "emulator-secret"), hosts, clock)
            try:
                await clock.sync()
                return await work(client)  # type: ignore[operator]
            finally:
                await client.close()
                await public.close()

        return asyncio.run(run())


@pytest.fixture(scope="module")
def still_exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """An exchange whose prices stand still."""
    helper = Person(tmp_path_factory.mktemp("exchange"))
    with helper.running(
        "emulator", "--spot-port", 0, "--synthetic", 5, "--speed", 0, "--parent", os.getpid(), command=CLI
    ) as program:
        yield Exchange(json.loads(program.wait_for('"ready"'))["spot"])
        program.end()


@pytest.fixture
def market(still_exchange: Exchange) -> Exchange:
    """That exchange with three open orders."""
    still_exchange.rest_orders(3 - still_exchange.open_orders())
    return still_exchange


@pytest.fixture
def trader(person: Person, market: Exchange) -> Person:
    """A person with a key for that exchange and a strategy there, and an account for paper alone."""
    person.settings["EMULATOR_URL"] = market.url
    typed = "emulator-key\nemulator-secret\n"
    person.ok("account", "add", "--name", "anna", "--environment", "emulator", "--secrets-file", "-", typed=typed)
    with psycopg.connect(plain_dsn(person.settings["DB_URL"])) as connection:
        connection.execute("INSERT INTO accounts (name) VALUES ('bert')")
        connection.execute(
            "INSERT INTO strategies (account_id, name, title, config)"
            " SELECT id, 'breakout', 'ups', '{\"symbol\": \"BTCUSDT\"}' FROM accounts WHERE name = 'anna'"
        )
    return person


def audited(person: Person) -> list[tuple[object, ...]]:
    with psycopg.connect(plain_dsn(person.settings["DB_URL"])) as connection:
        return connection.execute(
            "SELECT action, subject FROM audit WHERE action LIKE 'kill_switch%' ORDER BY id"
        ).fetchall()


def switch_of(person: Person) -> KillSwitch:
    return KillSwitch(person.folder / "var" / "run")


def test_without_a_bot_it_cancels_everything_itself_and_holds_until_lifted(trader: Person, market: Exchange) -> None:
    assert market.open_orders() == 3
    told = json.loads(trader.ok("panic", "--json"))
    assert told == {
        "stopped": "all",
        "flatten": False,
        "accounts": [{"account": "anna", "mode": "rehearsal", "cancelled": 3, "left": 0, "kept": 0, "trouble": ""}],
    }
    assert market.open_orders() == 0
    assert "bot panic (cli:" in switch_of(trader).engaged("anna")
    assert "bot panic (cli:" in json.loads(trader.ok("status", "--json"))["kill_switch"]["every account"]

    again = trader.ok("panic")
    assert "every account is stopped; to let it trade again: bot resume" in again
    refused = trader.run("resume", typed="trade\n")
    assert (refused.code, "stays as it is" in refused.err) == (2, True)
    assert switch_of(trader).engaged()
    assert trader.ok("resume", typed="trade again\n").endswith("lifted\n")
    assert not switch_of(trader).engaged()
    assert "no kill switch is engaged here" in trader.ok("resume")
    assert audited(trader) == [("kill_switch.engaged", "all")] * 2 + [("kill_switch.lifted", "all")]


def test_without_a_bot_it_leaves_our_stops_where_they_are_unless_told_otherwise(
    trader: Person, market: Exchange
) -> None:
    market.rest_stop("b-1-1")
    market.rest_stop("by-hand")
    (told,) = json.loads(trader.ok("panic", "--json"))["accounts"]
    assert (told["cancelled"], told["left"], told["kept"]) == (4, 0, 1)
    assert market.open_orders() == 1
    (told,) = json.loads(trader.ok("panic", "--everything", "--json"))["accounts"]
    assert (told["cancelled"], told["left"], told["kept"]) == (1, 0, 0)
    assert all(note.everything for note in switch_of(trader).notes())


def test_without_a_database_it_takes_the_keys_from_the_sealed_copy(trader: Person, market: Exchange) -> None:
    nothing = trader.run("panic", DB_URL=AWAY)
    assert (nothing.code, market.open_orders()) == (3, 3)
    assert "every account is stopped, but no open order was cancelled: there is no copy" in nothing.err
    assert switch_of(trader).engaged()

    sending, _ = from_database(plain_dsn(trader.settings["DB_URL"]), patience_s=50)
    refresh(copy_path(trader.folder / "var"), sending)
    answer = trader.run("panic", DB_URL=AWAY)
    assert answer.code == 0, answer.err
    assert "anna" in answer.out
    assert "the accounts' keys are taken from" in answer.err
    assert market.open_orders() == 0


def test_where_nothing_ever_ran_there_is_nothing_to_cancel(tmp_path: Path) -> None:
    newcomer = Person(tmp_path)
    assert "there was nothing to cancel" in newcomer.ok("panic")
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["run"], "no database was made for it"
    assert switch_of(newcomer).engaged()


def test_settings_that_cannot_be_read_do_not_keep_it_from_stopping(trader: Person) -> None:
    answer = trader.run("panic", LOG_LEVEL="loud")
    assert answer.code == 3
    assert "every account is stopped, but no open order was cancelled: LOG_LEVEL" in answer.err
    assert switch_of(trader).engaged()


def test_one_account_is_stopped_alone_and_a_wrong_name_stops_nothing(trader: Person, market: Exchange) -> None:
    wrong = trader.run("panic", "--account", "ann")
    assert (wrong.code, "there is no account named 'ann': nothing was stopped" in wrong.err) == (2, True)
    assert switch_of(trader).notes() == []
    assert "there was nothing to cancel" in trader.ok("panic", "--account", "bert")
    assert market.open_orders() == 3
    assert switch_of(trader).engaged("bert")
    assert not switch_of(trader).engaged("anna")
    assert "not stopped alone" in trader.run("resume", "--account", "anna").err
    trader.ok("resume", "--account", "bert", typed="trade again\n")
    assert not switch_of(trader).engaged("bert")


def test_an_exchange_that_does_not_answer_is_told(trader: Person) -> None:
    answer = trader.run("panic", EMULATOR_URL="http://nowhere.invalid:9")
    assert answer.code == 1
    assert "cannot reach http://nowhere.invalid:9" in answer.out
    assert "orders of anna may still be open" in answer.err


def test_flatten_is_asked_for_and_waits_for_a_bot(trader: Person) -> None:
    answer = trader.run("panic", "--flatten", typed="no\n")
    assert (answer.code, "nothing is closed" in answer.err) == (0, True)
    assert not any(note.flatten for note in switch_of(trader).notes())
    answer = trader.run("panic", "--flatten", typed="close everything\n")
    assert (answer.code, "as soon as it is started" in answer.err) == (0, True)
    assert all(note.flatten for note in switch_of(trader).notes())
    answer = trader.run("panic", "--flatten", "--yes")
    assert answer.code == 0


def stand_in(folder: Path) -> str:
    """Give a program that holds the place of the bot and, if asked to, answers the switch."""
    return (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from bot.commands import heartbeat\n"
        "from bot.runtime.kill_switch import KillSwitch, Stopped\n"
        "async def stop(note):\n"
        "    return [Stopped('anna', 'rehearsal', cancelled=7)]\n"
        f"var = Path({str(folder / 'var')!r})\n"
        "with heartbeat.only_one(var):\n"
        "    heartbeat.write(var, {})\n"
        "    print('here', flush=True)\n"
        "    asyncio.run(KillSwitch(var / 'run').watch(stop))\n"
    )


def test_a_running_bot_is_left_to_cancel_and_its_answer_is_shown(trader: Person, market: Exchange) -> None:
    with trader.running("-c", stand_in(trader.folder), command=(sys.executable,)) as bot:
        bot.wait_for("here")
        answer = trader.run("panic", "--json", "--wait", 50)
        assert answer.code == 0, answer.err
        assert json.loads(answer.out)["accounts"][0]["cancelled"] == 7, (answer.err, bot.said)
        assert market.open_orders() == 3
        (switch_of(trader)._folder / "KILL").unlink()
        until(lambda: "may have seen one" in trader.run("resume", typed="trade again\n").out)
        assert bot.process.poll() is None


def test_a_bot_that_does_not_answer_is_not_waited_for(trader: Person, market: Exchange) -> None:
    with trader.running("-c", stand_in(trader.folder), command=(sys.executable,)) as bot:
        bot.wait_for("here")
        bot.process.send_signal(signal.SIGSTOP)
        answer = trader.run("panic", "--wait", 0.1)
        assert answer.code == 0, answer.err
        assert "did not answer within 0.1 s" in answer.err
        assert market.open_orders() == 0


def test_the_bot_itself_cancels_halts_and_begins_anew_when_it_is_lifted(trader: Person, market: Exchange) -> None:
    with psycopg.connect(plain_dsn(trader.settings["DB_URL"])) as connection:
        connection.execute(
            """UPDATE strategies SET enabled = true, config = '{"symbol": "BTCUSDT", "demo_mode": false}'"""
        )

    def condition() -> str:
        note = heartbeat.read(trader.folder / "var") or {"accounts": []}
        return next((str(each["condition"]) for each in note["accounts"]), "")

    with trader.running("start", "--no-dashboard") as bot:
        until(lambda: condition() == "ready")
        told = json.loads(trader.ok("panic", "--json", "--wait", 50))
        assert [(each["account"], each["cancelled"], each["left"]) for each in told["accounts"]] == [("anna", 3, 0)]
        assert market.open_orders() == 0
        until(lambda: condition() == "halted")
        trader.ok("resume", typed="trade again\n")
        until(lambda: condition() == "ready")
        assert copy_path(trader.folder / "var").exists(), "keys are at hand for the day the database is away"
        bot.end()


def test_a_bot_that_starts_while_it_is_engaged_says_so(trader: Person) -> None:
    switch_of(trader).engage("ada", "enough")
    with trader.running("start", "--no-dashboard") as bot:
        assert "every account is stopped" in bot.wait_for("kill switch: enough (ada")
        bot.end()
