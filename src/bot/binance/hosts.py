"""Where Binance lives: base addresses by environment and market."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, urlsplit

from bot.binance.wire_streams import route_of
from bot.domain.errors import Misconfigured
from bot.domain.market import Market


class Environment(StrEnum):
    """Which Binance: the real one, its test networks, or our own emulator."""

    PRODUCTION = "production"
    TESTNET = "testnet"
    DEMO = "demo"
    EMULATOR = "emulator"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Base addresses of one market in one environment."""

    environment: Environment
    market: Market
    rest: str
    stream: str
    ws_api: str

    def stream_url(self, name: str) -> str:
        """Give the address of the combined streams that carry a stream: futures spread theirs over routes."""
        if self.market is Market.SPOT:
            return f"{self.stream}/stream"
        return f"{self.stream}/{route_of(name)}/stream"

    def private_url(self, listen_key: str) -> str:
        """Give the address of a futures user stream."""
        return f"{self.stream}/private/ws?listenKey={quote(listen_key, safe='')}"


_TABLE: dict[tuple[Environment, Market], tuple[str, str, str]] = {
    (Environment.PRODUCTION, Market.SPOT): (
        "https://api.binance.com",
        "wss://stream.binance.com:9443",
        "wss://ws-api.binance.com:443/ws-api/v3",
    ),
    (Environment.TESTNET, Market.SPOT): (
        "https://testnet.binance.vision",
        "wss://stream.testnet.binance.vision",
        "wss://ws-api.testnet.binance.vision/ws-api/v3",
    ),
    (Environment.DEMO, Market.SPOT): (
        "https://demo-api.binance.com",
        "wss://demo-stream.binance.com",
        "wss://demo-ws-api.binance.com/ws-api/v3",
    ),
    (Environment.PRODUCTION, Market.FUTURES): (
        "https://fapi.binance.com",
        "wss://fstream.binance.com",
        "wss://ws-fapi.binance.com/ws-fapi/v1",
    ),
    # Futures know one test network under two names.
    (Environment.TESTNET, Market.FUTURES): (
        "https://demo-fapi.binance.com",
        "wss://demo-fstream.binance.com",
        "wss://testnet.binancefuture.com/ws-fapi/v1",
    ),
    (Environment.DEMO, Market.FUTURES): (
        "https://demo-fapi.binance.com",
        "wss://demo-fstream.binance.com",
        "wss://testnet.binancefuture.com/ws-fapi/v1",
    ),
}


def hosts_for(environment: Environment | str, market: Market = Market.SPOT, *, emulator_url: str = "") -> Hosts:
    """Give the addresses of a market; the emulator's are made from its base URL, like `http://127.0.0.1:8001`."""
    try:
        chosen = Environment(environment)
    except ValueError as error:
        known = ", ".join(Environment)
        raise Misconfigured(f"unknown Binance environment {environment!r}: use one of {known}") from error
    if chosen is Environment.EMULATOR:
        rest, stream, ws_api = _emulated(emulator_url, market)
    else:
        rest, stream, ws_api = _TABLE[chosen, market]
    return Hosts(chosen, market, rest, stream, ws_api)


def _emulated(base: str, market: Market) -> tuple[str, str, str]:
    parts = urlsplit(base)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise Misconfigured(f"emulator address {base!r} is not a URL: write it like http://127.0.0.1:8001")
    sockets = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    if market is Market.FUTURES:
        return base.rstrip("/"), sockets, f"{sockets}/ws-fapi/v1"
    return base.rstrip("/"), sockets, f"{sockets}/ws-api/v3"
