"""Binance's field names for orders, lists and fills, as its spot servers answer with them."""

from collections.abc import Mapping
from decimal import Decimal

from bot.domain.money import ZERO, times
from bot.domain.order import Fill, Side
from bot.emulator.wire import Json, text
from bot.simulation.exchange import Balance, Commission, OrderList, Rates, RestingOrder
from bot.simulation.happenings import Allocation, Prevented
from bot.simulation.orders import Amendment

_NOTHING = "0.00000000"
ROUTED_MATCH = "ONE_PARTY_TRADE_REPORT"
"""How the match of an allocation is called: nobody stands on the other side."""


def _ids(order: RestingOrder) -> Json:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
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


def _conditional(order: RestingOrder) -> Json:
    """What is shown only where there is such a thing."""
    found: Json = {}
    if order.iceberg_quantity:
        found["icebergQty"] = text(order.iceberg_quantity)
    if order.stop_price is not None:
        found["stopPrice"] = text(order.stop_price)
    if order.trailing_delta is not None:
        found |= {"trailingDelta": order.trailing_delta, "trailingTime": order.trailing_ms}
    if order.strategy_id is not None:
        found["strategyId"] = order.strategy_id
    if order.strategy_type is not None:
        found["strategyType"] = order.strategy_type
    if order.prevented_match_id >= 0:
        found |= {"preventedMatchId": order.prevented_match_id, "preventedQuantity": text(order.prevented)}
    if order.peg is not None:
        found["pegPriceType"] = order.peg.to
        if order.peg.levels:
            found |= {"pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": order.peg.levels}
        found["peggedPrice"] = text(order.price or ZERO)
    if order.expiry_reason != "NONE":
        found["expiryReason"] = order.expiry_reason
    if order.used_sor:
        found |= {"workingFloor": order.working_floor, "usedSor": True}
    return found


def placed(order: RestingOrder, reply: str, trade_group: int) -> Json:
    """The reply to a new order: ACK, RESULT or FULL. The group is told when it kept the order from a trade."""
    answer = _ids(order) | {"transactTime": order.updated_ms}
    if reply == "ACK":
        return answer
    answer |= _state(order) | {"workingTime": order.working_ms, "selfTradePreventionMode": order.stp.value}
    answer |= _conditional(order)
    if reply == "FULL":
        answer["fills"] = [_fill(fill) for fill in order.fills]
    if order.prevented_matches:
        answer["preventedMatches"] = [_prevented_match(one) for one in order.prevented_matches]
        if trade_group >= 0:
            answer["tradeGroupId"] = trade_group
    return answer


def _fill(fill: Fill) -> Json:
    row: Json = {
        "price": text(fill.price), "qty": text(fill.quantity), "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset, "tradeId": fill.trade_id,
    }  # fmt: skip
    if isinstance(fill, Allocation):
        return {"matchType": ROUTED_MATCH} | row | {"allocId": fill.allocation_id}
    return row


def _prevented_match(event: Prevented) -> Json:
    return {
        "preventedMatchId": event.match_id, "makerSymbol": event.maker_symbol, "makerOrderId": event.maker_order_id,
        "price": text(event.price),
    } | _lost(event)  # fmt: skip


def _lost(event: Prevented) -> Json:
    """What a prevented trade took from each order, told of those alone that lost something."""
    lost = {"takerPreventedQuantity": event.taker_lost, "makerPreventedQuantity": event.maker_lost}
    return {name: text(quantity) for name, quantity in lost.items() if quantity is not None}


def queried(order: RestingOrder) -> Json:
    """An order as GET order and the lists show it."""
    return _ids(order) | _state(order) | {
        "stopPrice": _NOTHING, "icebergQty": _NOTHING, "time": order.created_ms,
        "updateTime": order.updated_ms, "isWorking": order.working_ms >= 0, "workingTime": order.working_ms,
        "selfTradePreventionMode": order.stp.value,
    } | _conditional(order)  # fmt: skip


def cancelled(order: RestingOrder, cancel_id: str) -> Json:
    """The reply to a cancel: `clientOrderId` is that of the cancel request."""
    ids = _ids(order) | {"origClientOrderId": order.client_order_id, "clientOrderId": cancel_id}
    state = {"transactTime": order.updated_ms} | _state(order) | {"selfTradePreventionMode": order.stp.value}
    return ids | state | _conditional(order)


def amended(order: RestingOrder, old_client_id: str, execution_id: int, order_list: OrderList | None) -> Json:
    """The reply to an amendment; here the name of the traded amount is spelled as it should be."""
    answer: Json = {
        "transactTime": order.updated_ms, "executionId": execution_id,
        "amendedOrder": {
            "symbol": order.symbol, "orderId": order.order_id, "orderListId": order.list_id,
            "origClientOrderId": old_client_id, "clientOrderId": order.client_order_id,
            "price": text(order.price or ZERO), "qty": text(order.quantity), "executedQty": text(order.filled),
            "preventedQty": text(order.prevented), "quoteOrderQty": text(order.quote_quantity or ZERO),
            "cumulativeQuoteQty": text(order.quote_filled), "status": order.status.value,
            "timeInForce": (order.time_in_force or "GTC"), "type": order.type.value, "side": order.side.value,
            "workingTime": order.working_ms, "selfTradePreventionMode": order.stp.value,
        },
    }  # fmt: skip
    if order_list is not None:
        answer["listStatus"] = listed(order_list) | {"symbol": order.symbol}
    return answer


