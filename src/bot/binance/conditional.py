"""Conditional orders of USD-M: they wait for a price under ids of their own, and become an ordinary order at it.

One of ours is one order to us, from its placing to the last trade of what it became: both bear our id.
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import structs

from bot.binance import futures
from bot.binance.errors import NO_SUCH_ORDER
from bot.binance.wire_futures import AlgoOrder
from bot.binance.wire_new_futures import OfAlgo
from bot.binance.wire_requests import OfAnySymbol, OfOrder
from bot.binance.wire_user import AlgoEvent
from bot.domain.errors import Rejected, Unavailable
from bot.domain.market import Market
from bot.domain.messages import OrderUpdate
from bot.domain.money import ZERO
from bot.domain.order import Fill, OrderStatus, Side

if TYPE_CHECKING:
    from bot.binance.client import Client, OrderSeen

FINISHED = "FINISHED"
"""What it became is over: that order says how."""
_STANDS = {
    "NEW": OrderStatus.NEW,
    "TRIGGERING": OrderStatus.NEW,
    "TRIGGERED": OrderStatus.NEW,
    "CANCELED": OrderStatus.CANCELED,
    "EXPIRED": OrderStatus.EXPIRED,
    # It had stood: what is refused when its price has come was no refusal of ours.
    "REJECTED": OrderStatus.EXPIRED,
}
_REASONS = {"REJECTED": "the exchange refused it when its price had come"}
_UNTRADED = "what it became ended without a trade"


class Waiting:
    """A conditional order that has become no other yet, or never will (`OrderSeen`)."""

    orderId = 0  # noqa: N815 - Binance's name
    """That of the order it becomes: there is none."""
    executedQty: Decimal = ZERO  # noqa: N815 - Binance's name

    def __init__(self, told: AlgoOrder) -> None:
        self.symbol, self.our_id, self.number = told.symbol, told.clientAlgoId, told.algoId
        self.status, self.side, self.time = told.algoStatus, told.side, told.createTime
        self.origQty = told.quantity or ZERO
        self._updated_ms = told.updateTime

    def update(self) -> OrderUpdate | None:
        """Give where the order stands, or None for a status we do not know."""
        if self.status == FINISHED:
            return OrderUpdate(self.our_id, OrderStatus.EXPIRED, self._updated_ms or self.time, self.number, _UNTRADED)
        status = _STANDS.get(self.status)
        if status is None:
            return None
        reason = _REASONS.get(self.status, "")
        return OrderUpdate(self.our_id, status, self._updated_ms or self.time, self.number, reason)

    def our_fills(self, _side: Side, _market: Market) -> list[Fill]:
        """Give none: it has not traded."""
        return []


class News:
    """What ALGO_UPDATE tells of a conditional order (`OrderEvent`); its trades are told of what it becomes."""

    filled: Decimal = ZERO

    def __init__(self, event: AlgoEvent) -> None:
        self._body, self._time_ms = event.o, event.T or event.E
        self.our_id = event.o.caid
        self.number = int(event.o.ai or 0)
        """That of the order it became; 0 before."""

    @property
    def is_finished(self) -> bool:
        """True when what it became is over."""
        return self._body.X == FINISHED

    def update(self) -> OrderUpdate | None:
        """Give where the order stands, or None for a status we do not know."""
        status = _STANDS.get(self._body.X)
        if status is None:
            return None
        reason = ": ".join(each for each in (_REASONS.get(self._body.X, ""), self._body.rm) if each)
        return OrderUpdate(self.our_id, status, self._time_ms, self._body.aid, reason)

    def fill(self, _market: Market) -> Fill | None:
        """Give none."""
        return None


async def find(client: "Client", symbol: str, name: str) -> "OrderSeen":
    """Give where a conditional order of ours stands. Rejected with code -2013 when nobody knows it.

    The exchange was seen to deny one that lived when it was asked for by its id. So that counts as little: the list of
    those that wait has to deny it, too, and then the ordinary orders, since it may have become one meanwhile.
    """
    told: AlgoOrder | None
    try:
        told = await client.call(futures.ALGO, OfAlgo(clientAlgoId=name))
    except Rejected as error:
        if error.code != NO_SUCH_ORDER:
            raise
        rows = await client.call(futures.OPEN_ALGOS, OfAnySymbol(symbol=symbol))
        told = next((row for row in rows if row.clientAlgoId == name), None)
    became = int(told.actualOrderId or 0) if told is not None else 0
    if told is not None and not became and told.algoStatus != FINISHED:
        return Waiting(told)
    wanted = OfOrder(symbol=symbol, orderId=became) if became else OfOrder(symbol=symbol, origClientOrderId=name)
    try:
        order = await client.call(futures.ORDER, wanted)
    except Rejected as error:
        if told is None or error.code != NO_SUCH_ORDER:
            raise
        if told.algoStatus == FINISHED and not Decimal(told.actualQty or 0):
            return Waiting(told)  # (what ends untraded is forgotten after three days)
        raise Unavailable(f"order {name} has become another one, which is not shown yet") from None
    return structs.replace(order, clientOrderId=name)
