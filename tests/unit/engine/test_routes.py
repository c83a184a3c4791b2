"""Which strategies a candle goes to, and what symbols were last worth."""

from bot.domain.market import Market
from bot.engine.routes import Routes


def test_strategies_of_one_series_share_a_route_in_the_order_they_came(bench) -> None:
    routes, first, second, slower = (
        Routes(),
        bench.add(),
        bench.add(strategy_id=2),
        bench.add(strategy_id=3, candle="5m"),
    )
    for slot in (first, second, slower):
        routes.add(slot)
    assert routes[Market.SPOT, "BTCUSDT", "1m"].slots == [first, second]
    assert routes[Market.SPOT, "BTCUSDT", "5m"].slots == [slower]


def test_all_series_of_a_symbol_tell_one_price(bench) -> None:
    routes = Routes()
    routes.add(bench.add())
    routes.add(bench.add(strategy_id=2, candle="5m"))
    routes[Market.SPOT, "BTCUSDT", "1m"].last.value = 100.0
    routes[Market.SPOT, "BTCUSDT", "5m"].last.value = 101.0
    assert routes.price(Market.SPOT, "BTCUSDT") == 101.0


def test_the_price_of_a_symbol_that_nobody_watches_is_not_known(bench) -> None:
    routes = Routes()
    routes.add(bench.add())
    assert routes.price(Market.FUTURES, "BTCUSDT") == 0.0
    assert routes.price(Market.SPOT, "BNBUSDT") == 0.0