def amendment_row(order: RestingOrder, change: Amendment, execution_id: int) -> Json:
    """One row of order/amendments."""
    return {
        "symbol": order.symbol, "orderId": order.order_id, "executionId": execution_id,
        "origClientOrderId": change.from_client_order_id, "newClientOrderId": change.to_client_order_id,
        "origQty": text(change.from_quantity), "newQty": text(change.to_quantity), "time": change.time_ms,
    }  # fmt: skip


def listed(one: OrderList) -> Json:
    """An order list with the ids of its legs."""
    return {
        "orderListId": one.list_id, "contingencyType": one.contingency, "listStatusType": one.status_type,
        "listOrderStatus": one.order_status, "listClientOrderId": one.client_id, "transactionTime": one.updated_ms,
        "symbol": one.symbol,
        "orders": [
            {"symbol": leg.symbol, "orderId": leg.order_id, "clientOrderId": leg.client_order_id} for leg in one.legs
        ],
    }  # fmt: skip


def list_placed(one: OrderList, reply: str, trade_group: int) -> Json:
    """The reply to a new list. It shows waiting legs as waiting, whatever happened since."""
    reports = []
    for leg in one.legs:
        report = placed(leg, reply, trade_group)
        if leg in one.second and "status" in report:
            report |= {"status": "PENDING_NEW", "workingTime": -1}
        reports.append(report)
    return listed(one) | {"orderReports": reports}


def list_cancelled(one: OrderList, cancel_id: str) -> Json:
    """The reply to the cancel of a list."""
    return listed(one) | {"orderReports": [cancelled(leg, cancel_id) for leg in one.legs]}


def my_trade(fill: Fill, list_id: int) -> Json:
    """One row of myTrades."""
    return {
        "symbol": fill.symbol, "id": fill.trade_id, "orderId": fill.exchange_order_id, "orderListId": list_id,
        "price": text(fill.price), "qty": text(fill.quantity),
        "quoteQty": text(times(fill.price, fill.quantity)), "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset, "time": fill.time_ms, "isBuyer": fill.side is Side.BUY,
        "isMaker": fill.is_maker, "isBestMatch": True,
    }  # fmt: skip


def prevented_row(event: Prevented) -> Json:
    """One row of myPreventedMatches."""
    return {
        "symbol": event.symbol, "preventedMatchId": event.match_id, "takerOrderId": event.taker_order_id,
        "makerSymbol": event.maker_symbol, "makerOrderId": event.maker_order_id, "tradeGroupId": event.trade_group,
        "selfTradePreventionMode": event.mode, "price": text(event.price), "transactTime": event.time_ms,
    } | _lost(event)  # fmt: skip


def allocation_row(fill: Allocation) -> Json:
    """One row of myAllocations."""
    return {
        "symbol": fill.symbol, "allocationId": fill.allocation_id, "allocationType": "SOR",
        "orderId": fill.exchange_order_id, "orderListId": -1, "price": text(fill.price), "qty": text(fill.quantity),
        "quoteQty": text(times(fill.price, fill.quantity)), "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset, "time": fill.time_ms, "isBuyer": fill.side is Side.BUY,
        "isMaker": fill.is_maker, "isAllocator": False,
    }  # fmt: skip


def account(
    balances: Mapping[str, Balance], fees: Commission, groups: tuple[str, ...], updated_ms: int, uid: int,
    trade_group: int, *, can_trade: bool, can_withdraw: bool,
) -> Json:  # fmt: skip
    """The account with its balances; its trade group when it has one."""
    rates = fees.standard
    return {
        "makerCommission": int(rates.maker * 10_000), "takerCommission": int(rates.taker * 10_000),
        "buyerCommission": int(rates.buyer * 10_000), "sellerCommission": int(rates.seller * 10_000),
        "commissionRates": _rates(rates),
        "canTrade": can_trade, "canWithdraw": can_withdraw, "canDeposit": True, "brokered": False,
        "requireSelfTradePrevention": False, "preventSor": False, "updateTime": updated_ms, "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": text(held.free), "locked": text(held.locked)}
            for asset, held in sorted(balances.items())
        ],
        "permissions": list(groups), "uid": uid,
    } | ({"tradeGroupId": trade_group} if trade_group >= 0 else {})  # fmt: skip


def commission(symbol: str, fees: Commission) -> Json:
    """The fees of an account on a symbol."""
    return {
        "symbol": symbol, "standardCommission": _rates(fees.standard), "specialCommission": _rates(fees.special),
        "taxCommission": _rates(fees.tax),
        "discount": {
            "enabledForAccount": fees.pays_in_bnb, "enabledForSymbol": True, "discountAsset": "BNB",
            "discount": text(fees.discount),
        },
    }  # fmt: skip


def _rates(rates: Rates) -> dict[str, str]:
    return {
        "maker": text(rates.maker), "taker": text(rates.taker), "buyer": text(rates.buyer), "seller": text(rates.seller)
    }  # fmt: skip


def worth(price: Decimal | None) -> str | None:
    """Write a price, or None."""
    return None if price is None else text(price)
