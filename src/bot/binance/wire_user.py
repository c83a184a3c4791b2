"""A futures account's events as Binance writes them. Field names are Binance's own; letters mean other things by event.

Way in: read_futures_event(). Kinds that we do not know come as an `OtherEvent` with their name.
"""

# ruff: noqa: N815 - the names are Binance's

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, structs

from bot.binance.wire_orders import our_fill, status_of
from bot.domain.market import Market
from bot.domain.messages import OrderUpdate
from bot.domain.money import ZERO, number
from bot.domain.order import Fill, Side

_EXPIRY = {
    "1": "self-trade prevention",
    "2": "the rest of an order that fills at once",
    "3": "the rest of an order that fills at once, and self-trade prevention",
    "4": "displaced by another order that reduces the position",
    "5": "liquidation",
    "6": "the position it depended on is gone",
    "7": "the symbol was delisted",
    "8": "its first order expired after the trigger",
    "9": "nobody to trade with",
    "10": "not fillable as a whole",
    "11": "post-only would take",
}


class FuturesOrderBody(Struct):
    """The `o` of ORDER_TRADE_UPDATE."""

    s: str
    c: str
    S: str
    x: str
    X: str
    i: int
    q: Decimal
    z: Decimal
    T: int
    o: str = ""
    f: str = ""
    p: Decimal = ZERO
    ap: Decimal = ZERO
    sp: Decimal | None = None
    l: Decimal = ZERO  # noqa: E741 - Binance's name
    L: Decimal = ZERO
    n: Decimal | None = None
    N: str | None = None
    t: int = 0
    m: bool = False
    R: bool = False
    wt: str = ""
    ot: str = ""
    ps: str = "BOTH"
    cp: bool = False
    AP: Decimal | None = None
    cr: Decimal | None = None
    rp: Decimal = ZERO
    V: str | None = None
    pm: str = ""
    gtd: int = 0
    er: int | str = 0
    """Why it expired: a number, which Binance's own examples write as text."""


class FuturesOrderEvent(Struct):
    """ORDER_TRADE_UPDATE: something happened to an order."""

    e: str
    o: FuturesOrderBody
    E: int = 0
    T: int = 0

    @property
    def is_order(self) -> bool:
        """True: it tells of an order."""
        return True

    @property
    def our_id(self) -> str:
        """Give the order's own client id; the exchange's own begin with `autoclose-`, `adl_` or `settlement_`."""
        return self.o.c

    @property
    def number(self) -> int:
        """Give the exchange's own id of the order."""
        return self.o.i

    @property
    def filled(self) -> Decimal:
        """Give what is filled in all."""
        return self.o.z

    def update(self) -> OrderUpdate | None:
        """Give where the order stands, or None for a status we do not know."""
        status = status_of(self.o.X)
        if status is None:
            return None
        return OrderUpdate(self.o.c, status, self.o.T or self.T, self.o.i, _EXPIRY.get(str(self.o.er), ""))

    def fill(self, market: Market) -> Fill | None:
        """Give the trade it reports (liquidations among them), or None."""
        body = self.o
        if body.x not in {"TRADE", "CALCULATED"} or body.t <= 0 or body.l <= 0:
            return None
        fill = our_fill(body.c, body.s, body.t, Side(body.S), body.L, body.l, body.n or ZERO, body.N or "",
                        body.T, body.i, body.m, market)  # fmt: skip
        return structs.replace(fill, realised=number(body.rp))


class WalletChange(Struct):
    """One asset's wallet after a change; `bc` is the part that was neither profit nor fee."""

    a: str
    wb: Decimal
    cw: Decimal = ZERO
    bc: Decimal = ZERO


class PositionChange(Struct):
    """One position after a change."""

    s: str
    pa: Decimal
    ep: Decimal = ZERO
    bep: Decimal = ZERO
    cr: Decimal = ZERO
    up: Decimal = ZERO
    mt: str = ""
    iw: Decimal = ZERO
    ps: str = "BOTH"
    ma: str = ""


class AccountChange(Struct):
    """The `a` of ACCOUNT_UPDATE; `m` says why."""

    m: str = ""
    B: list[WalletChange] = []
    P: list[PositionChange] = []
    S: str = ""


