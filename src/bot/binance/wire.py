"""Market data as Binance writes it, and its translation: kline frames, kline rows, exchangeInfo, time.

Field names here are Binance's own. Keys we do not know are passed over.
"""

# ruff: noqa: N815 - the names are Binance's

from decimal import Decimal
from math import inf

import msgspec
from msgspec import Struct

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule, SideBand
from bot.domain.market import Candle, Market, Stream
from bot.domain.money import ZERO


class ErrorBody(Struct):
    """`{"code":-1121,"msg":"Invalid symbol."}`."""

    code: int
    msg: str = ""


class ReplaceHalves(Struct):
    """What became of the two halves of a replacement: SUCCESS, FAILURE or NOT_ATTEMPTED."""

    cancelResult: str = ""
    newOrderResult: str = ""


class ReplaceError(Struct):
    """A replacement that failed, wholly or by half."""

    data: ReplaceHalves


class ServerTime(Struct):
    """Reply of `time`."""

    serverTime: int


class KlineRow(Struct, array_like=True, gc=False):
    """One row of REST klines."""

    open_time: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    close_time: int
    quote_volume: str = "0"
    trades: int = 0
    taker_buy_volume: str = "0"
    taker_buy_quote_volume: str = "0"

    def candle(self, stream: Stream) -> Candle:
        """Give the candle, as closed; ValueError when its prices are no prices."""
        return _candle(
            stream.symbol, stream.interval, stream.market, self.open_time, self.close_time, self.open, self.high,
            self.low, self.close, self.volume, self.quote_volume, self.trades, True,
        )  # fmt: skip


class UsedLimit(Struct):
    """A limit, and what is used of it where Binance says so."""

    rateLimitType: str = ""
    interval: str = ""
    intervalNum: int = 1
    limit: int = 0
    count: int = 0

    @property
    def window(self) -> str:
        """Give its window as headers write it: `10s`, `1m`, `1d`."""
        return f"{self.intervalNum}{self.interval[:1].lower()}"

    @property
    def header(self) -> str:
        """Give the name of the REST header that tells the same."""
        kind = "used-weight" if self.rateLimitType == "REQUEST_WEIGHT" else "order-count"
        return f"x-mbx-{kind}-{self.window}"


class SymbolFilter(Struct):
    """Any filter of exchangeInfo: the fields of all those we obey."""

    filterType: str = ""
    minPrice: Decimal = ZERO
    maxPrice: Decimal = ZERO
    tickSize: Decimal = ZERO
    minQty: Decimal = ZERO
    maxQty: Decimal = ZERO
    stepSize: Decimal = ZERO
    multiplierUp: Decimal = ZERO
    multiplierDown: Decimal = ZERO
    bidMultiplierUp: Decimal = ZERO
    bidMultiplierDown: Decimal = ZERO
    askMultiplierUp: Decimal = ZERO
    askMultiplierDown: Decimal = ZERO
    minNotional: Decimal = ZERO
    maxNotional: Decimal = ZERO
    applyToMarket: bool = True
    applyMinToMarket: bool = True
    applyMaxToMarket: bool = False
    maxNumOrders: int = 200
    notional: Decimal = ZERO
    limit: Decimal = ZERO
    asset: str = ""


class SymbolInfo(Struct):
    """One symbol of exchangeInfo."""

    symbol: str
    status: str
    baseAsset: str
    quoteAsset: str
    baseAssetPrecision: int = 8
    quoteAssetPrecision: int = 8
    orderTypes: list[str] = []
    isSpotTradingAllowed: bool = True
    filters: list[SymbolFilter] = []

    def instrument(self) -> Instrument:
        """Give the instrument with the rules in force."""
        rules = {rule.filterType: rule for rule in self.filters}
        price = rules.get("PRICE_FILTER", _NO_FILTER)
        return Instrument(
            symbol=self.symbol,
            base=self.baseAsset,
            quote=self.quoteAsset,
            status=self.status,
            price=PriceRule(price.minPrice, price.maxPrice, price.tickSize),
            lot=lot_rule(rules.get("LOT_SIZE", _NO_FILTER)),
            market_lot=lot_rule(rules.get("MARKET_LOT_SIZE", _NO_FILTER)),
            notional=_notional(rules),
            band=_band(rules),
            max_orders=rules.get("MAX_NUM_ORDERS", _NO_FILTER).maxNumOrders,
            base_precision=self.baseAssetPrecision,
            quote_precision=self.quoteAssetPrecision,
            order_types=frozenset(self.orderTypes),
        )


class SorGroup(Struct):
    """Symbols among which orders of one base asset may be routed."""

    baseAsset: str
    symbols: list[str]


class ExchangeInfo(Struct):
    """Reply of exchangeInfo, as far as we read it."""

    symbols: list[SymbolInfo]
    rateLimits: list[UsedLimit] = []
    sors: list[SorGroup] = []

    def instruments(self) -> dict[str, Instrument]:
        """Give the instruments of spot trading by symbol."""
        return {info.symbol: info.instrument() for info in self.symbols if info.isSpotTradingAllowed}


_NO_FILTER = SymbolFilter()

read_error = msgspec.json.Decoder(ErrorBody).decode
read_replace_error = msgspec.json.Decoder(ReplaceError).decode
read_time = msgspec.json.Decoder(ServerTime).decode
read_klines = msgspec.json.Decoder(list[KlineRow]).decode
read_exchange_info = msgspec.json.Decoder(ExchangeInfo).decode


def stream_name(stream: Stream) -> str:
    """Give a candle series' name on the wire: `btcusdt@kline_1m`."""
    return f"{stream.symbol.lower()}@kline_{stream.interval}"


def _candle(
    symbol: str, interval: str, market: Market, opened: int, closed: int, open_: str, high: str, low: str,
    close: str, volume: str, quote_volume: str, trades: int, is_closed: bool,
) -> Candle:  # fmt: skip
    candle = Candle(
        symbol, interval, opened, float(open_), float(high), float(low), float(close), float(volume), closed,
        float(quote_volume), trades, is_closed, market,
    )  # fmt: skip
    # A NaN fails every comparison, so one chain finds nonsense of all kinds.
    if not (0 < candle.low <= candle.open <= candle.high < inf and candle.low <= candle.close <= candle.high):
        raise ValueError(f"candle of {symbol} {interval} at {opened} has impossible prices")
    return candle


def lot_rule(rule: SymbolFilter) -> LotRule:
    """Give the rule of a LOT_SIZE or MARKET_LOT_SIZE filter."""
    return LotRule(rule.minQty, rule.maxQty, rule.stepSize)


def _notional(rules: dict[str, SymbolFilter]) -> NotionalRule:
    if rule := rules.get("NOTIONAL"):
        return NotionalRule(rule.minNotional, rule.maxNotional, rule.applyMinToMarket, rule.applyMaxToMarket)
    rule = rules.get("MIN_NOTIONAL", _NO_FILTER)
    return NotionalRule(rule.minNotional, ZERO, rule.applyToMarket)


def _band(rules: dict[str, SymbolFilter]) -> SideBand | None:
    if rule := rules.get("PERCENT_PRICE_BY_SIDE"):
        return SideBand(rule.bidMultiplierUp, rule.bidMultiplierDown, rule.askMultiplierUp, rule.askMultiplierDown)
    if rule := rules.get("PERCENT_PRICE"):
        return SideBand(rule.multiplierUp, rule.multiplierDown, rule.multiplierUp, rule.multiplierDown)
    return None
