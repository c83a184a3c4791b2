"""Market data as REST tells it: books, trades, tickers, mark prices, funding. Field names are Binance's own."""

# ruff: noqa: N815 - the names are Binance's

from decimal import Decimal

from msgspec import Struct

from bot.domain.money import ZERO

Level = tuple[Decimal, Decimal]
"""Price and quantity."""


class DepthReply(Struct):
    """The book as it stood at `lastUpdateId`."""

    lastUpdateId: int
    bids: list[Level]
    asks: list[Level]
    E: int = 0
    T: int = 0


class TradeReply(Struct):
    """One public trade."""

    id: int
    price: Decimal
    qty: Decimal
    quoteQty: Decimal
    time: int
    isBuyerMaker: bool
    isBestMatch: bool = True
    isRPITrade: bool = False


class AggTradeReply(Struct):
    """Trades of one taker at one price."""

    a: int
    p: Decimal
    q: Decimal
    f: int
    l: int  # noqa: E741 - Binance's name
    T: int
    m: bool
    M: bool = True
    nq: Decimal | None = None


class PriceReply(Struct):
    """Last price."""

    symbol: str
    price: Decimal
    time: int = 0


class BookTickerReply(Struct):
    """Best bid and ask."""

    symbol: str
    bidPrice: Decimal
    bidQty: Decimal
    askPrice: Decimal
    askQty: Decimal
    time: int = 0
    lastUpdateId: int = 0


class AveragePriceReply(Struct):
    """Average of the last minutes."""

    mins: int
    price: Decimal
    closeTime: int = 0


class TickerReply(Struct):
    """A window's statistics (a day's, a trading day's, a rolling one's)."""

    symbol: str
    openPrice: Decimal
    highPrice: Decimal
    lowPrice: Decimal
    lastPrice: Decimal
    volume: Decimal
    quoteVolume: Decimal
    openTime: int
    closeTime: int
    firstId: int
    lastId: int
    count: int
    priceChange: Decimal = ZERO
    priceChangePercent: Decimal = ZERO
    weightedAvgPrice: Decimal = ZERO
    prevClosePrice: Decimal | None = None
    lastQty: Decimal | None = None
    bidPrice: Decimal | None = None
    bidQty: Decimal | None = None
    askPrice: Decimal | None = None
    askQty: Decimal | None = None


class ExecutionRule(Struct):
    """How far from the reference price a taker may trade."""

    ruleType: str = ""
    bidLimitMultUp: Decimal | None = None
    bidLimitMultDown: Decimal | None = None
    askLimitMultUp: Decimal | None = None
    askLimitMultDown: Decimal | None = None


class SymbolRules(Struct):
    """A symbol's execution rules."""

    symbol: str
    rules: list[ExecutionRule] = []


class ExecutionRulesReply(Struct):
    """Reply of executionRules."""

    symbolRules: list[SymbolRules] = []


class ReferencePriceReply(Struct):
    """What Binance measures prices against; None when there is none."""

    symbol: str
    referencePrice: Decimal | None = None
    timestamp: int = 0


class PremiumIndexReply(Struct):
    """A future's mark price and funding."""

    symbol: str
    markPrice: Decimal
    indexPrice: Decimal
    time: int
    estimatedSettlePrice: Decimal = ZERO
    lastFundingRate: str = ""
    """Empty for contracts that pay none."""
    interestRate: str = ""
    nextFundingTime: int = 0


class FundingRateReply(Struct):
    """One funding of the past."""

    symbol: str
    fundingRate: Decimal
    fundingTime: int
    markPrice: str = ""
    rateType: str = "Regular"


class FundingInfoReply(Struct):
    """A symbol whose funding deviates from the usual."""

    symbol: str
    adjustedFundingRateCap: Decimal
    adjustedFundingRateFloor: Decimal
    fundingIntervalHours: int
    disclaimer: bool = False
    updateTime: int | None = None


class OpenInterestReply(Struct):
    """Contracts open in the market."""

    symbol: str
    openInterest: Decimal
    time: int = 0
