"""USD-M's requests: the table."""

from typing import Any

from bot.binance import wire_futures as told
from bot.binance import wire_requests as ask
from bot.binance.endpoints import Endpoint, Pool, Priority, Security, by_limit, one_or_all
from bot.binance.wire import KlineRow, ServerTime, UsedLimit
from bot.binance.wire_account import Message
from bot.binance.wire_market import (
    AggTradeReply,
    BookTickerReply,
    DepthReply,
    FundingInfoReply,
    FundingRateReply,
    OpenInterestReply,
    PremiumIndexReply,
    PriceReply,
    TickerReply,
    TradeReply,
)

_V1 = "/fapi/v1/"
_KLINES = by_limit(500, (99, 1), (499, 2), (1000, 5), (1500, 10))


def _public(name: str, request: Any, reply: Any, weight: Any = 1, ws_method: str = "", **more: Any) -> Any:
    return Endpoint(
        method="GET", path=_V1 + name, request=request, reply=reply, weight=weight, ws_method=ws_method, **more
    )


def _reads(name: str, request: Any, reply: Any, weight: Any = 1, ws_method: str = "", **more: Any) -> Any:
    return _public(name, request, reply, weight, ws_method, security=Security.SIGNED, **more)


def _changes(
    method: str, name: str, request: Any, reply: Any, weight: Any = 1, ws_method: str = "", **more: Any
) -> Any:
    given = {"priority": Priority.ORDER, "security": Security.SIGNED, "repeatable": False, **more}
    return Endpoint(
        method=method, path=_V1 + name, request=request, reply=reply, weight=weight, ws_method=ws_method, **given
    )


_OLD: dict[str, Any] = {"priority": Priority.HISTORY}
_CANCELS: dict[str, Any] = {"priority": Priority.CANCEL}

TIME: Endpoint[ask.Nothing, ServerTime] = _public("time", ask.Nothing, ServerTime)
EXCHANGE_INFO: Endpoint[ask.Nothing, told.FuturesExchangeInfo] = _public(
    "exchangeInfo", ask.Nothing, told.FuturesExchangeInfo
)
DEPTH: Endpoint[ask.Newest, DepthReply] = _public(
    "depth", ask.Newest, DepthReply, by_limit(500, (50, 2), (100, 5), (500, 10), (1000, 20)), "depth"
)
TRADES: Endpoint[ask.Newest, list[TradeReply]] = _public("trades", ask.Newest, list[TradeReply], 5, **_OLD)
AGG_TRADES: Endpoint[ask.Window, list[AggTradeReply]] = _public(
    "aggTrades", ask.Window, list[AggTradeReply], 20, **_OLD
)
KLINES: Endpoint[ask.KlinesRequest, list[KlineRow]] = _public(
    "klines", ask.KlinesRequest, list[KlineRow], _KLINES, **_OLD
)
MARK_PRICE_KLINES: Endpoint[ask.KlinesRequest, list[KlineRow]] = _public(
    "markPriceKlines", ask.KlinesRequest, list[KlineRow], _KLINES, **_OLD
)
INDEX_PRICE_KLINES: Endpoint[ask.PairKlinesRequest, list[KlineRow]] = _public(
    "indexPriceKlines", ask.PairKlinesRequest, list[KlineRow], _KLINES, **_OLD
)
CONTINUOUS_KLINES: Endpoint[ask.PairKlinesRequest, list[KlineRow]] = _public(
    "continuousKlines", ask.PairKlinesRequest, list[KlineRow], _KLINES, **_OLD
)
PREMIUM_INDEX: Endpoint[ask.OfAnySymbol, PremiumIndexReply | list[PremiumIndexReply]] = _public(
    "premiumIndex", ask.OfAnySymbol, PremiumIndexReply | list[PremiumIndexReply], one_or_all(1, 10)
)
FUNDING_RATE: Endpoint[ask.FundingRequest, list[FundingRateReply]] = _public(
    "fundingRate", ask.FundingRequest, list[FundingRateReply], pool=Pool.FUNDING, **_OLD
)
FUNDING_INFO: Endpoint[ask.Nothing, list[FundingInfoReply]] = _public(
    "fundingInfo", ask.Nothing, list[FundingInfoReply], pool=Pool.FUNDING, **_OLD
)
OPEN_INTEREST: Endpoint[ask.OfSymbol, OpenInterestReply] = _public("openInterest", ask.OfSymbol, OpenInterestReply)
TICKER_DAY: Endpoint[ask.OfAnySymbol, TickerReply | list[TickerReply]] = _public(
    "ticker/24hr", ask.OfAnySymbol, TickerReply | list[TickerReply], one_or_all(1, 40)
)
TICKER_PRICE: Endpoint[ask.OfAnySymbol, PriceReply | list[PriceReply]] = Endpoint(
    method="GET", path="/fapi/v2/ticker/price", request=ask.OfAnySymbol, reply=PriceReply | list[PriceReply],
    weight=one_or_all(1, 2), ws_method="ticker.price",
)  # fmt: skip
TICKER_BOOK: Endpoint[ask.OfAnySymbol, BookTickerReply | list[BookTickerReply]] = _public(
    "ticker/bookTicker", ask.OfAnySymbol, BookTickerReply | list[BookTickerReply], one_or_all(2, 5), "ticker.book"
)

