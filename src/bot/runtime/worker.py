"""A worker: one account's engine with its journal, broker and runner, from recovery to a clean stop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from bot.db.base import Mode
from bot.domain.errors import BotError, Unavailable
from bot.domain.messages import CloseRequested, Pulse, StateChanged, StopRequested, Tick
from bot.domain.state import AccountState
from bot.engine.callbacks import Fault, run
from bot.engine.engine import Engine
from bot.killpoints import probe, reached
from bot.ports import Broker, Clock, Feed, Journal, Recovered, Subscription, Swept
from bot.risk.rules import Limits
from bot.runtime.condition import Condition
from bot.runtime.gate import SendGate
from bot.runtime.inbox import Inbox
from bot.runtime.kill_switch import KillNote, Stopped
from bot.runtime.lease import Keeper
from bot.runtime.looks import Looks
from bot.runtime.plan import AccountPlan, StrategyPlan
from bot.runtime.recovery import restore
from bot.runtime.rules_watch import watch_rules
from bot.runtime.runner import Runner
from bot.runtime.setting_up import Listed, add_strategies, rules_in_force, warm_up
from bot.runtime.strangers import Strangers
from bot.runtime.supervisor import gravest

log = structlog.get_logger()

PULSE_S = 1.0
TAKE_AGAIN_S = 0.5
"""Between attempts to take the lease while the database is away."""


class Outfit(Protocol):
    """What the roof gives a worker: the only place where modes differ."""

    @property
    def clock(self) -> Clock:
        """Time."""
        ...

    @property
    def limits(self) -> Limits:
        """What an account is allowed."""
        ...

    @property
    def mark_every_s(self) -> float:
        """Seconds between equity marks."""
        ...

    def feed(self, plan: AccountPlan) -> Feed:
        """Give where its candles come from."""
        ...

    def keeper(self, plan: AccountPlan) -> Keeper:
        """Give what takes and keeps its lease, the same one each time."""
        ...

    def stopped_by(self, plan: AccountPlan) -> KillNote | None:
        """Give the note of the kill switch that stops it, if one is engaged."""
        ...

    @property
    def halts_on_foreign(self) -> bool:
        """Whether an order that is not ours halts an account, rather than being reported."""
        ...

    def halt(self, plan: AccountPlan, reason: str) -> None:
        """Put on record that it may not go on until a person says so, also after a restart."""
        ...

    async def journal(self, plan: AccountPlan, epoch: int) -> Journal:
        """Give its memory, to be written to for as long as this epoch of its lease is the newest."""
        ...

    async def broker(self, plan: AccountPlan, instruments: Listed, recovered: Recovered) -> Broker:
        """Give where its orders go."""
        ...

    async def refuse(self, strategy: StrategyPlan, reason: str) -> None:
        """Put on record that a strategy cannot run."""
        ...


class Worker:
    """Runs one account plan."""

    def __init__(self, plan: AccountPlan, outfit: Outfit) -> None:
        self.plan = plan
        self.runner: Runner | None = None
        self.condition = Condition(str(plan))
        self.waits_for = ""
        """Why it cannot begin yet: another bot has the lease, or the database is away."""
        self._outfit = outfit
        self._broker: Broker | None = None
        self._inbox: Inbox | None = None
        self._wants_closing = asyncio.Event()

    async def run(self) -> None:
        """Become the account's only sender, then recover, warm up, trade until cancelled, let go."""
        keeper = self._outfit.keeper(self.plan)
        self.condition = Condition(str(self.plan))
        try:
            await self._take(keeper)
            async with asyncio.TaskGroup() as group:
                group.create_task(keeper.keep(), name=f"lease {self.plan}")
                group.create_task(self._trade(keeper), name=f"trade {self.plan}")
        except BaseExceptionGroup as failures:
            raise gravest(failures) from None
        finally:
            await keeper.release()

    @property
    def is_connected(self) -> bool:
        """Whether it can reach its exchange, to cancel there."""
        return self._broker is not None

    async def carry_out(self, note: KillNote) -> Stopped:
        """Stop until a person lifts it: halt, cancel, and close what is held if the note says so.

        Stops on the exchange go on guarding what is held, unless the note wants everything gone. Nothing here waits for
        the database.
        """
        name, mode = self.plan.name, self.plan.mode.value
        self.condition.halt(str(note), keeps_stops=note.cancels and not note.everything)
        if not note.cancels:
            return Stopped(name, mode)
        if self._broker is None:
            return Stopped(name, mode, trouble="it is only starting, and will look at the kill switch first")
        try:
            swept = await self._broker.cancel_all(everything=note.everything)
        except BotError as error:
            swept, trouble = Swept(0, 0), str(error)
        else:
            trouble = ""
        if note.flatten and self._inbox is not None:
            self._wants_closing.set()
            self._inbox.put(CloseRequested(str(note), self._outfit.clock.now_ms()))
        return Stopped(name, mode, swept.gone, swept.left, trouble, swept.kept)

    async def _take(self, keeper: Keeper) -> None:
        """Wait for the lease, however long another has it or the database is away."""

        def wait(cause: BotError) -> None:
            if self.waits_for != str(cause):
                log.warning("account.waits", account=str(self.plan), cause=str(cause))
            self.waits_for = str(cause)

        while True:
            try:
                await keeper.take_when_free(wait)
            except Unavailable as error:
                wait(error)
                await self._outfit.clock.sleep(TAKE_AGAIN_S)
            else:
                self.waits_for = ""
                return

    async def _trade(self, keeper: Keeper) -> None:
        outfit, plan = self._outfit, self.plan
        feed = outfit.feed(plan)
        journal = await outfit.journal(plan, keeper.epoch)
        try:
            instruments = await rules_in_force(plan, feed)
            recovered = await journal.recover()
            engine = Engine(
                outfit.limits,
                epoch=keeper.epoch,
                stopwatch=outfit.clock.monotonic,
                probe=probe,
                is_live=plan.mode is Mode.LIVE,
            )
            condition = self.condition = Condition(str(plan))
            await add_strategies(plan, engine, instruments, outfit.refuse)
            restore(engine, recovered)
            inbox = self._inbox = Inbox()
            condition.listener = self._moved
            broker = await outfit.broker(plan, instruments, recovered)
            gate = SendGate(condition, owners=[keeper.objection], switches=[self._switch], closing=self._is_closing)
            runner = Runner(str(plan), engine, journal, broker, inbox, outfit.clock, condition)
            strangers = Strangers(journal, condition, inbox.put, halts=outfit.halts_on_foreign)
            looks = Looks(engine, broker, condition, outfit.clock, strangers.judge, journal.knows)
            # First history, then the stream: the feed goes on where the history ended, so no candle falls between.
            await warm_up(engine, feed, outfit.clock)
            try:
                ours = [each for each in recovered.open_orders if each.order.strategy_id in engine.slots]
                await broker.start(inbox.put, ours, gate.permit, condition)
                await looks.look()
                self._broker = broker
                if (note := outfit.stopped_by(plan)) is not None:
                    await self.carry_out(note)
                subscription = await _subscribe(feed, engine, inbox)
                condition.finish()
                reached("recon.ready")
                self.runner = runner
                self._remind(engine)
                log.info("account.ready", account=str(plan), strategies=len(engine.slots))
                try:
                    await self._work(engine, runner, looks, feed)
                finally:
                    self.runner = None
                    await subscription.close()
            finally:
                reached("shutdown.drain")
                self._broker = self._inbox = None
                await broker.stop()
                _say_goodbye(engine)
        finally:
            await close(journal)
            log.info("account.stopped", account=str(plan))

    async def _work(self, engine: Engine, runner: Runner, looks: Looks, feed: Feed) -> None:
        plan = self.plan
        async with asyncio.TaskGroup() as group:
            group.create_task(runner.run(), name=f"runner {plan}")
            group.create_task(runner.watch(), name=f"journal {plan}")
            group.create_task(looks.run(), name=f"looks {plan}")
            group.create_task(watch_rules(plan, feed, engine, self._outfit.clock), name=f"rules {plan}")
            group.create_task(self._mark(runner, runner.inbox), name=f"marks {plan}")
            group.create_task(self._pulse(engine, runner.inbox), name=f"pulse {plan}")

    def request_stop(self, strategy_id: int, reason: str) -> None:
        """Take a strategy out of new risk at once."""
        if self.runner is not None:
            time_ms = self.runner.last_candle_ms or self._outfit.clock.now_ms()
            self.runner.inbox.put(StopRequested(strategy_id, reason, time_ms))

    def _remind(self, engine: Engine) -> None:
        """Stop who was disabled since we began, and who was stopped before: it may have died with an entry at rest."""
        for each in self.plan.strategies:
            stopped = each.strategy_id in engine.slots and engine.slots[each.strategy_id].stopped
            if stopped or not each.is_enabled:
                self.request_stop(each.strategy_id, stopped or "disabled")

    def _moved(self, state: AccountState, reason: str) -> None:
        """Tell the engine, and have a halt outlive us."""
        if self._inbox is not None:
            self._inbox.put(StateChanged(state, reason, self._outfit.clock.now_ms(), self.condition.keeps_stops))
        if state is AccountState.HALTED and self._outfit.stopped_by(self.plan) is None:
            self._outfit.halt(self.plan, reason)

    def _switch(self) -> str:
        note = self._outfit.stopped_by(self.plan)
        return str(note) if note else ""

    def _is_closing(self) -> bool:
        note = self._outfit.stopped_by(self.plan)
        return note is not None and note.flatten

    async def _pulse(self, engine: Engine, inbox: Inbox) -> None:
        """Tell the engine that time passes, while something waits for that: stops, or what a person wants closed."""
        if not any(slot.guard for slot in engine.slots.values()):
            await self._wants_closing.wait()
        while True:
            await self._outfit.clock.sleep(PULSE_S)
            if engine.wants_pulses:
                inbox.put(Pulse())

    async def _mark(self, runner: Runner, inbox: Inbox) -> None:
        """Ask for equity marks at the market's own time, which a replay runs through faster than the clock."""
        marked_ms = 0
        while True:
            await self._outfit.clock.sleep(self._outfit.mark_every_s)
            if runner.last_candle_ms > marked_ms:
                marked_ms = runner.last_candle_ms
                inbox.put(Tick(marked_ms))


async def _subscribe(feed: Feed, engine: Engine, inbox: Inbox) -> Subscription:
    streams = sorted({slot.stream for slot in engine.slots.values()}, key=str)
    wants_forming = any(slot.strategy.open_candles for slot in engine.slots.values())
    return await feed.subscribe(streams, inbox.put, open_candles=wants_forming)


def _say_goodbye(engine: Engine) -> None:
    for slot in engine.slots.values():
        if not slot.is_faulted:
            try:
                run(slot.strategy.on_stop)
            except Fault as fault:
                log.warning("strategy.failed_at_end", strategy=slot.id, cause=str(fault))


async def close(resource: object) -> None:
    """Close what can be closed; ports say nothing of it, since a list in memory need not."""
    closer: Callable[[], Awaitable[None]] | None = getattr(resource, "close", None)
    if closer is not None:
        await closer()
