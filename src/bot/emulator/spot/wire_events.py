"""Binance's field names for user events, as its spot servers send them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from bot.domain.money import ZERO, times
from bot.domain.order import Fill
from bot.emulator.spot.wire_orders import ROUTED_MATCH
from bot.emulator.wire import Json, text
from bot.simulation.exchange import Balance, RestingOrder
from bot.simulation.happenings import Allocation, ListMoved, OrderMoved, Prevented

_NOTHING = Balance()


def execution_report(
    order: RestingOrder, moved: OrderMoved, execution_id: int, prevented: Prevented | None = None
) -> Json:
    """One change of an order. The numbers of `moved` are what they were then; the rest never changes."""
    fill: Fill | None = moved.fill
    asked_by, original = moved.client_order_id, ""
    if moved.request_id and moved.execution == "CANCELED":
        asked_by, original = moved.request_id, moved.client_order_id
    elif moved.execution == "REPLACED":
        original = moved.request_id
    report = {
        "e": "executionReport", "E": moved.time_ms, "s": order.symbol,
        "c": asked_by,
        "S": order.side.value, "o": order.type.value, "f": (order.time_in_force or "GTC"), "q": text(moved.quantity),
        "p": text(order.price or ZERO), "P": text(order.stop_price or ZERO), "F": text(order.iceberg_quantity or ZERO),
        "g": order.list_id, "C": original, "x": moved.execution,
        "X": moved.status.value, "r": "NONE", "i": order.order_id, "l": text(fill.quantity if fill else ZERO),
        "z": text(moved.filled), "L": text(fill.price if fill else ZERO), "n": text(fill.fee) if fill else "0",
        "N": fill.fee_asset if fill else None, "T": moved.time_ms, "t": fill.trade_id if fill else -1,
        "I": execution_id, "w": moved.is_working, "m": bool(fill and fill.is_maker), "M": fill is not None,
        "O": order.created_ms, "Z": text(moved.quote_filled),
        "Y": text(times(fill.price, fill.quantity) if fill else ZERO), "Q": text(order.quote_quantity or ZERO),
    }  # fmt: skip
    if order.working_ms >= 0:
        report["W"] = order.working_ms
    report["V"] = order.stp.value
    return report | _conditional(order, moved, prevented)


def _conditional(order: RestingOrder, moved: OrderMoved, prevented: Prevented | None) -> Json:
    found: Json = {}
    if order.trailing_delta is not None:
        found |= {"d": order.trailing_delta, "D": order.trailing_ms}
    if order.strategy_id is not None:
        found["j"] = order.strategy_id
    if order.strategy_type is not None:
        found["J"] = order.strategy_type
    if moved.prevented:
        found |= {"v": order.prevented_match_id, "A": text(moved.prevented)}
    if prevented is not None and moved.execution == "TRADE_PREVENTION":
        is_taker = prevented.taker_order_id == order.order_id
        lost = prevented.taker_lost if is_taker else prevented.maker_lost
        found |= {
            "B": text(lost or ZERO), "u": prevented.trade_group,
            "U": prevented.maker_order_id if is_taker else prevented.taker_order_id,
            "Cs": prevented.maker_symbol if is_taker else prevented.symbol,
            "pl": text(prevented.quantity), "pL": text(prevented.price),
            "pY": text(times(prevented.price, prevented.quantity)),
        }  # fmt: skip
    if order.peg is not None:
        found["gP"] = order.peg.to
        if order.peg.levels:
            found |= {"gOT": "PRICE_LEVEL", "gOV": order.peg.levels}
        found["gp"] = text(order.price or ZERO)
    if order.used_sor:
        found |= {"k": order.working_floor, "uS": True}
    if isinstance(moved.fill, Allocation):
        found |= {"b": ROUTED_MATCH, "a": moved.fill.allocation_id}
    if moved.reason != "NONE":
        found["eR"] = moved.reason
    return found


def account_position(balances: Mapping[str, Balance], assets: Iterable[str], event_ms: int) -> Json:
    """Absolute balances of the assets that may have changed."""
    return {
        "e": "outboundAccountPosition", "E": event_ms, "u": event_ms,
        "B": [
            {"a": asset, "f": text(held.free), "l": text(held.locked)}
            for asset in assets
            for held in (balances.get(asset, _NOTHING),)
        ],
    }  # fmt: skip


def balance_update(asset: str, delta: Decimal, event_ms: int) -> Json:
    """Money came in or went out, not by trading."""
    return {"e": "balanceUpdate", "E": event_ms, "a": asset, "d": text(delta), "T": event_ms}


def external_lock(asset: str, delta: Decimal, event_ms: int) -> Json:
    """Money was locked by another system, or set free again."""
    return {"e": "externalLockUpdate", "E": event_ms, "a": asset, "d": text(delta), "T": event_ms}


def list_status(moved: ListMoved) -> Json:
    """An order list changed."""
    return {
        "e": "listStatus", "E": moved.time_ms, "s": moved.symbol, "g": moved.list_id, "c": moved.contingency,
        "l": moved.status_type, "L": moved.order_status, "r": "NONE", "C": moved.client_id, "T": moved.time_ms,
        "O": [{"s": moved.symbol, "i": order_id, "c": client_id} for order_id, client_id in moved.orders],
    }  # fmt: skip
