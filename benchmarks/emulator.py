"""How much the emulator carries: orders over REST and the WebSocket API, frames to many connections, memory.

`python benchmarks/emulator.py [--seconds 5] [--rounds 3] [--json]` starts an emulator with spot and USD-M as a child,
loads one face after the other from this process, and takes the median of the rounds. `_s` is by the clock on the wall:
the load and whatever else the machine does take their part of it. `_cpu_s` is by the emulator's own processor seconds,
what one free core carries, and that is held against the aims. The floor is a bare aiohttp server that answers every
request with the same bytes, asked in every round.
"""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import picows
import uvloop
from measure import cpu_s, rss_mb

_SOURCE = Path(__file__).parents[1] / "src"
KEY, SECRET = "bench-key", b"bench-secret"
REST_CONNECTIONS, API_CONNECTIONS, LISTENERS = 16, 8, 100
ORDERS_AIM, FRAMES_AIM, MEMORY_AIM = 2_000, 100_000, 300


@dataclass(frozen=True)
class Face:
    """Where one market takes orders and streams, and two streams of a symbol that one connection may hear together."""

    name: str
    order: str
    api: str
    stream: str
    kinds: tuple[str, str]


FACES = (
    Face("spot", "/api/v3/order", "/ws-api/v3", "/stream", ("kline_1m", "bookTicker")),
    Face("um", "/fapi/v1/order", "/ws-fapi/v1", "/market/stream", ("kline_1m", "aggTrade")),
)
AIMS = {
    "rss_mb_50_symbols": MEMORY_AIM,
    **{
        f"{face.name}_{what}_cpu_s": aim
        for face in FACES
        for what, aim in (("rest_orders", ORDERS_AIM), ("api_orders", ORDERS_AIM), ("frames", FRAMES_AIM))
    },
}

PROGRAM = """
import json, sys
from decimal import Decimal
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.futures import venue
from bot.emulator.serving import run
import structlog
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
speed, symbols = float(sys.argv[1]), tuple(sys.argv[2].split(","))
# The limits of USD-M are fixed; here they are only in the way.
venue.ORDER_LIMITS.update(dict.fromkeys(venue.ORDER_LIMITS, 10**9))
venue.WEIGHT_PER_MINUTE = 10**9
account = AccountConfig("bench-key", "bench-secret", {"USDT": Decimal(10**9), "BTC": Decimal(10**6)})
run(EmulatorConfig(
    Synthetic(1), accounts=(account,), symbols=symbols, speed=speed, weight_per_minute=10**9, raw_requests_5m=10**9,
    orders_per_10s=10**9, orders_per_day=10**9, connections_5m=10**6, futures_port=0,
), announce=lambda e: print(json.dumps({"spot": e.spot_url, "um": e.um_url}), flush=True))
"""
FLOOR = """
import asyncio, uvloop
from aiohttp import web
async def answer(request):
    await request.read()
    return web.Response(body=b"{}", content_type="application/json")
async def main():
    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print('{"floor": "http://127.0.0.1:%d"}' % runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
uvloop.run(main())
"""


@contextlib.contextmanager
def child(program: str, *words: str) -> "Iterator[tuple[int, dict[str, str]]]":
    """Run a program until the block ends; gives its process id and the line it said when ready."""
    command = [sys.executable, "-c", program, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={"PYTHONPATH": str(_SOURCE)}
    ) as process:
        assert process.stdout is not None
        try:
            yield process.pid, json.loads(process.stdout.readline())
        finally:
            process.terminate()


def signed(number: int) -> str:
    """Give the parameters of a market order, signed."""
    side = "BUY" if number % 2 else "SELL"
    text = f"symbol=BTCUSDT&side={side}&type=MARKET&quantity=0.01&timestamp={time.time_ns() // 1_000_000}"
    return f"{text}&signature={hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest()}"


class RestClient(asyncio.Protocol):
    """One keep-alive connection that sends the next order when the last one is answered."""

    def __init__(self, path: str, until: float) -> None:
        self.until, self.done, self.failed, self.number = until, 0, 0, 0
        self.ended = asyncio.get_running_loop().create_future()
        self._path = path
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, gap, rest = self._buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        if len(rest) < length:
            return
        self._buffer = b""
        self.done += 1
        self.failed += b" 200 " not in head[:15]
        if time.perf_counter() < self.until:
            self._send()
        else:
            self._transport.close()
            self.ended.set_result(None)

    def _send(self) -> None:
        self.number += 1
        body = signed(self.number)
        self._transport.write(
            f"POST {self._path} HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: {KEY}\r\nContent-Type: application/"
            f"x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )


async def rest_rate(url: str, path: str, seconds: float) -> tuple[float, int]:
    """Give orders a second over keep-alive REST, and how many were refused."""
    loop, until = asyncio.get_running_loop(), time.perf_counter() + seconds
    port = int(url.rpartition(":")[2])
    clients = [
        (await loop.create_connection(lambda: RestClient(path, until), "127.0.0.1", port))[1]
        for _ in range(REST_CONNECTIONS)
    ]
    await asyncio.gather(*(client.ended for client in clients))
    return sum(client.done for client in clients) / seconds, sum(client.failed for client in clients)


class ApiClient(picows.WSListener):  # type: ignore[misc]
    """One WebSocket API connection with a few orders in flight."""

    in_flight = 4

    def __init__(self, until: float) -> None:
        self.until, self.done, self.failed, self.number = until, 0, 0, 0
        self.ended = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: Any) -> None:
        for _ in range(self.in_flight):
            self._send(transport)

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type != picows.WSMsgType.TEXT:
            return
        self.done += 1
        self.failed += b'"status":200' not in frame.get_payload_as_memoryview().tobytes()[:60]
        if time.perf_counter() < self.until:
            self._send(transport)
        elif not self.ended.done():
            self.ended.set_result(None)
            transport.disconnect()

    def _send(self, transport: Any) -> None:
        self.number += 1
        side = "BUY" if self.number % 2 else "SELL"
        stamp = time.time_ns() // 1_000_000
        text = f"apiKey={KEY}&quantity=0.01&side={side}&symbol=BTCUSDT&timestamp={stamp}&type=MARKET"
        digest = hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest()
        params = (
            f'"symbol":"BTCUSDT","side":"{side}","type":"MARKET","quantity":"0.01","apiKey":"{KEY}",'
            f'"timestamp":{stamp},"signature":"{digest}"'
        )
        message = f'{{"id":{self.number},"method":"order.place","params":{{{params}}}}}'
        transport.send(picows.WSMsgType.TEXT, message.encode())


