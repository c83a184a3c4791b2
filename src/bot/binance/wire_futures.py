"""USD-M futures as Binance writes them: symbols, orders, accounts. Field names are Binance's own.

A value we do not know is no error: `status` is None then, and somebody asks again.
"""

# ruff: noqa: N815 - the names are Binance's

from decimal import Decimal

from msgspec import Struct, structs

from bot.binance.wire import SymbolFilter, UsedLimit, lot_rule
from bot.binance.wire_orders import our_fill, status_of
from bot.domain.instrument import Instrument, NotionalRule, PriceRule, SideBand
from bot.domain.market import Market
from bot.domain.messages import OrderUpdate
from bot.domain.money import ZERO, number
from bot.domain.order import Fill, Side

CONTRACTS = frozenset({"PERPETUAL", "TRADIFI_PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER"})
"""Contracts we trade; those not yet listed have none."""
_ANY = Decimal("1e9")
"""A bound that nothing reaches: futures bound a buy above and a sell below, and nothing else."""


class FuturesSymbol(Struct):
    """One symbol of exchangeInfo."""

    symbol: str
    status: str
    baseAsset: str
    quoteAsset: str
    marginAsset: str = ""
    pair: str = ""
    contractType: str = ""
    deliveryDate: int = 0
    onboardDate: int = 0
    pricePrecision: int = 8
    quantityPrecision: int = 8
    baseAssetPrecision: int = 8
    quotePrecision: int = 8
    triggerProtect: Decimal = ZERO
    liquidationFee: Decimal = ZERO
    marketTakeBound: Decimal = ZERO
    orderTypes: list[str] = []
    timeInForce: list[str] = []
    filters: list[SymbolFilter] = []

    def instrument(self) -> Instrument:
        """Give the instrument with the rules in force."""
        rules = {rule.filterType: rule for rule in self.filters}
        price = rules.get("PRICE_FILTER", _NO_FILTER)
        band = rules.get("PERCENT_PRICE")
        return Instrument(
            symbol=self.symbol,
            base=self.baseAsset,
            quote=self.quoteAsset,
            market=Market.FUTURES,
            status=self.status,
            price=PriceRule(price.minPrice, price.maxPrice, price.tickSize),
            lot=lot_rule(rules.get("LOT_SIZE", _NO_FILTER)),
            market_lot=lot_rule(rules.get("MARKET_LOT_SIZE", _NO_FILTER)),
            notional=NotionalRule(rules.get("MIN_NOTIONAL", _NO_FILTER).notional),
            band=SideBand(band.multiplierUp, ZERO, _ANY, band.multiplierDown) if band else None,
            max_orders=int(rules.get("MAX_NUM_ORDERS", _NO_FILTER).limit) or 200,
            base_precision=self.baseAssetPrecision,
            quote_precision=self.quotePrecision,
            order_types=frozenset(self.orderTypes),
        )


class FuturesExchangeInfo(Struct):
    """Reply of exchangeInfo, as far as we read it."""

    symbols: list[FuturesSymbol]
    rateLimits: list[UsedLimit] = []
    serverTime: int = 0

    def instruments(self) -> dict[str, Instrument]:
        """Give the contracts by symbol."""
        return {info.symbol: info.instrument() for info in self.symbols if info.contractType in CONTRACTS}


_NO_FILTER = SymbolFilter()


