"""Tables of a recording: trades, aggregate trades, best prices, books and fundings, line by line into records.

Which columns a table has is told by its header, or without one by the number of its columns and where the truth values
stand: the public dumps of spot never have a header, those of USD-M have one since 2021.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import msgspec

from bot.emulator.recorded.cells import Row, rows
from bot.emulator.recorded.records import BestShown, BookShown, FundingPaid, Levels, Record, Trade

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "trade_id", "agg_trade_id"),
    "price": ("price",),
    "quantity": ("qty", "quantity"),
    "time": ("time", "transact_time", "timestamp", "transaction_time"),
    "maker": ("is_buyer_maker", "buyer_is_maker", "isbuyermaker"),
    "first": ("first_trade_id",),
    "last": ("last_trade_id",),
    "bid": ("bid", "best_bid_price"),
    "bid_quantity": ("bid_qty", "best_bid_qty"),
    "ask": ("ask", "best_ask_price"),
    "ask_quantity": ("ask_qty", "best_ask_qty"),
    "update": ("update_id",),
    "first_update": ("first_update_id",),
    "last_update": ("last_update_id",),
    "side": ("side",),
    "update_type": ("update_type",),
    "symbol": ("symbol",),
    "funding_time": ("funding_time", "calc_time", "fundingtime"),
    "rate": ("funding_rate", "last_funding_rate", "fundingrate"),
}
_KINDS: Mapping[str, tuple[str, ...]] = {
    "depth": ("symbol", "time", "first_update", "last_update", "side", "update_type", "price", "quantity"),
    "aggTrades": ("id", "price", "quantity", "first", "last", "time", "maker"),
    "trades": ("id", "price", "quantity", "time", "maker"),
    "quotes": ("time", "bid", "bid_quantity", "ask", "ask_quantity"),
    "funding": ("funding_time", "rate"),
}
"""What a header has to have; the first kind that fits is meant."""
_BARE: Mapping[str, dict[str, int]] = {
    "aggTrades": {"id": 0, "price": 1, "quantity": 2, "first": 3, "last": 4, "time": 5, "maker": 6},
    "trades": {"id": 0, "price": 1, "quantity": 2, "time": 4, "maker": 5},
}
_TRUTH = {"true", "false"}


class Layout(msgspec.Struct, frozen=True):
    """What kind of table it is, and where each column stands."""

    kind: str
    places: dict[str, int]

    @property
    def width(self) -> int:
        """Give how many columns a line needs."""
        return max(self.places.values()) + 1


def layout_of(first_line: str) -> Layout | None:
    """Tell a table by its first line; None when it is none of ours."""
    cells = [cell.strip().lower() for cell in first_line.split(",")]
    if not first_line[:1].isalpha():
        for kind, width in (("trades", 6), ("aggTrades", 7)):
            if width <= len(cells) <= width + 1 and cells[width - 1] in _TRUTH:
                return Layout(kind, _BARE[kind])
        return None
    places = {
        name: cells.index(alias) for name, aliases in _ALIASES.items() for alias in aliases if alias in cells
    }  # fmt: skip
    found = next((kind for kind, needed in _KINDS.items() if all(name in places for name in needed)), None)
    return None if found is None else Layout(found, places)


def read_table(path: Path, layout: Layout, symbol: str) -> Iterator[Record]:
    """Give the records of a table; `symbol` is whose they are unless the lines say it themselves."""
    if layout.kind == "depth":
        yield from _book(path, layout)
        return
    last_ms = 0
    for row in rows(path, layout.width):
        record = _record(row, layout, symbol)
        last_ms = _in_order(row, record.time_ms, last_ms)
        yield record


def _record(row: Row, layout: Layout, symbol: str) -> Trade | BestShown | FundingPaid:
    match layout.kind:
        case "quotes":
            return _best(row, layout.places, symbol)
        case "funding":
            rate = row.exact(layout.places["rate"])
            if abs(rate) >= 1:
                raise row.fault(f"funding rate {rate} is not a fraction below 1")
            return FundingPaid(symbol, row.time_ms(layout.places["funding_time"]), rate)
        case _:
            return _trade(row, layout, symbol)


def _in_order(row: Row, time_ms: int, last_ms: int) -> int:
    if time_ms < last_ms:
        raise row.fault(f"time {time_ms} comes after {last_ms}: not sorted")
    return time_ms


def _trade(row: Row, layout: Layout, symbol: str) -> Trade:
    at, number = layout.places, row.whole(layout.places["id"])
    is_aggregate = layout.kind == "aggTrades"
    first, last = (row.whole(at["first"]), row.whole(at["last"])) if is_aggregate else (number, number)
    if last < first:
        raise row.fault(f"the last trade {last} comes before the first {first}")
    return Trade(
        symbol, row.time_ms(at["time"]), number, row.price(at["price"]), row.quantity(at["quantity"]),
        row.truth(at["maker"]), first, last, is_aggregate,
    )  # fmt: skip


def _best(row: Row, at: Mapping[str, int], symbol: str) -> BestShown:
    bid, ask = row.price(at["bid"]), row.price(at["ask"])
    if bid >= ask:
        raise row.fault(f"bid {bid} is not below ask {ask}")
    return BestShown(
        symbol, row.time_ms(at["time"]), row.whole(at["update"]) if "update" in at else 0,
        (bid, row.quantity(at["bid_quantity"])), (ask, row.quantity(at["ask_quantity"])),
    )  # fmt: skip


def _book(path: Path, layout: Layout) -> Iterator[BookShown]:
    """Put the lines of one change, or of one picture, together."""
    at, last_ms = layout.places, 0

    def change(row: Row) -> tuple[str, int, int, int, bool]:
        nonlocal last_ms
        last_ms = _in_order(row, row.time_ms(at["time"]), last_ms)
        kind = row.text(at["update_type"])
        if kind not in {"snap", "set"}:
            raise row.fault(f"update_type is snap or set, not {kind!r}")
        return (
            row.text(at["symbol"]), last_ms, row.whole(at["first_update"]),
            row.whole(at["last_update"]), kind == "snap",
        )  # fmt: skip

    for (symbol, time_ms, first, last, is_whole), lines in groupby(rows(path, layout.width), key=change):
        bids, asks = _sides(lines, at)
        yield BookShown(symbol, time_ms, first, last, bids, asks, is_whole)


def _sides(lines: Iterator[Row], at: Mapping[str, int]) -> tuple[Levels, Levels]:
    sides: dict[str, list[tuple[Decimal, Decimal]]] = {"b": [], "a": []}
    for row in lines:
        side = row.text(at["side"])
        if side not in sides:
            raise row.fault(f"side is a or b, not {side!r}")
        sides[side].append((row.price(at["price"]), row.quantity(at["quantity"])))
    return tuple(sides["b"]), tuple(sides["a"])
