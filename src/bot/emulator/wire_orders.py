"""Binance's field names for orders, fills and user events, as its spot servers write them."""

from collections.abc import Mapping
from decimal import Decimal

from bot.domain.money import ZERO, times
from bot.domain.order import Fill, OrderStatus, OrderType, Side
from bot.emulator.wire import Json, text
from bot.simulation.exchange import Balance, RestingOrder

DEFAULT_STP = "EXPIRE_MAKER"


def _ids(order: RestingOrder) -> Json:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
    }


def _state(order: RestingOrder) -> Json:
    """What every full description of an order holds. A market order shows GTC though it was sent without."""
    return {
        "price": text(order.price or ZERO), "origQty": text(order.quantity), "executedQty": text(order.filled),
        "origQuoteOrderQty": text(order.quote_quantity or ZERO), "cummulativeQuoteQty": text(order.quote_filled),
        "status": order.status.value, "timeInForce": (order.time_in_force or "GTC"), "type": order.type.value,
        "side": order.side.value,
    }  # fmt: skip


def placed(order: RestingOrder, reply: str, stp: str) -> Json:
    """The reply to a new order: ACK, RESULT or FULL."""
    answer = _ids(order) | {"transactTime": order.updated_ms}
    if reply == "ACK":
        return answer
    answer |= _state(order) | {"workingTime": order.created_ms, "selfTradePreventionMode": stp}
    if reason := _expiry_reason(order):
        answer["expiryReason"] = reason
    if reply == "FULL":
        answer["fills"] = [
            {
                "price": text(fill.price), "qty": text(fill.quantity), "commission": text(fill.fee),
                "commissionAsset": fill.fee_asset, "tradeId": fill.trade_id,
            }
            for fill in order.fills
        ]  # fmt: skip
    return answer


def queried(order: RestingOrder, stp: str) -> Json:
    """An order as GET order and the lists show it."""
    return _ids(order) | _state(order) | {
        "stopPrice": "0.00000000", "icebergQty": "0.00000000", "time": order.created_ms,
        "updateTime": order.updated_ms, "isWorking": True, "workingTime": order.created_ms,
        "selfTradePreventionMode": stp,
    }  # fmt: skip


def cancelled(order: RestingOrder, cancel_id: str, stp: str) -> Json:
    """The reply to a cancel: `clientOrderId` is that of the cancel request."""
    ids = _ids(order) | {"origClientOrderId": order.client_order_id, "clientOrderId": cancel_id}
    return ids | {"transactTime": order.updated_ms} | _state(order) | {"selfTradePreventionMode": stp}


def my_trade(fill: Fill) -> Json:
    """One row of myTrades."""
    return {
        "symbol": fill.symbol, "id": fill.trade_id, "orderId": fill.exchange_order_id, "orderListId": -1,
        "price": text(fill.price), "qty": text(fill.quantity),
        "quoteQty": text(times(fill.price, fill.quantity)), "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset, "time": fill.time_ms, "isBuyer": fill.side is Side.BUY,
        "isMaker": fill.is_maker, "isBestMatch": True,
    }  # fmt: skip


def account(balances: Mapping[str, Balance], maker: Decimal, taker: Decimal, updated_ms: int, uid: int) -> Json:
    """The account with its balances."""
    return {
        "makerCommission": int(maker * 10_000), "takerCommission": int(taker * 10_000),
        "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {"maker": text(maker), "taker": text(taker), "buyer": text(ZERO), "seller": text(ZERO)},
        "canTrade": True, "canWithdraw": False, "canDeposit": False, "brokered": False,
        "requireSelfTradePrevention": False, "preventSor": False, "updateTime": updated_ms, "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": text(held.free), "locked": text(held.locked)}
            for asset, held in sorted(balances.items())
        ],
        "permissions": ["SPOT"], "uid": uid,
    }  # fmt: skip


def commission(symbol: str, maker: Decimal, taker: Decimal) -> Json:
    """The fees of an account on a symbol. There is no discount here."""
    nothing = {"maker": text(ZERO), "taker": text(ZERO), "buyer": text(ZERO), "seller": text(ZERO)}
    return {
        "symbol": symbol,
        "standardCommission": nothing | {"maker": text(maker), "taker": text(taker)},
        "specialCommission": nothing, "taxCommission": nothing,
        "discount": {
            "enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": text(ZERO),
        },
    }  # fmt: skip


def execution_report(
    order: RestingOrder, event_ms: int, execution_id: int, *, kind: str, status: OrderStatus, stp: str,
    fill: Fill | None = None, filled: Decimal = ZERO, quote_filled: Decimal = ZERO, cancel_id: str = "",
) -> Json:  # fmt: skip
    """One change of an order. `filled` and `quote_filled` are what had traded by then."""
    is_working = status.is_open
    report = {
        "e": "executionReport", "E": event_ms, "s": order.symbol, "c": cancel_id or order.client_order_id,
        "S": order.side.value, "o": order.type.value, "f": (order.time_in_force or "GTC"), "q": text(order.quantity),
        "p": text(order.price or ZERO), "P": text(ZERO), "F": text(ZERO), "g": -1,
        "C": order.client_order_id if cancel_id else "", "x": kind, "X": status.value, "r": "NONE",
        "i": order.order_id, "l": text(fill.quantity if fill else ZERO), "z": text(filled),
        "L": text(fill.price if fill else ZERO), "n": text(fill.fee) if fill else "0",
        "N": fill.fee_asset if fill else None, "T": fill.time_ms if fill else event_ms,
        "t": fill.trade_id if fill else -1, "I": execution_id, "w": is_working,
        "m": bool(fill and fill.is_maker), "M": fill is not None, "O": order.created_ms, "Z": text(quote_filled),
        "Y": text(times(fill.price, fill.quantity) if fill else ZERO), "Q": text(order.quote_quantity or ZERO),
        "W": order.created_ms, "V": stp,
    }  # fmt: skip
    if kind == "EXPIRED":
        report["eR"] = _expiry_reason(order)
    return report


def account_position(balances: Mapping[str, Balance], assets: tuple[str, ...], event_ms: int) -> Json:
    """Absolute balances of the assets that an order may have moved."""
    nothing = Balance()
    return {
        "e": "outboundAccountPosition", "E": event_ms, "u": event_ms,
        "B": [
            {"a": asset, "f": text(balances.get(asset, nothing).free), "l": text(balances.get(asset, nothing).locked)}
            for asset in assets
        ],
    }  # fmt: skip


def _expiry_reason(order: RestingOrder) -> str | None:
    """Say why an order expired; None when it did not."""
    if order.status is not OrderStatus.EXPIRED:
        return None
    if order.type is OrderType.MARKET:
        return "INSUFFICIENT_LIQUIDITY"
    return "UNFILLED_FOK_ORDER_EXPIRED" if order.time_in_force == "FOK" else "UNFILLED_IOC_QUANTITY_EXPIRED"
