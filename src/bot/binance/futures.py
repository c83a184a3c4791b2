"""USD-M's requests: the table."""

from typing import Any

from bot.binance import wire_futures as told
from bot.binance import wire_futures_account as held
from bot.binance import wire_new_futures as new
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
PLACE_ORDER: Endpoint[new.NewFuturesOrder, told.FuturesOrder] = _changes(
    "POST", "order", new.NewFuturesOrder, told.FuturesOrder, 0, "order.place", orders=1
)
TEST_ORDER: Endpoint[new.NewFuturesOrder, told.OrderOrError] = _changes(
    "POST", "order/test", new.NewFuturesOrder, told.OrderOrError
)
MODIFY_ORDER: Endpoint[new.ModifyOrder, told.FuturesOrder] = _changes(
    "PUT", "order", new.ModifyOrder, told.FuturesOrder, 0, "order.modify", orders=1
)
CANCEL_ORDER: Endpoint[ask.OfOrder, told.FuturesOrder] = _changes(
    "DELETE", "order", ask.OfOrder, told.FuturesOrder, 1, "order.cancel", **_CANCELS
)
CANCEL_ALL: Endpoint[ask.OfSymbol, Message] = _changes("DELETE", "allOpenOrders", ask.OfSymbol, Message, **_CANCELS)
PLACE_BATCH: Endpoint[new.BatchOrders, list[told.OrderOrError]] = _changes(
    "POST", "batchOrders", new.BatchOrders, list[told.OrderOrError], 5, orders=5
)
MODIFY_BATCH: Endpoint[new.BatchOrders, list[told.OrderOrError]] = _changes(
    "PUT", "batchOrders", new.BatchOrders, list[told.OrderOrError], 5, orders=5
)
CANCEL_BATCH: Endpoint[new.BatchCancel, list[told.OrderOrError]] = _changes(
    "DELETE", "batchOrders", new.BatchCancel, list[told.OrderOrError], **_CANCELS
)
# Arming the switch twice is arming it once, yet a late repetition would re-arm what was let go.
COUNTDOWN: Endpoint[new.Countdown, held.CountdownReply] = _changes(
    "POST", "countdownCancelAll", new.Countdown, held.CountdownReply, 10, **_CANCELS
)

PLACE_ALGO: Endpoint[new.NewAlgoOrder, told.AlgoOrder] = _changes(
    "POST",
    "algoOrder",
    new.NewAlgoOrder,
    told.AlgoOrder,
    0,
    "algoOrder.place",
    orders=1,
    priority=Priority.STOP,
)
CANCEL_ALGO: Endpoint[new.OfAlgo, told.AlgoCancelled] = _changes(
    "DELETE", "algoOrder", new.OfAlgo, told.AlgoCancelled, 1, "algoOrder.cancel", **_CANCELS
)
CANCEL_ALL_ALGOS: Endpoint[ask.OfSymbol, Message] = _changes(
    "DELETE", "algoOpenOrders", ask.OfSymbol, Message, **_CANCELS
)
ALGO: Endpoint[new.OfAlgo, told.AlgoOrder] = _reads("algoOrder", new.OfAlgo, told.AlgoOrder, priority=Priority.ORDER)
OPEN_ALGOS: Endpoint[ask.OfAnySymbol, list[told.AlgoOrder]] = _reads(
    "openAlgoOrders", ask.OfAnySymbol, list[told.AlgoOrder], one_or_all(1, 40)
)
ALL_ALGOS: Endpoint[new.AlgoOrdersRequest, list[told.AlgoOrder]] = _reads(
    "allAlgoOrders", new.AlgoOrdersRequest, list[told.AlgoOrder], 5, **_OLD
)


def _versioned(version: int, name: str, reply: Any, request: Any = ask.Nothing, ws_method: str = "") -> Any:
    return Endpoint(
        method="GET", path=f"/fapi/v{version}/{name}", request=request, reply=reply, weight=5,
        security=Security.SIGNED, ws_method=ws_method,
    )  # fmt: skip


