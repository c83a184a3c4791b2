"""Requests about an account: balances, positions, income, and listen keys."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.emulator.futures import wire_account, wire_orders
from bot.emulator.futures.public_calls import span
from bot.emulator.gateway import Keyed, Signed
from bot.emulator.keys import Customer
from bot.emulator.params import Params
from bot.emulator.wire import Json
from bot.simulation.futures.margin import PositionFigures
from bot.simulation.futures.words import PositionSide

if TYPE_CHECKING:
    from bot.emulator.futures.venue import FuturesVenue

type Act = Callable[["FuturesVenue", Customer], Any]


def account(params: Params) -> Act:
    """Give the account with the positions that are something."""
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        rows = venue.exchange.positions(customer.name)
        positions = [wire_account.position(one, venue.shapes[one.symbol]) for one in rows]
        return _sums(venue, customer) | {"positions": positions}

    return act


def old_account(params: Params) -> Act:
    """Give the account with every position that could be."""
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        held = venue.exchange.account(customer.name)
        extra = wire_account.config(held, 0) | {"feeBurn": held.fee_burn}
        extra.pop("dualSidePosition")
        sums = _sums(venue, customer)
        sums["assets"] = [row | {"marginAvailable": True} for row in sums["assets"]]
        positions = [
            wire_account.old_position(
                one, venue.exchange.largest_notional(customer.name, one.symbol), venue.shapes[one.symbol]
            )
            for one in _every_position(venue, customer, None)
        ]
        return extra | sums | {"positions": positions}

    return act


def balance(params: Params) -> Act:
    """Give every asset."""
    params.done()
    return lambda venue, customer: [
        wire_account.balance(one, venue.now_ms) for one in venue.exchange.assets(customer.name)
    ]


def risk(params: Params) -> Act:
    """Give the positions that are something, or have orders."""
    symbol = params.maybe("symbol")
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        if symbol is not None:
            venue.board(symbol)
        rows = venue.exchange.positions(customer.name)
        return [
            wire_account.risk(
                one, venue.shapes[one.symbol], venue.exchange.adl_quantile(customer.name, one.symbol, one.side)
            )
            for one in rows
            if symbol in {None, one.symbol}
        ]

    return act


def old_risk(params: Params) -> Act:
    """Give every position that could be."""
    symbol = params.maybe("symbol")
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        return [
            wire_account.old_risk(
                one, venue.exchange.largest_notional(customer.name, one.symbol), venue.shapes[one.symbol]
            )
            for one in _every_position(venue, customer, symbol)
        ]

    return act


def income(params: Params) -> Act:
    """Give what changed the wallets; of too many the newest, or the oldest of a range."""
    symbol, kind, limit = params.maybe("symbol"), params.maybe("incomeType"), params.limit(100, 1_000)
    page = params.whole("page", smallest=1) or 1
    start, end = span(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        found = [
            wire_orders.income(one)
            for one in venue.exchange.income(customer.name)
            if symbol in {None, one.symbol}
            and kind in {None, str(one.type)}
            and (start is None or one.time_ms >= start)
            and (end is None or one.time_ms <= end)
        ]
        if start is None:
            last = len(found) - (page - 1) * limit
            return found[max(0, last - limit) : max(0, last)]
        return found[(page - 1) * limit : page * limit]

    return act


def adl(params: Params) -> Act:
    """Give how near positions are to being reduced for others: 4 is nearest."""
    symbol = params.maybe("symbol")
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        if symbol is not None:
            symbols = [venue.board(symbol).symbol]
        else:
            symbols = list(dict.fromkeys(one.symbol for one in venue.exchange.positions(customer.name)))
        return [{"symbol": one, "adlQuantile": _quantiles(venue, customer, one)} for one in symbols]

    return act


def trading_status(params: Params) -> Act:
    """Give the rules of behaviour that an account has broken: none."""
    params.maybe("symbol")
    params.done()
    return lambda venue, _: {"indicators": {}, "updateTime": venue.wall_ms}


def order_counts(params: Params) -> Act:
    """Give the limits of orders and what of them is used."""
    params.done()
    return lambda venue, customer: venue.order_count(customer.name).rows(venue.wall_ms)


def open_key(params: Params) -> Act:
    """Give a listen key, new or with its life begun anew."""
    _ignore(params)
    return lambda venue, customer: {"listenKey": venue.users.open(customer.name)}


def extend_key(params: Params) -> Act:
    """Begin the life of a listen key anew."""
    _ignore(params)
    return lambda venue, customer: {"listenKey": venue.users.extend(customer.name)}


def close_key(params: Params) -> Act:
    """End a listen key."""
    _ignore(params)

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        venue.users.close(customer.name)
        return {}

    return act


def _ignore(params: Params) -> None:
    """Pass over what some clients send along although nothing here is signed."""
    for name in ("listenKey", "timestamp", "recvWindow", "signature"):
        params.maybe(name)
    params.done()


def _sums(venue: "FuturesVenue", customer: Customer) -> Json:
    assets = venue.exchange.assets(customer.name)
    multi_assets = venue.exchange.account(customer.name).multi_assets
    totals = wire_account.totals(assets, venue.exchange.price_of, multi_assets=multi_assets)
    return totals | {"assets": [wire_account.asset(one, venue.now_ms) for one in assets]}


def _every_position(venue: "FuturesVenue", customer: Customer, symbol: str | None) -> list[PositionFigures]:
    symbols = list(venue.boards) if symbol is None else [venue.board(symbol).symbol]
    is_hedged = venue.exchange.account(customer.name).hedge
    sides = (PositionSide.LONG, PositionSide.SHORT) if is_hedged else (PositionSide.BOTH,)
    return [venue.exchange.position(customer.name, one, side) for one in symbols for side in sides]


def _quantiles(venue: "FuturesVenue", customer: Customer, symbol: str) -> Json:
    """Give the quantiles of a symbol. HEDGE is only a sign: two cross positions stand in line as one."""
    exchange, name = venue.exchange, customer.name
    of = {str(side): exchange.adl_quantile(name, symbol, side) for side in PositionSide}
    if not exchange.account(name).hedge:
        return of
    if not exchange.slot(name, symbol).is_isolated:
        of["LONG"] = of["SHORT"] = max(of["LONG"], of["SHORT"])
    return {"LONG": of["LONG"], "SHORT": of["SHORT"], "HEDGE": 0}


ACCOUNT = Signed(account, 5)
OLD_ACCOUNT = Signed(old_account, 5)
BALANCE = Signed(balance, 5)
RISK = Signed(risk, 5)
OLD_RISK = Signed(old_risk, 5)
INCOME = Signed(income, 30)
ADL = Signed(adl, 5)
TRADING_STATUS = Signed(trading_status, lambda params: 1 if params.peek("symbol") else 10)
ORDER_COUNTS = Signed(order_counts)
OPEN_KEY = Keyed(open_key)
EXTEND_KEY = Keyed(extend_key)
CLOSE_KEY = Keyed(close_key)
