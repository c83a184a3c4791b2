import asyncio
import json
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.domain.errors import Misconfigured
from bot.emulator.config import EmulatorConfig, Replay, Synthetic
from bot.emulator.server import Emulator

SOURCES = Path(__file__).parents[3] / "src"
MINUTE = 60_000


def flat_file(folder: Path, count: int, name: str = "BTCUSDT_1m.csv") -> Path:
    path = folder / name
    rows = [f"{1_747_699_200_000 + number * MINUTE},10,11,9,{10 + number % 2},1" for number in range(count)]
    path.write_text("\n".join(rows))
    return path


async def test_a_taken_port_is_told_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        emulator = Emulator(EmulatorConfig(Synthetic(1), port=port, speed=0))
        with pytest.raises(Misconfigured) as refused:
            await emulator.start()
    assert f"127.0.0.1:{port}: the port is taken" in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_host_that_is_not_ours_is_told_in_one_line() -> None:
    with pytest.raises(Misconfigured, match=r"cannot listen on 192\.0\.2\.1:0"):
        await Emulator(EmulatorConfig(Synthetic(1), host="192.0.2.1", speed=0)).start()


async def test_stopping_says_goodbye_to_every_client(session: aiohttp.ClientSession) -> None:
    async with Emulator(EmulatorConfig(Synthetic(1), speed=0)) as emulator:
        sockets = [await session.ws_connect(emulator.stream_url + path) for path in ("/ws", "/ws-api/v3")]
        farewells = [asyncio.create_task(one.receive()) for one in sockets]
        await asyncio.sleep(0)
    for farewell in farewells:
        message = await asyncio.wait_for(farewell, 30)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)


async def test_a_fast_market_loses_no_candle_and_keeps_their_order(session: aiohttp.ClientSession) -> None:
    config = EmulatorConfig(
        Synthetic(3), symbols=("BTCUSDT", "ETHUSDT"), speed=60_000, ticks_per_candle=1, warmup=10, waits=True
    )
    async with Emulator(config) as emulator:
        first = emulator.venue.now_ms
        url = emulator.stream_url + "/stream?streams=btcusdt@kline_1m/ethusdt@kline_1m"
        async with session.ws_connect(url) as stream:
            seen: dict[str, list[int]] = {"BTCUSDT": [], "ETHUSDT": []}
            for _ in range(400):
                frame = json.loads((await asyncio.wait_for(stream.receive(), 30)).data)["data"]
                seen[frame["s"]].append(frame["k"]["t"])
    for times in seen.values():
        assert times == list(range(first, first + len(times) * MINUTE, MINUTE))


async def test_a_waiting_market_stands_still_until_somebody_listens(session: aiohttp.ClientSession) -> None:
    config = EmulatorConfig(Synthetic(3), speed=1e9, ticks_per_candle=1, warmup=10, waits=True)
    async with Emulator(config) as emulator:
        before = emulator.venue.now_ms
        async with session.get(emulator.spot_url + "/api/v3/ping"):
            assert emulator.venue.now_ms == before
        async with session.ws_connect(emulator.stream_url + "/ws/btcusdt@aggTrade") as stream:
            await asyncio.wait_for(stream.receive(), 30)
        assert emulator.venue.now_ms > before


async def test_the_market_keeps_its_pace(session: aiohttp.ClientSession) -> None:
    config = EmulatorConfig(Synthetic(3), speed=3_000, ticks_per_candle=2, warmup=10, waits=True)
    async with Emulator(config) as emulator:
        first, began = emulator.venue.now_ms, time.monotonic()
        async with session.ws_connect(emulator.stream_url + "/ws/btcusdt@kline_1m") as stream:
            for _ in range(20):
                await asyncio.wait_for(stream.receive(), 30)
        played_ms, took_s = emulator.venue.now_ms - first, time.monotonic() - began
    assert played_ms >= 10 * MINUTE
    # Never faster than asked for; how much slower depends on the machine.
    assert played_ms / 1_000 / took_s <= 3_000 * 1.2


async def test_the_end_of_the_file_ends_the_market_and_not_the_server(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    config = EmulatorConfig(Replay((flat_file(tmp_path, 8),)), speed=1e6, warmup=3)
    async with Emulator(config) as emulator:
        await asyncio.wait_for(emulator.wait(), 30)
        async with session.get(emulator.spot_url + "/api/v3/klines?symbol=BTCUSDT&interval=1m") as reply:
            assert len(await reply.json()) == 8


async def test_steps_end_with_the_file(tmp_path: Path) -> None:
    async with Emulator(EmulatorConfig(Replay((flat_file(tmp_path, 5),)), speed=0, warmup=3)) as emulator:
        assert [await emulator.step() for _ in range(3)] == [True, True, False]


async def test_a_market_that_breaks_is_not_silent() -> None:
    emulator = Emulator(EmulatorConfig(Synthetic(1), speed=1e9, warmup=1))

    def broken(*_: Any) -> None:
        raise ArithmeticError("the market broke")

    emulator.world.player.play = broken  # type: ignore[method-assign]
    await emulator.start()
    with pytest.raises(ArithmeticError, match="the market broke"):
        await asyncio.wait_for(emulator.wait(), 30)
    with pytest.raises(ArithmeticError, match="the market broke"):
        await emulator.stop()


PROGRAM = """
import json
from bot.emulator.config import EmulatorConfig, Synthetic
from bot.emulator.serving import run
run(EmulatorConfig(Synthetic(1)), announce=lambda emulator: print(json.dumps({"url": emulator.spot_url}), flush=True))
print("ended well", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_serves_until_it_is_told_to_end(number: int, session: aiohttp.ClientSession) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", PROGRAM,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={"PYTHONPATH": str(SOURCES)},
    )  # fmt: skip
    assert process.stdout is not None
    while not (line := await asyncio.wait_for(process.stdout.readline(), 30)).startswith(b"{"):
        assert line, "the process ended before it was ready"
    async with session.get(json.loads(line)["url"] + "/api/v3/ping") as reply:
        assert reply.status == 200
    process.send_signal(number)
    out, errors = await asyncio.wait_for(process.communicate(), 30)
    assert out.endswith(b"ended well\n")
    assert (process.returncode, errors) == (0, b"")
