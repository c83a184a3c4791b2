"""What the futures exchange refuses at its door, with Binance's codes and texts, in the order Binance checks."""

import re
from decimal import Decimal

from bot.domain.instrument import LotRule
from bot.domain.money import EXACT, ZERO, cut, plain, times
from bot.domain.order import OrderType, Side
from bot.simulation.futures.contracts import Contract
from bot.simulation.futures.margin import bound, pool
from bot.simulation.futures.matching import closable, would_take
from bot.simulation.futures.records import FuturesOrder
from bot.simulation.futures.requests import NewOrder
from bot.simulation.futures.state import Account, Market, State
from bot.simulation.futures.sums import add, less, ratio
from bot.simulation.futures.words import (
    RESERVED_PREFIXES,
    AlgoType,
    PositionSide,
    PriceMatch,
    SelfTrade,
    TimeInForce,
)
from bot.simulation.orders import Refused

_LEGAL_ID = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")
_GOOD_TILL_LEAST_MS = 600_000
_GOOD_TILL_MOST_MS = 253_402_300_799_000
_POST_ONLY = (
    "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history"
)
_FOK = (
    "Due to the order could not be filled immediately, the FOK order has been rejected. "
    "The order will not be recorded in the order history"
)
_BEHIND = {"": 0, "5": 4, "10": 9, "20": 19}


def check_form(request: NewOrder, contract: Contract, now_ms: int) -> None:
    """Refuse an ordinary order whose parameters do not fit its type."""
    if isinstance(request.type, AlgoType):
        raise Refused(
            -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        )
    if request.type not in {OrderType.LIMIT, OrderType.MARKET}:
        raise Refused(-1116, "Invalid orderType.")
    check_open_for_trading(contract)
    check_client_id("newClientOrderId", request.client_order_id)
    if request.quantity is None:
        raise _missing("quantity")
    if request.type is OrderType.MARKET:
        if request.price is not None:
            raise Refused(-1106, "Parameter 'price' sent when not required.")
        if request.time_in_force is not None:
            raise Refused(-1106, "Parameter 'timeInForce' sent when not required.")
        if request.price_match is not PriceMatch.NONE:
            raise Refused(-5038, "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT")
        return
    check_limit_form(request.price, request.time_in_force, request.price_match, request.good_till_ms, now_ms)


def check_limit_form(
    price: Decimal | None, time_in_force: TimeInForce | None, match: PriceMatch, good_till_ms: int, now_ms: int
) -> None:
    """Refuse a limit order without price or time in force, or with a date that does not fit."""
    if time_in_force is None:
        raise _missing("timeInForce")
    if match is PriceMatch.NONE and price is None:
        raise _missing("price")
    if match is not PriceMatch.NONE and price is not None:
        raise Refused(-1106, "Parameter 'price' sent when not required.")
    if match in {PriceMatch.OPPONENT_10, PriceMatch.OPPONENT_20}:
        raise Refused(-5037, "Invalid price match")
    check_good_till(time_in_force, good_till_ms, now_ms)


def check_good_till(time_in_force: TimeInForce, good_till_ms: int, now_ms: int) -> None:
    """Refuse a date of expiry that is too near, too far, or not wanted."""
    if time_in_force is not TimeInForce.GTD:
        if good_till_ms:
            raise Refused(-1106, "Parameter 'goodTillDate' sent when not required.")
        return
    if not good_till_ms:
        raise _missing("goodTillDate")
    if not now_ms + _GOOD_TILL_LEAST_MS < good_till_ms < _GOOD_TILL_MOST_MS:
        raise Refused(
            -5040,
            "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than "
            "253402300799000 (UTC 9999-12-31 23:59:59)",
        )


def check_open_for_trading(contract: Contract) -> None:
    """Refuse orders on a symbol that does not trade."""
    if contract.rules.status in {"CLOSE", "DELIVERED"}:
        raise Refused(-4141, "Symbol is closed.")
    if not contract.rules.is_tradable:
        raise Refused(-4140, "Invalid symbol status for opening position.")


