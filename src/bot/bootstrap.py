"""The roof: the only place (with the commands) that reads settings and joins parts.

Way in: Roof, then Outfit for what trades and dashboard_deps() for what shows; what has to run is read by
`commands.plans`. Modes differ here alone: which feed,
broker and journal an account is handed.
"""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from bot import __version__
from bot.binance.bans import BanNote
from bot.binance.client import Client, OrderPath, build_futures, build_public, build_spot
from bot.binance.clock import ExchangeClock, LocalClock
from bot.binance.execution import SpotBroker
from bot.binance.futures_broker import FuturesBroker
from bot.binance.hosts import Hosts, hosts_for
from bot.binance.limits import LIMITS, WeightBank
from bot.binance.market_data import MarketData
from bot.binance.markets import MarketsBroker, MarketsFeed
from bot.binance.signing import Credentials
from bot.config import Settings, load
from bot.db import embedded
from bot.db.base import (
    Mode,
    check_durability,
    create_async,
    create_sync,
    session_factory,
    unit_of_work,
)
from bot.db.journal import PostgresJournal
from bot.db.leases import PostgresLease
from bot.db.migrate import upgrade
from bot.db.models import Account, User
from bot.db.repositories import Accounts, Strategies
from bot.domain.errors import Misconfigured
from bot.domain.market import Candle, Market, Stream
from bot.logging import Logs, setup_logging
from bot.ports import Broker, Clock, Feed, Journal, Recovered
from bot.risk.rules import Limits
from bot.runtime.kill_switch import KillNote, KillSwitch
from bot.runtime.lease import Keeper
from bot.runtime.paper_account import paper_broker
from bot.runtime.plan import AccountPlan, StrategyPlan
from bot.runtime.setting_up import Listed
from bot.security.keys import load_or_create_key
from bot.security.secrets import SecretBox
from bot.security.tokens import new_token, token_hash
from bot.strategies.base import Strategy as BaseStrategy
from bot.strategies.registry import Catalogue, discover

if TYPE_CHECKING:
    from fastapi import FastAPI

    from bot.api.deps import Deps

log = structlog.get_logger()


class Roof:
    """Everything that settings decide, made on first use."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or load()

    @property
    def key_file(self) -> Path:
        """Where our own encryption key lies when ENCRYPTION_KEY is unset."""
        return self.settings.VAR_DIR / "keys" / "encryption.key"

    @cached_property
    def db_url(self) -> str:
        """The database's address. The private server is started if need be, the schema brought up to date."""
        given = self.settings.DB_URL
        url = given.get_secret_value() if given else embedded.ensure(self.settings.VAR_DIR / "postgres").url
        upgrade(url)
        return url

    @cached_property
    def engine(self) -> AsyncEngine:
        """The pool of database connections of this process."""
        return create_async(self.db_url)

    @cached_property
    def sessions(self) -> async_sessionmaker[AsyncSession]:
        """Database sessions."""
        return session_factory(self.engine)

    @cached_property
    def box(self) -> SecretBox:
        """What opens sealed secrets. Its key is made on first use; one that opens nothing stored here is refused."""
        given = self.settings.ENCRYPTION_KEY
        sealed = self._ask(select(Account).where(Account.api_secret_enc.is_not(None)).limit(1))
        if sealed is not None and given is None and not self.key_file.exists():
            raise Misconfigured(
                f"the encryption key {self.key_file} is gone, and account {sealed.name} is sealed with it: "
                "put the file back from your copy, or set ENCRYPTION_KEY"
            )
        box = SecretBox(load_or_create_key(given.get_secret_value() if given else None, self.key_file))
        if sealed is not None and sealed.api_secret_enc:
            box.open(sealed.api_secret_enc, account=sealed.name, field="api_secret", environment=sealed.environment)
        return box

    @property
    def has_sealed(self) -> bool:
        """Whether any secret is stored, sealed with a key that we must have."""
        return self._ask(select(Account.id).where(Account.api_secret_enc.is_not(None)).limit(1)) is not None

    @cached_property
    def catalogue(self) -> Catalogue:
        """All strategies that can be found."""
        return discover(self.settings.STRATEGIES_DIR)

    @cached_property
    def kill_switch(self) -> KillSwitch:
        """What stops everything: one for all parts of this process, so that it holds without a disk, too."""
        return KillSwitch(self.settings.VAR_DIR / "run")

    def strategy(self, name: str) -> type[BaseStrategy]:
        """Find a strategy by name, also one written after our first look."""
        if name not in self.catalogue.found:
            self.catalogue = self.catalogue.and_newer(self.settings.STRATEGIES_DIR)
        return self.catalogue.find(name)

    def start_logs(self, process: str = "bot", *, console: bool = True) -> Logs:
        """Send logs where the settings say."""
        chosen = self.settings
        for chatty in ("apscheduler", "picows", "uvicorn"):
            logging.getLogger(chatty).setLevel("WARNING")
        return setup_logging(
            chosen.LOG_DIR,
            chosen.LOG_LEVEL,
            chosen.LOG_ROTATION,
            chosen.LOG_MAX_BYTES,
            chosen.LOG_BACKUP_COUNT,
            process=process,
            console=console,
        )

    def first_run_token(self) -> str | None:
        """Give a fresh one-time token while nobody can log in yet, else None."""
        return None if self._ask(select(User.id).limit(1)) is not None else new_token()

    def _ask[T](self, question: Select[T]) -> T | None:
        # Not through the pool: uvicorn asks from inside its event loop, where nothing can be awaited.
        engine = create_sync(self.db_url, poolclass=NullPool)
        try:
            with Session(engine) as session:
                return session.scalar(question)
        finally:
            engine.dispose()

    def credentials(self, account: Account) -> Credentials:
        """Open an account's key. Misconfigured when it has none, or the seal is not for it."""
        if not account.api_key_enc or not account.api_secret_enc:
            raise Misconfigured(f"account {account.name} has no API key; add it again with one: bot account add")
        key, secret = (
            self.box.open(token, account=account.name, field=field, environment=account.environment).reveal()
            for field, token in (("api_key", account.api_key_enc), ("api_secret", account.api_secret_enc))
        )
        return Credentials(key, secret)

    async def close(self) -> None:
        """Let go of database connections."""
        if "engine" in self.__dict__:
            await self.engine.dispose()


