"""Setting up an account's engine: the rules in force, its strategies, and the history that warms them up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from bot.domain.errors import Rejected
from bot.domain.instrument import Instrument
from bot.domain.market import Market, Stream
from bot.engine.callbacks import Fault
from bot.engine.engine import Engine
from bot.ports import Clock, Feed
from bot.runtime.plan import AccountPlan, StrategyPlan
from bot.runtime.recovery import candles_since_entry, restore_best_price, restore_cooldown

log = structlog.get_logger()

HISTORY_AT_ONCE = 8
"""Series whose history is fetched at the same time."""

Listed = Mapping[tuple[Market, str], Instrument]
"""The rules of what is traded, by market and symbol: spot and futures write different things alike."""
Refuse = Callable[[StrategyPlan, str], Awaitable[None]]
"""Puts on record that a strategy cannot run, and why."""


async def rules_in_force(plan: AccountPlan, feed: Feed) -> Listed:
    """Give the rules of everything listed on the markets that an account trades on."""
    found: dict[tuple[Market, str], Instrument] = {}
    for market in sorted({each.config.market_of for each in plan.strategies}):
        try:
            rules = await feed.instruments(market)
        except Rejected as error:  # a market that this feed does not show: its strategies alone cannot run
            log.warning("market.not_shown", account=str(plan), market=market, cause=str(error))
            continue
        found |= {(market, symbol): instrument for symbol, instrument in rules.items()}
    return found


async def add_strategies(plan: AccountPlan, engine: Engine, instruments: Listed, refuse: Refuse) -> None:
    """Give each strategy its slot; one that cannot run is refused, and the others run."""
    for each in plan.strategies:
        market, symbol = each.config.market_of, each.config.symbol
        instrument = instruments.get((market, symbol))
        if instrument is None:
            await refuse(each, f"{symbol} is not listed on {plan.environment} {market}")
            continue
        try:
            slot = engine.add(each.strategy_id, each.strategy, each.config, instrument)
        except Fault as fault:
            await refuse(each, str(fault))
            continue
        except Exception as error:  # noqa: BLE001 - a strategy's own constructor may raise anything
            await refuse(each, f"{each.strategy.__name__} raised {type(error).__name__}: {error}")
            continue
        slot.stopped = each.stopped or ("" if each.is_enabled else "disabled")


async def warm_up(engine: Engine, feed: Feed, clock: Clock) -> None:
    """Fetch each series' history once, however many strategies read it."""
    wanted: dict[Stream, int] = {}
    for slot in engine.slots.values():
        # One candle at least, so that every strategy knows a price before its first own candle.
        count = max(slot.strategy.warm_up, candles_since_entry(slot, clock.now_ms()))
        wanted[slot.stream] = max(wanted.get(slot.stream, 1), count)
    gate = asyncio.Semaphore(HISTORY_AT_ONCE)

    async def fetch(stream: Stream, count: int) -> None:
        async with gate:
            candles = await feed.history(stream, count)
        for slot in engine.slots.values():
            if slot.stream == stream:
                engine.warm_up(slot.id, candles)
                restore_best_price(slot, candles)
                restore_cooldown(slot)

    async with asyncio.TaskGroup() as group:
        for stream, count in wanted.items():
            group.create_task(fetch(stream, count))
