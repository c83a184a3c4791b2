"""A futures exchange with round rules, so that every figure in a test can be worked out by hand."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.market import Candle, Market
from bot.domain.order import OrderType, Side
from bot.simulation.futures.brackets import Ladder, ladder
from bot.simulation.futures.contracts import Contract
from bot.simulation.futures.exchange import FuturesExchange
from bot.simulation.futures.happenings import Happening
from bot.simulation.futures.records import AlgoOrder, FuturesOrder
from bot.simulation.futures.requests import NewAlgo, NewOrder
from bot.simulation.futures.state import Rates
from bot.simulation.futures.words import AlgoType, TimeInForce
from bot.simulation.orders import Refused

D = Decimal
SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDC", "BNBUSDT")
LADDER: Ladder = ladder(
    [(50, D(10_000), D("0.01")), (20, D(50_000), D("0.02")), (10, D(200_000), D("0.05")), (1, D(1_000_000), D("0.5"))]
)


def contract(symbol: str) -> Contract:
    """Give a contract with a tick of 0.1, a step of 0.1, and a band of half to twice the mark."""
    base, quote = symbol[:3], symbol[3:]
    rules = Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        market=Market.FUTURES,
        price=PriceRule(D("0.1"), D(100_000), D("0.1")),
        lot=LotRule(D("0.1"), D(10_000), D("0.1")),
        market_lot=LotRule(D("0.1"), D(5_000), D("0.1")),
        notional=NotionalRule(smallest=D(5)),
        base_precision=3,
        quote_precision=2,
        max_orders=20,
        order_types=frozenset({"LIMIT", "MARKET"}),
    )
    return Contract(
        rules,
        quote,
        up=D(2),
        down=D("0.5"),
        liquidation_fee=D("0.01"),
        trigger_protect=D("0.05"),
        market_take_bound=D("0.3"),
    )


class Desk:
    """An exchange together with short words for what tests do all the time."""

    def __init__(self, keep: int | None = None, insurance: dict[str, Decimal] | None = None, **changes: object) -> None:
        self.seen: list[Happening] = []
        contracts = {symbol: msgspec.structs.replace(contract(symbol), **changes) for symbol in SYMBOLS}
        self.exchange = FuturesExchange(
            contracts, dict.fromkeys(SYMBOLS, LADDER), observe=self.seen.append, keep=keep, insurance=insurance
        )
        self.now_ms = 1_000
        self._names = 0

    def open(self, name: str = "ann", *, fees: bool = False, hedge: bool = False, **wallets: str) -> None:
        """Open an account; without `fees` trading is free."""
        held = {asset: D(text) for asset, text in (wallets or {"USDT": "1000"}).items()}
        rates = Rates(D("0.0002"), D("0.0005")) if fees else Rates(D(0), D(0))
        self.exchange.open_account(name, held, rates=rates)
        if hedge:
            self.exchange.set_hedge(name, hedge=True)

    def name(self) -> str:
        """Give a client id not used before."""
        self._names += 1
        return f"id-{self._names}"

    def price(self, price: str, symbol: str = "AAAUSDT", quantity: str | None = None) -> list[FuturesOrder]:
        """Let a public trade happen, one ms later."""
        self.now_ms += 1
        return self.exchange.on_price(symbol, D(price), self.now_ms, None if quantity is None else D(quantity))

    def mark(self, price: str, symbol: str = "AAAUSDT") -> list[FuturesOrder]:
        """Set the mark price, one ms later."""
        self.now_ms += 1
        return self.exchange.on_mark(symbol, D(price), self.now_ms)

    def candle(self, low: str, high: str, *, opened: str, closed: str, symbol: str = "AAAUSDT") -> list[FuturesOrder]:
        """Let a candle of one minute happen that opens after all that is known."""
        open_time = self.now_ms + 1
        self.now_ms = open_time + 59_999
        prices = [float(text) for text in (opened, high, low, closed)]
        return self.exchange.on_candle(
            Candle(symbol, "1m", open_time, *prices, 1.0, self.now_ms, market=Market.FUTURES)
        )

    def market(
        self, side: Side, quantity: str, account: str = "ann", symbol: str = "AAAUSDT", **more: object
    ) -> FuturesOrder:
        """Place a market order."""
        return self.place(account, symbol=symbol, side=side, type=OrderType.MARKET, quantity=D(quantity), **more)

    def limit(
        self,
        side: Side,
        quantity: str,
        price: str,
        account: str = "ann",
        symbol: str = "AAAUSDT",
        time_in_force: TimeInForce = TimeInForce.GTC,
        **more: object,
    ) -> FuturesOrder:
        """Place a limit order, good till cancelled."""
        words = {"symbol": symbol, "side": side, "type": OrderType.LIMIT, "time_in_force": time_in_force}
        return self.place(account, quantity=D(quantity), price=D(price), **words, **more)

    def place(self, account: str, **words: object) -> FuturesOrder:
        """Place any order."""
        words.setdefault("client_order_id", self.name())
        return self.exchange.place(account, NewOrder(**words), now_ms=self.now_ms)

    def algo(self, kind: AlgoType, side: Side, account: str = "ann", **words: object) -> AlgoOrder:
        """Place a conditional order; texts become numbers."""
        words.setdefault("client_algo_id", self.name())
        words.setdefault("symbol", "AAAUSDT")
        exact = {name: D(value) if name in _NUMBERS else value for name, value in words.items()}
        return self.exchange.place_algo(account, NewAlgo(type=kind, side=side, **exact), now_ms=self.now_ms)

    def told(self, kind: type) -> list:
        """Give what the observer was told of one kind."""
        return [happening for happening in self.seen if isinstance(happening, kind)]


_NUMBERS = {"quantity", "price", "trigger_price", "activate_price", "callback_rate"}


def code_of(act: Callable[[], object]) -> int:
    """Give the code with which the exchange refuses, or 0 when it does not."""
    try:
        act()
    except Refused as refusal:
        return refusal.code
    return 0
