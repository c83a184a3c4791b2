"""Our bot on the stage of an incident: the whole of it, from strategy to wire, as one process runs it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from random import Random

from tests.incidents.stage import KEY, ME, SYMBOL, Stage

from bot.binance.client import build_futures, build_public, build_spot
from bot.binance.clock import ExchangeClock
from bot.binance.execution import SpotBroker
from bot.binance.futures_broker import FuturesBroker
from bot.binance.limits import LIMITS, WeightBank
from bot.binance.market_data import MarketData
from bot.db.base import Mode
from bot.domain.errors import BotError
from bot.domain.market import Candle, Market
from bot.domain.messages import Decision, FillBooked, OrderChanged, Outcome, PlaceOrder
from bot.ports import Broker, Clock, Feed, Journal, Recovered
from bot.proof.journal import Database, Strain
from bot.proof.lease import MemoryLease
from bot.risk.rules import Limits
from bot.runtime.kill_switch import KillNote
from bot.runtime.lease import Keeper
from bot.runtime.plan import AccountPlan, StrategyPlan
from bot.runtime.worker import Listed, Worker
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig

Wish = Callable[[Strategy], None]


def obedient(todo: list[Wish]) -> type[Strategy]:
    """Give a strategy that does what it is told, with the next candle."""

    class Obedient(Strategy):
        name = "obedient"

        def on_tick(self, candle: Candle) -> None:
            while todo:
                todo.pop(0)(self)

    return Obedient


class Shared:
    """What several processes of ours have in common: the database, and in it whose turn it is."""

    def __init__(self, stage: Stage) -> None:
        self.database = Database(stage.loop, Strain(), Random(2), lambda *_: None)


class Ours:
    """One process of our bot with one strategy (`runtime.worker.Outfit`)."""

    def __init__(self, stage: Stage, shared: Shared | None = None, process: str = "one") -> None:
        self.stage, self.shared = stage, shared or Shared(stage)
        self.todo: list[Wish] = []
        self.why = ""
        """What it ended of, if it did."""
        self.limits, self.mark_every_s = Limits(), 30.0
        self._wires = stage.network.wires
        self._bank = WeightBank(LIMITS[stage.market], monotonic=stage.loop.time, wall=stage.wall)
        self._public = build_public(stage.hosts, self._bank, self._wires)
        self._hub = MarketData(self._public, stage.clock)
        lease = MemoryLease(self.shared.database.turns, process, self.shared.database.change_turns)
        self._keeper = Keeper(ME, lease, now=stage.loop.time)
        self._task: asyncio.Task[None] | None = None
        config = StrategyConfig(
            symbol=SYMBOL, order_value=1_000.0, capital=50_000.0, market=stage.market.value, max_open_orders=200
        )
        plans = (StrategyPlan(1, "obedient", obedient(self.todo), config),)
        self.worker = Worker(AccountPlan(1, ME, "emulator", Mode.REHEARSAL, plans), self)

    # What a trader is asked for.

    async def begin(self) -> None:
        """Start, and wait until it trades or has given up."""
        self._task = asyncio.get_running_loop().create_task(self._live())
        await self.stage.until(lambda: self.worker.runner is not None or self.why or self.worker.waits_for)

    async def end(self) -> None:
        """Stop."""
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._hub.close()
        await self._public.close()

    async def buy(self, quantity: Decimal, price: Decimal | None = None) -> None:
        """Let the strategy buy, and wait until it was decided about."""
        await self._wish(lambda of: of.buy("scene", quantity=quantity, price=None if price is None else float(price)))

    async def sell_all(self) -> None:
        """Let the strategy leave, and wait until it was decided about."""
        await self._wish(lambda of: of.close("scene"))

    async def cancel_all(self) -> None:
        """Let the strategy take back what it has open."""
        await self._wish(lambda of: [of.cancel(order.client_order_id) for order in of.orders] and None)

    @property
    def outcomes(self) -> list[Outcome]:
        """What is on record."""
        return self.shared.database.journal.outcomes

    @property
    def booked(self) -> set[int]:
        """Trades on record."""
        return {each.fill.trade_id for each in self.outcomes if isinstance(each, FillBooked)}

    @property
    def status(self) -> dict[str, str]:
        """Where orders stand by the record."""
        found = {each.order.client_order_id: "SENT" for each in self.outcomes if isinstance(each, PlaceOrder)}
        found |= {each.client_order_id: each.status.value for each in self.outcomes if isinstance(each, OrderChanged)}
        return found

    @property
    def decisions(self) -> list[Decision]:
        """What was decided."""
        return [each for each in self.outcomes if isinstance(each, Decision)]

    async def _wish(self, wish: Wish) -> None:
        if self.worker.runner is None:
            return  # It does not trade: it waits for its turn, or a person has to act.
        done: list[bool] = []
        self.todo += [wish, lambda _: done.append(True)]
        await self.stage.until(lambda: done or self.worker.runner is None)
        await asyncio.sleep(1.0)

    async def _live(self) -> None:
        try:
            await self.worker.run()
        except BotError as error:
            self.why = str(error)

    # What the worker is made of.

    @property
    def clock(self) -> Clock:
        """Virtual time."""
        return self.stage.clock

    def feed(self, plan: AccountPlan) -> Feed:
        """Give the hub."""
        return self._hub

    def keeper(self, plan: AccountPlan) -> Keeper:
        """Give what keeps the lease."""
        return self._keeper

    def stopped_by(self, plan: AccountPlan) -> KillNote | None:
        """Nobody engages the kill switch here."""
        return None

    @property
    def halts_on_foreign(self) -> bool:
        """Orders of others are reported."""
        return False

    def halt(self, plan: AccountPlan, reason: str) -> None:
        """Nobody lifts it here."""

    async def journal(self, plan: AccountPlan, epoch: int) -> Journal:
        """Give a connection to the database."""
        return self.shared.database.connect(epoch)

    async def broker(self, plan: AccountPlan, instruments: Listed, recovered: Recovered) -> Broker:
        """Give what signs and sends."""
        stage = self.stage
        clock = ExchangeClock(self._public.time_ms, monotonic=stage.loop.time, wall=stage.wall)
        if stage.market is Market.FUTURES:
            client = build_futures(KEY, stage.hosts, clock, self._bank, wires=self._wires)
            return FuturesBroker(client, KEY, clock)
        return SpotBroker(build_spot(KEY, stage.hosts, clock, self._bank, wires=self._wires), KEY, clock)

    async def refuse(self, strategy: StrategyPlan, reason: str) -> None:
        """Its strategy can always run."""
        raise AssertionError(reason)