class Feeds:
    """One candle hub and one weight bank for each environment and market, shared by all accounts of this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._hubs: dict[tuple[str, Market], MarketData] = {}
        self._banks: dict[tuple[str, Market], WeightBank] = {}
        self._clients: list[Client] = []

    def bank(self, environment: str, market: Market = Market.SPOT) -> WeightBank:
        """Give the count of requests that a market has had from us: Binance counts by address."""
        found = self._banks.get((environment, market))
        if found is None:
            note = BanNote(self._settings.VAR_DIR / "limits" / f"ban-{environment}-{market}")
            found = self._banks[environment, market] = WeightBank(LIMITS[market], note=note)
        return found

    def hosts(self, environment: str, market: Market = Market.SPOT) -> Hosts:
        """Give the addresses of a market."""
        chosen = self._settings
        emulator = chosen.EMULATOR_URL if market is Market.SPOT else chosen.EMULATOR_UM_URL
        return hosts_for(environment, market, emulator_url=emulator)

    def client(self, environment: str, market: Market = Market.SPOT) -> Client:
        """Make a client for what needs no key; closed with the feeds."""
        self._clients.append(build_public(self.hosts(environment, market), self.bank(environment, market)))
        return self._clients[-1]

    def hub(self, environment: str, market: Market = Market.SPOT) -> MarketData:
        """Give the hub of an environment, made on first use. Call it inside the event loop."""
        if (environment, market) not in self._hubs:
            self._hubs[environment, market] = MarketData(self.client(environment, market), LocalClock())
        return self._hubs[environment, market]

    def broker(
        self,
        environment: str,
        market: Market,
        credentials: Credentials,
        *,
        income_since_ms: Mapping[str, int] | None = None,
    ) -> Broker:
        """Make what signs and sends the orders of one account on one market."""
        hosts, bank = self.hosts(environment, market), self.bank(environment, market)
        clock = ExchangeClock(self.client(environment, market).time_ms)
        path = OrderPath(self._settings.ORDER_PATH)
        if market is Market.FUTURES:
            client = build_futures(credentials, hosts, clock, bank, path)
            return FuturesBroker(client, credentials, clock, income_since_ms=income_since_ms)
        return SpotBroker(build_spot(credentials, hosts, clock, bank, path), credentials, clock)

    async def candles(self, stream: Stream, count: int) -> Sequence[Candle]:
        """Give the newest closed candles, for the dashboard's charts."""
        return await self.hub(self._settings.MARKET_DATA_ENVIRONMENT, stream.market).history(stream, count)

    async def close(self) -> None:
        """Close all hubs and their clients."""
        for hub in self._hubs.values():
            await hub.close()
        for client in self._clients:
            await client.close()


