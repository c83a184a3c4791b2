"""What a futures exchange in memory did, in the words in which the engine hears of it."""

from collections.abc import Callable
from decimal import Decimal

from bot.domain.market import Market
from bot.domain.messages import Event, IncomeKind, IncomeSeen, OrderUpdate
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, OrderStatus
from bot.simulation.futures.happenings import BalanceMoved, Funded, Happening, OrderAccepted, OrderMoved
from bot.simulation.futures.records import FuturesOrder, Trade
from bot.simulation.futures.words import LIQUIDATION, MARKET_UNFILLED, OrderState, Why

_ENDS = {OrderState.CANCELED: OrderStatus.CANCELED, OrderState.FILLED: OrderStatus.FILLED}
_REASONS = {LIQUIDATION: "the position is being liquidated", MARKET_UNFILLED: "the margin did not suffice at the open"}


class Tidings:
    """Listens to the exchange of one account; `moved` is called whenever something happened to it."""

    def __init__(self, moved: Callable[[], object], first_income_id: int = 1) -> None:
        self.at_ms = 0
        """When what happens now happens. The exchange's own clock goes on with the first of several symbols."""
        self._moved = moved
        self._next_income = first_income_id
        self._told: list[Event] = []
        """What is told when the call that it comes of is through."""
        self._forced: int | None = None
        """Where in it the first trade of a liquidation stands."""

    def __bool__(self) -> bool:
        """Say whether there is anything to tell."""
        return bool(self._told)

    def take(self) -> list[Event]:
        """Give what is to be told, in order, once."""
        told, self._told, self._forced = self._told, [], None
        return told

    def refuse(self, event: OrderUpdate) -> None:
        """Tell of an order that the exchange did not take."""
        self._told.append(event)

    def observe(self, happening: Happening) -> None:
        """Hear what happened."""
        match happening:
            case OrderAccepted(order=order):
                if not order.is_forced:
                    self._told.append(_update(order, OrderStatus.NEW, self.at_ms))
            case OrderMoved(order=order, trade=trade):
                if order.is_forced and self._forced is None:
                    self._forced = len(self._told)
                if trade is not None:
                    self._told.append(_fill(trade, self.at_ms))
                elif not (order.is_open or order.is_forced):
                    self._told.append(_update(order, _ENDS.get(order.state, OrderStatus.EXPIRED), self.at_ms))
            case Funded(symbol=symbol, amount=amount, asset=asset):
                self._told.append(self._income(IncomeKind.FUNDING, symbol, asset, amount))
            case BalanceMoved(why=Why.INSURANCE_CLEAR, asset=asset, delta=delta):
                self._charge(asset, delta)
            case _:
                return
        self._moved()

    def _charge(self, asset: str, amount: Decimal) -> None:
        """Tell what a liquidation takes before the trades that it is for: then it is the cost of who held them."""
        at = len(self._told) if self._forced is None else self._forced
        forced = next((each for each in self._told[at:] if isinstance(each, Fill)), None)
        symbol = "" if forced is None else forced.symbol
        self._told.insert(at, self._income(IncomeKind.LIQUIDATION, symbol, asset, amount))
        self._forced = at + 1

    def _income(self, kind: IncomeKind, symbol: str, asset: str, amount: Decimal) -> IncomeSeen:
        self._next_income += 1
        return IncomeSeen(kind, self._next_income - 1, symbol, asset, amount, self.at_ms)


def _fill(trade: Trade, time_ms: int) -> Fill:
    return Fill(
        client_order_id=trade.client_order_id,
        symbol=trade.symbol,
        trade_id=trade.trade_id,
        side=trade.side,
        price=Price(trade.price),
        quantity=Quantity(trade.quantity),
        fee=trade.fee,
        fee_asset=trade.fee_asset,
        time_ms=time_ms,
        exchange_order_id=trade.order_id,
        is_maker=trade.is_maker,
        market=Market.FUTURES,
        realised=trade.realised,
    )


def _update(order: FuturesOrder, status: OrderStatus, time_ms: int) -> OrderUpdate:
    reason = _REASONS.get(order.expiry_reason, "")
    return OrderUpdate(order.client_order_id, status, time_ms, exchange_order_id=order.order_id, reason=reason)
