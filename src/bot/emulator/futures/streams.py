"""Which streams each address serves. A stream on the wrong route is taken and stays silent, as on Binance."""

from collections.abc import Mapping

from multidict import MultiMapping

_PUBLIC = ("bookTicker", "depth", "rpiDepth", "trade")
_MARKET = (
    "aggTrade", "markPrice", "kline_", "continuousKline_", "miniTicker", "ticker", "forceOrder", "compositeIndex",
    "assetIndex", "contractInfo",
)  # fmt: skip
_ROUTES = ("public", "market", "private")


def route_of(path: str) -> str:
    """Give `public`, `market` or `private`; empty for the roots from before the routes."""
    return next((part for part in path.strip("/").split("/") if part in _ROUTES), "")


def served(name: str, route: str, *, old_serves_all: bool) -> bool:
    """Say whether a stream says anything on a route. The old roots act like `/public`, and know listen keys."""
    kind = kind_of(name)
    if route:
        return kind == route
    return kind in {"public", "private"} or (old_serves_all and kind == "market")


def kind_of(name: str) -> str:
    """Give the route that a stream belongs to."""
    topic = name[1:] if name.startswith("!") else name.partition("@")[2]
    if name == "tradingSession":
        return "market"
    if topic.startswith(_PUBLIC):
        return "public"
    return "market" if topic.startswith(_MARKET) else "private"


def user_streams(query: Mapping[str, str]) -> list[str]:
    """Give the user streams that a query names: each listen key, with its list of events after an @."""
    keys, events = _all(query, "listenKey"), _all(query, "events")
    return [
        key + (f"@{events[place]}" if place < len(events) and events[place] else "") for place, key in enumerate(keys)
    ]


def _all(query: Mapping[str, str], name: str) -> list[str]:
    if isinstance(query, MultiMapping):
        return list(query.getall(name, []))
    return [query[name]] if name in query else []
