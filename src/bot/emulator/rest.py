"""REST: one dispatcher from method and path to operations, with Binance's headers and error bodies."""

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from aiohttp import web

from bot.emulator import customer_calls as calls
from bot.emulator import public_calls, signing
from bot.emulator.faults import ApiError, illegal
from bot.emulator.gateway import Caller, Operation, perform
from bot.emulator.params import Params
from bot.emulator.venue import Venue
from bot.emulator.wire import encode

ROUTES: Mapping[tuple[str, str], Operation] = {
    ("GET", "ping"): public_calls.PING,
    ("GET", "time"): public_calls.TIME,
    ("GET", "exchangeInfo"): public_calls.EXCHANGE_INFO,
    ("GET", "klines"): public_calls.KLINES,
    ("GET", "uiKlines"): public_calls.KLINES,
    ("GET", "depth"): public_calls.DEPTH,
    ("GET", "trades"): public_calls.TRADES,
    ("GET", "aggTrades"): public_calls.AGG_TRADES,
    ("GET", "avgPrice"): public_calls.AVERAGE_PRICE,
    ("GET", "ticker/price"): public_calls.PRICE_TICKER,
    ("GET", "ticker/bookTicker"): public_calls.BOOK_TICKER,
    ("GET", "ticker/24hr"): public_calls.DAY_TICKER,
    ("POST", "order"): calls.PLACE,
    ("POST", "order/test"): calls.TEST,
    ("GET", "order"): calls.QUERY,
    ("DELETE", "order"): calls.CANCEL,
    ("GET", "openOrders"): calls.OPEN_ORDERS,
    ("DELETE", "openOrders"): calls.CANCEL_ALL,
    ("GET", "allOrders"): calls.ALL_ORDERS,
    ("GET", "myTrades"): calls.MY_TRADES,
    ("GET", "account"): calls.ACCOUNT,
    ("GET", "account/commission"): calls.COMMISSION,
    ("GET", "rateLimit/order"): calls.ORDER_COUNTS,
}
"""Everything under /api/v3/ that is served."""


async def answer(venue: Venue, request: web.Request) -> web.Response:
    """Serve one request. Signatures are checked over the raw bytes of query and body."""
    operation = ROUTES.get((request.method, request.path.removeprefix("/api/v3/")))
    if operation is None or not request.path.startswith("/api/v3/"):
        return _reply({"status": 404, "error": "Not Found", "path": request.path}, 404, {})
    address = request.remote or ""
    query, body = request.raw_path.partition("?")[2].encode("utf-8", "surrogateescape"), await request.read()
    caller = Caller(address, request.headers.get("X-MBX-APIKEY"), signing.rest_payload(query, body))
    headers: dict[str, str] = {}
    try:
        done = perform(venue, operation, Params(_join(query, body)), caller)
        status, content = 200, done.result
        if done.customer is not None:
            headers = done.customer.orders.headers(venue.wall_ms)
    except ApiError as error:
        status, content, headers = error.status, {"code": error.code, "msg": error.message}, error.headers
    used = venue.weight.used(address, venue.wall_ms)
    weight = {"X-MBX-USED-WEIGHT": str(used), "X-MBX-USED-WEIGHT-1M": str(used)}
    return _reply(content, status, weight | headers)


def _reply(content: object, status: int, headers: dict[str, str]) -> web.Response:
    return web.Response(body=encode(content), status=status, headers=headers, content_type="application/json")


def _join(query: bytes, body: bytes) -> dict[str, str]:
    """Put query and form body together; a name in both has the value of the query."""
    return _pairs(body) | _pairs(query)


def _pairs(raw: bytes) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in raw.split(b"&"):
        if not pair:
            continue
        name, _, value = (_decoded(part) for part in pair.partition(b"="))
        if name in values:
            raise ApiError(-1101, "Duplicate values for a parameter detected.")
        values[name] = value
    return values


def _decoded(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise illegal("query", "UTF-8") from None
