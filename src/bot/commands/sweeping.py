"""What `bot panic` does when no bot runs: opens the accounts' keys and cancels every open order itself."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.binance.cancel_all import cancel_all
from bot.binance.client import build_futures, build_spot
from bot.binance.clock import ExchangeClock
from bot.binance.signing import Credentials
from bot.bootstrap import Feeds, Roof
from bot.commands.output import warn
from bot.commands.quick import database_url
from bot.commands.rows import note
from bot.commands.sealed import copy_path, from_database
from bot.db.base import create_async, plain_dsn, session_factory, unit_of_work
from bot.domain.errors import BotError, Unavailable
from bot.domain.market import Market
from bot.ports import Swept
from bot.runtime.kill_switch import Stopped
from bot.security import sealed_copy
from bot.security.keys import load_or_create_key
from bot.security.sealed_copy import SealedAccount
from bot.security.secrets import SecretBox

if TYPE_CHECKING:
    from bot.config import Settings

SWEEP_S = 20.0
"""How long one market of one account may take."""
RECORD_S = 10.0
PATIENCE_S = 2
"""How long the database may take while orders wait to be cancelled, and there is a copy of what it holds."""
LONG_PATIENCE_S = 10


def known_accounts(settings: "Settings") -> tuple[Sequence[SealedAccount], set[str] | None]:
    """Give the accounts that may have orders out, and the names of all (None: unknown, the database is away)."""
    url, copy = database_url(settings), copy_path(settings.VAR_DIR)
    trouble = "the private database is not running"
    if url is None and not copy.exists():
        if not (settings.VAR_DIR / "postgres").exists():
            return [], set()
        url = Roof(settings).db_url  # the slow way: it is started
    if url is not None:
        try:
            return from_database(plain_dsn(url), PATIENCE_S if copy.exists() else LONG_PATIENCE_S)
        except Unavailable as error:
            trouble = str(error)
    warn(f"{trouble}; the accounts' keys are taken from {copy}")
    return sealed_copy.read(copy), None


def sweep(settings: "Settings", accounts: Sequence[SealedAccount], *, everything: bool = False) -> Sequence[Stopped]:
    """Cancel every open order of these accounts but our stops, or `everything`, all at once."""
    if not accounts:
        return []

    async def run() -> Sequence[Stopped]:
        feeds = Feeds(settings)
        try:
            return await sweep_through(feeds, settings, accounts, everything=everything)
        finally:
            await feeds.close()

    return asyncio.run(run())


async def sweep_through(
    feeds: Feeds, settings: "Settings", accounts: Sequence[SealedAccount], *, everything: bool = False
) -> Sequence[Stopped]:
    """Do so inside a program, with the counts of requests that it shares. Misconfigured without our encryption key."""
    given = settings.ENCRYPTION_KEY
    key_file = settings.VAR_DIR / "keys" / "encryption.key"
    box = SecretBox(load_or_create_key(given.get_secret_value() if given else None, key_file, create=False))
    return await asyncio.gather(*(_sweep_account(feeds, each, box, everything) for each in accounts))


def put_on_record(url: str, action: str, subject: str, detail: dict[str, object]) -> None:
    """Write an audit row. Unavailable when the database does not take it in good time."""

    async def run() -> None:
        engine = create_async(url, pooled=False)
        try:
            async with asyncio.timeout(RECORD_S), unit_of_work(session_factory(engine)) as session:
                await note(session, action, subject, detail)
        except TimeoutError:
            raise Unavailable("the database does not answer in time") from None
        finally:
            await engine.dispose()

    asyncio.run(run())


async def _sweep_account(feeds: Feeds, account: SealedAccount, box: SecretBox, everything: bool) -> Stopped:
    mode = "live" if account.environment == "production" else "rehearsal"
    try:
        key, secret = account.open(box)
    except BotError as error:
        return Stopped(account.name, mode, trouble=str(error))
    credentials = Credentials(key.reveal(), secret.reveal())
    markets = [Market(each) for each in account.markets]
    told = await asyncio.gather(
        *(_sweep_market(feeds, account.environment, each, credentials, everything) for each in markets)
    )
    swept = [each for each in told if isinstance(each, Swept)]
    troubles = [f"{market}: {each}" for market, each in zip(markets, told, strict=True) if not isinstance(each, Swept)]
    gone, left, kept = (sum(column) for column in zip(Swept(0, 0), *swept, strict=True))
    return Stopped(account.name, mode, gone, left, "; ".join(troubles), kept)


async def _sweep_market(
    feeds: Feeds, environment: str, market: Market, credentials: Credentials, everything: bool
) -> Swept | str:
    """Give what came of it, or why nothing did."""
    try:
        clock = ExchangeClock(feeds.client(environment, market).time_ms, looks=1)
        build = build_futures if market is Market.FUTURES else build_spot
        client = build(credentials, feeds.hosts(environment, market), clock, feeds.bank(environment, market))
        try:
            async with asyncio.timeout(SWEEP_S):
                with suppress(BotError):  # then this machine's own time has to do
                    await clock.sync()
                return await cancel_all(client, clock, everything=everything)
        finally:
            await client.close()
    except TimeoutError:
        return f"no end within {SWEEP_S:.0f} s"
    except BotError as error:
        return str(error)
