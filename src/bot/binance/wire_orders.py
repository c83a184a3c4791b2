"""Orders, accounts and user-data events as Binance writes them, and their translation.

Field names here are Binance's own. A value we do not know is no error: `status` is None then, and somebody asks again.
"""

# ruff: noqa: N815 - the names are Binance's

from decimal import Decimal

import msgspec
from msgspec import Struct

from bot.binance.wire import UsedLimit
from bot.domain.market import Market
from bot.domain.messages import FundsSeen, OrderUpdate
from bot.domain.money import EXACT, ZERO, Price, Quantity, number
from bot.domain.order import Fill, OrderStatus, Side

_STATUSES = {
    "NEW": OrderStatus.NEW,
    "PENDING_NEW": OrderStatus.NEW,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
}


status_of = _STATUSES.get
"""From Binance's word to our status, or None."""


class ReplyFill(Struct):
    """A fill inside a FULL reply."""

    price: Decimal
    qty: Decimal
    commission: Decimal
    commissionAsset: str
    tradeId: int
    matchType: str = ""
    allocId: int = -1
    """With smart order routing: the number of the allocation; the trade id is -1 then."""


class OrderReply(Struct):
    """Reply to placing, cancelling and querying an order. `origClientOrderId` stands in cancel replies alone."""

    symbol: str
    orderId: int
    clientOrderId: str
    status: str
    executedQty: Decimal
    origClientOrderId: str = ""
    transactTime: int = 0
    updateTime: int = 0
    expiryReason: str = ""
    fills: list[ReplyFill] = []
    orderListId: int = -1
    type: str = ""
    side: str = ""
    timeInForce: str = ""
    price: Decimal = ZERO
    origQty: Decimal = ZERO
    origQuoteOrderQty: Decimal = ZERO
    cummulativeQuoteQty: Decimal = ZERO
    stopPrice: Decimal = ZERO
    icebergQty: Decimal = ZERO
    trailingDelta: int = 0
    trailingTime: int = -1
    time: int = 0
    isWorking: bool = False
    workingTime: int = -1
    strategyId: int = 0
    strategyType: int = 0
    preventedQuantity: Decimal = ZERO
    tradeGroupId: int = -1
    usedSor: bool = False
    workingFloor: str = ""
    selfTradePreventionMode: str = ""

    @property
    def our_id(self) -> str:
        """Give the order's own client id."""
        return self.origClientOrderId or self.clientOrderId

    @property
    def number(self) -> int:
        """Give the exchange's own id of it."""
        return self.orderId

    def update(self) -> OrderUpdate | None:
        """Give where the order stands, or None for a status we do not know."""
        status = status_of(self.status)
        if status is None:
            return None
        time_ms = self.transactTime or self.updateTime
        return OrderUpdate(self.our_id, status, time_ms, self.orderId, self.expiryReason)

    def our_fills(self, side: Side, market: Market) -> list[Fill]:
        """Give the fills that came with the reply; they are all taken, none made."""
        return [
            our_fill(self.our_id, self.symbol, fill.tradeId, side, fill.price, fill.qty, fill.commission,
                  fill.commissionAsset, self.transactTime, self.orderId, False, market)
            for fill in self.fills
        ]  # fmt: skip


class AllocationRow(Struct):
    """One row of myAllocations: what smart order routing brought to an order, which is no trade of its book."""

    symbol: str
    allocationId: int
    orderId: int
    price: Decimal
    qty: Decimal
    commission: Decimal
    commissionAsset: str
    time: int
    isBuyer: bool
    quoteQty: Decimal = ZERO
    allocationType: str = ""
    orderListId: int = -1
    isMaker: bool = False
    isAllocator: bool = False


class TradeRow(Struct):
    """One row of myTrades."""

    symbol: str
    id: int
    orderId: int
    price: Decimal
    qty: Decimal
    commission: Decimal
    commissionAsset: str
    time: int
    isBuyer: bool
    isMaker: bool = False
    quoteQty: Decimal = ZERO
    orderListId: int = -1
    isBestMatch: bool = True

    def fill(self, client_order_id: str, market: Market) -> Fill:
        """Give the fill it is."""
        side = Side.BUY if self.isBuyer else Side.SELL
        return our_fill(client_order_id, self.symbol, self.id, side, self.price, self.qty, self.commission,
                     self.commissionAsset, self.time, self.orderId, self.isMaker, market)  # fmt: skip


