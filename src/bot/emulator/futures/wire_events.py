"""User events of USD-M. Numbers are not padded here; Binance's own letters."""

from collections.abc import Iterable
from decimal import Decimal

from bot.domain.money import plain
from bot.domain.order import Side
from bot.emulator.wire import Json
from bot.simulation.futures.happenings import BalanceMoved, MarginCalled, OrderMoved, PositionMoved
from bot.simulation.futures.margin import PositionFigures
from bot.simulation.futures.records import AlgoOrder, FuturesOrder, Trade
from bot.simulation.futures.state import Slot
from bot.simulation.futures.words import Execution, Why

_NOTHING = Decimal(0)


def order_update(moved: OrderMoved, slot: Slot, original_type: str) -> Json:
    """ORDER_TRADE_UPDATE; `original_type` is the conditional order it came from, or nothing."""
    order, trade = moved.order, moved.trade
    content: Json = {
        "s": order.symbol, "c": order.client_order_id, "S": order.side, "o": order.type, "f": order.time_in_force,
        "q": plain(order.quantity), "p": plain(order.price or _NOTHING), "ap": plain(order.average_price),
        "sp": "0", "x": moved.execution, "X": order.state, "i": order.order_id,
        "l": plain(trade.quantity) if trade else "0", "z": plain(order.filled),
        "L": plain(trade.price) if trade else "0", "n": plain(trade.fee) if trade else "0",
        "N": trade.fee_asset if trade else "USDT", "T": moved.time_ms, "t": trade.trade_id if trade else 0,
        "b": _standing(slot, order, Side.BUY), "a": _standing(slot, order, Side.SELL),
        "m": trade.is_maker if trade else False, "R": order.reduce_only, "wt": "CONTRACT_PRICE",
        "ot": original_type or order.type, "ps": order.position_side, "cp": order.close_position,
        "rp": plain(trade.realised) if trade else "0", "pP": False, "si": 0, "ss": 0, "V": order.self_trade,
        "pm": order.price_match, "gtd": order.good_till_ms, "er": str(order.expiry_reason),
    }  # fmt: skip
    if moved.execution is Execution.AMENDMENT:
        content["M"] = order.modify_id
    return {"e": "ORDER_TRADE_UPDATE", "E": moved.time_ms, "T": moved.time_ms, "o": content}


def account_update(why: Why, balances: Iterable[BalanceMoved], positions: Iterable[PositionMoved], now_ms: int) -> Json:
    """ACCOUNT_UPDATE."""
    content: Json = {
        "m": why,
        "B": [
            {"a": one.asset, "wb": plain(one.wallet), "cw": plain(one.cross_wallet), "bc": plain(one.moved)}
            for one in balances
        ],
        "P": [
            {
                "s": one.symbol, "pa": plain(one.quantity), "ep": plain(one.entry_price),
                "bep": plain(one.break_even_price), "cr": plain(one.realised), "up": plain(one.unrealised),
                "mt": "isolated" if one.is_isolated else "cross", "iw": plain(one.isolated_wallet),
                "ps": one.position_side, "ma": one.margin_asset,
            }
            for one in positions
        ],
    }  # fmt: skip
    if why is Why.FUNDING_FEE:
        content["S"] = "Regular"
    return {"e": "ACCOUNT_UPDATE", "E": now_ms, "T": now_ms, "a": content}


def trade_lite(side: Trade, order: FuturesOrder) -> Json:
    """TRADE_LITE: a fill without its commission, a little sooner."""
    return {
        "e": "TRADE_LITE", "E": side.time_ms, "T": side.time_ms, "s": side.symbol, "q": plain(order.quantity),
        "p": plain(order.price or _NOTHING), "m": side.is_maker, "c": side.client_order_id, "S": side.side,
        "L": plain(side.price), "l": plain(side.quantity), "t": side.trade_id, "i": side.order_id,
    }  # fmt: skip


def algo_update(algo: AlgoOrder, now_ms: int) -> Json:
    """ALGO_UPDATE."""
    content: Json = {
        "caid": algo.client_algo_id, "aid": algo.algo_id, "at": "CONDITIONAL", "o": algo.type, "s": algo.symbol,
        "S": algo.side, "ps": algo.position_side, "f": algo.time_in_force, "q": plain(algo.quantity),
        "X": algo.state, "ai": str(algo.actual_order_id or ""), "ap": plain(algo.actual_price),
        "aq": plain(algo.actual_quantity), "tp": plain(algo.trigger_price or _NOTHING),
        "p": plain(algo.price or _NOTHING), "V": algo.self_trade, "wt": algo.working_type, "pm": algo.price_match,
        "cp": algo.close_position, "pP": algo.price_protect, "R": algo.reduce_only, "tt": algo.triggered_ms,
        "gtd": algo.good_till_ms, "rm": algo.reject_text, "ia": algo.is_active,
    }  # fmt: skip
    if algo.actual_type is not None:
        content["act"] = algo.actual_type
    if algo.callback_rate is not None:
        content |= {"AP": plain(algo.activate_price or _NOTHING), "cr": plain(algo.callback_rate)}
    return {"e": "ALGO_UPDATE", "E": now_ms, "T": now_ms, "o": content}


def margin_call(called: MarginCalled, rows: Iterable[PositionFigures]) -> Json:
    """MARGIN_CALL."""
    event: Json = {"e": "MARGIN_CALL", "E": called.time_ms}
    if not called.is_isolated:
        event["cw"] = plain(called.cross_wallet)
    event["p"] = [
        {
            "s": row.symbol, "ps": row.side, "pa": plain(row.quantity),
            "mt": "ISOLATED" if row.is_isolated else "CROSSED", "iw": plain(row.isolated_wallet),
            "mp": plain(row.mark), "up": plain(row.unrealised), "mm": plain(row.maintenance),
        }
        for row in rows
    ]  # fmt: skip
    return event


def config_update(now_ms: int, part: str, content: Json) -> Json:
    """ACCOUNT_CONFIG_UPDATE: `ac` for a symbol's leverage, `ai` for the asset mode."""
    return {"e": "ACCOUNT_CONFIG_UPDATE", "E": now_ms, "T": now_ms, part: content}


def _standing(slot: Slot, order: FuturesOrder, side: Side) -> str:
    return plain(slot.standing.get((order.position_side, side), _NOTHING))