ACCOUNT: Endpoint[ask.Nothing, held.FuturesAccount] = _versioned(
    3, "account", held.FuturesAccount, ws_method="v2/account.status"
)
ACCOUNT_V2: Endpoint[ask.Nothing, held.FuturesAccount] = _versioned(
    2, "account", held.FuturesAccount, ws_method="account.status"
)
BALANCE: Endpoint[ask.Nothing, list[held.BalanceRow]] = _versioned(
    3, "balance", list[held.BalanceRow], ws_method="v2/account.balance"
)
BALANCE_V2: Endpoint[ask.Nothing, list[held.BalanceRow]] = _versioned(
    2, "balance", list[held.BalanceRow], ws_method="account.balance"
)
POSITION_RISK: Endpoint[ask.OfAnySymbol, list[held.PositionRisk]] = _versioned(
    3, "positionRisk", list[held.PositionRisk], ask.OfAnySymbol
)
POSITION_RISK_V2: Endpoint[ask.OfAnySymbol, list[held.PositionRisk]] = _versioned(
    2, "positionRisk", list[held.PositionRisk], ask.OfAnySymbol
)
SYMBOL_CONFIG: Endpoint[ask.OfAnySymbol, list[held.SymbolConfig]] = _reads(
    "symbolConfig", ask.OfAnySymbol, list[held.SymbolConfig], 5
)
ACCOUNT_CONFIG: Endpoint[ask.Nothing, held.AccountConfig] = _reads("accountConfig", ask.Nothing, held.AccountConfig, 5)
COMMISSION: Endpoint[ask.OfSymbol, held.FuturesCommission] = _reads(
    "commissionRate", ask.OfSymbol, held.FuturesCommission, 20
)
LEVERAGE_BRACKET: Endpoint[ask.OfAnySymbol, held.SymbolBrackets | list[held.SymbolBrackets]] = _reads(
    "leverageBracket", ask.OfAnySymbol, held.SymbolBrackets | list[held.SymbolBrackets]
)
INCOME: Endpoint[new.IncomeRequest, list[held.IncomeRow]] = _reads(
    "income", new.IncomeRequest, list[held.IncomeRow], 30, **_OLD
)
ORDER_LIMITS: Endpoint[ask.Nothing, list[UsedLimit]] = _reads("rateLimit/order", ask.Nothing, list[UsedLimit])
POSITION_MODE: Endpoint[ask.Nothing, held.PositionMode] = _reads(
    "positionSide/dual", ask.Nothing, held.PositionMode, 30
)
MULTI_ASSETS: Endpoint[ask.Nothing, held.MultiAssets] = _reads("multiAssetsMargin", ask.Nothing, held.MultiAssets, 30)
FEE_BURN: Endpoint[ask.Nothing, held.FeeBurn] = _reads("feeBurn", ask.Nothing, held.FeeBurn, 30)
SET_LEVERAGE: Endpoint[new.LeverageRequest, held.LeverageReply] = _changes(
    "POST", "leverage", new.LeverageRequest, held.LeverageReply
)
SET_MARGIN_TYPE: Endpoint[new.MarginTypeRequest, Message] = _changes(
    "POST", "marginType", new.MarginTypeRequest, Message
)
SET_POSITION_MODE: Endpoint[new.PositionModeRequest, Message] = _changes(
    "POST", "positionSide/dual", new.PositionModeRequest, Message
)
SET_MULTI_ASSETS: Endpoint[new.MultiAssetsRequest, Message] = _changes(
    "POST", "multiAssetsMargin", new.MultiAssetsRequest, Message
)
SET_FEE_BURN: Endpoint[new.FeeBurnRequest, Message] = _changes("POST", "feeBurn", new.FeeBurnRequest, Message)
MOVE_MARGIN: Endpoint[new.PositionMarginRequest, held.PositionMarginReply] = _changes(
    "POST", "positionMargin", new.PositionMarginRequest, held.PositionMarginReply
)

# A listen key may be asked for again: the same one comes back, and lives longer.
_KEY: dict[str, Any] = {"security": Security.KEY, "repeatable": True, "priority": Priority.ORDER}
OPEN_LISTEN_KEY: Endpoint[ask.Nothing, held.ListenKey] = _changes(
    "POST", "listenKey", ask.Nothing, held.ListenKey, 1, "userDataStream.start", **_KEY
)
KEEP_LISTEN_KEY: Endpoint[ask.Nothing, held.ListenKey] = _changes(
    "PUT", "listenKey", ask.Nothing, held.ListenKey, 1, "userDataStream.ping", **_KEY
)
CLOSE_LISTEN_KEY: Endpoint[ask.Nothing, held.ListenKey] = _changes(
    "DELETE", "listenKey", ask.Nothing, held.ListenKey, 1, "userDataStream.stop", **_KEY
)

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = tuple(each for each in globals().values() if isinstance(each, Endpoint))