class AccountEvent(Struct):
    """ACCOUNT_UPDATE: wallets or positions changed."""

    e: str
    a: AccountChange
    E: int = 0
    T: int = 0


class AlgoBody(Struct):
    """The `o` of ALGO_UPDATE; `ai` is the ordinary order it became, empty until then."""

    caid: str
    aid: int
    X: str
    at: str = ""
    o: str = ""
    s: str = ""
    S: str = ""
    ps: str = "BOTH"
    f: str = ""
    q: Decimal = ZERO
    ai: str = ""
    ap: Decimal = ZERO
    aq: Decimal = ZERO
    act: str = ""
    tp: Decimal = ZERO
    p: Decimal = ZERO
    V: str | None = None
    wt: str = ""
    pm: str = ""
    cp: bool = False
    pP: bool = False
    R: bool = False
    tt: int = 0
    gtd: int = 0
    rm: str = ""
    ia: bool = False


class AlgoEvent(Struct):
    """ALGO_UPDATE: something happened to a conditional order."""

    e: str
    o: AlgoBody
    E: int = 0
    T: int = 0


class MarginPosition(Struct):
    """A position that runs out of margin."""

    s: str
    ps: str = "BOTH"
    pa: Decimal = ZERO
    mt: str = ""
    iw: Decimal = ZERO
    mp: Decimal = ZERO
    up: Decimal = ZERO
    mm: Decimal = ZERO


class MarginCallEvent(Struct):
    """MARGIN_CALL: liquidation is near."""

    e: str
    p: list[MarginPosition] = []
    cw: Decimal | None = None
    E: int = 0


class SymbolSetting(Struct):
    """A symbol's leverage."""

    s: str
    l: int  # noqa: E741 - Binance's name


class AssetsSetting(Struct):
    """Whether all assets together are the margin."""

    j: bool


class ConfigEvent(Struct):
    """ACCOUNT_CONFIG_UPDATE: somebody changed leverage or margin mode."""

    e: str
    ac: SymbolSetting | None = None
    ai: AssetsSetting | None = None
    E: int = 0
    T: int = 0


class TradeLiteEvent(Struct):
    """TRADE_LITE: a trade, early and without its fee."""

    e: str
    s: str
    c: str
    S: str
    i: int
    t: int
    l: Decimal  # noqa: E741 - Binance's name
    L: Decimal
    q: Decimal = ZERO
    p: Decimal = ZERO
    m: bool = False
    E: int = 0
    T: int = 0


class ListenKeyExpired(Struct):
    """The address of the stream is void: nothing will come here any more."""

    e: str
    E: int = 0
    listenKey: str = ""


class OtherEvent(Struct):
    """An event that we know by name alone."""

    e: str = ""


FuturesEvent = (
    FuturesOrderEvent | AccountEvent | AlgoEvent | MarginCallEvent | ConfigEvent | TradeLiteEvent | ListenKeyExpired
    | OtherEvent
)  # fmt: skip


class _Head(Struct):
    e: str = ""
    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()


_head = msgspec.json.Decoder(_Head).decode
_READERS: dict[str, Callable[[bytes | msgspec.Raw], Any]] = {
    name: msgspec.json.Decoder(kind).decode
    for name, kind in {
        "ORDER_TRADE_UPDATE": FuturesOrderEvent,
        "ACCOUNT_UPDATE": AccountEvent,
        "ALGO_UPDATE": AlgoEvent,
        "MARGIN_CALL": MarginCallEvent,
        "ACCOUNT_CONFIG_UPDATE": ConfigEvent,
        "TRADE_LITE": TradeLiteEvent,
        "listenKeyExpired": ListenKeyExpired,
    }.items()
}


def read_futures_event(text: bytes | msgspec.Raw) -> FuturesEvent:
    """Read a futures user event, wrapped or not."""
    head = _head(text)
    if bytes(head.data):
        return read_futures_event(head.data)
    read = _READERS.get(head.e)
    event: FuturesEvent = read(text) if read else OtherEvent(head.e)
    return event
