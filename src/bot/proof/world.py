"""A world: one exchange, one database, one bot that lives, dies and comes back, and the weather between them."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from decimal import Decimal
from random import Random
from typing import Any

from bot.binance.client import OrderPath, build_public, build_spot
from bot.binance.clock import ExchangeClock
from bot.binance.execution import SpotBroker
from bot.binance.hosts import hosts_for
from bot.binance.limits import WeightBank
from bot.binance.market_data import MarketData
from bot.binance.signing import Credentials
from bot.db.base import Mode
from bot.domain.messages import Event, OrderChanged, Outcome, PlaceOrder
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.server import Emulator
from bot.ports import Broker, Clock, Feed, Journal, Recovered
from bot.proof.crowd import STRANGER, Crowd
from bot.proof.faults import draw_faults
from bot.proof.journal import Database, Strain
from bot.proof.lease import MemoryLease, Turns
from bot.proof.loop import LIFE, LoopClock, VirtualLoop
from bot.proof.restless import Restless
from bot.proof.trace import Trace
from bot.proof.watch import Breach, Caps, Watch
from bot.proof.weather import drawn
from bot.proof.wires import Network
from bot.risk.rules import Limits
from bot.runtime.kill_switch import KillNote
from bot.runtime.lease import Keeper
from bot.runtime.plan import AccountPlan, StrategyPlan
from bot.runtime.supervisor import keep_alive
from bot.runtime.worker import Listed, Worker

HOSTS = hosts_for("emulator", emulator_url="http://emulator")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")
RICHES = ("USDT", "BTC", "ETH", "BNB", "SOL")
"""What a stranger has plenty of."""
FUNDS = {"USDT": Decimal(1_000_000), "BNB": Decimal(50)}
SETTLING_S = 100.0
"""How long everything has to come to rest once nothing goes wrong any more: fence, audit and the longest pause."""


def key_of(account: str) -> Credentials:
    """Give the key of an account."""
    return Credentials(f"key of {account}", f"secret of {account}")


class Scene:
    """What a seed decides before anything moves.

    `wild` lets everybody else in: strangers who trade with our orders in parts, hands that cancel them, halts, a clock
    that is set, 429s, tight limits on risk, and two strategies a symbol.
    """

    def __init__(self, seed: int, *, wild: bool = False) -> None:
        lots = Random(f"scene {seed}")  # noqa: S311 - a seed has to come again in the same way
        self.seed = seed
        self.symbols = SYMBOLS[: lots.choice((2, 3, 4))]
        self.path = lots.choice((OrderPath.REST, OrderPath.WS))
        self.weather = drawn(lots)
        self.strain = Strain(
            delay_s=lots.choice((0.001, 0.01)),
            slow=lots.choice((0.0, 0.02, 0.2)),
            slow_s=lots.choice((1.0, 8.0)),
            away_before=lots.choice((0.0, 0.01)),
            away_after=lots.choice((0.0, 0.01)),
        )
        self.faults = draw_faults(lots)
        self.accounts = tuple(f"account-{number}" for number in range(1, lots.choice((1, 1, 2)) + 1))
        self.pays_in_bnb = lots.random() < 0.3
        self.deaths = lots.choice((0, 1, 3, 6))
        self.is_gentle = lots.random() < 0.5
        """Whether the bot is told to end, rather than killed."""
        self.fickle = lots.choice((0.05, 0.2, 0.4))
        self.caps = Caps(
            *(Decimal(amount) for amount in lots.choice(((900, 1_500, 3_000), (2_000, 2_000, 4_000), (10**6,) * 3)))
        )
        self.spread_ticks = lots.choice((0, 5, 40))
        self.crowd_every_s = lots.choice((1.0, 3.0, 20.0))
        """Seconds between deeds of everybody else."""
        self.weight_per_minute = lots.choice((6_000, 1_200))
        self.strategies_a_symbol = lots.choice((1, 2))
        self.stop_loss = lots.choice((None, None, 0.0005, 0.003))
        """Where the stops on the exchange stand; None for a bot without any."""
        self.minutes = lots.uniform(3.0, 5.0)
        self.is_wild = wild
        if not wild:
            self._calm()

    def _calm(self) -> None:
        self.faults = tuple(each for each in self.faults if each.kind != "limit")
        self.caps = Caps(*(Decimal(10**6),) * 3)
        self.spread_ticks = 0
        self.weight_per_minute = 6_000
        self.strategies_a_symbol = 1

    def emulator(self) -> EmulatorConfig:
        """Give what the exchange is started with."""
        return EmulatorConfig(
            Synthetic(self.seed),
            (
                AccountConfig(STRANGER.key, STRANGER.secret, dict.fromkeys(RICHES, Decimal(10**7)), name="stranger"),
                *(
                    AccountConfig(key_of(name).key, key_of(name).secret, FUNDS, name=name, pays_in_bnb=self.pays_in_bnb)
                    for name in self.accounts
                ),
            ),
            self.symbols,
            speed=24.0,
            ticks_per_candle=3,
            warmup=3,
            depth_levels=1,
            faults=self.faults,
            spread_ticks=self.spread_ticks,
            weight_per_minute=self.weight_per_minute,
        )

    def plan(self, name: str) -> AccountPlan:
        """Give what the bot has to run on an account."""
        place = self.accounts.index(name)
        strategies = tuple(
            StrategyPlan(
                100 * place + 10 * turn + number,
                f"restless {symbol} {turn}",
                Restless,
                Restless.Config(
                    symbol=symbol,
                    order_value=200.0,
                    seed=self.seed * 10 + 2 * place + turn,
                    capital=100_000.0,
                    fickle=self.fickle,
                    stop_loss=self.stop_loss,
                    protect="exchange" if self.stop_loss else "watch",
                    max_exposure=float(self.caps.strategy),
                ),
            )
            for number, symbol in enumerate(self.symbols, 1)
            for turn in range(self.strategies_a_symbol)
        )
        return AccountPlan(place + 1, name, "emulator", Mode.REHEARSAL, strategies)


class Party:
    """One account: what the bot has to do there, what it remembers, and how it fares."""

    def __init__(self, plan: AccountPlan, world: "World") -> None:
        self.name, self.plan = plan.name, plan
        self.database = Database(world.loop, world.scene.strain, world.dice(f"database {plan.name}"), self._committed)
        self.turns = Turns(world.loop.time)
        self.watch = Watch(world.scene.caps, world.call_out)
        self.intents: dict[str, int] = {}
        """By client order id: the number of the newest fact in the truth book when the intent was durable."""
        self.worker: Worker | None = None
        self.halted = ""
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
        caps = world.scene.caps
        self.limits = Limits(max_exposure=caps.account, max_symbol_exposure=caps.symbol)
        self.mark_every_s = 30.0
        self._bank = self._new_bank()
        self._public = build_public(HOSTS, self._bank, world.network.wires)
        self._hub = MarketData(self._public, self._clock)
        self._keepers: dict[str, Keeper] = {}

    @property
    def clock(self) -> Clock:
        """Virtual time."""
        return self._clock

    def feed(self, plan: AccountPlan) -> Feed:  # noqa: ARG002 - one exchange is all there is
        """Give the hub."""
        return self._hub

    def keeper(self, plan: AccountPlan) -> Keeper:
        """Give what keeps the account's lease. A process knows whether the one before it, on this machine, is dead."""
        if plan.name not in self._keepers:
            party, life = self._world.party(plan), str(self._world.lives)
            lease = MemoryLease(party.turns, life, party.database.carry_out, lambda holder: holder != life)
            self._keepers[plan.name] = Keeper(plan.name, lease, now=self._world.loop.time)
        return self._keepers[plan.name]

    def stopped_by(self, plan: AccountPlan) -> KillNote | None:  # noqa: ARG002
        """Nobody engages the kill switch here."""
        return None

    async def journal(self, plan: AccountPlan) -> Journal:
        """Give a connection to the account's database."""
        return self._world.party(plan).database.connect()

    async def broker(self, plan: AccountPlan, instruments: Listed, recovered: Recovered) -> Broker:  # noqa: ARG002
        """Give what signs and sends."""
        loop, wires = self._world.loop, self._world.network.wires
        clock = ExchangeClock(self._public.time_ms, monotonic=loop.time, wall=self._wall)
        key = key_of(plan.name)
        client = build_spot(key, HOSTS, clock, self._bank, self._world.scene.path, wires)
        return SpotBroker(client, key, clock)

    async def refuse(self, strategy: StrategyPlan, reason: str) -> None:
        """A strategy that cannot run has no place in a proof."""
        raise AssertionError(f"{strategy.title}: {reason}")

    async def close(self) -> None:
        """Let go of the market."""
        await self._hub.close()
        await self._public.close()

    def _new_bank(self) -> WeightBank:
        loop = self._world.loop
        return WeightBank(monotonic=loop.time, wall=self._wall)


