"""A world: one exchange, one database, one bot that lives, dies and comes back, and the weather between them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from operator import itemgetter
from random import Random
from typing import Any

from bot.binance.bans import MemoryNote
from bot.binance.client import build_futures, build_public, build_spot
from bot.binance.clock import ExchangeClock
from bot.binance.execution import SpotBroker
from bot.binance.futures_broker import FuturesBroker
from bot.binance.hosts import hosts_for
from bot.binance.limits import LIMITS, WeightBank
from bot.binance.market_data import MarketData
from bot.binance.markets import MarketsFeed
from bot.domain.market import Market
from bot.domain.messages import Event, OrderChanged, Outcome, PlaceOrder
from bot.emulator.server import Emulator
from bot.ports import Broker, Clock, Feed, Journal, Recovered
from bot.proof.clerk import Clerk
from bot.proof.crowd import Crowd
from bot.proof.hands import Hands
from bot.proof.journal import Database
from bot.proof.lease import MemoryLease
from bot.proof.loop import LIFE, LoopClock, VirtualLoop
from bot.proof.scene import SITES, Scene, key_of
from bot.proof.trace import Trace
from bot.proof.watch import Breach, Watch, names_of
from bot.proof.wires import Network
from bot.risk.rules import Limits
from bot.runtime.kill_switch import KillNote
from bot.runtime.lease import Keeper
from bot.runtime.looks import IDLE_S
from bot.runtime.plan import AccountPlan, StrategyPlan
from bot.runtime.setting_up import Listed
from bot.runtime.supervisor import keep_alive
from bot.runtime.worker import Worker

HOSTS = {
    Market.SPOT: hosts_for("emulator", emulator_url="http://emulator"),
    Market.FUTURES: hosts_for("emulator", Market.FUTURES, emulator_url="http://um-emulator"),
}
Task = asyncio.Task[Any]
SETTLING_S = 100.0
"""How long everything has to come to rest once nothing goes wrong any more: fence, audit and the longest pause."""


class Party:
    """One account: what the bot has to do there, what it remembers, and how it fares."""

    def __init__(self, plan: AccountPlan, world: "World") -> None:
        self.name, self.plan = plan.name, plan
        self.database = Database(world.loop, world.scene.strain, world.dice(f"database {plan.name}"), self._committed)
        self.watch = Watch(world.scene.caps, world.call_out)
        self.intents: dict[str, int] = {}
        """By client order id: the number of the newest fact in the truth book when the intent was durable."""
        self.worker: Worker | None = None
        self.halted = ""
        self.restart: Callable[[], None] | None = None
        """Stops the worker and begins anew in the same process, while there is one."""
        self._truth, self._trace = world.truth, world.trace

    def _committed(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        self.watch.committed(event, outcomes)
        for each in outcomes:
            if isinstance(each, PlaceOrder):
                order = each.order
                self.intents.setdefault(order.client_order_id, self._truth.last)
                self._trace.add("intent", f"{order.side} {order.quantity} {order.symbol}", order.client_order_id)
            elif isinstance(each, OrderChanged):
                self._trace.add("journal", f"{each.status} {each.filled} {each.reason}", each.client_order_id)


class Outfit:
    """What one process of the bot is made of (`runtime.worker.Outfit`)."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._clock = world.clock
        self._wall = world.machine_wall
        self._markets = sorted(set(world.scene.markets.values()))
        caps = world.scene.caps
        self.limits = Limits(max_exposure=caps.account, max_symbol_exposure=caps.symbol)
        self.mark_every_s = 30.0
        self._banks = {
            each: WeightBank(LIMITS[each], note=world.notes[each], monotonic=world.loop.time, wall=self._wall)
            for each in self._markets
        }
        self._public = {
            each: build_public(HOSTS[each], self._banks[each], world.networks[each].wires) for each in self._markets
        }
        self._hubs = {each: MarketData(self._public[each], self._clock) for each in self._markets}
        self._keepers: dict[str, Keeper] = {}

    @property
    def clock(self) -> Clock:
        """Virtual time."""
        return self._clock

    def feed(self, plan: AccountPlan) -> Feed:  # noqa: ARG002 - one exchange is all there is
        """Give the hubs."""
        return MarketsFeed(lambda market: self._hubs[market])

    def keeper(self, plan: AccountPlan) -> Keeper:
        """Give what keeps the account's lease. A process knows whether the one before it, on this machine, is dead."""
        if plan.name not in self._keepers:
            database, gone = self._world.party(plan).database, self._world.gone
            lease = MemoryLease(database.turns, str(LIFE.get()), database.change_turns, lambda holder: holder in gone)
            self._keepers[plan.name] = Keeper(plan.name, lease, now=self._world.loop.time)
        return self._keepers[plan.name]

    def stopped_by(self, plan: AccountPlan) -> KillNote | None:  # noqa: ARG002
        """Give the note of the kill switch, once one is engaged."""
        return self._world.note

    @property
    def halts_on_foreign(self) -> bool:
        """Orders of others are reported."""
        return False

    def halt(self, plan: AccountPlan, reason: str) -> None:
        """Tell of it: nobody lifts it here."""
        self._world.trace.add("halt", f"{plan.name}: {reason}")

    async def journal(self, plan: AccountPlan, epoch: int) -> Journal:
        """Give a connection to the account's database."""
        return self._world.party(plan).database.connect(epoch)

    async def broker(self, plan: AccountPlan, instruments: Listed, recovered: Recovered) -> Broker:  # noqa: ARG002
        """Give what signs and sends."""
        world, key = self._world, key_of(plan.name)
        market = world.scene.markets[plan.name]
        clock = ExchangeClock(self._public[market].time_ms, monotonic=world.loop.time, wall=self._wall)
        told = (key, HOSTS[market], clock, self._banks[market], world.scene.path, world.networks[market].wires)
        if market is Market.FUTURES:
            return FuturesBroker(build_futures(*told), key, clock, income_since_ms=recovered.income_ms)
        return SpotBroker(build_spot(*told), key, clock)

    async def refuse(self, strategy: StrategyPlan, reason: str) -> None:
        """A strategy that cannot run has no place in a proof."""
        raise AssertionError(f"{strategy.title}: {reason}")

    async def close(self) -> None:
        """Let go of the market."""
        for market in self._markets:
            await self._hubs[market].close()
            await self._public[market].close()