async def api_rate(url: str, seconds: float) -> tuple[float, int]:
    """Give orders a second over the WebSocket API, and how many were refused."""
    until = time.perf_counter() + seconds
    clients = [(await picows.ws_connect(lambda: ApiClient(until), url))[1] for _ in range(API_CONNECTIONS)]
    await asyncio.gather(*(client.ended for client in clients))
    return sum(client.done for client in clients) / seconds, sum(client.failed for client in clients)


class Listener(picows.WSListener):  # type: ignore[misc]
    """One connection that counts frames."""

    def __init__(self) -> None:
        self.frames = 0

    def on_ws_frame(self, transport: Any, frame: Any) -> None:  # noqa: ARG002
        if frame.msg_type == picows.WSMsgType.TEXT:
            self.frames += 1


async def fan_out_rate(url: str, kinds: tuple[str, ...], symbols: list[str], seconds: float) -> tuple[float, int]:
    """Give the frames a second that 100 connections get together, each listening to these kinds of every symbol."""
    names = "/".join(f"{symbol.lower()}@{kind}" for symbol in symbols for kind in kinds)
    made = [await picows.ws_connect(Listener, f"{url}?streams={names}") for _ in range(LISTENERS)]
    listeners = [listener for _, listener in made]
    await asyncio.sleep(1)
    began, before = time.perf_counter(), sum(one.frames for one in listeners)
    await asyncio.sleep(seconds)
    rate = (sum(one.frames for one in listeners) - before) / (time.perf_counter() - began)
    for transport, _ in made:
        transport.disconnect()
    return rate, 0


async def one_round(seconds: float) -> dict[str, float]:
    """Measure everything once."""
    found: dict[str, float] = {}

    async def note(name: str, pid: int, work: Awaitable[tuple[float, int]]) -> int:
        began, used = time.perf_counter(), cpu_s([pid])
        rate, refused = await work
        share = (cpu_s([pid]) - used) / (time.perf_counter() - began)
        found[f"{name}_s"], found[f"{name}_cpu_s"] = rate, rate / share
        return refused

    with child(FLOOR) as (pid, address):
        await note("floor_requests", pid, rest_rate(address["floor"], "/", seconds))
    with child(PROGRAM, "60", "BTCUSDT,ETHUSDT") as (pid, address):
        for face in FACES:
            http, name = address[face.name], face.name
            refused = await note(f"{name}_rest_orders", pid, rest_rate(http, face.order, seconds))
            refused += await note(f"{name}_api_orders", pid, api_rate(_socket(http) + face.api, seconds))
            found[f"{name}_refused"] = refused
    many = [f"{name}USDT" for name in ("BTC", "ETH", "SOL", "XRP", "ADA")] + [f"COIN{n}USDT" for n in range(45)]
    with child(PROGRAM, "6000", ",".join(many)) as (pid, address):
        for face in FACES:
            listening = fan_out_rate(_socket(address[face.name]) + face.stream, face.kinds, many[:20], seconds)
            await note(f"{face.name}_frames", pid, listening)
        found["rss_mb_50_symbols"] = rss_mb(pid)
    return found


def _socket(url: str) -> str:
    return url.replace("http", "ws", 1)


async def measure(seconds: float, rounds: int) -> dict[str, float]:
    """Measure everything some times; gives the medians."""
    found = [await one_round(seconds) for _ in range(rounds)]
    return {name: round(statistics.median(one[name] for one in found), 1) for name in found[0]}


def main() -> None:
    """Measure and print; ends with 1 when an aim is missed or an order was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = uvloop.run(measure(asked.seconds, asked.rounds))
    if asked.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            aim = AIMS.get(name)
            print(f"{name:24} {value:>12,.1f}" + (f"   aim {aim:,}" if aim else ""))
    missed = [
        name for name, aim in AIMS.items() if (found[name] > aim if name.startswith("rss") else found[name] < aim)
    ]
    refused = sum(found[f"{face.name}_refused"] for face in FACES)
    sys.exit(bool(missed or refused))


if __name__ == "__main__":
    main()
