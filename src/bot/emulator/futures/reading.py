"""What order requests say, read into the exchange's own words, each wrong word refused with its own code."""

import json
import re
from enum import StrEnum
from typing import Any

from bot.domain.order import OrderType, Side
from bot.emulator.futures.desk import new_client_id
from bot.emulator.futures.public_calls import needs_one
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, missing
from bot.simulation.futures.requests import Change, NewAlgo, NewOrder
from bot.simulation.futures.words import AlgoType, PositionSide, PriceMatch, SelfTrade, TimeInForce, WorkingType

_BAD_SIDE = (-1117, "Invalid side.")
_BAD_TYPE = (-1116, "Invalid orderType.")
_BAD_TIME_IN_FORCE = (-1115, "Invalid timeInForce.")
_BAD_POSITION_SIDE = (-4060, "Invalid position side.")
_BAD_PRICE_MATCH = (-5037, "Invalid price match")
_BAD_SELF_TRADE = (-5039, "Invalid self trade prevention mode")
_BAD_WORKING_TYPE = (-4031, "Invalid working type.")
_BAD_RESPONSE = (-1136, "Invalid newOrderRespType.")
_ALGO_ELSEWHERE = ApiError(
    -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
)
_ID_MAX = 36


def order(params: Params) -> tuple[NewOrder, bool]:
    """Read an ordinary order; True when only an acknowledgement is wanted."""
    kind = params.text("type")
    if kind in AlgoType:
        raise _ALGO_ELSEWHERE
    if kind not in {OrderType.LIMIT, OrderType.MARKET}:
        raise ApiError(*_BAD_TYPE)
    for name in ("stopPrice", "activationPrice", "callbackRate"):
        params.forbid(name)
    if params.flag("closePosition"):
        raise ApiError(-4136, f"Target strategy invalid for orderType {kind},closePosition true")
    _word(params, "workingType", WorkingType, _BAD_WORKING_TYPE)
    params.flag("priceProtect")
    request = NewOrder(
        symbol=params.symbol(),
        side=_side(params),
        type=OrderType(kind),
        client_order_id=_client_id(params, "newClientOrderId") or new_client_id(),
        quantity=params.amount("quantity"),
        price=params.amount("price"),
        time_in_force=_word(params, "timeInForce", TimeInForce, _BAD_TIME_IN_FORCE),
        position_side=_word(params, "positionSide", PositionSide, _BAD_POSITION_SIDE) or PositionSide.BOTH,
        reduce_only=params.flag("reduceOnly") or False,
        price_match=_word(params, "priceMatch", PriceMatch, _BAD_PRICE_MATCH) or PriceMatch.NONE,
        self_trade=_word(params, "selfTradePreventionMode", SelfTrade, _BAD_SELF_TRADE) or SelfTrade.EXPIRE_MAKER,
        good_till_ms=params.whole("goodTillDate") or 0,
    )
    return request, (params.choice("newOrderRespType", ("ACK", "RESULT"), *_BAD_RESPONSE) or "ACK") == "ACK"


def change(params: Params) -> Change:
    """Read a change of a limit order."""
    needs_one(params, "orderId", "origClientOrderId")
    side = _side(params)
    match = _word(params, "priceMatch", PriceMatch, _BAD_PRICE_MATCH) or PriceMatch.NONE
    quantity, price = params.amount("quantity"), params.amount("price")
    if quantity is None:
        raise missing("quantity")
    if price is None and match is PriceMatch.NONE:
        raise missing("price")
    return Change(
        symbol=params.symbol(), side=side, quantity=quantity, price=price, order_id=params.whole("orderId"),
        client_order_id=params.maybe("origClientOrderId"), price_match=match,
        modify_id=params.whole("modifyId") or 0, reduce_only=params.flag("reduceOnly") or False,
    )  # fmt: skip


