"""What anybody may ask of the exchange: time, rules, candles, trades, books."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.emulator.gateway import Public
from bot.emulator.limits import address_limits, order_limit
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, bad_combination, bad_symbol, illegal
from bot.emulator.spot import rules, show, wire, wire_orders
from bot.emulator.wire import Json, text

if TYPE_CHECKING:
    from bot.emulator.spot.venue import Venue

type Act = Callable[["Venue"], Any]

_USUAL_GROUPS = ("SPOT", "MARGIN", "LEVERAGED")


def ping(params: Params) -> Act:
    """Answer with nothing."""
    params.done()
    return lambda _: {}


def server_time(params: Params) -> Act:
    """Give wall time, see `market` about the two clocks."""
    params.done()
    return lambda venue: {"serverTime": venue.wall_ms}


def exchange_info(params: Params) -> Act:
    """Give the rules of some symbols or of all."""
    wanted = params.symbols()
    groups, status = (
        params.names("permissions"),
        params.choice("symbolStatus", rules.STATUSES, -1122, "Invalid symbolStatus."),
    )
    with_sets = params.flag("showPermissionSets")
    if wanted is not None and (groups is not None or status is not None):
        raise bad_combination()
    params.done()

    def act(venue: "Venue") -> Json:
        known = venue.instruments
        if any(symbol not in known for symbol in wanted or ()):
            raise bad_symbol()
        chosen = [known[symbol] for symbol in wanted or known if status in {None, known[symbol].status}]
        if wanted is None:
            held = groups or _USUAL_GROUPS
            chosen = [one for one in chosen if rules.is_permitted(held, venue.permission_sets(one.symbol))]
        weight, raw = address_limits(venue.gate.weight.bounds)
        orders = [order_limit(unit, number, limit) for (unit, number), limit in venue.order_limits.items()]
        limits = [weight, *orders, raw]
        rows = [
            rules.symbol_info(one, None if with_sets is False else venue.permission_sets(one.symbol)) for one in chosen
        ]
        shown = {one.symbol for one in chosen}
        sors: list[Json] = [
            {"baseAsset": known[group[0]].base, "symbols": list(group)} for group in venue.sors if shown & set(group)
        ]
        return rules.exchange_info(rows, venue.wall_ms, limits, sors)

    return act


def klines(params: Params) -> Act:
    """Give candles; the open one only where server time is market time, and its close time tells it."""
    symbol, interval = params.symbol(), params.interval()
    start, end, limit = params.whole("startTime"), params.whole("endTime"), params.limit(500, 1_000)
    _check_zone(params)
    params.done()
    return lambda venue: [
        wire.kline_row(candle)
        for candle in venue.board(symbol).klines(interval, start, end, limit, has_open=venue.gate.clock.is_led)
    ]


def depth(params: Params) -> Act:
    """Give the order book: clients' orders among made-up levels around the last price."""
    symbol, limit = params.symbol(), params.limit(100, 5_000)
    status = _status(params)
    params.done()

    def act(venue: "Venue") -> Json:
        _check_status(venue, symbol, status)
        board = venue.fresh_board(symbol)
        return wire.depth(board.update_id, *board.levels(limit))

    return act


def trades(params: Params) -> Act:
    """Give the newest trades."""
    symbol, limit = params.symbol(), params.limit(500, 1_000)
    params.done()
    return lambda venue: [wire.trade_row(trade, last) for trade, _, last in list(venue.board(symbol).trades)[-limit:]]


def agg_trades(params: Params) -> Act:
    """Give aggregate trades: the newest, those from an id on, or those of a time range."""
    symbol, limit = params.symbol(), params.limit(500, 1_000)
    from_id, start, end = params.whole("fromId"), params.whole("startTime"), params.whole("endTime")
    params.done()

    def act(venue: "Venue") -> list[Json]:
        rows = [
            row
            for row in venue.board(symbol).trades
            if (from_id is None or row[0].trade_id >= from_id)
            and (start is None or row[0].time_ms >= start)
            and (end is None or row[0].time_ms <= end)
        ]
        chosen = rows[-limit:] if from_id is None and start is None else rows[:limit]
        return [wire.agg_trade_row(*row) for row in chosen]

    return act


def historical_trades(params: Params) -> Act:
    """Give old trades, from an id on when one is given."""
    symbol, limit, from_id = params.symbol(), params.limit(500, 1_000), params.whole("fromId")
    params.done()

    def act(venue: "Venue") -> list[Json]:
        rows = [row for row in venue.board(symbol).trades if from_id is None or row[2] >= from_id]
        chosen = rows[-limit:] if from_id is None else rows[:limit]
        return [wire.trade_row(trade, last) for trade, _, last in chosen]

    return act


def block_trades(params: Params) -> Act:
    """Give block trades: there are none here."""
    symbol = params.symbol()
    params.limit(500, 1_000)
    params.whole("fromId")
    params.done()

    def act(venue: "Venue") -> list[Json]:
        venue.board(symbol)
        return []

    return act


