"""What has to run: reads the strategies of all accounts, and says whose money each one uses."""

import asyncio
import hashlib
from collections.abc import Sequence

import msgspec
import structlog
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from bot.bootstrap import Outfit, Roof
from bot.commands.sealed import keep_copy
from bot.db import embedded
from bot.db.base import Mode, mode_of, schema_of
from bot.db.models import Account, Strategy
from bot.db.repositories import Accounts, Strategies
from bot.domain.errors import Misconfigured, Unavailable
from bot.domain.market import Market
from bot.domain.money import number
from bot.runtime.plan import AccountPlan, StrategyPlan
from bot.strategies.base import Strategy as BaseStrategy
from bot.strategies.config import CONTRACT_STOPS_IN_REHEARSAL_ONLY, StrategyConfig, parse_config

log = structlog.get_logger()

LIVE_APPROVAL = "trade real money"
"""What a person types to approve an account for live; kept sealed, bound to that account."""
NO_LIVE_FUTURES = (
    "futures run on paper and in rehearsal so far: set demo_mode true, or false on an account of the testnet, demo or "
    "emulator"
)
ONE_MARKET_ON_PAPER = (
    "an account's paper money is of one market, spot or futures: put the strategies of the other on an account of "
    "their own"
)
_NO_CONFIG = StrategyConfig(symbol="NONE")


class Plans:
    """Reads what has to run out of the database (`Orchestrator`'s `load`)."""

    def __init__(self, roof: Roof, outfit: Outfit) -> None:
        self._roof = roof
        self._outfit = outfit
        self._copy_trouble = ""

    async def load(self) -> Sequence[AccountPlan]:
        """Give a plan for each account and mode that has a strategy to run, or one that still holds something."""
        try:
            async with self._roof.sessions() as session:
                accounts = {account.id: account for account in await Accounts(session).list()}
                rows = await Strategies(session).list()
                await self._keep_copy(session)
                holding = {mode: set(await _holding(session, mode)) for mode in Mode}
        except (OperationalError, InterfaceError, PoolTimeout, OSError) as error:
            if not self._roof.settings.DB_URL:
                await asyncio.to_thread(embedded.revive, self._roof.settings.VAR_DIR / "postgres")
            raise Unavailable(f"the database does not answer ({type(error).__name__})") from None
        groups: dict[tuple[int, Mode], list[StrategyPlan]] = {}
        for row in rows:
            held = [mode for mode in Mode if row.id in holding[mode]]
            if row.enabled or held:
                await self._place(row, accounts[row.account_id], held, groups)
        for (_, mode), found in groups.items():
            if mode is Mode.PAPER:
                found[:] = await self._of_one_market(found, holding[mode])
        return [_account_plan(accounts[key[0]], key[1], found) for key, found in groups.items()]

    async def _of_one_market(self, found: Sequence[StrategyPlan], holding: set[int]) -> list[StrategyPlan]:
        """Give those of the market on which something is held, or else of the first one's; refuse the others."""
        first = next((each for each in found if each.strategy_id in holding), found[0])
        for each in found:
            if each.config.market_of is not first.config.market_of:
                await self._refuse(each, ONE_MARKET_ON_PAPER)
        return [each for each in found if each.config.market_of is first.config.market_of]

    async def _refuse(self, plan: StrategyPlan, reason: str) -> None:
        """Put on record, once, why a strategy cannot run."""
        if plan.stopped != reason:
            await self._outfit.refuse(plan, reason)

    async def _keep_copy(self, session: AsyncSession) -> None:
        """Keep the sealed keys where they can be had while the database is away."""
        try:
            await keep_copy(self._roof.settings.VAR_DIR, session)
        except Misconfigured as error:
            if self._copy_trouble != str(error):
                log.error("accounts.not_copied", cause=str(error))
            self._copy_trouble = str(error)

    async def _place(
        self,
        row: Strategy,
        account: Account,
        held: Sequence[Mode],
        groups: dict[tuple[int, Mode], list[StrategyPlan]],
    ) -> None:
        try:
            strategy = self._roof.strategy(row.name)
            config = parse_config(strategy.Config, row.config)
            approved = self._is_approved(account)
        except Misconfigured as error:
            if row.stopped_reason != str(error):  # again when a person enables it without having mended it
                await self._outfit.refuse(StrategyPlan(row.id, row.title, BaseStrategy, _NO_CONFIG), str(error))
            return
        if config.max_drawdown is None:
            config = config.model_copy(update={"max_drawdown": self._roof.settings.STRATEGY_MAX_DRAWDOWN})
        plan = StrategyPlan(row.id, row.title, strategy, config, row.enabled, row.stopped_reason)
        mode = mode_of(row.config, account.environment, live_approved=approved)
        if config.market_of is Market.FUTURES and mode is Mode.LIVE:
            # Real futures money waits until its money path is proven.
            await self._refuse(plan, NO_LIVE_FUTURES)
            return
        # Nothing can rest on the paper exchange for contracts: what is held there is watched for by us.
        on_paper = msgspec.structs.replace(plan, config=config.model_copy(update={"protect": "watch"}))
        if mode is Mode.PAPER and config.has_contract_stops:
            await self._refuse(plan, CONTRACT_STOPS_IN_REHEARSAL_ONLY)
            if mode in held:
                leaving = msgspec.structs.replace(on_paper, is_enabled=False)
                groups.setdefault((account.id, mode), []).append(leaving)
        elif row.enabled or mode in held:
            groups.setdefault((account.id, mode), []).append(plan)
        sendable = mode_of({"demo_mode": False}, account.environment, live_approved=approved)
        for former in held:
            # It was told to use other money since: what it still holds there keeps its exits, and takes no new risk.
            # But nothing that a test exchange once filled may ever be sold on the real one.
            if former is not mode and former in {Mode.PAPER, sendable}:
                is_watched = former is Mode.PAPER and config.has_contract_stops
                leaving = msgspec.structs.replace(on_paper if is_watched else plan, is_enabled=False)
                groups.setdefault((account.id, former), []).append(leaving)

    def _is_approved(self, account: Account) -> bool:
        if not account.live_approval_enc:
            return False
        sealed = self._roof.box.open(
            account.live_approval_enc, account=account.name, field="live_approval", environment=account.environment
        )
        return sealed.reveal() == LIVE_APPROVAL


async def _holding(session: AsyncSession, mode: Mode) -> Sequence[int]:
    """Give the strategies with an open round trip or an open order."""
    schema = schema_of(mode)
    found = await session.scalars(
        text(
            f"SELECT strategy_id FROM {schema}.fills WHERE round_trip_id IS NULL UNION "  # noqa: S608 (no outside text)
            f"SELECT strategy_id FROM {schema}.orders WHERE status IN ('SENT', 'UNKNOWN', 'NEW', 'PARTIALLY_FILLED')"
        )
    )
    return found.all()


def _account_plan(account: Account, mode: Mode, strategies: Sequence[StrategyPlan]) -> AccountPlan:
    funds = {asset: number(str(amount)) for asset, amount in account.paper_funds.items()}
    return AccountPlan(
        account.id, account.name, account.environment, mode, tuple(strategies), funds,
        "" if mode is Mode.PAPER else _mark_of(account),
    )  # fmt: skip


def _mark_of(account: Account) -> str:
    sealed = f"{account.api_key_enc} {account.api_secret_enc}"
    return hashlib.sha256(sealed.encode()).hexdigest()[:16]
