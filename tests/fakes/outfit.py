"""What the roof would give a worker, all in memory: journals live on when workers come and go."""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal

from tests.fakes.feed import FakeFeed
from tests.fakes.journal import MemoryJournal

from bot.db.base import Mode
from bot.domain.errors import BotError, Unavailable
from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.ledger import Ledger
from bot.domain.market import Candle, Market
from bot.domain.messages import OrderUpdate
from bot.domain.order import Fill
from bot.ports import Broker, Feed, Journal, Recovered
from bot.proof.lease import MemoryLease, Turns
from bot.risk.rules import Limits
from bot.runtime.kill_switch import KillNote
from bot.runtime.lease import Keeper
from bot.runtime.paper_trade import PaperBroker
from bot.runtime.plan import AccountPlan, StrategyPlan
from bot.runtime.recovery import newest_order_id, newest_trade_id
from bot.runtime.setting_up import Listed
from bot.runtime.worker import Worker
from bot.simulation.desk import terms_of
from bot.strategies.base import Strategy

D = Decimal
BTC = Instrument(
    "BTCUSDT",
    "BTC",
    "USDT",
    price=PriceRule(D("0.01"), D(1_000_000), D("0.01")),
    lot=LotRule(D("0.00001"), D(9000), D("0.00001")),
    notional=NotionalRule(D(5)),
    order_types=frozenset({"LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS"}),
)
START = 1_700_000_040_000  # a whole minute


def candle(n: int, close: float, **changes: object) -> Candle:
    """Give the n-th minute; it is a flat one unless told otherwise."""
    opened = START + 60_000 * n
    values: dict[str, object] = {"symbol": "BTCUSDT", "interval": "1m", "open_time": opened, "volume": 1.0}
    values |= {"open": close, "high": close, "low": close, "close": close, "close_time": opened + 59_999}
    return Candle(**(values | changes))  # type: ignore[arg-type]


class StillClock:
    """A clock that stands still, with its sleepers, until the test moves it on."""

    def __init__(self) -> None:
        self._s = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self.naps: list[float] = []
        """Every pause that was asked for, in seconds."""

    def now_ms(self) -> int:
        return START + int(self._s * 1000)

    def monotonic(self) -> float:
        return self._s

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        bell = asyncio.Event()
        self._sleepers.append((self._s + seconds, bell))
        await bell.wait()

    async def advance(self, seconds: float) -> None:
        """Let time pass, and those whose pause is over go on."""
        self._s += seconds
        for when, bell in self._sleepers:
            if when <= self._s:
                bell.set()
        self._sleepers = [each for each in self._sleepers if not each[1].is_set()]
        await breathe()


class FakeOutfit:
    """An outfit of paper accounts. `before_broker` may raise, as an exchange would that refuses the key."""

    def __init__(self, feed: FakeFeed | None = None) -> None:
        self.clock = StillClock()
        self.limits = Limits()
        self.mark_every_s = 60.0
        self.feed_ = feed or FakeFeed(BTC)
        self.journals: dict[str, MemoryJournal] = {}
        self.brokers: list[Broker] = []
        self.refused: dict[int, str] = {}
        self.trouble: BotError | None = None
        """What happens at the next starts, until the test mends it."""
        self.make_broker: Callable[[], Broker] | None = None
        self.turns: dict[str, Turns] = {}
        self.keepers: dict[str, Keeper] = {}
        self.note: KillNote | None = None
        """What the kill switch says."""
        self.is_database_away = False
        self.halts_on_foreign = False
        self.halts: list[str] = []

    def feed(self, plan: AccountPlan) -> Feed:
        return self.feed_

    def keeper(self, plan: AccountPlan) -> Keeper:
        name = str(plan)
        if name not in self.keepers:
            turns = self.turns.setdefault(name, Turns(self.clock.monotonic))
            lease = MemoryLease(turns, "this test", self._ask_database)
            lease.ttl_s = 1e9  # a clock that jumps is no reason to lose it
            self.keepers[name] = Keeper(name, lease, now=self.clock.monotonic, sleep=self.clock.sleep)
        return self.keepers[name]

    def stopped_by(self, plan: AccountPlan) -> KillNote | None:
        return self.note

    def halt(self, plan: AccountPlan, reason: str) -> None:
        self.halts.append(reason)

    async def _ask_database(self, work: Callable[[], None]) -> None:
        if self.is_database_away:
            raise Unavailable("the database is away")
        work()

    async def journal(self, plan: AccountPlan, epoch: int) -> Journal:
        if self.trouble:
            raise self.trouble
        return self.journals.setdefault(str(plan), MemoryJournal())

    async def broker(self, plan: AccountPlan, instruments: Listed, recovered: Recovered) -> Broker:
        broker = self.make_broker() if self.make_broker else paper_broker(plan, instruments, recovered)
        self.brokers.append(broker)
        return broker

    async def refuse(self, strategy: StrategyPlan, reason: str) -> None:
        self.refused[strategy.strategy_id] = reason


