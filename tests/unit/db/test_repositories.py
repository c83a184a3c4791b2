"""Accounts, strategies, people, sessions and the audit trail."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from bot.db.base import SessionFactory, create_async, session_factory, unit_of_work
from bot.db.repositories import (
    Accounts,
    AlreadyThere,
    Audit,
    InUse,
    NotFound,
    Sessions,
    Strategies,
    Users,
    audit_record,
)
from bot.domain.errors import Misconfigured, Unavailable

CONFIG = {"symbol": "BTCUSDT", "candle": "1m"}
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


async def test_a_new_account_is_no_live_account_and_has_paper_funds(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        account = await Accounts(session).create("main")
    assert (account.environment, account.testnet, account.live_approval_enc) == ("testnet", True, None)
    assert account.paper_funds == {"USDT": "10000"}
    assert account.created_at.tzinfo is not None


async def test_testnet_is_kept_in_step_with_the_environment(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        accounts = Accounts(session)
        assert not (await accounts.create("real", environment="production")).testnet
        assert (await accounts.create("emulated", environment="emulator")).testnet


async def test_an_account_name_is_taken_once_and_the_session_goes_on(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        accounts = Accounts(session)
        await accounts.create("main")
        with pytest.raises(AlreadyThere, match="'main' exists already; choose another name"):
            await accounts.create("main")
        await accounts.create("second")
    async with unit_of_work(sessions) as session:
        assert [each.name for each in await Accounts(session).list()] == ["main", "second"]


async def test_unknown_accounts_and_strategies_are_named(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        with pytest.raises(NotFound, match="no account named 'gone'"):
            await Accounts(session).by_name("gone")
        with pytest.raises(NotFound, match="no account with id 7"):
            await Accounts(session).get(7)
        with pytest.raises(NotFound, match="no strategy with id 7"):
            await Strategies(session).get(7)
        with pytest.raises(NotFound, match="no strategy 'main/gone'"):
            await Strategies(session).find("main/gone")


async def test_a_new_strategy_is_off_and_gets_a_title(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        account = await Accounts(session).create("main")
        strategy = await Strategies(session).create(account.id, "breakout", CONFIG)
    assert (strategy.enabled, strategy.title, strategy.market) == (False, "breakout BTCUSDT", "spot")
    assert strategy.config == CONFIG


async def test_titles_are_unique_within_an_account_only(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        one, two = await Accounts(session).create("one"), await Accounts(session).create("two")
        strategies = Strategies(session)
        first = await strategies.create(one.id, "breakout", CONFIG, title="slow")
        second = await strategies.create(two.id, "breakout", CONFIG, title="slow")
        with pytest.raises(AlreadyThere, match="'slow' already; give another --title"):
            await strategies.create(one.id, "mean_reversion", CONFIG, title="slow")
        assert (await strategies.find("two/slow")).id == second.id
        assert (await strategies.find(str(first.id))).id == first.id
        with pytest.raises(NotFound, match="several accounts"):
            await strategies.find("slow")


async def test_strategies_are_listed_by_account_and_state(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        one, two = await Accounts(session).create("one"), await Accounts(session).create("two")
        strategies = Strategies(session)
        on = await strategies.create(one.id, "breakout", CONFIG, enabled=True)
        off = await strategies.create(two.id, "breakout", CONFIG)
        assert [each.id for each in await strategies.list()] == [on.id, off.id]
        assert [each.id for each in await strategies.list(enabled=True)] == [on.id]
        assert [each.id for each in await strategies.list(account_id=two.id)] == [off.id]


async def test_enabling_a_stopped_strategy_forgives_it_in_every_ledger(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        account = await Accounts(session).create("main")
        strategy = await Strategies(session).create(account.id, "breakout", CONFIG)
        strategy.stopped_reason = "drawdown"
        for schema in ("public", "rehearsal", "live"):
            await session.execute(
                text(
                    f"INSERT INTO {schema}.risk_state (strategy_id, peak_equity, stopped, stopped_ms)"
                    " VALUES (:id, 120, 'drawdown', 5)"
                ),
                {"id": strategy.id},
            )
    async with unit_of_work(sessions) as session:
        await Strategies(session).enable(strategy.id)
    async with unit_of_work(sessions) as session:
        seen = await Strategies(session).get(strategy.id)
        assert (seen.enabled, seen.stopped_reason) == (True, "")
        for schema in ("public", "rehearsal", "live"):
            rows = await session.execute(text(f"SELECT peak_equity, stopped, stopped_ms FROM {schema}.risk_state"))
            assert rows.all() == [(None, "", None)]


async def test_disabling_and_configuring_change_only_that(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        account = await Accounts(session).create("main")
        strategy = await Strategies(session).create(account.id, "breakout", CONFIG, enabled=True)
        await Strategies(session).configure(strategy.id, {**CONFIG, "window": 5})
        await Strategies(session).disable(strategy.id)
    async with unit_of_work(sessions) as session:
        seen = await Strategies(session).get(strategy.id)
    assert (seen.enabled, seen.config) == (False, {**CONFIG, "window": 5})


async def test_what_has_a_history_stays(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        account = await Accounts(session).create("main")
        ran = await Strategies(session).create(account.id, "breakout", CONFIG, title="ran")
        fresh = await Strategies(session).create(account.id, "breakout", CONFIG, title="fresh")
        await session.execute(text("INSERT INTO live.risk_state (strategy_id) VALUES (:id)"), {"id": ran.id})
        with pytest.raises(InUse, match="'ran' has a history, which is kept; disable it instead"):
            await Strategies(session).remove(ran.id)
        with pytest.raises(InUse, match="'main' has strategies or a history"):
            await Accounts(session).remove(account.id)
        await Strategies(session).remove(fresh.id)
    async with unit_of_work(sessions) as session:
        assert [each.title for each in await Strategies(session).list()] == ["ran"]


async def test_an_unused_account_can_go(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        account = await Accounts(session).create("main")
        await Accounts(session).approve_live(account.id, "sealed")
        await Accounts(session).remove(account.id)
        assert await Accounts(session).list() == []


async def test_an_error_inside_a_unit_of_work_leaves_nothing_behind(sessions: SessionFactory) -> None:
    async def fail_half_way() -> None:
        async with unit_of_work(sessions) as session:
            await Accounts(session).create("main")
            raise Misconfigured("half way")

    with pytest.raises(Misconfigured, match="half way"):
        await fail_half_way()
    async with unit_of_work(sessions) as session:
        assert await Accounts(session).list() == []


async def test_a_login_is_found_until_it_expires(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        assert not await Users(session).any()
        user = await Users(session).create("ana", "$argon2id$…")
        assert await Users(session).any()
        logins = Sessions(session)
        await logins.create("hash", user.id, now=NOW, expires_at=NOW + timedelta(hours=12))
        await logins.touch("hash", now=NOW + timedelta(minutes=5))
    async with unit_of_work(sessions) as session:
        logins = Sessions(session)
        found = await logins.find("hash", now=NOW + timedelta(hours=11))
        assert found is not None
        assert (found[1].name, found[0].seen_at) == ("ana", NOW + timedelta(minutes=5))
        assert await logins.find("other", now=NOW) is None
        assert await logins.find("hash", now=NOW + timedelta(hours=12)) is None
        assert await logins.expire(now=NOW + timedelta(hours=12)) == 1
        assert await logins.find("hash", now=NOW) is None


async def test_a_new_password_ends_all_logins_of_that_person(sessions: SessionFactory) -> None:
    async with unit_of_work(sessions) as session:
        users, logins = Users(session), Sessions(session)
        ana, eva = await users.create("ana", "old"), await users.create("eva", "hers")
        for token, user in (("a1", ana), ("a2", ana), ("e1", eva)):
            await logins.create(token, user.id, now=NOW, expires_at=NOW + timedelta(hours=1))
        await users.set_password("ana", "new")
        assert [await logins.find(token, now=NOW) is not None for token in ("a1", "a2", "e1")] == [False, False, True]
        await logins.delete("e1")
        assert await logins.find("e1", now=NOW) is None
        with pytest.raises(AlreadyThere):
            await users.create("ana", "again")
        with pytest.raises(NotFound):
            await users.set_password("nobody", "x")


async def test_every_audit_row_is_linked_to_the_one_before(sessions: SessionFactory) -> None:
    def link(previous: str, record: Mapping[str, object]) -> str:
        return hashlib.sha256(f"{previous}{json.dumps(record, sort_keys=True)}".encode()).hexdigest()

    for action in ("account.added", "strategy.enabled", "live.approved"):
        async with unit_of_work(sessions) as session:
            await Audit(session, link).append("ana", action, "main", {"from": "cli"})
    async with unit_of_work(sessions) as session:
        trail = await Audit(session, link).list()
    previous = ""
    for entry in trail:
        assert entry.previous_hash == previous
        assert entry.hash == link(previous, audit_record(entry))
        previous = entry.hash
    assert [entry.action for entry in trail] == ["account.added", "strategy.enabled", "live.approved"]


async def test_a_database_that_is_away_is_unavailable() -> None:
    engine = create_async("postgresql://bot@127.0.0.1:9/none", pooled=False)
    with pytest.raises(Unavailable, match="the database does not answer"):
        async with unit_of_work(session_factory(engine)) as session:
            await Accounts(session).list()
    await engine.dispose()
