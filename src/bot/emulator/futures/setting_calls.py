"""Requests that read or change how an account is set: leverage, margin, modes, commissions."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.domain.money import plain
from bot.emulator.futures import reading, wire_account
from bot.emulator.futures.public_calls import demanded, span
from bot.emulator.gateway import Signed
from bot.emulator.keys import Customer
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, missing
from bot.emulator.wire import Json
from bot.simulation.futures.words import MarginType

if TYPE_CHECKING:
    from bot.emulator.futures.venue import FuturesVenue

type Act = Callable[["FuturesVenue", Customer], Any]
_DONE: Json = {"code": 200, "msg": "success"}
_ADDS, _TAKES = 1, 2


def leverage(params: Params) -> Act:
    """Change the leverage of a symbol."""
    symbol, wanted = params.symbol(), demanded("leverage", params.whole("leverage"))
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        largest = venue.exchange.set_leverage(customer.name, symbol, wanted)
        venue.desk.tell_leverage(customer.name, symbol, wanted)
        return {"leverage": wanted, "maxNotionalValue": plain(largest), "symbol": symbol}

    return act


def margin_type(params: Params) -> Act:
    """Switch a symbol between cross and isolated margin."""
    symbol, wanted = params.symbol(), params.choice("marginType", ("ISOLATED", "CROSSED"))
    params.done()
    if wanted is None:
        raise missing("marginType")

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        with venue.desk.settling():
            venue.exchange.set_margin_type(customer.name, symbol, MarginType(wanted))
        return _DONE

    return act


def position_margin(params: Params) -> Act:
    """Move money into or out of an isolated position."""
    symbol, side = params.symbol(), reading.position_side(params)
    amount, way = demanded("amount", params.amount("amount")), demanded("type", params.whole("type"))
    params.done()
    if way not in {_ADDS, _TAKES}:
        raise ApiError(-1130, "Data sent for parameter 'type' is not valid.")

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        with venue.desk.settling() as now_ms:
            venue.exchange.change_margin(
                customer.name, symbol, amount, adding=way == _ADDS, now_ms=now_ms, position_side=side
            )
        return {"amount": float(amount), "code": 200, "msg": "Successfully modify position margin.", "type": way}

    return act


def margin_history(params: Params) -> Act:
    """Give the money moved by hand into or out of isolated positions."""
    symbol, way, limit = params.symbol(), params.whole("type"), params.limit(100, 500)
    start, end = span(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        venue.board(symbol)
        rows = [
            wire_account.margin_change(one)
            for one in venue.exchange.margin_changes(customer.name, symbol)
            if (start is None or one.time_ms >= start) and (end is None or one.time_ms <= end)
        ]
        return [row for row in rows if way in {None, row["type"]}][-limit:]

    return act


def hedge(params: Params) -> Act:
    """Say whether both sides of a symbol can be held at once."""
    params.done()
    return lambda venue, customer: {"dualSidePosition": venue.exchange.account(customer.name).hedge}


def set_hedge(params: Params) -> Act:
    """Switch between one-way and hedge mode."""
    wanted = demanded("dualSidePosition", params.flag("dualSidePosition"))
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        venue.exchange.set_hedge(customer.name, hedge=wanted)
        return _DONE

    return act


def multi_assets(params: Params) -> Act:
    """Say whether all margin assets stand together."""
    params.done()
    return lambda venue, customer: {"multiAssetsMargin": venue.exchange.account(customer.name).multi_assets}


def set_multi_assets(params: Params) -> Act:
    """Switch multi-assets mode."""
    wanted = demanded("multiAssetsMargin", params.flag("multiAssetsMargin"))
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        venue.exchange.set_multi_assets(customer.name, multi_assets=wanted)
        venue.desk.tell_asset_mode(customer.name, multi_assets=wanted)
        return _DONE

    return act


def fee_burn(params: Params) -> Act:
    """Say whether commissions are paid in BNB."""
    params.done()
    return lambda venue, customer: {"feeBurn": venue.exchange.account(customer.name).fee_burn}


def set_fee_burn(params: Params) -> Act:
    """Switch whether commissions are paid in BNB."""
    wanted = demanded("feeBurn", params.flag("feeBurn"))
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        venue.exchange.set_fee_burn(customer.name, fee_burn=wanted)
        return _DONE

    return act


def brackets(params: Params) -> Act:
    """Give the leverage brackets of a symbol, or of all."""
    symbol = params.maybe("symbol")
    params.done()

    def act(venue: "FuturesVenue", _: Customer) -> list[Json]:
        symbols = list(venue.boards) if symbol is None else [venue.board(symbol).symbol]
        return [wire_account.brackets(one, venue.exchange.brackets(one)) for one in symbols]

    return act


def symbol_config(params: Params) -> Act:
    """Give how a symbol is set, or all."""
    symbol = params.maybe("symbol")
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        symbols = list(venue.boards) if symbol is None else [venue.board(symbol).symbol]
        rows = []
        for one in symbols:
            slot = venue.exchange.slot(customer.name, one)
            rows.append(
                {
                    "symbol": one, "marginType": slot.margin_type, "isAutoAddMargin": False,
                    "leverage": slot.leverage,
                    "maxNotionalValue": plain(venue.exchange.largest_notional(customer.name, one)),
                }
            )  # fmt: skip
        return rows

    return act


def account_config(params: Params) -> Act:
    """Give what an account may do and how it is set."""
    params.done()
    return lambda venue, customer: wire_account.config(venue.exchange.account(customer.name), 0)


def commission(params: Params) -> Act:
    """Give what an account pays for trades."""
    symbol = params.symbol()
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        venue.board(symbol)
        rates = venue.exchange.account(customer.name).rates
        return {
            "symbol": symbol, "makerCommissionRate": plain(rates.maker), "takerCommissionRate": plain(rates.taker),
            "rpiCommissionRate": plain(rates.maker),
        }  # fmt: skip

    return act


LEVERAGE = Signed(leverage, needs="futures")
MARGIN_TYPE = Signed(margin_type, needs="futures")
POSITION_MARGIN = Signed(position_margin, needs="futures")
MARGIN_HISTORY = Signed(margin_history)
HEDGE = Signed(hedge, 30)
SET_HEDGE = Signed(set_hedge, needs="futures")
MULTI_ASSETS = Signed(multi_assets, 30)
SET_MULTI_ASSETS = Signed(set_multi_assets, needs="futures")
FEE_BURN = Signed(fee_burn, 30)
SET_FEE_BURN = Signed(set_fee_burn, needs="futures")
BRACKETS = Signed(brackets)
SYMBOL_CONFIG = Signed(symbol_config, 5)
ACCOUNT_CONFIG = Signed(account_config, 5)
COMMISSION = Signed(commission, 20)