class Balance(Struct):
    """What is free and locked of one asset."""

    asset: str
    free: Decimal
    locked: Decimal


class AccountReply(Struct):
    """Reply of account."""

    balances: list[Balance]
    canTrade: bool = True
    canWithdraw: bool = False
    canDeposit: bool = False
    makerCommission: int = 0
    takerCommission: int = 0
    buyerCommission: int = 0
    sellerCommission: int = 0
    updateTime: int = 0
    accountType: str = ""
    tradeGroupId: int = -1
    permissions: list[str] = []
    uid: int = 0

    def funds(self, time_ms: int) -> FundsSeen:
        """Give free + locked by asset, without the assets that are not there."""
        totals = {row.asset: EXACT.add(number(row.free), number(row.locked)) for row in self.balances}
        return FundsSeen({asset: total for asset, total in totals.items() if total}, time_ms)


class UserEvent(Struct):
    """Any event of the user stream; the fields are those of executionReport, told apart by `e`."""

    e: str = ""
    E: int = 0
    s: str = ""
    c: str = ""
    C: str = ""
    S: str = ""
    x: str = ""
    X: str = ""
    r: str = "NONE"
    eR: str = ""
    i: int = 0
    t: int = -1
    l: Decimal = ZERO  # noqa: E741 - Binance's name
    z: Decimal = ZERO
    L: Decimal = ZERO
    n: Decimal | None = None
    N: str | None = None
    T: int = 0
    m: bool = False

    @property
    def is_order(self) -> bool:
        """Say whether it tells of an order."""
        return self.e == "executionReport"

    @property
    def number(self) -> int:
        """Give the exchange's own id of the order."""
        return self.i

    @property
    def filled(self) -> Decimal:
        """Give what is filled in all."""
        return self.z

    @property
    def our_id(self) -> str:
        """Give the order's own client id: in a cancel report `c` names the cancel request."""
        return self.C if self.x == "CANCELED" and self.C else self.c

    def update(self) -> OrderUpdate | None:
        """Give where the order stands, or None for a status we do not know."""
        status = status_of(self.X)
        if status is None:
            return None
        reason = self.eR or ("" if self.r == "NONE" else self.r)
        return OrderUpdate(self.our_id, status, self.T, self.i, reason)

    def fill(self, market: Market) -> Fill | None:
        """Give the trade it reports, or None."""
        if self.x != "TRADE" or self.t < 0 or self.l <= 0:
            return None
        return our_fill(self.our_id, self.s, self.t, Side(self.S), self.L, self.l, self.n or ZERO, self.N or "",
                     self.T, self.i, self.m, market)  # fmt: skip


class EventHead(Struct):
    """The name of any event."""

    e: str = ""


class ApiReply(Struct):
    """Any frame of the WebSocket API: a reply to a request of ours, or an event."""

    id: int | str | None = None
    status: int = 0
    result: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    rateLimits: list[UsedLimit] = []
    event: msgspec.Raw = msgspec.Raw()


read_order = msgspec.json.Decoder(OrderReply).decode
read_trades = msgspec.json.Decoder(list[TradeRow]).decode
read_account = msgspec.json.Decoder(AccountReply).decode
read_api_reply = msgspec.json.Decoder(ApiReply).decode
_head = msgspec.json.Decoder(EventHead).decode
_user_event = msgspec.json.Decoder(UserEvent).decode


def read_user_event(raw: bytes | msgspec.Raw) -> UserEvent:
    """Read a user event; of all but executionReport the name alone, because letters mean other things there."""
    kind = _head(raw).e
    return _user_event(raw) if kind == "executionReport" else UserEvent(e=kind)


def our_fill(
    client_order_id: str, symbol: str, trade_id: int, side: Side, price: Decimal, quantity: Decimal, fee: Decimal,
    fee_asset: str, time_ms: int, exchange_order_id: int, is_maker: bool, market: Market,
) -> Fill:  # fmt: skip
    """Give a fill of ours with exact numbers; ValueError when they are none."""
    return Fill(
        client_order_id, symbol, trade_id, side, Price(number(price)), Quantity(number(quantity)), number(fee),
        fee_asset, time_ms, exchange_order_id, is_maker, market,
    )  # fmt: skip
