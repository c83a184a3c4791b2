"""Facts fold to the same state from zero as they do in the tables, whatever happened; and they are never changed."""

import asyncio
import itertools
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from tests.fakes.journal import MemoryJournal, next_turn
from tests.unit.db.histories import START, History, Step

from bot.db import stream
from bot.db.base import Mode, plain_dsn, schema_of
from bot.db.facts import body_of, key_of, kind_of, money_facts, read
from bot.db.replay import Replay, UsedBefore, digest
from bot.domain.errors import Misconfigured
from bot.domain.messages import Outcome, PlaceOrder
from bot.domain.money import Quantity
from bot.domain.order import Order, OrderType, Side

_names = itertools.count(1)


def account(url: str) -> tuple[int, list[int]]:
    """Make an account with two strategies: gives their ids."""
    with psycopg.connect(plain_dsn(url), autocommit=True) as connection:
        row = connection.execute(
            "INSERT INTO accounts (name) VALUES (%s) RETURNING id", [f"a{next(_names)}"]
        ).fetchone()
        assert row
        made = [
            connection.execute(
                "INSERT INTO strategies (name, account_id, config, title) VALUES ('x', %s, '{}', %s) RETURNING id",
                [row[0], title],
            ).fetchone()
            for title in ("one", "two")
        ]
    return row[0], [each[0] for each in made if each]


def history(seed: int, length: int, strategy_ids: list[int]) -> list[Step]:
    return list(History(seed, strategy_ids).steps(length))


async def keep(url: str, account_id: int, steps: list[Step], mode: Mode = Mode.PAPER) -> str:
    """Record all of it in PostgreSQL, one part of it twice; gives the digest of what the tables hold."""
    journal = await next_turn(url, account_id, mode)
    try:
        for number, (event, outcomes) in enumerate(steps):
            await journal.record(event, outcomes)
            if number % 7 == 3 and not any(isinstance(each, PlaceOrder) for each in outcomes):
                await journal.record(event, outcomes)  # its commit was in doubt
        return digest(await journal.recover())
    finally:
        await journal.close()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=some.integers(0, 1 << 32), length=some.integers(1, 60))
def test_engine_memory_tables_and_replay_come_to_the_same_digest(database_url: str, seed: int, length: int) -> None:
    account_id, strategy_ids = account(database_url)
    steps = history(seed, length, strategy_ids)
    memory = MemoryJournal()
    for event, outcomes in steps:
        memory.commit(event, outcomes)

    tables = asyncio.run(keep(database_url, account_id, steps))
    verdict = stream.judge(asyncio.run(stream.look(database_url, account_id, Mode.PAPER)))

    assert verdict.difference == ""
    assert {digest(memory.state()), digest(memory.replay()), tables, verdict.digest, verdict.tables} == {tables}


