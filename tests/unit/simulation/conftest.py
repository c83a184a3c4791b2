"""The scene most tests here play in: two symbols, one funded account, a market that stands at 100."""

from decimal import Decimal

import pytest

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule, SideBand
from bot.domain.market import Candle
from bot.simulation.exchange import Exchange

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
