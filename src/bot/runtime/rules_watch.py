"""Watches the rules in force: ticks, steps and smallest orders change, and symbols halt, while an account trades."""

import structlog

from bot.domain.errors import BotError
from bot.engine import rulebook
from bot.engine.engine import Engine
from bot.ports import Clock, Feed
from bot.runtime.plan import AccountPlan
from bot.runtime.setting_up import rules_in_force

log = structlog.get_logger()

RULES_S = 3_600.0
"""Between readings of the rules when nothing speaks against those we know."""
DOUBTED_S = 30.0
"""Between readings while a symbol is not traded, or an order broke a filter by the exchange's own rules."""


async def watch_rules(plan: AccountPlan, feed: Feed, engine: Engine, clock: Clock) -> None:
    """Read the rules again whenever it is time, until cancelled, and have the engine size orders by them."""
    while True:
        waited_s = 0.0
        while waited_s < (DOUBTED_S if rulebook.are_doubtful(engine.slots.values()) else RULES_S):
            await clock.sleep(DOUBTED_S)
            waited_s += DOUBTED_S
        try:
            listed = await rules_in_force(plan, feed)
        except BotError as error:
            log.warning("rules.not_read", account=str(plan), cause=str(error))
            continue
        for symbol in rulebook.take(engine.slots.values(), listed):
            log.info("rules.changed", account=str(plan), symbol=symbol)