class World:
    """Everything of one seed. `run` it on its loop; then the oracle may look."""

    def __init__(self, scene: Scene, loop: VirtualLoop) -> None:
        self.scene, self.loop = scene, loop
        self.lots = self.dice("world")
        self._pauses = self.dice("pauses")
        self.clock = LoopClock(loop, self.machine_wall)
        self.trace = Trace(loop.time)
        self.notes = {market: MemoryNote(loop.time) for market in Market}
        """What the machine's files say of waits, whichever process lives."""
        self.emulator = Emulator(scene.emulator(), lambda: int(loop.wall() * 1_000_000_000))
        self.venue = self.emulator.venue
        self.truth = self.emulator.world.truth
        owners = {key_of(name): market for name, market in scene.markets.items()}
        self.crowd = Crowd(self.emulator, scene.symbols, owners, self.dice("crowd"), self.trace)
        self.breaches: list[Breach] = []
        """What the watch called out."""
        self.note: KillNote | None = None
        """What the kill switch says."""
        self.hands = Hands(self.emulator, scene, self.dice("hands"), self.trace, self.switch)
        self._alarm = asyncio.Event()
        self._life = 0
        self._heard = 0
        """The process for which the switch is thrown and lifted, 0 for none."""
        self.gone: set[str] = set()
        """Processes that are known to have ended."""
        self._carrying: dict[str, Task] = {}
        """Who carries the kill switch out."""
        self._bot: asyncio.Task[Any] | None = None

    @property
    def lives(self) -> int:
        """How many processes there were."""
        return self._life

    def machine_wall(self) -> float:
        """Give s UTC as the bot's machine believes."""
        return self.loop.wall() + self.crowd.skew_s

    def call_out(self, breach: Breach) -> None:
        """Hear of an invariant that was just broken: there is no need to go on."""
        self.trace.add("breach", f"{breach.invariant} {breach.text}", breach.order)
        self.breaches.append(breach)
        self._alarm.set()

    async def run(self) -> None:
        """Let the bot trade, die and come back; then let everything come to rest. It ends at the first breach."""
        story, alarm = self.loop.create_task(self._story()), self.loop.create_task(self._alarm.wait())
        await asyncio.wait({story, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if story.done():
            await story

    def _leaves(self, sent: Mapping[str, str]) -> None:
        name = names_of(sent)[0]
        party = next((each for each in self.parties if each.watch.knows(name)), self.parties[0])
        party.watch.leaves(sent, party.database.turns.epoch)

    async def _others(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            if self.scene.is_wild:
                tasks.create_task(self.crowd.live(self.scene.crowd_every_s))
                tasks.create_task(self.hands.live())
            if (venue := self.emulator.futures) is not None:
                length_s = self.scene.minutes * 60.0
                clerk = Clerk(venue, self.scene.symbols, self.scene.runaways, length_s, self.dice("clerk"), self.trace)
                tasks.create_task(clerk.live())

    async def _story(self) -> None:
        self.networks = {
            market: Network(self.loop, self.emulator.sites[site], self.scene.weather, self.dice(net), self.trace)
            for (market, site), net in zip(SITES.items(), ("net", "um net"), strict=True)
            if site in self.emulator.sites
        }
        for network in self.networks.values():
            network.on_order = self._leaves
        self.parties = [Party(self.scene.plan(name), self) for name in self.scene.accounts]
        self.emulator.begin()
        others = self.loop.create_task(self._others())
        self._bear()
        length_s = self.scene.minutes * 60.0
        moments = [(self.lots.uniform(0.0, length_s), self._die_and_return) for _ in range(self.scene.deaths)]
        moments += [(self._pauses.uniform(0.0, length_s), self._pause) for _ in range(self.scene.pauses)]
        began = self.loop.time()
        for moment, befall in sorted(moments, key=itemgetter(0)):
            await asyncio.sleep(max(0.0, began + moment - self.loop.time()))
            await befall()
        await asyncio.sleep(max(0.0, began + length_s - self.loop.time()))
        others.cancel()
        with suppress(asyncio.CancelledError):
            await others
        self._clear_up()
        await asyncio.sleep(SETTLING_S + (IDLE_S if self.scene.hands_every_s else 0.0))

    def _clear_up(self) -> None:
        self.trace.add("life", "the weather clears up and the market stands still")
        self.scene.weather.clear_up()
        self.scene.strain.ease()
        self.emulator.world.faults.remove()
        self.crowd.clear_up()
        self.emulator.run_at(0)

    def _bear(self) -> None:
        """Start the bot as a new process would."""
        self._life += 1
        self._heard = self._life
        self.trace.add("life", f"{self._life} begins")
        context = copy_context()
        context.run(LIFE.set, self._life)
        self._bot = self.loop.create_task(self._live(self._life), name=f"bot {self._life}", context=context)

    async def _live(self, life: int) -> None:
        outfit = Outfit(self)
        try:
            async with asyncio.TaskGroup() as tasks:
                for party in self.parties:
                    self._begin(party, outfit, life, tasks)
        finally:
            await outfit.close()

    def _begin(
        self, party: Party, outfit: Outfit, life: int, tasks: asyncio.TaskGroup, after: Task | None = None
    ) -> None:
        """Begin an account's work, once the work before it has ended."""
        context = copy_context()
        context.run(LIFE.set, life)
        work = self._keep(party, outfit, life, after)
        task = tasks.create_task(work, name=f"{party.name} {life}", context=context)

        def restart() -> None:
            if not task.done():
                self._begin(party, outfit, life, tasks, task)
                task.cancel()

        if life == self._heard:  # (who was held before its first step begins late: it is not asked any more)
            party.restart = restart

    async def switch(self, note: KillNote | None) -> None:
        """Throw the kill switch, or lift it: the bot does what it does then, one after the other."""
        if note is None and self._carrying:
            await asyncio.wait(self._carrying.values(), timeout=SETTLING_S)  # (the dead never end)
        self.note = note
        for party in self.parties:
            if note is None and party.restart is not None:
                party.restart()
            elif note is not None and party.worker is not None and party.restart is not None:
                context = copy_context()
                context.run(LIFE.set, self._life)
                self._carrying[party.name] = self.loop.create_task(party.worker.carry_out(note), context=context)

    async def _keep(self, party: Party, outfit: Outfit, life: int, after: Task | None) -> None:
        if after is not None:
            await asyncio.wait([after])
        worker = Worker(party.plan, outfit)
        if life == self._life:  # (who slept while another began is no longer the one that counts)
            party.worker, party.halted = worker, ""
        why = "its supervisor ended unasked"
        try:
            why = await keep_alive(
                party.name, worker.run, self.clock, lambda why: self._fails(life, f"{party.name}: {why}")
            )
        finally:
            if party.worker is worker:
                party.halted = why or "it ended by itself"

    def _fails(self, life: int, why: str) -> None:
        self.trace.add("life", f"{life} fails: {why}")

    async def _die_and_return(self) -> None:
        await self._die()
        await asyncio.sleep(self.lots.choice((0.0, 0.5, 25.0)))
        self._bear()

    def _hears_no_more(self) -> None:
        """Nobody can throw the switch for this process any more: the next one looks for itself."""
        self._heard = 0
        self._carrying.clear()
        for party in self.parties:
            party.restart = None

    async def _pause(self) -> None:
        """Hold the process still until another one, on another machine, has its turn; then wake it up."""
        sleeper = self._life
        self.trace.add("life", f"{sleeper} stands still")
        self._hears_no_more()
        self.loop.hold(sleeper)
        await asyncio.sleep(self._pauses.uniform(0.0, 5.0))
        self._bear()
        await asyncio.sleep(self._pauses.uniform(5.0, 40.0))
        self.trace.add("life", f"{sleeper} wakes up")
        self.loop.let_go(sleeper)
        await asyncio.sleep(self._pauses.uniform(0.5, 20.0))
        self.trace.add("life", f"{sleeper} is killed")
        self.loop.end_life(sleeper)
        self._hang_up(sleeper)

    async def _die(self) -> None:
        bot = self._bot
        assert bot is not None
        self._hears_no_more()
        if self.scene.is_gentle and self.lots.random() < 0.5:
            self.trace.add("life", f"{self._life} is told to end")
            bot.cancel()
            await asyncio.wait([bot])
            self.loop.end_life(self._life)
            self._hang_up(self._life)
            return
        ended, life = asyncio.Event(), self._life

        def gone() -> None:
            self.trace.add("life", f"{life} is killed")
            self._hang_up(life)
            ended.set()

        bot.add_done_callback(lambda _: ended.set())
        self.loop.doom(life, self.lots.randrange(60), gone)
        await ended.wait()

    def _hang_up(self, life: int) -> None:
        self.gone.add(str(life))
        for network in self.networks.values():
            network.end_life(life)

    def party(self, plan: AccountPlan) -> Party:
        """Give the account of a plan."""
        return next(each for each in self.parties if each.name == plan.name)

    def dice(self, name: str) -> Random:
        """Give dice of their own to a part of the world."""
        return Random(f"{name} {self.scene.seed}")  # noqa: S311
