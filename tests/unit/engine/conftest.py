"""One engine with one strategy that does what the test tells it."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.market import Candle
from bot.domain.messages import FundsSeen, Outcome, PlaceOrder
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order
from bot.engine.engine import Engine
from bot.engine.slot import Slot
from bot.risk.rules import Limits
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig

D = Decimal
BTC = Instrument(
    "BTCUSDT",
    "BTC",
    "USDT",
    price=PriceRule(D("0.01"), D(1_000_000), D("0.01")),
    lot=LotRule(D("0.00001"), D(9000), D("0.00001")),
    notional=NotionalRule(D(5)),
)
START = 1_700_000_040_000  # a whole minute


def candle(n: int, close: float, **changes: object) -> Candle:
    opened = START + 60_000 * n
    values: dict[str, object] = {"open": close, "high": close, "low": close, "volume": 1.0}
    return Candle("BTCUSDT", "1m", opened, close=close, close_time=opened + 59_999, **(values | changes))  # type: ignore[arg-type]


class Obedient(Strategy):
    """Does at each candle what `plan` says for the candle's number."""

    name = "obedient"
    plan: dict[int, Callable[["Obedient"], object]] = {}

    def on_start(self) -> None:
        self.ticks = 0
        self.heard: list[object] = []

    def on_tick(self, candle: Candle) -> object:
        self.ticks += 1
        return self.plan.get((candle.open_time - START) // 60_000, lambda _: None)(self)

    def on_fill(self, fill: Fill) -> None:
        self.heard.append(fill)

    def on_order(self, update: object) -> None:
        self.heard.append(update)


class Bench:
    """Drives an engine by hand, filling orders when told to."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.engine = Engine(limits)
        self.trade_id = 0
        self.outcomes: list[Outcome] = []
        self.engine.handle(FundsSeen({"USDT": D(1000)}, START))

    def add(
        self,
        plan: dict[int, Callable[[Obedient], object]] | None = None,
        *,
        strategy_id: int = 1,
        rules: dict[str, object] | None = None,
        **config: object,
    ) -> Slot:
        cls = type("Told", (Obedient,), {"name": "told", "plan": plan or {}})
        settings = StrategyConfig(symbol="BTCUSDT", **config)  # type: ignore[arg-type]
        instrument = msgspec.structs.replace(BTC, market=settings.market_of, **(rules or {}))
        return self.engine.add(strategy_id, cls, settings, instrument)

    def show(self, n: int, close: float, **changes: object) -> list[Outcome]:
        return self._keep(self.engine.handle(candle(n, close, **changes)))

    def tell(self, event: object) -> list[Outcome]:
        return self._keep(self.engine.handle(event))  # type: ignore[arg-type]

    def fill(
        self,
        order: Order,
        price: str,
        *,
        quantity: str | None = None,
        fee: str = "0",
        fee_asset: str = "USDT",
        realised: str | None = None,
    ) -> list[Outcome]:
        self.trade_id += 1
        fill = Fill(
            order.client_order_id,
            order.symbol,
            self.trade_id,
            order.side,
            Price(D(price)),
            Quantity(D(quantity) if quantity else order.quantity),
            D(fee),
            fee_asset,
            time_ms=order.created_ms + 5,
            exchange_order_id=77,
            market=order.market,
            realised=None if realised is None else D(realised),
        )
        return self.tell(fill)

    @staticmethod
    def candle(n: int, close: float) -> Candle:
        return candle(n, close)

    def _keep(self, outcomes: object) -> list[Outcome]:
        kept = list(outcomes)  # type: ignore[call-overload]
        self.outcomes += kept
        return kept


def placed(outcomes: list[Outcome]) -> list[Order]:
    return [outcome.order for outcome in outcomes if isinstance(outcome, PlaceOrder)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def orders() -> Callable[[list[Outcome]], list[Order]]:
    return placed


@pytest.fixture
def make_bench() -> type[Bench]:
    return Bench