def average_price(params: Params) -> Act:
    """Give the volume-weighted price of the last five minutes."""
    symbol = params.symbol()
    params.done()

    def act(venue: "Venue") -> Json:
        price = show.average(venue.board(symbol), venue.now_ms)
        return {"mins": show.AVERAGE_MS // 60_000, "price": text(price), "closeTime": venue.now_ms}

    return act


def execution_rules(params: Params) -> Act:
    """Give the rules that bind an order while it trades."""
    status = params.choice("symbolStatus", rules.STATUSES, -1122, "Invalid symbolStatus.")
    wanted = params.symbols()
    if wanted is not None and status is not None:
        raise bad_combination()
    params.done()

    def act(venue: "Venue") -> Json:
        chosen = [venue.board(symbol).symbol for symbol in wanted or venue.instruments]
        rows = [venue.instruments[symbol] for symbol in chosen if status in {None, venue.instruments[symbol].status}]
        return {"symbolRules": [rules.execution_rules(one) for one in rows]}

    return act


def reference_price(params: Params) -> Act:
    """Give the price that filters measure by."""
    symbol, status = params.symbol(), _status(params)
    params.done()

    def act(venue: "Venue") -> Json:
        venue.board(symbol)
        _check_status(venue, symbol, status)
        price = venue.exchange.reference_price(symbol)
        if price is None:
            raise ApiError(-2043, "This symbol doesn't have a reference price.")
        return {"symbol": symbol, "referencePrice": wire_orders.worth(price), "timestamp": venue.now_ms}

    return act


def reference_calculation(params: Params) -> Act:
    """Say how the reference price is made."""
    symbol, status = params.symbol(), _status(params)
    params.done()

    def act(venue: "Venue") -> Json:
        venue.board(symbol)
        _check_status(venue, symbol, status)
        minutes = max(1, venue.instruments[symbol].average_minutes)
        return {
            "symbol": symbol, "calculationType": "ARITHMETIC_MEAN", "bucketCount": minutes, "bucketWidthMs": 60_000
        }  # fmt: skip

    return act


def system_status(params: Params) -> Act:
    """Say that all is well."""
    params.done()
    return lambda _: {"status": 0, "msg": "normal"}


def no_coin_futures(params: Params) -> Act:
    """Give the rules of the COIN-M product, which has no symbols here."""
    for name in list(params.values):
        params.maybe(name)
    return lambda venue: {
        "timezone": "UTC", "serverTime": venue.wall_ms, "rateLimits": [], "exchangeFilters": [], "symbols": []
    }  # fmt: skip


def gone(params: Params) -> Act:
    """Say that listen keys are no more."""
    for name in list(params.values):
        params.maybe(name)
    raise ApiError(-1000, "This endpoint has been removed; subscribe over the WebSocket API.", 410)


def _status(params: Params) -> str | None:
    return params.choice("symbolStatus", rules.STATUSES, -1122, "Invalid symbolStatus.")


def _check_status(venue: "Venue", symbol: str, status: str | None) -> None:
    known = venue.instruments.get(symbol)
    if known is not None and status not in {None, known.status}:
        raise ApiError(-1220, "The symbol's status does not match the requested symbolStatus.")


def _check_zone(params: Params) -> None:
    """Refuse a time zone that does not exist. Only UTC changes nothing; others are taken and not applied."""
    zone = params.maybe("timeZone")
    if zone is None:
        return
    sign, rest = (-1, zone[1:]) if zone[:1] == "-" else (1, zone)
    hours, _, minutes = rest.partition(":")
    is_number = hours.isascii() and hours.isdigit() and (not minutes or (minutes.isascii() and minutes.isdigit()))
    if not is_number or len(rest) > 5 or not -12 * 60 <= sign * (int(hours) * 60 + int(minutes or 0)) <= 14 * 60:
        raise illegal("timeZone", "^(([+-])?([0-9]|0[0-9]|1[0-4])(:[0-5][0-9])?)$")


def _depth_weight(params: Params) -> int:
    asked = params.peek("limit") or "100"
    limit = int(asked) if asked.isascii() and asked.isdigit() else 100
    return next((weight for most, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= most), 250)


def _rules_weight(params: Params) -> int:
    if params.peek("symbol"):
        return 2
    many = params.peek("symbols")
    return 40 if many is None else min(40, 2 * (many.count(",") + 1))


PING = Public(ping)
TIME = Public(server_time)
EXCHANGE_INFO = Public(exchange_info, 20)
EXECUTION_RULES = Public(execution_rules, _rules_weight)
REFERENCE_PRICE = Public(reference_price, 2)
REFERENCE_CALCULATION = Public(reference_calculation, 2)
KLINES = Public(klines, 2)
DEPTH = Public(depth, _depth_weight)
TRADES = Public(trades, 25)
HISTORICAL_TRADES = Public(historical_trades, 25)
BLOCK_TRADES = Public(block_trades, 25)
AGG_TRADES = Public(agg_trades, 4)
AVERAGE_PRICE = Public(average_price, 2)
SYSTEM_STATUS = Public(system_status)
NO_COIN_FUTURES = Public(no_coin_futures)
GONE = Public(gone)