ORDER: Endpoint[ask.OfOrder, told.FuturesOrder] = _reads(
    "order", ask.OfOrder, told.FuturesOrder, 1, "order.status", priority=Priority.ORDER
)
OPEN_ORDER: Endpoint[ask.OfOrder, told.FuturesOrder] = _reads("openOrder", ask.OfOrder, told.FuturesOrder)
OPEN_ORDERS: Endpoint[ask.OfAnySymbol, list[told.FuturesOrder]] = _reads(
    "openOrders", ask.OfAnySymbol, list[told.FuturesOrder], one_or_all(1, 40)
)
ALL_ORDERS: Endpoint[ask.OrdersRequest, list[told.FuturesOrder]] = _reads(
    "allOrders", ask.OrdersRequest, list[told.FuturesOrder], 5, **_OLD
)
USER_TRADES: Endpoint[ask.TradesRequest, list[told.FuturesTrade]] = _reads(
    "userTrades", ask.TradesRequest, list[told.FuturesTrade], 5
)
AMENDMENTS: Endpoint[ask.OfOrder, list[told.Amendment]] = _reads(
    "orderAmendment", ask.OfOrder, list[told.Amendment], **_OLD
)
FORCED_ORDERS: Endpoint[ask.OfAnySymbol, list[told.FuturesOrder]] = _reads(
    "forceOrders", ask.OfAnySymbol, list[told.FuturesOrder], one_or_all(20, 50), **_OLD
)
PLACE_ORDER: Endpoint[ask.NewFuturesOrder, told.FuturesOrder] = _changes(
    "POST", "order", ask.NewFuturesOrder, told.FuturesOrder, 0, "order.place", orders=1
)
TEST_ORDER: Endpoint[ask.NewFuturesOrder, told.OrderOrError] = _changes(
    "POST", "order/test", ask.NewFuturesOrder, told.OrderOrError
)
MODIFY_ORDER: Endpoint[ask.ModifyOrder, told.FuturesOrder] = _changes(
    "PUT", "order", ask.ModifyOrder, told.FuturesOrder, 0, "order.modify", orders=1
)
CANCEL_ORDER: Endpoint[ask.OfOrder, told.FuturesOrder] = _changes(
    "DELETE", "order", ask.OfOrder, told.FuturesOrder, 1, "order.cancel", **_CANCELS
)
CANCEL_ALL: Endpoint[ask.OfSymbol, Message] = _changes("DELETE", "allOpenOrders", ask.OfSymbol, Message, **_CANCELS)
PLACE_BATCH: Endpoint[ask.BatchOrders, list[told.OrderOrError]] = _changes(
    "POST", "batchOrders", ask.BatchOrders, list[told.OrderOrError], 5, orders=5
)
MODIFY_BATCH: Endpoint[ask.BatchOrders, list[told.OrderOrError]] = _changes(
    "PUT", "batchOrders", ask.BatchOrders, list[told.OrderOrError], 5, orders=5
)
CANCEL_BATCH: Endpoint[ask.BatchCancel, list[told.OrderOrError]] = _changes(
    "DELETE", "batchOrders", ask.BatchCancel, list[told.OrderOrError], **_CANCELS
)
# Arming the switch twice is arming it once, yet a late repetition would re-arm what was let go.
COUNTDOWN: Endpoint[ask.Countdown, told.CountdownReply] = _changes(
    "POST", "countdownCancelAll", ask.Countdown, told.CountdownReply, 10, **_CANCELS
)