class FuturesOrder(Struct):
    """An order, as every reply shows it. `avgPrice` and `cumQuote` come with queries alone since 2026-07."""

    symbol: str
    orderId: int
    clientOrderId: str
    status: str
    executedQty: Decimal
    type: str = ""
    side: str = ""
    positionSide: str = "BOTH"
    timeInForce: str = ""
    price: Decimal = ZERO
    avgPrice: Decimal = ZERO
    origQty: Decimal = ZERO
    cumQty: Decimal = ZERO
    cumQuote: Decimal = ZERO
    reduceOnly: bool = False
    closePosition: bool = False
    stopPrice: Decimal = ZERO
    workingType: str = ""
    priceProtect: bool = False
    origType: str = ""
    priceMatch: str = ""
    selfTradePreventionMode: str = ""
    goodTillDate: int = 0
    activatePrice: Decimal = ZERO
    priceRate: Decimal = ZERO
    time: int = 0
    updateTime: int = 0

    @property
    def our_id(self) -> str:
        """Give the order's own client id."""
        return self.clientOrderId

    @property
    def number(self) -> int:
        """Give the exchange's own id of it."""
        return self.orderId

    def update(self) -> OrderUpdate | None:
        """Give where the order stands, or None for a status we do not know."""
        status = status_of(self.status)
        if status is None:
            return None
        return OrderUpdate(self.clientOrderId, status, self.updateTime or self.time, self.orderId)

    def our_fills(self, _side: Side, _market: Market) -> list[Fill]:
        """Give no fills: futures tell them by stream and userTrades alone."""
        return []


class OrderOrError(Struct):
    """One row of a batch's reply: `code` is not 0 where the order was refused."""

    code: int = 0
    msg: str = ""
    symbol: str = ""
    orderId: int = 0
    clientOrderId: str = ""
    status: str = ""
    executedQty: Decimal = ZERO
    origQty: Decimal = ZERO
    price: Decimal = ZERO
    side: str = ""
    type: str = ""
    updateTime: int = 0


class FuturesTrade(Struct):
    """One row of userTrades."""

    symbol: str
    id: int
    orderId: int
    side: str
    price: Decimal
    qty: Decimal
    commission: Decimal
    commissionAsset: str
    time: int
    quoteQty: Decimal = ZERO
    realizedPnl: Decimal = ZERO
    positionSide: str = "BOTH"
    maker: bool = False
    buyer: bool = False

    def fill(self, client_order_id: str, market: Market) -> Fill:
        """Give the fill it is."""
        fill = our_fill(client_order_id, self.symbol, self.id, Side(self.side), self.price, self.qty, self.commission,
                        self.commissionAsset, self.time, self.orderId, self.maker, market)  # fmt: skip
        return structs.replace(fill, realised=number(self.realizedPnl))


class AlgoOrder(Struct):
    """A conditional order. `actualOrderId` names the ordinary order it became, empty until then."""

    algoId: int
    clientAlgoId: str
    algoType: str = "CONDITIONAL"
    orderType: str = ""
    symbol: str = ""
    side: str = ""
    positionSide: str = "BOTH"
    timeInForce: str = ""
    quantity: Decimal | None = None
    algoStatus: str = ""
    triggerPrice: Decimal | None = None
    price: Decimal | None = None
    icebergQuantity: Decimal | None = None
    selfTradePreventionMode: str = ""
    workingType: str = ""
    priceMatch: str = ""
    closePosition: bool = False
    priceProtect: bool = False
    reduceOnly: bool = False
    activatePrice: str = ""
    callbackRate: str = ""
    createTime: int = 0
    updateTime: int = 0
    triggerTime: int = 0
    goodTillDate: int = 0
    actualOrderId: str = ""
    actualPrice: str = ""
    actualQty: str = ""
    tpOrderType: str = ""
    isActivated: bool = False


class AlgoCancelled(Struct):
    """Reply to cancelling a conditional order; `code` is text here."""

    algoId: int
    clientAlgoId: str = ""
    code: str = ""
    msg: str = ""


class Amendment(Struct):
    """One change of an order."""

    amendmentId: int
    symbol: str
    orderId: int
    clientOrderId: str
    time: int
    amendment: "AmendedValues"


class BeforeAfter(Struct):
    """A value before and after."""

    before: Decimal
    after: Decimal


class AmendedValues(Struct):
    """What an amendment changed."""

    price: BeforeAfter
    origQty: BeforeAfter
    count: int = 0
