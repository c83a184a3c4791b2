"""Raw captures: one message a line, behind the time of its arrival or behind the address it came from.

Depth, trades, aggregate trades, best prices and mark prices are taken, and the REST picture of a book; everything else
that a capture may hold is passed over. Changes that came before their picture wait for it, as a client has to do.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec

from bot.domain.errors import Misconfigured
from bot.domain.money import number
from bot.emulator.recorded.records import BestShown, BookShown, Levels, MarkShown, Record, Trade
from bot.emulator.textfile import open_text

_SYMBOL = re.compile(r'[?&]symbol=([A-Z0-9]+)|"stream":"([a-z0-9]+)@')


_Side = tuple[tuple[Decimal, Decimal], ...] | Decimal | int | None
"""Levels in a change of a book, a price with the best prices, a number in an aggregate trade."""


class _Frame(msgspec.Struct):
    """Any message of a market; fields that it does not have stay empty. Names are those of the wire."""

    e: str = ""
    E: int = 0
    T: int = 0
    s: str = ""
    U: int = 0
    u: int = 0
    b: _Side = None
    B: Decimal | None = None
    a: _Side = None
    A: Decimal | None = None
    t: int = 0
    p: str = ""
    q: str = ""
    f: int = 0
    l: int = 0  # noqa: E741 - the wire's own name
    m: bool = False
    lastUpdateId: int = 0  # noqa: N815
    bids: Levels = ()
    asks: Levels = ()
    data: "_Frame | None" = None


_DECODER = msgspec.json.Decoder(_Frame)


def read_frames(path: Path, symbol: str) -> Iterator[Record]:
    """Give the records of a capture, in the order of their arrival. `symbol` is whose a nameless picture is."""
    pictured, waiting = _pictured(path, symbol), dict[str, list[BookShown]]()
    for record in _records(path, symbol):
        if not isinstance(record, BookShown):
            yield record
        elif record.is_whole:
            yield record
            pictured.discard(record.symbol)
            for change in waiting.pop(record.symbol, []):
                if change.last_id > record.last_id:
                    yield msgspec.structs.replace(change, time_ms=record.time_ms)
        elif record.symbol in pictured:
            waiting.setdefault(record.symbol, []).append(record)
        else:
            yield record


def markets_in(path: Path) -> dict[str, set[str]]:
    """Give the symbols that the messages of a capture name, each with its markets as far as messages tell them."""
    found: dict[str, set[str]] = {}
    for _, line in _lines(path):
        if name := _name_in(line):
            markets = found.setdefault(name, set())
            if market := _market_of(line):
                markets.add(market)
    return found


def _pictured(path: Path, symbol: str) -> set[str]:
    """Give the symbols of which there is a REST picture."""
    return {_asked_symbol(line) or symbol for _, line in _lines(path) if '"lastUpdateId"' in line}


def _records(path: Path, symbol: str) -> Iterator[Record]:
    now_ms = 0
    for place, line in _lines(path):
        start = line.find("{")
        if start < 0:
            continue
        try:
            frame = _DECODER.decode(line[start:])
            frame = frame if frame.data is None else frame.data
            now_ms = max(now_ms, frame.E, frame.T, _arrival(line[:start]) if not now_ms else 0)
            record = _record(frame, _asked_symbol(line[: start + 80]) or symbol, now_ms)
        except msgspec.DecodeError as error:
            if _is_other(line[start:]):
                continue
            raise Misconfigured(f"{path}:{place}: not a message of the market: {error}") from error
        except (ValueError, TypeError, ArithmeticError) as error:
            raise Misconfigured(f"{path}:{place}: not a message of the market: {error}") from error
        if record is not None:
            yield record


def _record(frame: _Frame, symbol: str, now_ms: int) -> Record | None:
    """Read a message; None for one that says nothing of what we play."""
    match frame.e:
        case "depthUpdate":
            return BookShown(frame.s, now_ms, frame.U, frame.u, _levels(frame.b), _levels(frame.a))
        case "trade" | "aggTrade":
            return _trade(frame)
        case "markPriceUpdate":
            return MarkShown(frame.s, now_ms, number(frame.p))
        case "" | "bookTicker" if frame.B is not None:
            return _best(frame, now_ms)
    if frame.lastUpdateId:
        last_id = frame.lastUpdateId
        return BookShown(symbol, now_ms, last_id, last_id, frame.bids, frame.asks, is_whole=True)
    return None


def _trade(frame: _Frame) -> Trade | None:
    price, quantity = number(frame.p), number(frame.q)
    if not price or not quantity:
        return None  # USD-M marks with zeros what was no trade of the book
    time_ms = frame.T or frame.E
    if frame.e == "aggTrade":
        return Trade(frame.s, time_ms, _number(frame.a), price, quantity, frame.m, frame.f, frame.l, is_aggregate=True)
    return Trade(frame.s, time_ms, frame.t, price, quantity, frame.m, frame.t, frame.t)


def _best(frame: _Frame, now_ms: int) -> BestShown | None:
    bid, ask = frame.b, frame.a
    if not isinstance(bid, Decimal) or not isinstance(ask, Decimal) or frame.B is None or frame.A is None:
        raise TypeError("best prices have b, B, a and A")
    return BestShown(frame.s, now_ms, frame.u, (bid, frame.B), (ask, frame.A)) if bid < ask else None


def _levels(side: _Side) -> Levels:
    if not isinstance(side, tuple):
        raise TypeError("a change of a book has lists b and a")
    return side


def _number(side: _Side) -> int:
    if not isinstance(side, int):
        raise TypeError("an aggregate trade has a number a")
    return side


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with open_text(path) as lines:
        yield from enumerate(lines, 1)


def _arrival(before: str) -> int:
    """Give the time of arrival (ms) that stands before a message; 0 when there is none. It may be in s or in ns."""
    words = before.replace(":", " ").split()
    try:
        value = Decimal(words[-1]) if words else Decimal(0)
    except ArithmeticError:
        return 0
    return int(value / 1_000_000) if value > 10**15 else int(value * 1_000)


def _asked_symbol(text: str) -> str:
    found = _SYMBOL.search(text)
    return (found[1] or found[2]).upper() if found else ""


def _name_in(line: str) -> str:
    place = line.find('"s":"')
    return line[place + 5 : line.find('"', place + 5)] if place >= 0 else _asked_symbol(line)


def _market_of(line: str) -> str:
    """Tell spot from USD-M by the fields that one of them has alone; empty when a message has none of them."""
    if '"pu":' in line or '"e":"bookTicker"' in line:
        return "USD-M"
    return "spot" if '"e":"depthUpdate"' in line or '"M":' in line else ""


def _is_other(text: str) -> bool:
    """Say whether a text is a message of another kind: its fields are of other types, but it is whole."""
    try:
        facts = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    facts = facts.get("data", facts) if isinstance(facts, dict) else {}
    return isinstance(facts, dict) and facts.get("e", "") not in {"depthUpdate", "trade", "aggTrade", "bookTicker"}
