"""Market streams as Binance writes them, each kind with a reader of its own. Field names are Binance's own.

A frame's kind follows from its stream's name, so that each frame is read once, straight into what is wanted of it.
Numbers become floats while they are read: what the market shows is an opinion, and what we pay comes another way.
"""

from collections.abc import Callable
from types import GenericAlias
from typing import Any

import msgspec
from msgspec import Struct

from bot.domain.market import Candle, Market, PublicTrade, Quote, Stream

Level = tuple[float, float]


class KlineBody(Struct, gc=False):
    """The `k` of a kline event. Symbol and interval are known by the stream's name.

    The fields stand in the order of the wire: so each is found without a search.
    """

    t: int
    T: int
    o: float
    c: float
    h: float
    l: float  # noqa: E741 - Binance's name
    v: float
    n: int
    x: bool
    q: float

    def candle(self, stream: Stream) -> Candle:
        """Give the candle of its stream; ValueError when its prices are no prices."""
        low, high = self.l, self.h
        # A NaN fails every comparison, so one chain finds nonsense of all kinds.
        if not (0.0 < low <= self.o <= high and low <= self.c <= high < _INFINITE and self.v < _INFINITE):
            raise ValueError(f"candle of {stream.symbol} {stream.interval} at {self.t} has impossible prices")
        return Candle(
            stream.symbol, stream.interval, self.t, self.o, high, low, self.c, self.v, self.T, self.q, self.n, self.x,
            stream.market,
        )  # fmt: skip


_INFINITE = float("inf")


class KlineEvent(Struct, gc=False):
    """A candle, forming or closed."""

    k: KlineBody


class AggTradeEvent(Struct, gc=False):
    """Trades of one taker at one price; `nq` leaves out retail price improvement (futures)."""

    s: str
    a: int
    p: float
    q: float
    f: int
    l: int  # noqa: E741 - Binance's name
    T: int
    m: bool
    E: int = 0
    nq: float | None = None
    st: int = 1

    def trade(self, market: Market) -> PublicTrade | None:
        """Give it as a trade, or None for one without price."""
        return PublicTrade(self.s, self.a, self.p, self.q, self.T, self.m, market) if self.p > 0 < self.q else None


class TradeEvent(Struct, gc=False):
    """One trade. Futures send some without price or quantity, which only use up an id."""

    s: str
    t: int
    p: float
    q: float
    T: int
    m: bool
    E: int = 0
    X: str = ""

    def trade(self, market: Market) -> PublicTrade | None:
        """Give it as a trade, or None for one without price."""
        return PublicTrade(self.s, self.t, self.p, self.q, self.T, self.m, market) if self.p > 0 < self.q else None


class BookTickerEvent(Struct, gc=False):
    """Best bid and ask. Spot tells neither time nor kind."""

    u: int
    s: str
    b: float
    B: float
    a: float
    A: float
    E: int = 0
    T: int = 0
    st: int = 1

    def quote(self, market: Market) -> Quote:
        """Give the quote."""
        return Quote(self.s, self.b, self.B, self.a, self.A, self.T, market)


class DepthEvent(Struct):
    """Levels that changed, as absolute quantities; 0 is gone. `pu` is the previous event's `u` (futures)."""

    U: int
    u: int
    b: list[Level]
    a: list[Level]
    s: str = ""
    E: int = 0
    T: int = 0
    pu: int | None = None


class TopLevels(Struct):
    """The best levels of a spot book, whole."""

    lastUpdateId: int  # noqa: N815 - Binance's name
    bids: list[Level]
    asks: list[Level]


class MarkPriceEvent(Struct, gc=False):
    """A future's mark price, index and funding."""

    s: str
    p: float
    E: int = 0
    i: float = 0.0
    P: float = 0.0
    ap: float = 0.0
    r: str = ""
    """The funding rate, empty for contracts that pay none."""
    T: int = 0
    st: int = 1


class MiniTickerEvent(Struct, gc=False):
    """A day's prices and volumes."""

    s: str
    c: float
    o: float
    h: float
    l: float  # noqa: E741 - Binance's name
    v: float
    q: float
    E: int = 0


class TickerEvent(MiniTickerEvent, gc=False):
    """A window's statistics."""

    p: float = 0.0
    P: float = 0.0
    w: float = 0.0
    O: int = 0  # noqa: E741 - Binance's name
    C: int = 0
    F: int = 0
    L: int = 0
    n: int = 0


class ForcedOrder(Struct, gc=False):
    """A liquidation."""

    s: str
    S: str
    q: float
    p: float
    ap: float
    X: str
    T: int


class ForcedOrderEvent(Struct, gc=False):
    """The largest liquidation of a second."""

    o: ForcedOrder
    E: int = 0


class ControlFrame(Struct):
    """Any text that belongs to no stream of ours: a reply, an error, or news of the server."""

    stream: str = ""
    data: "EventName | None" = None
    e: str = ""
    id: int | str | None = None
    code: int | None = None
    msg: str = ""
    error: msgspec.Raw = msgspec.Raw()

    @property
    def event(self) -> str:
        """Give the event's name, wrapped or not."""
        return self.data.e if self.data is not None else self.e


class EventName(Struct):
    """The name of any event."""

    e: str = ""


_KINDS: dict[str, Any] = {
    "kline": KlineEvent,
    "continuousKline": dict[str, Any],
    "aggTrade": AggTradeEvent,
    "trade": TradeEvent,
    "bookTicker": BookTickerEvent,
    "markPrice": MarkPriceEvent,
    "miniTicker": MiniTickerEvent,
    "ticker": TickerEvent,
    "forceOrder": ForcedOrderEvent,
}


def kind_of(name: str, market: Market) -> Any:
    """Give the type of a stream's events, by its name; of kinds that we do not know a plain dict or list."""
    head, _, tail = name.partition("@")
    if head.startswith("!"):
        found = _KINDS.get(head[1:].partition("_")[0], dict[str, Any])
        return GenericAlias(list, (found,)) if "@arr" in name or tail.startswith("arr") else found
    kind = tail.partition("@")[0].partition("_")[0]
    if kind.startswith("depth"):
        return TopLevels if kind != "depth" and market is Market.SPOT else DepthEvent
    return _KINDS.get(kind, dict[str, Any])


_READERS: dict[Any, Callable[[bytes], Any]] = {}


def reader_for(name: str, market: Market) -> Callable[[bytes], Any]:
    """Give what reads a stream's combined frames: into its name as `stream`, and the event as `data`."""
    kind = kind_of(name, market)
    found = _READERS.get(str(kind))
    if found is None:
        envelope = msgspec.defstruct("Envelope", [("stream", str), ("data", kind)], gc=False)
        # Not strict, so that the texts of numbers are read as numbers without a step between.
        found = _READERS[str(kind)] = msgspec.json.Decoder(envelope, strict=False).decode
    return found


read_control = msgspec.json.Decoder(ControlFrame).decode


_PUBLIC = frozenset({"bookTicker", "trade", "rpiDepth"})


def route_of(name: str) -> str:
    """Give the route of a futures stream. On a wrong one Binance acknowledges, and stays silent for good."""
    head, _, tail = name.partition("@")
    kind = head[1:] if head.startswith("!") else tail.partition("@")[0].partition("_")[0]
    return "public" if kind in _PUBLIC or kind.startswith("depth") else "market"