PLACE_ALGO: Endpoint[ask.NewAlgoOrder, told.AlgoOrder] = _changes(
    "POST", "algoOrder", ask.NewAlgoOrder, told.AlgoOrder, 0, "algoOrder.place", orders=1, priority=Priority.STOP
)
CANCEL_ALGO: Endpoint[ask.OfAlgo, told.AlgoCancelled] = _changes(
    "DELETE", "algoOrder", ask.OfAlgo, told.AlgoCancelled, 1, "algoOrder.cancel", **_CANCELS
)
CANCEL_ALL_ALGOS: Endpoint[ask.OfSymbol, Message] = _changes(
    "DELETE", "algoOpenOrders", ask.OfSymbol, Message, **_CANCELS
)
ALGO: Endpoint[ask.OfAlgo, told.AlgoOrder] = _reads("algoOrder", ask.OfAlgo, told.AlgoOrder, priority=Priority.ORDER)
OPEN_ALGOS: Endpoint[ask.OfAnySymbol, list[told.AlgoOrder]] = _reads(
    "openAlgoOrders", ask.OfAnySymbol, list[told.AlgoOrder], one_or_all(1, 40)
)
ALL_ALGOS: Endpoint[ask.AlgoOrdersRequest, list[told.AlgoOrder]] = _reads(
    "allAlgoOrders", ask.AlgoOrdersRequest, list[told.AlgoOrder], 5, **_OLD
)


def _versioned(version: int, name: str, reply: Any, request: Any = ask.Nothing, ws_method: str = "") -> Any:
    return Endpoint(
        method="GET", path=f"/fapi/v{version}/{name}", request=request, reply=reply, weight=5,
        security=Security.SIGNED, ws_method=ws_method,
    )  # fmt: skip


