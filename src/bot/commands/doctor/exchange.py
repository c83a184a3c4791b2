"""The exchanges in use: how far our clock is off theirs, and what our keys may do. Without a network: skipped."""

import asyncio
import dataclasses
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bot.commands.doctor.findings import Finding, judged
from bot.domain.errors import BotError, Unavailable
from bot.domain.market import Market

if TYPE_CHECKING:
    from bot.bootstrap import Feeds, Roof
    from bot.db.models import Account, Strategy

ANSWER_S = 10.0
CLOCK_WARN_MS, CLOCK_FAIL_MS = 1_000, 30_000
TELLS_RIGHTS = frozenset({"production", "emulator"})
"""Environments that tell what a key may do."""
MONEY_OUT = {
    "enableWithdrawals": "withdraw",
    "enableInternalTransfer": "transfer to other accounts",
    "permitsUniversalTransfer": "transfer between wallets",
}
NOT_WANTED = {
    "enableMargin": "borrow",
    "enableVanillaOptions": "trade options",
    "enableFixApiTrade": "trade by FIX",
    "enablePortfolioMarginTrading": "trade with portfolio margin",
}
NEEDED = {Market.SPOT: "enableSpotAndMarginTrading", Market.FUTURES: "enableFutures"}
_OTHERS = frozenset({
    "ipRestrict", "createTime", "tradingAuthorityExpirationTime", "enableReading", "enableFixReadOnly"
})  # fmt: skip


def look(roof: "Roof", accounts: Sequence["Account"], strategies: Sequence["Strategy"]) -> Iterator[Finding]:
    """Ask each exchange in use, all at once."""
    yield from asyncio.run(_ask(roof, accounts, strategies))


async def _ask(roof: "Roof", accounts: Sequence["Account"], strategies: Sequence["Strategy"]) -> list[Finding]:
    from bot.bootstrap import Feeds  # noqa: PLC0415

    sending = [account for account in accounts if account.api_key_enc]
    markets = {
        account.id: {Market(each.market) for each in strategies if each.account_id == account.id}
        for account in accounts
    }
    used: set[tuple[str, Market]] = {(roof.settings.MARKET_DATA_ENVIRONMENT, Market.SPOT)}
    used |= {(account.environment, market) for account in sending for market in markets[account.id] | {Market.SPOT}}
    feeds = Feeds(roof.settings)
    try:
        clocks = [_clock(feeds, environment, market) for environment, market in sorted(used)]
        rights = [_rights(roof, feeds, account, markets[account.id]) for account in sending]
        return list(await asyncio.gather(*clocks, *rights))
    finally:
        await feeds.close()


async def _clock(feeds: "Feeds", environment: str, market: Market) -> Finding:
    name = f"clock of {environment}" + (" futures" if market is Market.FUTURES else "")
    try:
        async with asyncio.timeout(ANSWER_S):
            client = feeds.client(environment, market)
            await client.time_ms()  # the first answer has waited for the connection
            asked = time.time_ns() // 1_000_000
            theirs = await client.time_ms()
            off_ms = theirs - (asked + time.time_ns() // 1_000_000) // 2
    except (BotError, TimeoutError) as error:
        return _unanswered(name, error)
    return offset(name, off_ms, is_emulator=environment == "emulator")


def offset(name: str, off_ms: int, *, is_emulator: bool) -> Finding:
    """Judge by how much an exchange's clock is ahead of ours; an emulator may keep a time of its own."""
    seen = f"ours differs by {-off_ms} ms"
    if is_emulator:
        return Finding(name, "ok", seen)
    is_far, is_off = abs(off_ms) > CLOCK_FAIL_MS, abs(off_ms) > CLOCK_WARN_MS
    mend = "let the system keep time (NTP)"
    return judged(name, seen, fails=[seen] * is_far, warns=[seen] * (is_off and not is_far), mend=mend)


async def _rights(roof: "Roof", feeds: "Feeds", account: "Account", markets: Collection[Market]) -> Finding:
    from bot.binance.client import build_spot  # noqa: PLC0415
    from bot.binance.clock import ExchangeClock  # noqa: PLC0415
    from bot.binance.spot import RESTRICTIONS  # noqa: PLC0415
    from bot.binance.wire_requests import NOTHING  # noqa: PLC0415

    name = f"key of {account.name}"
    if account.environment not in TELLS_RIGHTS:
        return Finding(name, "skipped", f"the {account.environment} does not tell what a key may do")
    clock = ExchangeClock(feeds.client(account.environment).time_ms)
    hosts, bank = feeds.hosts(account.environment), feeds.bank(account.environment)
    client = build_spot(roof.credentials(account), hosts, clock, bank)
    # Read as it comes: a right that Binance added yesterday must show.
    as_it_comes: Any = dataclasses.replace(RESTRICTIONS, reply=dict[str, Any])
    try:
        async with asyncio.timeout(ANSWER_S):
            await clock.sync()
            return rights(name, await client.call(as_it_comes, NOTHING), markets)
    except (Unavailable, TimeoutError) as error:
        return _unanswered(name, error)
    except BotError as error:
        return Finding(name, "fail", str(error), "add the account again with a key that works: bot account add")
    finally:
        await client.close()


def rights(name: str, told: Mapping[str, Any], markets: Collection[Market]) -> Finding:
    """Judge what a key may do: no money out, what its strategies need, and from our address alone."""
    fails = [f"it may {what} ({right})" for right, what in MONEY_OUT.items() if told.get(right)]
    if not told.get("enableReading"):
        fails.append("it may not read (enableReading)")
    fails += [
        f"it may not trade {market} ({NEEDED[market]}), which strategies of the account do"
        for market in sorted(markets)
        if not told.get(NEEDED[market])
    ]
    warns = [] if told.get("ipRestrict") else ["it may be used from any address: restrict it to yours"]
    warns += [
        f"it may {what} ({right}), which nothing here needs" for right, what in NOT_WANTED.items() if told.get(right)
    ]
    known = MONEY_OUT.keys() | NOT_WANTED.keys() | set(NEEDED.values()) | _OTHERS
    warns += [
        f"it has a right that this program does not know: {right}"
        for right in sorted(told.keys() - known)
        if told[right]
    ]
    seen = "it reads and trades, from listed addresses alone"
    return judged(name, seen, fails=fails, warns=warns, mend="change the key's rights on Binance's API management page")


def _unanswered(name: str, error: Exception) -> Finding:
    seen = str(error).partition(": nothing was sent")[0] or "no answer in time"
    return Finding(name, "skipped", seen, "check the network, or the address; then ask again")