def paper_broker(plan: AccountPlan, instruments: Listed, recovered: Recovered) -> PaperBroker:
    """Give a paper account what its ledger says that it holds, or its first money."""
    return PaperBroker(
        {symbol: rules for (market, symbol), rules in instruments.items() if market is Market.SPOT},
        ledger_of(recovered).ours() if recovered.balances else plan.paper_funds,
        {each.strategy_id: terms_of(each.config) for each in plan.strategies},
        first_order_id=newest_order_id(recovered) + 1,
        first_trade_id=newest_trade_id(recovered) + 1,
    )


def ledger_of(recovered: Recovered) -> Ledger:
    """Give the ledger that a journal remembers."""
    ledger = Ledger()
    ledger.open(recovered.balances)
    return ledger


class Told(Strategy):
    """Does at each candle what `script` says for the candle's number."""

    name = "told"
    script: Mapping[int, Callable[[Strategy], None]] = {}

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.ticks: list[Candle] = []
        self.heard: list[Fill | OrderUpdate] = []
        self.is_stopped = False

    def on_tick(self, candle: Candle) -> None:
        self.ticks.append(candle)
        wish = self.script.get((candle.open_time - START) // 60_000)
        if wish is not None and candle.is_closed:
            wish(self)

    def on_fill(self, fill: Fill) -> None:
        self.heard.append(fill)

    def on_order(self, update: OrderUpdate) -> None:
        self.heard.append(update)

    def on_stop(self) -> None:
        self.is_stopped = True


def buys(**wish: object) -> Callable[[Strategy], None]:
    """Give a line of a script: buy."""
    return lambda strategy: strategy.buy("told", **wish)  # type: ignore[arg-type]


def sells(strategy: Strategy) -> None:
    """Be a line of a script: sell everything."""
    strategy.sell_all("told")


def told(
    script: Mapping[int, Callable[[Strategy], None]] | None = None,
    *,
    strategy_id: int = 1,
    base: type[Strategy] = Told,
    **config: object,
) -> StrategyPlan:
    """Give a plan for a strategy that follows a script."""
    return strategy_plan(type("Told", (base,), {"script": script or {}}), strategy_id=strategy_id, **config)


def strategy_plan(strategy: type[Strategy], *, strategy_id: int = 1, **config: object) -> StrategyPlan:
    """Give a plan for a strategy."""
    settings = strategy.Config(**({"symbol": "BTCUSDT"} | config))  # type: ignore[arg-type]
    return StrategyPlan(strategy_id, f"strategy {strategy_id}", strategy, settings)


def account_plan(*strategies: StrategyPlan, name: str = "main", **changes: object) -> AccountPlan:
    """Give a paper account with a thousand to spend."""
    values: dict[str, object] = {"paper_funds": {"USDT": D(1000)}, "environment": "emulator", "mode": Mode.PAPER}
    return AccountPlan(account_id=1, name=name, strategies=strategies, **(values | changes))  # type: ignore[arg-type]


class Stage:
    """One worker at work, shown candle after candle. Use it as `async with`."""

    def __init__(self, *strategies: StrategyPlan, outfit: FakeOutfit | None = None, **changes: object) -> None:
        self.outfit = outfit or FakeOutfit()
        self.worker = Worker(account_plan(*strategies, **changes), self.outfit)  # type: ignore[arg-type]

    async def __aenter__(self) -> "Stage":
        self._task = asyncio.create_task(self.worker.run())
        await until(lambda: self.worker.runner or self._task.done())
        if self._task.done():
            self._task.result()
        await self.settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        await end(self._task)

    @property
    def journal(self) -> MemoryJournal:
        return self.outfit.journals[str(self.worker.plan)]

    def kept[T](self, kind: type[T]) -> list[T]:
        """Give what the journal kept of one kind."""
        return [each for each in self.journal.outcomes if isinstance(each, kind)]

    async def show(self, *candles: Candle) -> None:
        """Let candles happen all at once, and wait until everything has come of them."""
        self.outfit.feed_.show(*candles)
        await self.settle()

    async def settle(self) -> None:
        runner = self.worker.runner
        assert runner is not None
        await until(lambda: runner.inbox.is_idle)


async def breathe(rounds: int = 20) -> None:
    """Let every task have its turn a few times."""
    for _ in range(rounds):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object], rounds: int = 5_000) -> None:
    """Wait for a condition by turns of the event loop, never by seconds."""
    for _ in range(rounds):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came about")


async def end(task: "asyncio.Task[None]") -> None:
    """Stop a task and wait for its end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