ACCOUNT: Endpoint[ask.Nothing, told.FuturesAccount] = _versioned(
    3, "account", told.FuturesAccount, ws_method="v2/account.status"
)
ACCOUNT_V2: Endpoint[ask.Nothing, told.FuturesAccount] = _versioned(
    2, "account", told.FuturesAccount, ws_method="account.status"
)
BALANCE: Endpoint[ask.Nothing, list[told.BalanceRow]] = _versioned(
    3, "balance", list[told.BalanceRow], ws_method="v2/account.balance"
)
BALANCE_V2: Endpoint[ask.Nothing, list[told.BalanceRow]] = _versioned(
    2, "balance", list[told.BalanceRow], ws_method="account.balance"
)
POSITION_RISK: Endpoint[ask.OfAnySymbol, list[told.PositionRisk]] = _versioned(
    3, "positionRisk", list[told.PositionRisk], ask.OfAnySymbol
)
POSITION_RISK_V2: Endpoint[ask.OfAnySymbol, list[told.PositionRisk]] = _versioned(
    2, "positionRisk", list[told.PositionRisk], ask.OfAnySymbol
)
SYMBOL_CONFIG: Endpoint[ask.OfAnySymbol, list[told.SymbolConfig]] = _reads(
    "symbolConfig", ask.OfAnySymbol, list[told.SymbolConfig], 5
)
ACCOUNT_CONFIG: Endpoint[ask.Nothing, told.AccountConfig] = _reads("accountConfig", ask.Nothing, told.AccountConfig, 5)
COMMISSION: Endpoint[ask.OfSymbol, told.FuturesCommission] = _reads(
    "commissionRate", ask.OfSymbol, told.FuturesCommission, 20
)
LEVERAGE_BRACKET: Endpoint[ask.OfAnySymbol, told.SymbolBrackets | list[told.SymbolBrackets]] = _reads(
    "leverageBracket", ask.OfAnySymbol, told.SymbolBrackets | list[told.SymbolBrackets]
)
INCOME: Endpoint[ask.IncomeRequest, list[told.IncomeRow]] = _reads(
    "income", ask.IncomeRequest, list[told.IncomeRow], 30, **_OLD
)
ORDER_LIMITS: Endpoint[ask.Nothing, list[UsedLimit]] = _reads("rateLimit/order", ask.Nothing, list[UsedLimit])
POSITION_MODE: Endpoint[ask.Nothing, told.PositionMode] = _reads(
    "positionSide/dual", ask.Nothing, told.PositionMode, 30
)
MULTI_ASSETS: Endpoint[ask.Nothing, told.MultiAssets] = _reads("multiAssetsMargin", ask.Nothing, told.MultiAssets, 30)
FEE_BURN: Endpoint[ask.Nothing, told.FeeBurn] = _reads("feeBurn", ask.Nothing, told.FeeBurn, 30)
SET_LEVERAGE: Endpoint[ask.LeverageRequest, told.LeverageReply] = _changes(
    "POST", "leverage", ask.LeverageRequest, told.LeverageReply
)
SET_MARGIN_TYPE: Endpoint[ask.MarginTypeRequest, Message] = _changes(
    "POST", "marginType", ask.MarginTypeRequest, Message
)
SET_POSITION_MODE: Endpoint[ask.PositionModeRequest, Message] = _changes(
    "POST", "positionSide/dual", ask.PositionModeRequest, Message
)
SET_MULTI_ASSETS: Endpoint[ask.MultiAssetsRequest, Message] = _changes(
    "POST", "multiAssetsMargin", ask.MultiAssetsRequest, Message
)
SET_FEE_BURN: Endpoint[ask.FeeBurnRequest, Message] = _changes("POST", "feeBurn", ask.FeeBurnRequest, Message)
MOVE_MARGIN: Endpoint[ask.PositionMarginRequest, told.PositionMarginReply] = _changes(
    "POST", "positionMargin", ask.PositionMarginRequest, told.PositionMarginReply
)

# A listen key may be asked for again: the same one comes back, and lives longer.
_KEY: dict[str, Any] = {"security": Security.KEY, "repeatable": True, "priority": Priority.ORDER}
OPEN_LISTEN_KEY: Endpoint[ask.Nothing, told.ListenKey] = _changes(
    "POST", "listenKey", ask.Nothing, told.ListenKey, 1, "userDataStream.start", **_KEY
)
KEEP_LISTEN_KEY: Endpoint[ask.Nothing, told.ListenKey] = _changes(
    "PUT", "listenKey", ask.Nothing, told.ListenKey, 1, "userDataStream.ping", **_KEY
)
CLOSE_LISTEN_KEY: Endpoint[ask.Nothing, told.ListenKey] = _changes(
    "DELETE", "listenKey", ask.Nothing, told.ListenKey, 1, "userDataStream.stop", **_KEY
)

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = tuple(each for each in globals().values() if isinstance(each, Endpoint))
