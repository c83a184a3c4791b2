"""Orders, conditional orders, trades and income as USD-M's REST and WebSocket API write them."""

from decimal import Decimal

from bot.emulator.futures.wire import Shape
from bot.emulator.wire import Json
from bot.simulation.futures.records import AlgoOrder, Amendment, FuturesOrder, Income, Trade
from bot.simulation.futures.words import AlgoType

_NOTHING = Decimal(0)


def reply(order: FuturesOrder, shape: Shape, *, is_ack: bool = False) -> Json:
    """The answer to placing, changing or cancelling. An acknowledgement says what was so before anything traded."""
    filled = shape.quantity(_NOTHING if is_ack else order.filled)
    return {
        "orderId": order.order_id, "symbol": order.symbol, "status": "NEW" if is_ack else order.state,
        "clientOrderId": order.client_order_id, "price": shape.price(order.price or _NOTHING),
        "origQty": shape.quantity(order.quantity), "executedQty": filled, "cumQty": filled, **_rest(order, shape),
    }  # fmt: skip


def tested(order: FuturesOrder, shape: Shape) -> Json:
    """The answer to a mere check of an order."""
    return reply(order, shape, is_ack=True) | {"avgPrice": "0.00000", "cumQuote": "0.00000"}


def asked(order: FuturesOrder, shape: Shape, original_type: str = "") -> Json:
    """An order as the queries show it."""
    row: Json = {
        "orderId": order.order_id, "symbol": order.symbol, "status": order.state,
        "clientOrderId": order.client_order_id, "price": shape.price(order.price or _NOTHING),
        "avgPrice": f"{order.average_price:.{max(5, shape.price_decimals)}f}",
        "origQty": shape.quantity(order.quantity), "executedQty": shape.quantity(order.filled),
        "cumQuote": f"{order.quote_filled:.5f}", **_rest(order, shape), "time": order.created_ms,
    }  # fmt: skip
    return row | {"origType": original_type} if original_type else row


def trade(one: Trade, shape: Shape) -> Json:
    """One fill."""
    return {
        "symbol": one.symbol, "id": one.trade_id, "orderId": one.order_id, "side": one.side,
        "positionSide": one.position_side, "price": shape.price(one.price), "qty": shape.quantity(one.quantity),
        "quoteQty": f"{one.quote_quantity:.8f}", "realizedPnl": f"{one.realised:.8f}",
        "commission": f"{one.fee:.8f}", "commissionAsset": one.fee_asset, "marginAsset": one.margin_asset,
        "maker": one.is_maker, "buyer": one.side == "BUY", "time": one.time_ms,
    }  # fmt: skip


def income(one: Income) -> Json:
    """One change of a wallet."""
    return {
        "symbol": one.symbol, "incomeType": one.type, "income": f"{one.amount:.8f}", "asset": one.asset,
        "info": one.info or str(one.trade_id or one.type), "time": one.time_ms, "tranId": one.transaction_id,
        "tradeId": str(one.trade_id or ""),
    }  # fmt: skip


def amendment(one: Amendment, shape: Shape) -> Json:
    """One change of a limit order."""
    return {
        "amendmentId": one.amendment_id, "symbol": one.symbol, "pair": one.symbol, "orderId": one.order_id,
        "clientOrderId": one.client_order_id, "time": one.time_ms,
        "amendment": {
            "price": {"before": shape.price(one.price_before), "after": shape.price(one.price_after)},
            "origQty": {"before": shape.quantity(one.quantity_before), "after": shape.quantity(one.quantity_after)},
            "count": one.count, "modifyId": one.modify_id,
        },
    }  # fmt: skip


def algo(one: AlgoOrder, shape: Shape) -> Json:
    """A conditional order as the answer to placing it."""
    is_trailing = one.type is AlgoType.TRAILING_STOP_MARKET
    return {
        "algoId": one.algo_id, "clientAlgoId": one.client_algo_id, "algoType": "CONDITIONAL", "orderType": one.type,
        "symbol": one.symbol, "side": one.side, "positionSide": one.position_side,
        "timeInForce": one.time_in_force, "quantity": shape.quantity(one.quantity), "algoStatus": one.state,
        "triggerPrice": shape.price(one.trigger_price or _NOTHING), "price": shape.price(one.price or _NOTHING),
        "icebergQuantity": None, "selfTradePreventionMode": one.self_trade, "workingType": one.working_type,
        "priceMatch": one.price_match, "closePosition": one.close_position, "priceProtect": one.price_protect,
        "reduceOnly": one.reduce_only,
        "activatePrice": shape.price(one.activate_price or _NOTHING) if is_trailing else "",
        "callbackRate": f"{one.callback_rate or _NOTHING:.1f}" if is_trailing else "",
        "createTime": one.created_ms, "updateTime": one.updated_ms, "triggerTime": one.triggered_ms,
        "goodTillDate": one.good_till_ms,
    }  # fmt: skip


def asked_algo(one: AlgoOrder, shape: Shape) -> Json:
    """A conditional order as the queries show it."""
    return algo(one, shape) | {
        "actualOrderId": str(one.actual_order_id or ""), "actualPrice": f"{one.actual_price:.5f}",
        "actualQty": shape.quantity(one.actual_quantity), "actualType": one.actual_type or "",
        "tpTriggerPrice": "0.000", "tpPrice": "0.000", "slTriggerPrice": "0.000", "slPrice": "0.000",
        "tpOrderType": "", "isActivated": one.is_active,
    }  # fmt: skip


def _rest(order: FuturesOrder, shape: Shape) -> Json:
    return {
        "timeInForce": order.time_in_force, "type": order.type, "reduceOnly": order.reduce_only,
        "closePosition": order.close_position, "side": order.side, "positionSide": order.position_side,
        "stopPrice": shape.price(_NOTHING), "workingType": "CONTRACT_PRICE", "priceProtect": False,
        "origType": order.type, "priceMatch": order.price_match, "selfTradePreventionMode": order.self_trade,
        "goodTillDate": order.good_till_ms, "updateTime": order.updated_ms,
    }  # fmt: skip
