"""ccxt and ccxt.pro at spot and USD-M. Run by `run.py`, in their own environment.

The scenes are played through ccxt's own signer by its raw methods; its unified methods have a scene of their own.
"""

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import ccxt.pro as ccxt
import ccxt_scene
import spot_scene
import um_motion
import um_scene
from notes import KEY, RSA_KEY, RSA_PEM, SECRET, SPOT, UM, Cannot, Loop, Notes

PREFIXES = (
    ("/api/v3/", ("public", "private")), ("/sapi/v1/", ("sapi", "sapi")), ("/fapi/v1/", ("fapiPublic", "fapiPrivate")),
    ("/fapi/v2/", ("fapiPublicV2", "fapiPrivateV2")), ("/fapi/v3/", ("fapiPublicV3", "fapiPrivateV3")),
)  # fmt: skip
WATCHES = (
    (r"kline_1m", "watch_ohlcv", {}), (r"trade", "watch_trades", {}),
    (r"aggTrade", "watch_trades", {"name": "aggTrade"}), (r"bookTicker", "watch_bids_asks", {}),
    (r"ticker", "watch_ticker", {"name": "ticker"}), (r"miniTicker", "watch_ticker", {"name": "miniTicker"}),
    (r"ticker_1h", "watch_ticker", {"name": "ticker_1h"}), (r"depth@100ms", "watch_order_book", {}),
    (r"markPrice@1s", "watch_mark_price", {}),
)  # fmt: skip


class Ccxt:
    """`ccxt.pro.binance` and `ccxt.pro.binanceusdm`, which are `ccxt.async_support` with sockets."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.exchanges = {"spot": self.loop.run(_make("binance")), "um": self.loop.run(_make("binanceusdm"))}

    def with_rsa(self) -> "Ccxt":
        """Give one whose USD-M requests are signed by RSA, which ccxt tells by the secret."""
        made = Ccxt()
        made.exchanges["um"].apiKey, made.exchanges["um"].secret = RSA_KEY, RSA_PEM
        return made

    def ask(self, endpoint: str, params: dict[str, Any]) -> Any:
        """Call the raw method of the endpoint."""
        verb, _, path = endpoint.partition(" ")
        for prefix, kinds in PREFIXES:
            if path.startswith(prefix):
                exchange = self.exchanges["um" if prefix.startswith("/fapi") else "spot"]
                words = re.split(r"[/-]", path.removeprefix(prefix))
                name = verb.capitalize() + "".join(word[0].upper() + word[1:] for word in words)
                method = next((found for kind in kinds if (found := getattr(exchange, kind + name, None))), None)
                if method is not None:
                    return self.loop.run(method({key: _text(key, value) for key, value in params.items()}))
        raise Cannot("no raw method for it")

    def code(self, error: Exception) -> int:
        """Read Binance's code out of ccxt's text, which holds the body."""
        found = re.search(r'"code":\s*(-?\d+)', str(error))
        if found:
            return int(found[1])
        # For texts that it knows ccxt keeps the text alone.
        return -2010 if isinstance(error, ccxt.InsufficientFunds | ccxt.OrderImmediatelyFillable) else 0

    @contextlib.contextmanager
    def stream(self, market: str, name: str) -> Iterator[list[Any]]:
        """Watch through ccxt and take its raw frames; a frame counts once ccxt has given it to its caller."""
        rest = name.partition("@")[2]
        found = next(((method, params) for pattern, method, params in WATCHES if re.fullmatch(pattern, rest)), None)
        if name.startswith("!") or found is None or (market == "spot" and "markPrice" in rest):
            raise Cannot("no watch method for it")
        exchange = self._fresh(market)
        symbol = "BTC/USDT" if market == "spot" else "BTC/USDT:USDT"
        method, params = found
        frames: list[Any] = []
        seen: list[Any] = []
        original = exchange.handle_message

        def tap(client: Any, message: Any) -> Any:
            payload = message.get("data", message) if isinstance(message, dict) else message
            if isinstance(payload, dict) and ("e" in payload or "b" in payload):
                seen.append(payload)
            return original(client, message)

        async def watch() -> None:
            call = getattr(exchange, method)
            if method == "watch_ohlcv":
                await call(symbol, "1m")
            elif method == "watch_bids_asks":
                await call([symbol])
            else:
                await call(symbol, params=params)
            while not seen:  # an order book is given once its snapshot is there
                await asyncio.sleep(0.02)
            frames.extend(seen)

        exchange.handle_message = tap
        try:
            with self.loop.task(watch()):
                yield frames
        finally:
            with contextlib.suppress(Exception):
                self.loop.run(exchange.close())

    @contextlib.contextmanager
    def user_stream(self, market: str) -> Iterator[list[Any]]:
        """Watch orders, and take the raw events."""
        exchange = self._fresh(market)
        events: list[Any] = []
        original = exchange.handle_message

        def tap(client: Any, message: Any) -> Any:
            event = message.get("event", message) if isinstance(message, dict) else {}
            if isinstance(event, dict) and "e" in event:
                events.append(event)
            return original(client, message)

        async def watch() -> None:
            while True:
                await exchange.watch_orders()

        exchange.handle_message = tap
        try:
            with self.loop.task(watch()):
                self.loop.run(asyncio.sleep(1.5))  # ccxt tells nobody that a subscription is in place
                yield events
        finally:
            with contextlib.suppress(Exception):
                self.loop.run(exchange.close())

    def _fresh(self, market: str) -> Any:
        """Give one more exchange object: a closed one cannot be used again."""
        known = self.exchanges[market]
        if not known.markets:
            self.loop.run(known.load_markets())
        exchange = self.loop.run(_make(known.id))
        exchange.set_markets(known.markets, known.currencies)
        return exchange

    def close(self) -> None:
        """Close every socket."""
        for exchange in self.exchanges.values():
            self.loop.run(exchange.close())


def _text(name: str, value: Any) -> Any:
    """Write a list as JSON, but for the batches that ccxt writes itself."""
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list) and name != "batchOrders" else value


async def _make(name: str) -> Any:
    exchange = getattr(ccxt, name)({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
    exchange.options["warnOnFetchOpenOrdersWithoutSymbol"] = False
    if not UM:
        exchange.options["fetchMarkets"] = {"types": ["spot"]}
    _repoint(exchange.urls["api"])
    # ccxt tells spot frames from futures frames by the text "/stream" in the address of the socket.
    exchange.urls["api"]["ws"]["spot"] = f"ws://{SPOT}/stream-host/ws"
    return exchange


def _repoint(urls: dict[str, Any]) -> None:
    """Put the emulator's hosts into every address, and leave the paths."""
    for key, value in urls.items():
        if isinstance(value, dict):
            _repoint(value)
        else:
            is_futures = any(word in value for word in ("fapi", "fstream", "futures"))
            scheme = "ws" if value.startswith("wss") else "http"
            urls[key] = f"{scheme}://{UM if is_futures and UM else SPOT}{value[value.find('/', 8) :]}"


def main() -> None:
    """Play the raw scenes and the unified one."""
    peer = Ccxt()
    notes = Notes(peer)
    if SPOT:
        notes.scene("spot unified", lambda: ccxt_scene.spot(notes, peer))
        notes.scene("spot", lambda: spot_scene.play(notes, peer))
    if UM:
        notes.scene("um unified", lambda: ccxt_scene.um(notes, peer))
        other = peer.with_rsa()
        um_motion.signed_by_rsa(notes, other)
        other.close()
        notes.scene("um", lambda: um_scene.play(notes, peer))
    peer.close()


if __name__ == "__main__":
    sys.exit(main())
