"""Orders as Binance wants them written, and what a written one is known by."""

import hashlib

from msgspec import Struct

from bot.binance import wire_new_futures as new_futures
from bot.binance import wire_new_spot as new_spot
from bot.binance.signing import query_text
from bot.binance.wire_requests import params_of
from bot.domain.order import Order, OrderType, TimeInForce


def spot_order(order: Order) -> new_spot.NewSpotOrder:
    """Write an order. Market orders carry neither price nor time in force: Binance refuses them there."""
    has_price = order.type not in {OrderType.MARKET, OrderType.STOP_LOSS}
    is_limit = order.type in {OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT}
    return new_spot.NewSpotOrder(
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        price=order.price if has_price else None,
        stopPrice=order.stop_price,
        timeInForce=(order.time_in_force or TimeInForce.GTC) if is_limit else None,
        newClientOrderId=order.client_order_id,
        newOrderRespType="FULL",
    )


def spot_pair(stop: Order, take: Order) -> new_spot.NewOco:
    """Write the list that guards a long position: the stop below the market, the take profit above it."""
    return new_spot.NewOco(
        symbol=stop.symbol,
        side=stop.side,
        quantity=stop.quantity,
        aboveType=take.type,
        aboveClientOrderId=take.client_order_id,
        abovePrice=take.price,
        belowType=stop.type,
        belowClientOrderId=stop.client_order_id,
        belowPrice=stop.price,
        belowStopPrice=stop.stop_price,
        belowTimeInForce=stop.time_in_force,
        newOrderRespType="RESULT",
    )


def futures_order(order: Order) -> new_futures.NewFuturesOrder:
    """Write an order. Post-only is a time in force there (GTX)."""
    is_market = order.type is OrderType.MARKET
    in_force = "GTX" if order.type is OrderType.LIMIT_MAKER else (order.time_in_force or TimeInForce.GTC)
    return new_futures.NewFuturesOrder(
        symbol=order.symbol,
        side=order.side,
        type="MARKET" if is_market else "LIMIT",
        quantity=order.quantity,
        price=None if is_market else order.price,
        timeInForce=None if is_market else in_force,
        newClientOrderId=order.client_order_id,
        newOrderRespType="RESULT",
    )


def futures_conditional(order: Order) -> new_futures.NewAlgoOrder:
    """Write an order that waits for a price, to reduce what is held at the market.

    Reduce-only, and not closePosition: other strategies may have a part in the account's position, and ours has its own
    size. Either can open nothing when the position is gone.
    """
    return new_futures.NewAlgoOrder(
        symbol=order.symbol,
        side=order.side,
        type="TAKE_PROFIT_MARKET" if order.type is OrderType.TAKE_PROFIT else "STOP_MARKET",
        quantity=order.quantity,
        triggerPrice=order.stop_price,
        workingType="CONTRACT_PRICE",
        reduceOnly=True,
        clientAlgoId=order.client_order_id,
    )


def digest_of(request: Struct) -> str:
    """Give the short print of a request: equal for equal ones."""
    return hashlib.sha256(query_text(params_of(request)).encode()).hexdigest()[:16]
