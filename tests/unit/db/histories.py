"""Random histories of one account: the real engine, and an exchange that does whatever the dice say."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.market import Candle
from bot.domain.messages import Attempt, Event, FundsSeen, OrderUpdate, Outcome, PlaceOrder, StateChanged, Tick
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus
from bot.domain.state import AccountState
from bot.engine.engine import Engine
from bot.proof.restless import Restless

D = Decimal
BTC = Instrument(
    "BTCUSDT", "BTC", "USDT",
    price=PriceRule(D("0.01"), D(1_000_000), D("0.01")), lot=LotRule(D("0.00001"), D(9000), D("0.00001")),
    notional=NotionalRule(D(5)),
)  # fmt: skip
START = 1_700_000_040_000
ENDS = (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED, OrderStatus.VOID)
Step = tuple[Event, Sequence[Outcome]]


class History:
    """Gives events with what came of them, one after the other."""

    def __init__(self, seed: int, strategy_ids: Sequence[int]) -> None:
        self.lots = Random(seed)
        self.engine = Engine()
        self.price = D(100)
        self.open: dict[str, tuple[Order, Decimal]] = {}
        """Orders with the quantity that may still be traded."""
        self.ended: list[Order] = []
        """Orders that ended before they were filled."""
        self.fills: list[Fill] = []
        self._numbers: dict[str, int] = {}
        self.totals = {"USDT": D(1_000_000), "BNB": D(50)}
        for number, strategy_id in enumerate(strategy_ids):
            config = Restless.Config(symbol="BTCUSDT", order_value=200.0, seed=seed + number, capital=100_000.0)
            self.engine.add(strategy_id, Restless, config, BTC)

    def steps(self, count: int) -> Iterator[Step]:
        """Play: the first look at the money, then candles with what the exchange makes of the orders."""
        yield self._take(FundsSeen(dict(self.totals), START - 1))
        for minute in range(count):
            self.price = max(D(1), self.price + D(self.lots.randint(-200, 200)) / 100)
            yield self._take(self._candle(minute))
            now_ms = START + 60_000 * (minute + 1)
            for step in range(self.lots.randint(0, 4)):
                yield self._take(self._happening(now_ms + step))

    def _take(self, event: Event) -> Step:
        outcomes: list[Outcome] = []
        for each in self.engine.handle(event):
            outcomes.append(each)
            if isinstance(each, PlaceOrder):
                order = each.order
                self.open[order.client_order_id] = (order, order.quantity)
                outcomes.append(Attempt(order.client_order_id, order.created_ms + 1, 5000, 7, "0123456789abcdef"))
        return event, outcomes

    def _candle(self, minute: int) -> Candle:
        opened, close = START + 60_000 * minute, float(self.price)
        return Candle("BTCUSDT", "1m", opened, close, close, close, close, 1.0, opened + 59_999)

    def _happening(self, now_ms: int) -> Event:
        kind = self.lots.random()
        if self.fills and kind < 0.1:
            return self.lots.choice(self.fills)  # told again
        if kind < 0.15:
            return Tick(now_ms)
        if kind < 0.2:
            self.totals["USDT"] += D(self.lots.choice((0, 5)))
            return FundsSeen(dict(self.totals), now_ms)
        if kind < 0.25:
            return StateChanged(self.lots.choice(list(AccountState)), "dice", now_ms)
        if self.ended and kind < 0.3:
            return self._fill(self.ended.pop(), D("0.00001"), now_ms)  # late: it was told after the order's end
        if not self.open:
            return Tick(now_ms)
        order, left = self.lots.choice(list(self.open.values()))
        if kind < 0.7:
            part = left if self.lots.random() < 0.6 else max(D("0.00001"), (left / 3).quantize(D("0.00001")))
            part = min(part, left)
            if part == left:
                del self.open[order.client_order_id]
            else:
                self.open[order.client_order_id] = (order, left - part)
            return self._fill(order, part, now_ms)
        told = self.lots.choice((OrderStatus.NEW, OrderStatus.UNKNOWN, OrderStatus.NEW, *ENDS))
        if told in ENDS:
            self._end(order)
        return OrderUpdate(order.client_order_id, told, now_ms, self.lots.choice((0, self._number(order))), "dice")

    def _end(self, order: Order) -> None:
        del self.open[order.client_order_id]
        self.ended.append(order)

    def _number(self, order: Order) -> int:
        return self._numbers.setdefault(order.client_order_id, 1000 + len(self._numbers))

    def _fill(self, order: Order, quantity: Decimal, now_ms: int) -> Fill:
        fee, asset = self.lots.choice(((D("0.00000049"), "BNB"), (D("0.0123"), "USDT"), (D(0), "USDT")))
        price = Price(self.price + D(self.lots.randint(-5, 5)) / 100)
        fill = Fill(
            order.client_order_id, order.symbol, len(self.fills) + 1, order.side, price, Quantity(quantity), fee, asset,
            now_ms, exchange_order_id=self._number(order), is_maker=self.lots.random() < 0.5,
        )  # fmt: skip
        self.fills.append(fill)
        return fill