@given(seed=some.integers(0, 1 << 32), length=some.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_each_fact_reads_back_as_it_was_and_counts_once(seed: int, length: int) -> None:
    facts = [fact for _, outcomes in history(seed, length, [1, 2]) for fact in money_facts(outcomes)]
    again = [read(kind_of(each), body_of(each)) for each in facts]
    assert again == facts
    assert [key_of(each) for each in again] == [key_of(each) for each in facts]
    by_key: dict[str, object] = {}
    for each in facts:
        assert by_key.setdefault(key_of(each), each) == each, "two facts with one key"
    doubled = [fact for each in facts for fact in (each, each)]
    assert digest(Replay(doubled).state()) == digest(Replay(facts).state())


def test_a_fact_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind: rumour"):
        read("rumour", "{}")


def test_an_id_is_never_used_for_a_second_order() -> None:
    first = Order("a", 1, "BTCUSDT", Side.BUY, OrderType.MARKET, Quantity(Decimal(1)), START)
    replay = Replay([PlaceOrder(first)])
    replay.check([PlaceOrder(first)])
    with pytest.raises(UsedBefore, match="client order id a was used before"):
        replay.check([PlaceOrder(msgspec.structs.replace(first, quantity=Quantity(Decimal(2))))])


@pytest.mark.parametrize("mode", list(Mode))
def test_facts_are_never_changed_or_deleted(database_url: str, mode: Mode) -> None:
    account_id, strategy_ids = account(database_url)
    asyncio.run(keep(database_url, account_id, history(1, 5, strategy_ids), mode))
    with psycopg.connect(plain_dsn(database_url), autocommit=True) as connection:
        for change in (
            "UPDATE {} SET kind = 'fill'",
            "DELETE FROM {}",
            "TRUNCATE {}",
            "TRUNCATE public.accounts CASCADE",
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="never changed or deleted"):
                connection.execute(change.format(f"{schema_of(mode)}.facts"))  # type: ignore[arg-type]
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute("DELETE FROM accounts WHERE id = %s", [account_id])


Harm = Callable[[list[stream.Kept]], object]
HARMS: dict[str, tuple[Harm, str]] = {
    "a fact is gone": (lambda facts: facts.pop(next(n for n, each in enumerate(facts) if each.kind == "fill")), "balances"),
    "an intent is gone": (lambda facts: facts.pop(next(n for n, each in enumerate(facts) if each.kind == "intent")), "intent"),
    "a fact is there twice": (lambda facts: facts.append(facts[-1]), "there twice"),
    "a fact says something else": (
        lambda facts: facts.__setitem__(0, facts[0]._replace(body=facts[0].body.replace("external", "market"))),
        "balances",
    ),
    "a fact says it is another": (lambda facts: facts.__setitem__(0, facts[0]._replace(key="funds:seen:1")), "another one"),
    "a fact cannot be read": (lambda facts: facts.__setitem__(0, facts[0]._replace(body="{")), "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize(("harm", "found"), HARMS.values(), ids=HARMS)
def test_any_harm_to_the_stream_is_found(harm: Harm, found: str) -> None:
    steps = history(3, 60, [1, 2])
    facts = {key_of(each): each for _, outcomes in steps for each in money_facts(outcomes)}
    kept = [stream.Kept(key, kind_of(each), body_of(each)) for key, each in facts.items()]
    state = Replay(facts.values()).state()
    sight = stream.Sight(kept, stream.money_of(state))
    assert stream.judge(sight).difference == ""
    harm(kept)
    assert found in stream.judge(sight).difference


def test_an_exported_journal_replays_anywhere(tmp_path: Path, database_url: str) -> None:
    account_id, strategy_ids = account(database_url)
    asyncio.run(keep(database_url, account_id, history(2, 30, strategy_ids)))
    sight = asyncio.run(stream.look(database_url, account_id, Mode.PAPER))
    file = tmp_path / "journal"
    lines = list(stream.written(sight, "main", Mode.PAPER))
    file.write_text("\n".join(lines))

    owner, mode, read_back = stream.read_file(file)

    assert (owner, mode) == ("main", "paper")
    assert stream.judge(read_back) == stream.judge(sight)

    file.write_text("\n".join(lines[:-1]))
    with pytest.raises(Misconfigured, match="facts: export it again"):
        stream.read_file(file)
    for nonsense in ("", "nothing", "[]"):
        file.write_text(nonsense)
        with pytest.raises(Misconfigured, match="no exported journal"):
            stream.read_file(file)
    with pytest.raises(Misconfigured, match="cannot be read"):
        stream.read_file(tmp_path)


def test_the_histories_hold_all_that_can_happen() -> None:
    seen: set[str] = set()
    for seed in range(5):
        outcomes: list[Outcome] = [each for _, outcomes in history(seed, 60, [1, 2]) for each in outcomes]
        seen |= {kind_of(each) for each in money_facts(outcomes)}
    assert seen >= {"intent", "attempt", "cancel", "order", "fill", "funds", "trip", "state"}