class World:
    """Everything of one seed. `run` it on its loop; then the oracle may look."""

    def __init__(self, scene: Scene, loop: VirtualLoop) -> None:
        self.scene, self.loop = scene, loop
        self.lots = self.dice("world")
        self.clock = LoopClock(loop, self.machine_wall)
        self.trace = Trace(loop.time)
        self.emulator = Emulator(scene.emulator(), lambda: int(loop.wall() * 1_000_000_000))
        self.venue = self.emulator.venue
        self.truth = self.emulator.world.truth
        owners = [key_of(name) for name in scene.accounts]
        self.crowd = Crowd(self.emulator, scene.symbols, owners, self.dice("crowd"), self.trace)
        self.breaches: list[Breach] = []
        """What the watch called out."""
        self._alarm = asyncio.Event()
        self._life = 0
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
        name = sent["newClientOrderId"]
        watch = next((each.watch for each in self.parties if each.watch.knows(name)), self.parties[0].watch)
        watch.leaves(sent)

    async def _others(self) -> None:
        if self.scene.is_wild:
            await self.crowd.live(self.scene.crowd_every_s)

    async def _story(self) -> None:
        self.network = Network(self.loop, self.emulator.sites["spot"], self.scene.weather, self.dice("net"), self.trace)
        self.network.on_order = self._leaves
        self.parties = [Party(self.scene.plan(name), self) for name in self.scene.accounts]
        self.emulator.begin()
        others = self.loop.create_task(self._others())
        self._bear()
        length_s = self.scene.minutes * 60.0
        moments = sorted(self.lots.uniform(0.0, length_s) for _ in range(self.scene.deaths))
        began = self.loop.time()
        for moment in moments:
            await asyncio.sleep(max(0.0, began + moment - self.loop.time()))
            await self._die()
            await asyncio.sleep(self.lots.choice((0.0, 0.5, 25.0)))
            self._bear()
        await asyncio.sleep(max(0.0, began + length_s - self.loop.time()))
        others.cancel()
        with suppress(asyncio.CancelledError):
            await others
        self._clear_up()
        await asyncio.sleep(SETTLING_S)

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
        self.trace.add("life", f"{self._life} begins")
        context = copy_context()
        context.run(LIFE.set, self._life)
        self._bot = self.loop.create_task(self._live(self._life), name=f"bot {self._life}", context=context)

    async def _live(self, life: int) -> None:
        outfit = Outfit(self)
        try:
            async with asyncio.TaskGroup() as tasks:
                for party in self.parties:
                    tasks.create_task(self._keep(party, outfit, life), name=f"{party.name} {life}")
        finally:
            await outfit.close()

    async def _keep(self, party: Party, outfit: Outfit, life: int) -> None:
        party.worker = Worker(party.plan, outfit)
        party.halted = ""
        why = "its supervisor ended unasked"
        try:
            why = await keep_alive(
                party.name, party.worker.run, self.clock, lambda why: self._fails(life, f"{party.name}: {why}")
            )
        finally:
            party.halted = why or "it ended by itself"

    def _fails(self, life: int, why: str) -> None:
        self.trace.add("life", f"{life} fails: {why}")

    async def _die(self) -> None:
        bot = self._bot
        assert bot is not None
        if self.scene.is_gentle and self.lots.random() < 0.5:
            self.trace.add("life", f"{self._life} is told to end")
            bot.cancel()
            await asyncio.wait([bot])
            self.loop.end_life(self._life)
            self.network.end_life(self._life)
            return
        ended, life = asyncio.Event(), self._life

        def gone() -> None:
            self.trace.add("life", f"{life} is killed")
            self.network.end_life(life)
            ended.set()

        bot.add_done_callback(lambda _: ended.set())
        self.loop.doom(life, self.lots.randrange(60), gone)
        await ended.wait()

    def party(self, plan: AccountPlan) -> Party:
        """Give the account of a plan."""
        return next(each for each in self.parties if each.name == plan.name)

    def dice(self, name: str) -> Random:
        """Give dice of their own to a part of the world."""
        return Random(f"{name} {self.scene.seed}")  # noqa: S311