def check_client_id(name: str, value: str) -> None:
    """Refuse a client id that is too long, has other characters, or is kept for the exchange."""
    if len(value) > 36:
        raise Refused(-4015, "Client order id length should not be more than 36 chars")
    if not _LEGAL_ID.fullmatch(value) or value.startswith(RESERVED_PREFIXES):
        pattern = "^[\\.A-Z\\:/a-z0-9_-]{1,36}$"
        raise Refused(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")


def check_sides(account: Account, side: PositionSide, *, reduce_only: bool) -> None:
    """Refuse a position side, or a reduce-only wish, that does not fit the account's position mode."""
    if account.hedge == (side is PositionSide.BOTH):
        raise Refused(-4061, "Order's position side does not match user's setting.")
    if account.hedge and reduce_only:
        raise Refused(-4062, "Invalid or improper reduceOnly value.")


def check_price(contract: Contract, side: Side, price: Decimal, mark: Decimal | None) -> None:
    """Refuse a limit price off the tick, out of bounds, or on the wrong side of the band around the mark."""
    check_ticks(contract, "price", price)
    if mark is None:
        return
    if side is Side.BUY and price > (highest := times(mark, contract.up)):
        raise Refused(-4016, f"Limit price can't be higher than {plain(cut(highest, 8))}.")
    if side is Side.SELL and price < (lowest := times(mark, contract.down)):
        raise Refused(-4024, f"Limit price can't be lower than {plain(cut(lowest, 8))}.")


def check_ticks(contract: Contract, name: str, price: Decimal) -> None:
    """Refuse a price that breaks PRICE_FILTER or has too many decimals."""
    rule = contract.rules.price
    _check_decimals(name, price, contract.rules.quote_precision)
    if price <= 0:
        raise (
            Refused(-4006, "Stop price less than zero.")
            if name == "triggerPrice"
            else Refused(-4001, "Price less than 0.")
        )
    if rule.largest and price > rule.largest:
        raise Refused(-4002, "Price greater than max price.")
    if price < rule.smallest:
        raise Refused(-4013, "Price less than min price.")
    if rule.tick and less(price, rule.smallest) % rule.tick:
        raise Refused(-4014, "Price not increased by tick size.")


def check_quantity(contract: Contract, quantity: Decimal, *, is_market: bool) -> None:
    """Refuse a quantity that breaks LOT_SIZE (and MARKET_LOT_SIZE) or has too many decimals."""
    _check_decimals("quantity", quantity, contract.rules.base_precision)
    if quantity <= 0:
        raise Refused(-4003, "Quantity less than or equal to zero.")
    _check_lot(contract.rules.lot, quantity)
    if is_market:
        _check_lot(contract.rules.market_lot, quantity)


def check_notional(contract: Contract, quantity: Decimal, price: Decimal | None, code: int = -4164) -> None:
    """Refuse an order worth less than MIN_NOTIONAL; without a price nothing can be said."""
    smallest = contract.rules.notional.smallest
    if price is not None and times(quantity, price) < smallest:
        raise Refused(
            code, f"Order's notional must be no smaller than {plain(smallest)} (unless you choose reduce only)."
        )


def matched_price(market: Market, side: Side, match: PriceMatch) -> Decimal:
    """Give the book's price that a price match names; Refused -5041 when the book has none there."""
    whose, _, behind = match.value.partition("_")
    prices = market.book.prices(side.opposite if whose == "OPPONENT" else side)
    if whose == "QUEUE" and (best := market.book.best_price(side.opposite)) is not None:
        prices = _queue(market, side, prices, best)
    if len(prices) <= _BEHIND[behind]:
        raise Refused(-5041, "No depth matches this BBO order")
    return prices[_BEHIND[behind]]


def _queue(market: Market, side: Side, prices: list[Decimal], best: Decimal) -> list[Decimal]:
    """Leave the prices that can be joined: where the market gives to both sides at one price, its queue is behind."""
    level, tick = market.book.level(side), market.contract.rules.price.tick
    way = 1 if side is Side.BUY else -1
    known = {price for price in prices if price * way < best * way}
    if level is not None and level.quantity is None:
        known.add(best - way * tick)
    return sorted(known, reverse=side is Side.BUY)


def check_engine(state: State, order: FuturesOrder) -> None:
    """Refuse what the matching engine refuses: ids in use, too many orders, nothing to reduce, no margin.

    A fill-or-kill or post-only order that cannot be is refused last.
    """
    account, market = state.accounts[order.account], state.markets[order.symbol]
    namesake = account.by_client_id.get((order.symbol, order.client_order_id))
    if namesake is not None and namesake.is_open:
        raise Refused(-4116, "ClientOrderId is duplicated.")
    if len(account.slot(order.symbol).orders) >= market.contract.rules.max_orders:
        raise Refused(-2025, "Reach max open order limit.")
    if order.only_closes:
        held = closable(account, order)
        if not held or (account.hedge and order.quantity > held):
            raise Refused(-2022, "ReduceOnly Order is rejected.")
    if order.type is OrderType.MARKET:
        _check_counter_price(market, order)
    check_margin(state, order)


def check_fate(state: State, order: FuturesOrder) -> None:
    """Refuse a fill-or-kill order that cannot be filled, and a post-only one that would take."""
    if order.time_in_force in {TimeInForce.GTX, TimeInForce.RPI} and would_take(state, order):
        raise Refused(-5022, _POST_ONLY)
    if order.time_in_force is TimeInForce.FOK:
        skip_own = order.self_trade is not SelfTrade.NONE
        reachable = state.markets[order.symbol].book.reachable(order, skip_own=skip_own)
        if reachable is not None and reachable < order.remaining:
            raise Refused(-5021, _FOK)


def check_margin(state: State, order: FuturesOrder, was_reserved: Decimal = ZERO) -> None:
    """Refuse an order that the brackets or the free margin do not allow; `was_reserved` is what it replaces."""
    if order.only_closes:
        return
    account, market = state.accounts[order.account], state.markets[order.symbol]
    slot, side = account.slot(order.symbol), order.position_side
    price = order.price if order.price is not None else market.book.best_price(order.side.opposite)
    price = price if price is not None else state.mark(order.symbol)
    notional, mark = times(price, order.remaining), state.mark(order.symbol, price)
    position = slot.positions.get(side)
    held = position.notional(mark) if position is not None else ZERO
    added = less(notional, was_reserved)
    bids, asks = (added, ZERO) if order.side is Side.BUY else (ZERO, added)
    before, after = bound(slot, side, held), bound(slot, side, held, bids, asks)
    if after <= before:
        return
    if after > market.ladder.cap(slot.leverage):
        raise Refused(-2027, "Exceeded the maximum allowable position at current leverage.")
    per_unit = less(price, mark) if order.side is Side.BUY else less(mark, price)
    cost = add(ratio(less(after, before), slot.leverage), times(order.remaining, max(per_unit, ZERO)))
    asset = market.contract.margin_asset
    rate = (state.price_of(asset) or ZERO) if account.multi_assets else Decimal(1)
    if times(cost, rate) > pool(state, account, asset).available:
        raise Refused(-2019, "Margin is insufficient.")


def _check_counter_price(market: Market, order: FuturesOrder) -> None:
    best = market.book.best_price(order.side.opposite)
    if best is None:
        raise Refused(-1112, "No orders on book for symbol.")
    mark = market.mark
    if mark and EXACT.divide(abs(less(best, mark)), mark) > market.contract.market_take_bound:
        raise Refused(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")


def _check_lot(rule: LotRule, quantity: Decimal) -> None:
    if quantity < rule.smallest:
        raise Refused(-4004, "Quantity less than min quantity.")
    if rule.largest and quantity > rule.largest:
        raise Refused(-4005, "Quantity greater than max quantity.")
    if rule.step and less(quantity, rule.smallest) % rule.step:
        raise Refused(-4023, "Qty not increased by step size.")


def _check_decimals(name: str, value: Decimal, decimals: int) -> None:
    if not value.is_finite():
        raise _missing(name)
    if cut(value, decimals) != value:
        raise Refused(-1111, "Precision is over the maximum defined for this asset.")


def _missing(name: str) -> Refused:
    return Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
