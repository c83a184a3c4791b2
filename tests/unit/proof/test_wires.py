"""Wires within one process: what arrives, what is lost, and who learns of it."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from contextvars import copy_context
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from bot.binance.wires import Line, NoAnswer, NothingSent
from bot.domain.errors import Unavailable
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.server import Emulator
from bot.proof.loop import LIFE, VirtualLoop
from bot.proof.trace import Trace
from bot.proof.weather import Weather
from bot.proof.wires import Network

TIME = "http://emulator/api/v3/time"


class Scene:
    """A loop, an emulator that stands still, and the network between."""

    def __init__(self) -> None:
        self.loop = VirtualLoop(1)
        account = AccountConfig("key", "secret", {"USDT": Decimal(1000)})
        config = EmulatorConfig(Synthetic(1), (account,), speed=0, warmup=5)
        self.emulator = Emulator(config, lambda: int(self.loop.wall() * 1e9))
        self.weather = Weather()
        site, trace = self.emulator.sites["spot"], Trace(self.loop.time)
        self.network = Network(self.loop, site, self.weather, Random(1), trace)
        self.http = self.network.wires.http(1 << 20)

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def ask(self, url: str = TIME, timeout_s: float = 10.0) -> Any:
        return self.run(self.http.exchange("GET", url, None, {}, timeout_s))

    async def dial(self, heard: Callable[[bytes], None], path: str = "/stream?streams=btcusdt@kline_1m") -> Line:
        return await self.network.wires.dial(f"ws://emulator{path}", heard)

    @property
    def arrived(self) -> int:
        return len(self.emulator.world.truth.read(kind="request"))


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.loop.bury()


def test_a_request_takes_its_time_and_is_answered(scene: Scene) -> None:
    began = scene.loop.time()
    reply = scene.ask()
    assert (reply.status, reply.headers["x-mbx-used-weight-1m"]) == (200, "1")
    assert json.loads(reply.body)["serverTime"] == pytest.approx(scene.loop.wall() * 1000, abs=100)
    assert 0.005 < scene.loop.time() - began < 0.05


def test_a_refused_connection_sends_nothing(scene: Scene) -> None:
    scene.weather.refused = 1.0
    with pytest.raises(NothingSent):
        scene.ask()
    assert scene.arrived == 0


@pytest.mark.parametrize(("silence", "said"), [(1.0, "TimeoutError"), (0.0, "ServerDisconnectedError")])
@pytest.mark.parametrize(("trouble", "arrives"), [("lost_before", 0), ("lost_after", 1)])
def test_a_loss_shows_as_silence_or_as_a_reset(
    scene: Scene, silence: float, said: str, trouble: str, arrives: int
) -> None:
    scene.weather.silence = silence
    setattr(scene.weather, trouble, 1.0)
    with pytest.raises(NoAnswer, match=said):
        scene.ask()
    assert scene.arrived == arrives


def test_after_an_early_reset_the_request_arrives_all_the_same(scene: Scene) -> None:
    scene.weather.early_reset = 1.0
    with pytest.raises(NoAnswer):
        scene.ask()
    scene.run(asyncio.sleep(10))
    assert scene.arrived == 1


def test_whoever_gives_up_does_not_take_the_request_back(scene: Scene) -> None:
    scene.weather.delay_s = 5.0
    with pytest.raises(NoAnswer, match="TimeoutError"):
        scene.ask(timeout_s=1.0)
    scene.run(asyncio.sleep(60))
    assert scene.arrived == 1


def test_a_stream_is_heard_in_order_until_it_is_cut(scene: Scene) -> None:
    heard: list[Any] = []

    async def listen() -> bool:
        line = await scene.dial(lambda text: heard.append(json.loads(text)["data"]["E"]))
        for _ in range(3):
            await scene.emulator.step()
        await asyncio.sleep(1)
        scene.weather.cut_frame = 1.0
        await scene.emulator.step()
        await asyncio.sleep(1)
        return line.gone.is_set()

    assert scene.run(listen())
    assert len(heard) == 12
    assert heard == sorted(heard)
    assert not scene.emulator.venue.hub.wants("btcusdt@kline_1m")


def test_a_mute_connection_lives_on_until_its_silence_is_found_out(scene: Scene) -> None:
    heard: list[bytes] = []
    scene.weather.mute, scene.weather.mute_s = 1.0, 60.0

    async def listen() -> tuple[bool, bool]:
        line = await scene.dial(heard.append)
        await scene.emulator.step()
        await asyncio.sleep(20)
        was_gone = line.gone.is_set()
        await asyncio.sleep(20)
        return was_gone, line.gone.is_set()

    assert scene.run(listen()) == (False, True)
    assert heard == []


def test_whoever_is_not_let_in_cannot_open_a_connection(scene: Scene) -> None:
    with pytest.raises(Unavailable, match="404"):
        scene.run(scene.dial(print, "/nowhere"))
    scene.weather.refused = 1.0
    with pytest.raises(Unavailable, match="weather"):
        scene.run(scene.dial(print))


def test_the_dead_hear_nothing_and_their_connections_are_closed(scene: Scene) -> None:
    heard: list[bytes] = []

    async def live() -> None:
        await scene.dial(heard.append)
        await asyncio.Event().wait()

    async def kill() -> None:
        context = copy_context()
        context.run(LIFE.set, 1)
        scene.loop.create_task(live(), context=context)
        await asyncio.sleep(1)
        assert scene.emulator.venue.hub.wants("btcusdt@kline_1m")
        await scene.emulator.step()
        scene.loop.end_life(1)
        scene.network.end_life(1)
        await asyncio.sleep(1)

    scene.run(kill())
    assert heard == []
    assert not scene.emulator.venue.hub.wants("btcusdt@kline_1m")
