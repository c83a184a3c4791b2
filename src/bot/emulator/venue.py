"""The venue: the one place where market, exchange, customers and limits meet. Operations work on it."""

import time
from dataclasses import dataclass

from bot.emulator.config import EmulatorConfig
from bot.emulator.desk import Desk
from bot.emulator.hub import Hub
from bot.emulator.limits import OrderCount, WeightBank
from bot.emulator.market import Board, Market
from bot.emulator.params import known
from bot.emulator.sources import open_source
from bot.simulation.exchange import Exchange, RestingOrder, Terms


@dataclass(eq=False, slots=True, frozen=True)
class Customer:
    """An account by its key. `name` is how the exchange knows it; `uid` is shown to it."""

    name: str
    key: str
    secret: bytes
    uid: int
    orders: OrderCount


class Venue:
    """Everything behind the sockets."""

    def __init__(self, config: EmulatorConfig) -> None:
        source = open_source(config)
        self.config = config
        self.instruments = dict(source.instruments)
        self.exchange = Exchange(self.instruments, first_order_id=1_001, first_trade_id=1_000_001)
        self.hub = Hub()
        terms = Terms(maker_fee=config.maker_fee, taker_fee=config.taker_fee)
        self.desk = Desk(self.exchange, self.instruments, terms)
        self.weight = WeightBank(config.weight_per_minute)
        self.customers: dict[str, Customer] = {}
        for number, account in enumerate(config.accounts, 1):
            orders = OrderCount(config.orders_per_10s, config.orders_per_day)
            customer = Customer(f"account-{number}", account.key, account.secret.encode(), 1_000_000 + number, orders)
            self.customers[account.key] = customer
            self.exchange.open_account(customer.name, account.balances)
            self.desk.count_orders_of(customer.name, orders)
        self.market = Market(
            source, self.exchange, self.hub, ticks=config.ticks_per_candle, on_touched=self._on_touched
        )

    @property
    def now_ms(self) -> int:
        """Give market time: the stamp of orders and fills."""
        return self.market.now_ms

    @property
    def wall_ms(self) -> int:
        """Give real time in ms UTC: the clock of requests."""
        return time.time_ns() // 1_000_000

    def board(self, symbol: str) -> Board:
        """Give the board of a symbol, or refuse the symbol."""
        return self.market.boards[known(symbol, self.market.boards)]

    def _on_touched(self, orders: list[RestingOrder]) -> None:
        self.desk.report(orders, self.now_ms, self.wall_ms)
