"""Self-trade prevention: what happens instead of a trade between two orders of one owner."""

from decimal import Decimal

from bot.domain.money import EXACT
from bot.domain.order import OrderStatus, StpMode
from bot.simulation.books import Books
from bot.simulation.happenings import Prevented
from bot.simulation.lists import Lists
from bot.simulation.orders import RestingOrder

_TAKER_EXPIRES = frozenset({StpMode.EXPIRE_TAKER, StpMode.EXPIRE_BOTH})
_MAKER_EXPIRES = frozenset({StpMode.EXPIRE_MAKER, StpMode.EXPIRE_BOTH})


def effective_mode(taker: RestingOrder, maker: RestingOrder) -> StpMode:
    """Give the mode that takes effect: the taker's, but TRANSFER only when both orders say so."""
    if taker.stp is StpMode.TRANSFER and maker.stp is not StpMode.TRANSFER:
        return StpMode.DECREMENT
    return taker.stp


def is_transfer(taker: RestingOrder, maker: RestingOrder) -> bool:
    """Say whether two orders of one owner exchange money and quantity: both want it, and each has its own account.

    Between books of different quotes there is nothing that could be exchanged.
    """
    return (
        effective_mode(taker, maker) is StpMode.TRANSFER
        and taker.account != maker.account
        and taker.symbol == maker.symbol
    )


class Prevention:
    """Takes away from both orders what their owner would have traded with himself."""

    def __init__(self, books: Books, lists: Lists) -> None:
        self._books, self._lists = books, lists

    def prevent(self, taker: RestingOrder, maker: RestingOrder, price: Decimal, reach: Decimal, now_ms: int) -> bool:
        """Do as the mode says; False when the taker's money (`reach`, a quantity) is not enough for any of it."""
        overlap, mode = min(taker.remaining, maker.remaining), effective_mode(taker, maker)
        transfers = is_transfer(taker, maker)
        if transfers:
            overlap = min(overlap, reach)
            if overlap <= 0:
                return False
        shares = mode in {StpMode.DECREMENT, StpMode.TRANSFER}
        taker_lost = overlap if shares else taker.remaining if mode in _TAKER_EXPIRES else None
        maker_lost = overlap if shares else maker.remaining if mode in _MAKER_EXPIRES else None
        event = Prevented(
            taker.symbol, self._books.next_match_id, taker.account, taker.order_id, maker.account, maker.order_id,
            mode.value, price, overlap, now_ms, maker.symbol, self._books.account(taker.account).trade_group,
            taker_lost, maker_lost, transfers,
        )  # fmt: skip
        taker.prevented_matches.append(event)
        self._books.note_prevented(event)
        if transfers:
            for order in (taker, maker):
                if order.list_id != -1:
                    self._lists.seize(order, now_ms)
            self._books.transfer(taker, maker, price, overlap)
        for order, lost in ((taker, taker_lost), (maker, maker_lost)):
            if lost is not None:
                self._lose(order, lost, event.match_id, now_ms)
        return True

    def _lose(self, order: RestingOrder, lost: Decimal, match_id: int, now_ms: int) -> None:
        if order.list_id != -1:
            self._lists.seize(order, now_ms)
        order.prevented = EXACT.add(order.prevented, lost)
        order.prevented_match_id = match_id
        if not order.remaining:
            self._books.finish(order, OrderStatus.EXPIRED_IN_MATCH, now_ms, execution="TRADE_PREVENTION")
            if order.list_id != -1:
                self._lists.after_end(order, now_ms)
            return
        if order.price is not None:
            self._books.relock(order, order.needs)
        order.updated_ms = max(now_ms, order.updated_ms)
        self._books.tell(order, "TRADE_PREVENTION")
        if order.shelf == "book":
            order.shown = min(order.shown, order.remaining)
