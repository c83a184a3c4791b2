"""The engine alone: candles a second with two averages and no orders, and orders a second through the simulation.

Run it as `python benchmarks/engine.py [--json]`. Each figure stands beside that of a bare loop over the same candles in
the same run: the ratio can be compared between machines and days. Time is processor time.
"""

import argparse
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from math import inf
from typing import Any

from bot.domain.market import Candle
from bot.domain.messages import Event, OrderUpdate, PlaceOrder, TradeClosed
from bot.domain.order import OrderStatus
from bot.engine.engine import Engine
from bot.simulation.exchange import Exchange, Terms
from bot.simulation.instruments import bundled
from bot.simulation.market import SyntheticMarket
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig
from bot.strategies.indicators import EMA, SMA

SYMBOL = "BTCUSDT"
ROUNDS = 7
FUNDS = Decimal(1_000_000)
CONFIG = StrategyConfig(symbol=SYMBOL, order_value=100.0)
TERMS = Terms()


class Watching(Strategy):
    """Follows two averages and never wants anything."""

    name = "watching"

    def on_start(self) -> None:
        self.quick = self.indicator(SMA(10))
        self.slow = self.indicator(EMA(20))

    def on_tick(self, candle: Candle) -> None:
        if self.quick.value > self.slow.value and candle.close < 0:
            self.buy("never")


class Restless(Strategy):
    """Buys at one candle and sells at the next."""

    name = "restless"

    def on_tick(self, candle: Candle) -> None:
        if self.position.is_flat:
            self.buy(f"{candle.close} is as good as any")
        else:
            self.close("its turn")


def main() -> int:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--candles", type=int, default=100_000)
    arguments.add_argument("--orders", type=int, default=4_000)
    arguments.add_argument("--json", action="store_true")
    chosen = arguments.parse_args()
    market = SyntheticMarket(1, {SYMBOL: Decimal(95_000)})
    candles = market.candles(SYMBOL, 0, chosen.candles)
    few = candles[: chosen.orders]
    bare_s, candle_s, order_s = _best(lambda: _bare(candles), lambda: _watch(candles), lambda: _trade(few))
    bare_s, candle_s, order_s = bare_s / len(candles), candle_s / len(candles), order_s / len(few)
    result = {
        "bare_loop": {"candles_a_second": round(1 / bare_s)},
        "two_averages_no_orders": {"candles_a_second": round(1 / candle_s), "bare_loops": round(candle_s / bare_s, 1)},
        "orders_through_simulation": {"orders_a_second": round(1 / order_s), "bare_loops": round(order_s / bare_s, 1)},
    }
    print(json.dumps(result, indent=None if chosen.json else 2))
    return 0


def _best(*works: Callable[[], Any]) -> list[float]:
    """Give the processor seconds of each piece of work, in its least disturbed round; they take turns."""
    took = [inf] * len(works)
    for _ in range(ROUNDS):
        for n, work in enumerate(works):
            began = time.process_time()
            work()
            took[n] = min(took[n], time.process_time() - began)
    return took


def _bare(candles: Sequence[Candle]) -> float:
    total = 0.0
    for candle in candles:
        total += candle.close
    return total


def _watch(candles: Sequence[Candle]) -> None:
    engine = Engine()
    engine.add(1, Watching, CONFIG, bundled()[SYMBOL])
    handle = engine.handle
    for candle in candles:
        handle(candle)


def _trade(candles: Sequence[Candle]) -> None:
    """Send one order a candle: decided, reviewed, filled, booked; every second one closes a round trip."""
    engine, exchange = Engine(), Exchange(bundled())
    exchange.open_account("main", {"USDT": FUNDS})
    engine.restore_balances({("owner", "USDT"): FUNDS})
    engine.add(1, Restless, CONFIG, bundled()[SYMBOL])
    orders = trips = 0
    for candle in candles:
        exchange.on_candle(candle)
        events: deque[Event] = deque([candle])
        while events:
            for outcome in engine.handle(events.popleft()):
                if isinstance(outcome, PlaceOrder):
                    orders += 1
                    events += _sent(exchange, outcome)
                trips += isinstance(outcome, TradeClosed)
    assert orders == len(candles), (orders, len(candles))
    assert trips == orders // 2, (trips, orders)


def _sent(exchange: Exchange, command: PlaceOrder) -> list[Event]:
    order = command.order
    placed = exchange.place(
        "main",
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        now_ms=order.created_ms,
        terms=TERMS,
    )
    arrived = OrderUpdate(order.client_order_id, OrderStatus.NEW, order.created_ms, placed.order_id)
    return [arrived, *placed.fills]


if __name__ == "__main__":
    sys.exit(main())
