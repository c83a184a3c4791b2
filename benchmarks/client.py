"""The Binance client: kline messages a second from socket to `on_tick`, and the time from an order's call to the wire.

Run it as `python benchmarks/client.py [--json]`. A process of its own floods one connection; the messages are counted
by the CPU time of this process, so that a busy machine does not lessen the figure. Beside it, in the same run, stands
a plain loop that only decodes each message: the ratio compares machines. Rates are the best of the rounds, ratios the
median over the rounds.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import logging
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from multiprocessing.connection import Connection
from typing import Any

import msgspec
import structlog
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bot.binance.client import OrderPath, build_public, build_spot
from bot.binance.clock import LocalClock
from bot.binance.hosts import hosts_for
from bot.binance.market_data import MarketData
from bot.binance.signing import Credentials
from bot.domain.market import Candle, Market, Stream
from bot.domain.messages import Event
from bot.domain.money import Quantity
from bot.domain.order import Order, OrderType, Side
from bot.engine.engine import Engine
from bot.simulation.instruments import bundled
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig

SYMBOLS = ("BTCUSDT", "ETHUSDT")
OPENED = 1_790_000_040_000 // 60_000 * 60_000
BATCH = 200
"""Messages in one write of the flood."""
WS_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LIMITS = b'[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":1000000,"count":0}]'


class Tally:
    """How often it ticked."""

    __slots__ = ("ticks",)

    def __init__(self) -> None:
        self.ticks = 0


class Ticking(Strategy):
    """Counts candles, the forming ones too."""

    name = "ticking"
    open_candles = True
    # (a number on the class itself would make Python forget all it knows of the class with every count)
    tally = Tally()

    def on_tick(self, candle: Candle) -> None:
        self.tally.ticks += candle.close > 0


class Kline(msgspec.Struct, gc=False):
    """What the plain loop decodes."""

    t: int
    T: int
    s: str
    i: str
    o: str
    c: str
    h: str
    l: str  # noqa: E741 - Binance's name
    v: str
    x: bool
    q: str
    n: int


class Data(msgspec.Struct, gc=False):
    """Its event."""

    e: str
    E: int
    s: str
    k: Kline


class Frame(msgspec.Struct, gc=False):
    """Its frame."""

    stream: str
    data: Data


def main() -> int:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=300_000)
    arguments.add_argument("--orders", type=int, default=2_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--json", action="store_true")
    chosen = arguments.parse_args()
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with Peer(chosen.messages) as peer:
        # In turns, so that what else the machine does hits all three alike.
        turns = [
            [uvloop.run(measure(peer.url, chosen.messages)) for measure in (plain_loop, to_consumer, to_on_tick)]
            for _ in range(chosen.rounds)
        ]
        plain, hub, ticks = (max(rates) for rates in zip(*turns, strict=True))
        of_plain = [statistics.median(turn[n] / turn[0] for turn in turns) for n in (1, 2)]
        rest, socket = (uvloop.run(orders(peer.url, chosen.orders, path)) for path in OrderPath)
    result = {
        "messages": chosen.messages,
        "plain_loop": {"messages_a_cpu_second": round(plain)},
        "socket_to_consumer": {"messages_a_cpu_second": round(hub), "of_plain_loop": round(of_plain[0], 2)},
        "socket_to_on_tick": {"messages_a_cpu_second": round(ticks), "of_plain_loop": round(of_plain[1], 2)},
        "order_call_to_wire_us_median": {"rest": round(rest), "ws": round(socket)},
    }
    print(json.dumps(result, indent=None if chosen.json else 2))
    return 0


async def plain_loop(url: str, messages: int) -> float:
    """Give messages a CPU second of a loop that decodes and counts."""
    decode = msgspec.json.Decoder(Frame).decode
    done = asyncio.Event()

    class Plain(WSListener):
        seen = 0

        def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
            if decode(frame.get_payload_as_memoryview()).data.k.s:
                self.seen += 1
                if self.seen == messages:
                    done.set()

    transport, _ = await ws_connect(Plain, f"{url.replace('http', 'ws')}/stream")
    began = time.process_time()
    transport.send(WSMsgType.TEXT, b'{"id":1}')
    await done.wait()
    rate = messages / (time.process_time() - began)
    transport.disconnect()
    return rate


async def to_consumer(url: str, messages: int) -> float:
    """Give messages a CPU second of the hub: read, checked for sequence, made a candle, handed on."""
    seen = 0
    done = asyncio.Event()

    def deliver(_event: Event) -> None:
        nonlocal seen
        seen += 1
        if seen == messages:
            done.set()

    return await _through_the_hub(url, messages, deliver, done)


async def to_on_tick(url: str, messages: int) -> float:
    """Give messages a CPU second of hub, engine and strategy."""
    engine = Engine()
    for number, symbol in enumerate(SYMBOLS, 1):
        engine.add(number, Ticking, StrategyConfig(symbol=symbol), bundled()[symbol])
    done = asyncio.Event()
    tally = Ticking.tally
    tally.ticks = 0

    def deliver(event: Event) -> None:
        engine.handle(event)
        if tally.ticks == messages:
            done.set()

    return await _through_the_hub(url, messages, deliver, done)


async def _through_the_hub(url: str, messages: int, deliver: Callable[[Event], None], done: asyncio.Event) -> float:
    client = build_public(hosts_for("emulator", emulator_url=url))
    hub = MarketData(client, LocalClock())
    began = time.process_time()
    streams = [Stream(Market.SPOT, symbol, "1m") for symbol in SYMBOLS]
    await hub.subscribe(streams, deliver, open_candles=True)
    async with asyncio.timeout(120):
        await done.wait()
    rate = messages / (time.process_time() - began)
    await hub.close()
    await client.close()
    return rate


async def orders(url: str, count: int, path: OrderPath) -> float:
    """Give the median of µs from the call until the peer had read the order."""
    client = build_spot(Credentials("key", "secret"), hosts_for("emulator", emulator_url=url), LocalClock(), path=path)
    await client.open()
    await asyncio.sleep(0.2)
    took = []
    for number in range(count):
        order = Order(f"o-{number}", 1, SYMBOLS[0], Side.BUY, OrderType.MARKET, Quantity(Decimal("0.0150")), OPENED)
        began = time.time_ns()
        reply: Any = await client.place(order)
        took.append((reply.transactTime - began) / 1_000)
    await client.close()
    return statistics.median(took)


class Peer:
    """The other side, in a process of its own."""

    def __init__(self, messages: int) -> None:
        ours, theirs = multiprocessing.Pipe()
        self._pipe = ours
        self._process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, messages), daemon=True)
        self.url = ""

    def __enter__(self) -> "Peer":
        self._process.start()
        self.url = f"http://127.0.0.1:{self._pipe.recv()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def serve(pipe: Connection, messages: int) -> None:
    """Flood each stream connection that asks; answer orders with the time at which they were read (µs and below)."""
    uvloop.run(_serve(pipe, messages))


async def _serve(pipe: Connection, messages: int) -> None:
    batch = b"".join(_frame(_kline(SYMBOLS[n % len(SYMBOLS)], n)) for n in range(BATCH))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"sec-websocket-key" not in head.lower():
                await _answer_rest(reader, writer, head)
                return
            key = next(
                line[18:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
            )
            accepted = base64.b64encode(hashlib.sha1(key + WS_GUID).digest())
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
            )
            text = await _read_text(reader)
            if not head.startswith(b"GET /stream"):
                await _answer_orders(reader, writer, text)
                return
            for _ in range(messages // BATCH):
                writer.write(batch)
                await writer.drain()
            await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _answer_rest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    while True:
        if head.startswith(b"POST"):
            lines = head.lower().split(b"\r\n")
            await reader.readexactly(next(int(line[15:]) for line in lines if line.startswith(b"content-length:")))
            body = _done()
        else:
            body = LIMITS
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
        writer.write(body)
        head = await reader.readuntil(b"\r\n\r\n")


async def _answer_orders(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> None:
    while True:
        result = _done()
        number = json.loads(text)["id"]
        writer.write(_frame(b'{"id":%d,"status":200,"result":%s}' % (number, result)))
        text = await _read_text(reader)


async def _read_text(reader: asyncio.StreamReader) -> bytes:
    """Read one masked frame; pings are passed over."""
    while True:
        first, second = await reader.readexactly(2)
        length = second & 127
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        mask = await reader.readexactly(4)
        masked = await reader.readexactly(length)
        if first & 15 == 1:
            return bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))


def _done() -> bytes:
    read_ns = time.time_ns()
    told = {"symbol": SYMBOLS[0], "orderId": 1, "clientOrderId": "o", "status": "NEW", "executedQty": "0"}
    return json.dumps({**told, "transactTime": read_ns}).encode()


def _frame(payload: bytes) -> bytes:
    size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + payload


def _kline(symbol: str, number: int) -> bytes:
    price = f"{61_240 + number / 100:.8f}"
    body = {
        "t": OPENED, "T": OPENED + 59_999, "s": symbol, "i": "1m", "f": 501, "L": 560, "o": price, "c": price,
        "h": price, "l": price, "v": "3.21700000", "n": 60, "x": False, "q": "197012.40000000", "V": "1.80000000",
        "Q": "110240.10000000", "B": "0",
    }  # fmt: skip
    event = {"e": "kline", "E": OPENED + 1_000 + number, "s": symbol, "k": body}
    told = {"stream": f"{symbol.lower()}@kline_1m", "data": event}
    return json.dumps(told, separators=(",", ":")).encode()


if __name__ == "__main__":
    sys.exit(main())
