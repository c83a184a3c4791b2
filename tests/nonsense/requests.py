"""Malformed requests from a seed: a good request with one to three things wrong, or plain noise."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

from tests.nonsense.tables import SPOT, Table

from bot.emulator.gateway import Public, Signed

STRANGE = (
    "", " ", "0", "-1", "1e9", "NaN", "Infinity", "0x10", "١٢", "99999999999999999999", "0.000000000000000000001",
    "1" * 25, "null", "true", "[]", "{}", '["BTCUSDT"', "[" * 300, "测试USDT", "btcusdt", "' OR 1=1 --", "\x00", "\u202e",
    "a" * 5000, "9223372036854775808", "0.1.2", "+1", "%", "&&&", "=",
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request, ready to be sent. `text` is the frame of a WebSocket API request."""

    method: str = ""
    path: str = ""
    body: str = ""
    key: str | None = None
    text: str = ""


def requests(seed: int, count: int, *, key: str, secret: str, now_ms: int, table: Table = SPOT) -> Iterator[Request]:
    """Give so many requests, the same for the same seed and time."""
    lots = Random(seed)
    for _ in range(count):
        if lots.random() < 0.5:
            yield _over_rest(lots, table, key, secret, now_ms)
        else:
            yield _over_socket(lots, table, key, secret, now_ms)


def _values(lots: Random, table: Table, endpoint: str) -> dict[str, str]:
    """Give parameters: mostly those of a good request, then one to three things wrong with them."""
    usual = table.shapes.get(endpoint, ("symbol",) if lots.random() < 0.5 else ())
    names = usual if lots.random() < 0.9 else lots.sample(list(table.good), 5)
    values = {name: lots.choice(table.good[name]) for name in names}
    for _ in range(lots.randint(1, 3)):
        if values and lots.random() < 0.15:
            del values[lots.choice(list(values))]
        else:
            wrong = lots.choice([*values] * 4 + [lots.choice(table.extra)])
            values[wrong] = lots.choice(table.good[wrong] if wrong in table.good and lots.random() < 0.3 else STRANGE)
    return values


def _sign(lots: Random, text: str, secret: str) -> str:
    digest = hmac.new(secret.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return digest if lots.random() < 0.9 else lots.choice(STRANGE)


def _stamp(lots: Random, now_ms: int) -> str:
    return str(now_ms) if lots.random() < 0.9 else lots.choice(STRANGE)


def _over_rest(lots: Random, table: Table, key: str, secret: str, now_ms: int) -> Request:
    method, path = lots.choice(list(table.routes))
    values = _values(lots, table, path.split("/", 3)[-1])
    is_open = isinstance(table.routes[method, path], Public)
    if isinstance(table.routes[method, path], Signed):
        values = values | {"timestamp": _stamp(lots, now_ms), "recvWindow": "60000"}
    is_encoded = lots.random() < 0.9
    text = "&".join(f"{name}={quote(value) if is_encoded else _bare(value)}" for name, value in values.items())
    if isinstance(table.routes[method, path], Signed) and "signature" not in values:
        text += f"&signature={quote(_sign(lots, text, secret))}"
    if lots.random() < 0.03:
        text += lots.choice(("&symbol=BTCUSDT", "&%", "&%ff=%fe", "&&&=", "&a=1&a=2"))
    sent_key = None if is_open and lots.random() < 0.5 else key if lots.random() < 0.95 else lots.choice(("x", "-"))
    in_body = method != "GET" and lots.random() < 0.5
    return Request(method, path if in_body or not text else f"{path}?{text}", text if in_body else "", sent_key)


def _bare(value: str) -> str:
    """Leave a value as it is as far as a request line can carry it."""
    return "".join(letter for letter in value if letter.isascii() and letter.isprintable() and letter not in ' #"<>')


def _over_socket(lots: Random, table: Table, key: str, secret: str, now_ms: int) -> Request:
    if lots.random() < 0.1:
        noise = ("", "{", "[]", "null", "7", '"x"', "{}", '{"method":1}', '{"method":"ping","params":7}', "[" * 2000,
                 '{"id":1,"method":"ping","params":{"a":NaN}}', "\ud7ff")  # fmt: skip
        return Request(text=lots.choice(noise))
    method = lots.choice([*table.methods, *table.more_methods])
    params: dict[str, Any] = dict(_values(lots, table, method))
    if lots.random() < 0.9:
        params |= {"apiKey": key, "timestamp": int(now_ms) if lots.random() < 0.9 else lots.choice(STRANGE)}
        plain = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
        params.setdefault("signature", _sign(lots, plain, secret))
    if lots.random() < 0.1:
        params[lots.choice(list(table.good))] = lots.choice(([1, [2]], {"a": {"b": 1}}, True, 1.5, -3, None))
    request_id = lots.choice((1, "x", None, 1.5, [1], {"a": 1}, "y" * 50))
    return Request(text=json.dumps({"id": request_id, "method": method, "params": params}))
