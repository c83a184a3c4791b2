"""The scene most tests here play in: two symbols, one funded account, a market that stands at 100."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule, SideBand
from bot.domain.market import Candle
from bot.domain.order import OrderType, Side, TimeInForce
from bot.simulation.exchange import Commission, Exchange, NewOrder, Rates, RestingOrder
from bot.simulation.happenings import Happening

D = Decimal


@pytest.fixture
def instrument() -> Instrument:
    return Instrument(
        symbol="ABCUSDT",
        base="ABC",
        quote="USDT",
        price=PriceRule(D("0.01"), D(100_000), D("0.01")),
        lot=LotRule(D("0.001"), D(1_000), D("0.001")),
        market_lot=LotRule(D(0), D(500), D(0)),
        notional=NotionalRule(smallest=D(5)),
        band=SideBand(D("1.5"), D("0.5"), D(2), D("0.5")),
        max_orders=3,
    )


@pytest.fixture
def exchange(instrument: Instrument) -> Exchange:
    exchange = Exchange({"ABCUSDT": instrument})
    exchange.open_account("ann", {"USDT": D(1_000), "ABC": D(10)})
    exchange.on_candle(
        Candle("ABCUSDT", "1m", 0, open=98.0, high=104.0, low=95.0, close=100.0, volume=1.0, close_time=59_999)
    )
    return exchange


@pytest.fixture
def full() -> Instrument:
    """A symbol that offers every order type, with plain filters."""
    return Instrument(
        symbol="ABCUSDT",
        base="ABC",
        quote="USDT",
        price=PriceRule(D("0.01"), D(100_000), D("0.01")),
        lot=LotRule(D("0.001"), D(1_000), D("0.001")),
        order_types=frozenset(OrderType),
    )


@pytest.fixture
def told() -> list[Happening]:
    """Everything that the shared exchange told."""
    return []


@pytest.fixture
def shared(full: Instrument, told: list[Happening]) -> Exchange:
    """One book for ann and bob, no outside depth, the last trade at 100, no fees."""
    exchange = Exchange({"ABCUSDT": full}, clients_meet=True, observe=told.append)
    for account in ("ann", "bob"):
        exchange.open_account(account, {"USDT": D(10_000), "ABC": D(100)}, commission=Commission(Rates()))
    exchange.on_price("ABCUSDT", D(100), 0)
    exchange.on_depth("ABCUSDT", [], [], 0)
    return exchange


class Desk:
    """Places orders in few words on the shared exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.count = 0

    def __call__(
        self, account: str, side: Side, quantity: str | None, price: str | None = None, **more: Any
    ) -> RestingOrder:
        return self.exchange.submit(account, self.wish(side, quantity, price, **more), more.get("now_ms", 1))

    def wish(self, side: Side, quantity: str | None, price: str | None = None, **more: Any) -> NewOrder:
        """Give a LIMIT GTC wish when there is a price, else a MARKET one; `more` changes it."""
        self.count += 1
        more.pop("now_ms", None)
        kind = more.get("type", OrderType.MARKET if price is None else OrderType.LIMIT)
        timed = kind in {OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT}
        words: dict[str, Any] = {
            "symbol": "ABCUSDT",
            "side": side,
            "type": kind,
            "client_order_id": f"c{self.count}",
            "quantity": None if quantity is None else D(quantity),
            "price": None if price is None else D(price),
            "time_in_force": TimeInForce.GTC if timed else None,
        }
        return NewOrder(**(words | more))


@pytest.fixture
def desk_of() -> type[Desk]:
    """Make a desk for any exchange."""
    return Desk


@pytest.fixture
def put(shared: Exchange) -> Desk:
    return Desk(shared)