def algo(params: Params) -> NewAlgo:
    """Read a conditional order."""
    if params.text("algoType") != "CONDITIONAL":
        raise ApiError(-1130, "Data sent for parameter 'algoType' is not valid.")
    kind = params.text("type")
    if kind not in AlgoType:
        raise ApiError(*_BAD_TYPE)
    params.forbid("stopPrice")
    params.choice("newOrderRespType", ("ACK", "RESULT"), *_BAD_RESPONSE)
    return NewAlgo(
        symbol=params.symbol(),
        side=_side(params),
        type=AlgoType(kind),
        client_algo_id=_client_id(params, "clientAlgoId") or new_client_id(),
        quantity=params.amount("quantity"),
        trigger_price=params.amount("triggerPrice"),
        price=params.amount("price"),
        time_in_force=_word(params, "timeInForce", TimeInForce, _BAD_TIME_IN_FORCE) or TimeInForce.GTC,
        position_side=_word(params, "positionSide", PositionSide, _BAD_POSITION_SIDE) or PositionSide.BOTH,
        reduce_only=params.flag("reduceOnly") or False,
        close_position=params.flag("closePosition") or False,
        working_type=_word(params, "workingType", WorkingType, _BAD_WORKING_TYPE) or WorkingType.CONTRACT_PRICE,
        price_protect=params.flag("priceProtect") or False,
        price_match=_word(params, "priceMatch", PriceMatch, _BAD_PRICE_MATCH) or PriceMatch.NONE,
        self_trade=_word(params, "selfTradePreventionMode", SelfTrade, _BAD_SELF_TRADE) or SelfTrade.EXPIRE_MAKER,
        activate_price=params.amount("activatePrice"),
        callback_rate=params.amount("callbackRate"),
        good_till_ms=params.whole("goodTillDate") or 0,
    )


def batch(params: Params) -> list[Params]:
    """Read `batchOrders`: a JSON list of up to five requests."""
    text = params.text("batchOrders")
    try:
        rows = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise ApiError(-1130, "Data sent for parameter 'batchOrders' is not valid.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ApiError(-1130, "Data sent for parameter 'batchOrders' is not valid.")
    if not 0 < len(rows) <= 5:
        raise ApiError(-4082, "Invalid number of batch place orders.")
    return [Params({str(name): _text(value) for name, value in row.items()}) for row in rows]


def whole_list(params: Params, *names: str) -> list[str]:
    """Read a JSON list of ids or names under any of these parameter names; nothing gives an empty list."""
    for name in names:
        text = params.maybe(name)
        if text is not None:
            try:
                rows = json.loads(text, parse_int=str, parse_float=str)
            except (ValueError, RecursionError):
                rows = None
            if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
                raise ApiError(-1130, f"Data sent for parameter '{names[0]}' is not valid.")
            return rows
    return []


def numbers(texts: list[str]) -> list[int]:
    """Give ids as numbers; anything else is refused."""
    if not all(re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) for text in texts):
        raise ApiError(-1130, "Data sent for parameter 'orderIdList' is not valid.")
    return [int(text) for text in texts]


def position_side(params: Params) -> PositionSide:
    """Read the optional position side."""
    return _word(params, "positionSide", PositionSide, _BAD_POSITION_SIDE) or PositionSide.BOTH


def _side(params: Params) -> Side:
    side = _word(params, "side", Side, _BAD_SIDE)
    if side is None:
        raise missing("side")
    return side


def _word[Word: StrEnum](params: Params, name: str, words: type[Word], refusal: tuple[int, str]) -> Word | None:
    text = params.maybe(name)
    if text is None:
        return None
    try:
        return words(text)
    except ValueError:
        raise ApiError(*refusal) from None


def _client_id(params: Params, name: str) -> str | None:
    text = params.peek(name)
    if text is not None and len(text) > _ID_MAX:
        raise ApiError(-4015, "Client order id length should not be more than 36 chars")
    return params.client_id(name)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)