class Outfit:
    """What each account is handed (`runtime.worker.Outfit`)."""

    def __init__(self, roof: Roof, feeds: Feeds) -> None:
        self._roof = roof
        self._feeds = feeds
        self._clock = LocalClock()
        self._keepers: dict[tuple[int, Mode], Keeper] = {}
        self.mark_every_s = float(min(roof.settings.DASHBOARD_REFRESH_SECONDS, 60))

    @property
    def clock(self) -> Clock:
        """This machine's time."""
        return self._clock

    @property
    def limits(self) -> Limits:
        """What every account is allowed, from the settings."""
        chosen = self._roof.settings
        return Limits(
            max_order_value=chosen.RISK_MAX_ORDER_VALUE,
            max_open_orders=chosen.RISK_MAX_OPEN_ORDERS,
            max_drawdown=chosen.RISK_MAX_DRAWDOWN,
            daily_loss=float(chosen.RISK_MAX_DAILY_LOSS) if chosen.RISK_MAX_DAILY_LOSS else None,
        )

    def feed(self, plan: AccountPlan) -> Feed:
        """Paper looks at the market of MARKET_DATA_ENVIRONMENT; sent orders go where their candles come from."""
        is_paper = plan.mode is Mode.PAPER
        environment = self._roof.settings.MARKET_DATA_ENVIRONMENT if is_paper else plan.environment
        return MarketsFeed(lambda market: self._feeds.hub(environment, market))

    def keeper(self, plan: AccountPlan) -> Keeper:
        """Give what keeps the account's lease: always the same one, which need not wait for itself."""
        if plan.key not in self._keepers:
            lease = PostgresLease(self._roof.db_url, plan.account_id, plan.mode)
            self._keepers[plan.key] = Keeper(str(plan), lease)
        return self._keepers[plan.key]

    def stopped_by(self, plan: AccountPlan) -> KillNote | None:
        """Look at the kill switch."""
        return self._roof.kill_switch.note(plan.name)

    @property
    def halts_on_foreign(self) -> bool:
        """Follow the setting."""
        return self._roof.settings.FOREIGN_ORDERS == "halt"

    def halt(self, plan: AccountPlan, reason: str) -> None:
        """Leave a note that outlives us, as the kill switch does; it cancels nothing."""
        self._roof.kill_switch.engage("the bot itself", reason, plan.name, cancels=False)

    async def journal(self, plan: AccountPlan, epoch: int) -> Journal:
        """Give the account's memory, in the schema of its mode; live money asks for a durable server first."""
        if plan.mode is Mode.LIVE:
            async with self._roof.engine.connect() as connection:
                await check_durability(connection)
        return PostgresJournal(self._roof.db_url, plan.account_id, plan.mode, epoch)

    async def broker(self, plan: AccountPlan, instruments: Listed, recovered: Recovered) -> Broker:
        """Paper orders meet a simulator in memory; all others are signed and sent."""
        if plan.mode is not Mode.PAPER:
            return await self._sender(plan, recovered)
        return paper_broker(plan, instruments, recovered, self._clock.now_ms())

    async def refuse(self, strategy: StrategyPlan, reason: str) -> None:
        """Put on record that a strategy cannot run."""
        log.error("strategy.refused", strategy=strategy.strategy_id, title=strategy.title, cause=reason)
        async with unit_of_work(self._roof.sessions) as session:
            (await Strategies(session).get(strategy.strategy_id)).stopped_reason = reason

    async def _sender(self, plan: AccountPlan, recovered: Recovered) -> Broker:
        async with self._roof.sessions() as session:
            account = await Accounts(session).get(plan.account_id)
        credentials = self._roof.credentials(account)
        markets = {each.config.market_of for each in plan.strategies}
        markets |= {each.order.market for each in recovered.open_orders}
        brokers = {
            market: self._feeds.broker(plan.environment, market, credentials, income_since_ms=recovered.income_ms)
            for market in sorted(markets)
        }
        return MarketsBroker(brokers) if len(brokers) > 1 else brokers.popitem()[1]


def dashboard_deps(roof: Roof, feeds: Feeds | None, token: str | None) -> "Deps":
    """Give the API what it needs; `token` opens the first login."""
    from bot.api.deps import LOCAL_HOSTS, Deps  # noqa: PLC0415  (the web framework is slow to import)

    return Deps(
        sessions=roof.sessions,
        sqlite_path=roof.settings.DASHBOARD_SQLITE_PATH,
        version=__version__,
        allowed_hosts=frozenset({*LOCAL_HOSTS, roof.settings.API_HOST}),
        candles=feeds.candles if feeds else None,
        first_run_token_hash=token_hash(token) if token else None,
        runner_note=roof.settings.VAR_DIR / "run" / "bot.json",
        kill=roof.kill_switch,
    )


def setup_address(settings: Settings, token: str, port: int | None = None) -> str:
    """Give the address at which the first person chooses a password."""
    return f"http://{settings.API_HOST}:{port or settings.API_PORT}/setup?token={token}"


def dashboard_app() -> "FastAPI":
    """Make the web application for `uvicorn main:app`, with its own database connections and candle hub."""
    from bot.api.main import create_app  # noqa: PLC0415

    roof = Roof()
    roof.start_logs("dashboard")
    feeds: list[Feeds] = []

    async def candles(stream: Stream, count: int) -> Sequence[Candle]:
        if not feeds:
            feeds.append(Feeds(roof.settings))  # made inside the server's event loop, on the first question
        return await feeds[0].candles(stream, count)

    async def close() -> None:
        for each in feeds:
            await each.close()
        await roof.close()

    token = roof.first_run_token()
    if token:
        print(f"First run: open {setup_address(roof.settings, token)} and choose a password.", flush=True)
    deps = dashboard_deps(roof, None, token)
    return create_app(dataclasses.replace(deps, candles=candles, close=close))


def aggregation_context() -> tuple[str, Path, float]:
    """Give the aggregator's one-liner what it needs: database address, cache file, seconds between looks."""
    roof = Roof()
    roof.start_logs("aggregator")
    return roof.db_url, roof.settings.DASHBOARD_SQLITE_PATH, float(roof.settings.DASHBOARD_REFRESH_SECONDS)
