"""What a recording says, one fact at a time. Times are ms UTC; prices and quantities are exact."""

from decimal import Decimal

import msgspec

from bot.domain.market import Candle

type Levels = tuple[tuple[Decimal, Decimal], ...]
"""Prices and quantities, in any order."""


class Trade(msgspec.Struct, frozen=True, gc=False):
    """Somebody's trade, or with `is_aggregate` the single trades from `first_id` to `last_id` of one taker."""

    symbol: str
    time_ms: int
    trade_id: int
    price: Decimal
    quantity: Decimal
    is_buyer_maker: bool
    first_id: int
    last_id: int
    is_aggregate: bool = False


class BookShown(msgspec.Struct, frozen=True, gc=False):
    """A whole picture of a book, or without `is_whole` what changed: quantities are absolute, 0 is gone."""

    symbol: str
    time_ms: int
    first_id: int
    last_id: int
    bids: Levels
    asks: Levels
    is_whole: bool = False


class BestShown(msgspec.Struct, frozen=True, gc=False):
    """The best level of each side. An `update_id` of 0 is not known."""

    symbol: str
    time_ms: int
    update_id: int
    bid: tuple[Decimal, Decimal]
    ask: tuple[Decimal, Decimal]


class MarkShown(msgspec.Struct, frozen=True, gc=False):
    """The mark price; `closed` is the candle of it that ends here."""

    symbol: str
    time_ms: int
    price: Decimal
    closed: Candle | None = None


class FundingPaid(msgspec.Struct, frozen=True, gc=False):
    """A funding: `rate` is a fraction of the notional, paid by longs when it is above 0."""

    symbol: str
    time_ms: int
    rate: Decimal


type Record = Trade | BookShown | BestShown | MarkShown | FundingPaid
