"""Wires within one process: from the bot's client to an emulator, through whatever weather there is.

What is on its way belongs to nobody: it arrives also when its sender has given up, or is dead. Answers and frames are
handed over in the context of whoever opened the wire, so that they die with it.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import Context, copy_context
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from multidict import CIMultiDict

from bot.binance.sockets import refused_to_open
from bot.binance.wires import Line, NoAnswer, NothingSent, Reply, Wires
from bot.domain.errors import Unavailable
from bot.emulator.entrance import Opening
from bot.emulator.line import Line as Far
from bot.emulator.rest import Request
from bot.emulator.site import Site
from bot.proof.loop import LIFE, VirtualLoop
from bot.proof.trace import Trace
from bot.proof.weather import Weather

ADDRESS = "10.0.0.1"
_SLOWEST_S = 18.0
_END_S = 0.001
"""What the end of a connection takes behind its last text."""
_LATE_S = 6.0
"""How late a request may arrive of which its sender believes that it broke: within recvWindow, or just beyond."""
_PLACES = (b'"order.place"', b'"orderList.place.oco"', b'"algoOrder.place"')
"""Requests for new orders, as they stand in a text."""
_PING_FINDS_OUT_S = 30.0
"""When a client notices by unanswered pings that the other end is gone."""


class Network:
    """Everything between one machine and one site of the exchange."""

    def __init__(self, loop: VirtualLoop, site: Site, weather: Weather, lots: Random, trace: Trace) -> None:
        self.loop, self.site, self.weather, self.trace = loop, site, weather, trace
        self.outside = copy_context()
        self._lots = lots
        self._cables: dict[Cable, None] = {}
        self.wires = Wires(http=lambda _: Courier(self), dial=self._dial)
        self.on_order: Callable[[Mapping[str, str]], None] = _unheard
        """Hears the parameters of each new order at the moment of its first byte, in the context of its sender."""
        self._serving: dict[asyncio.Task[None], None] = {}

    def happens(self, chance: float) -> bool:
        """Draw whether something goes wrong."""
        return bool(chance) and self._lots.random() < chance

    def delay_s(self) -> float:
        """Draw how long one way takes."""
        if self.happens(self.weather.slow):
            return self._lots.uniform(0.5, _SLOWEST_S)
        return self.weather.delay_s * self._lots.uniform(0.5, 2.0)

    def send(self, request: Request, told: "asyncio.Future[Reply]") -> None:
        """Put a request on its way."""
        weather = self.weather
        if request.method == "POST" and request.path.endswith(("/order", "/orderList/oco", "/algoOrder")):
            self.on_order(dict(parse_qsl(request.body.decode())))
        if self.happens(weather.refused):
            self._later(self.fail, told, NothingSent("Connection refused"))
        elif self.happens(weather.lost_before):
            self.trace.add("lost", request.path)
            self._lose(told)
        elif self.happens(weather.early_reset):
            self.trace.add("reset", request.path)
            self._later(self.fail, told, NoAnswer("ServerDisconnectedError"))
            late_s = self._lots.uniform(0.0, _LATE_S)
            self.loop.call_later(late_s, self._arrive, request, told, context=self.outside.copy())
        else:
            self._later(self._arrive, request, told)

    @staticmethod
    def fail(told: "asyncio.Future[Reply]", error: Exception) -> None:
        """Tell a sender that it went wrong, if nothing was told yet."""
        if not told.done():
            told.set_exception(error)
            told.exception()  # (whoever asked may be gone: nobody has to be told of that)

    def forget(self, cable: "Cable") -> None:
        """A connection ended."""
        self._cables.pop(cable, None)

    def end_life(self, life: int) -> None:
        """A process died: its machine closes its connections."""
        for cable in [each for each in self._cables if each.context.get(LIFE) == life]:
            cable.cut()

    async def _dial(
        self,
        url: str,
        on_text: Callable[[bytes], None],
        timeout_s: float = 10.0,
        on_gone: Callable[[], None] | None = None,
    ) -> Line:
        delay_s = self.delay_s()
        await asyncio.sleep(min(delay_s, timeout_s))
        parts = urlsplit(url)
        if self.happens(self.weather.refused) or delay_s > timeout_s:
            raise Unavailable(f"cannot open {parts.path} (made-up weather): check network and address")
        cable = Cable(self, on_text, on_gone or _nothing)
        opening = Opening(parts.path, dict(parse_qsl(parts.query)), ADDRESS)
        far = self.outside.copy().run(self.site.connect, opening, cable.carry, cable.lose)
        if not isinstance(far, Far):
            raise refused_to_open(url, far.status, far.headers)
        cable.far = far
        self._cables[cable] = None
        if self.happens(self.weather.mute):
            cable.mute(self.weather.mute_s)
        return cable

    def _arrive(self, request: Request, told: "asyncio.Future[Reply]") -> None:
        work = self._serve(request, told)
        if not self.site.face.gate.faults.on_requests:  # (then nothing holds it up, and it needs no task)
            with suppress(StopIteration):
                work.send(None)
            return
        task = self.loop.create_task(work, context=self.outside.copy())
        self._serving[task] = None
        task.add_done_callback(self._served)

    def _served(self, task: "asyncio.Task[None]") -> None:
        self._serving.pop(task, None)

    async def _serve(self, request: Request, told: "asyncio.Future[Reply]") -> None:
        answer = await self.site.answer(request)
        weather = self.weather
        if answer is None:
            self._later(self.fail, told, NoAnswer("ServerDisconnectedError"))
        elif self.happens(weather.lost_after):
            self.trace.add("reply lost", request.path)
            self._lose(told)
        elif self.happens(weather.cut_reply):
            self._later(self.fail, told, NoAnswer("ClientPayloadError"))
        else:
            self._later(self._give, told, Reply(answer.status, CIMultiDict(answer.headers), answer.body))

    def _lose(self, told: "asyncio.Future[Reply]") -> None:
        if not self.happens(self.weather.silence):
            self._later(self.fail, told, NoAnswer("ServerDisconnectedError"))

    def _later(self, act: Callable[..., None], *arguments: object) -> None:
        self.loop.call_later(self.delay_s(), act, *arguments, context=self.outside.copy())

    @staticmethod
    def _give(told: "asyncio.Future[Reply]", reply: Reply) -> None:
        if not told.done():
            told.set_result(reply)


class Courier:
    """Requests over a network (`binance.wires.Http`)."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> Reply:
        """Send one request, once. Raises NothingSent or NoAnswer."""
        address, _, query = url.partition("?")
        network = self._network
        told: asyncio.Future[Reply] = network.loop.create_future()
        path = "/" + address.partition("://")[2].partition("/")[2]
        network.send(Request(method, path, query.encode(), body or b"", headers, ADDRESS), told)
        limit = network.loop.call_later(timeout_s, network.fail, told, NoAnswer("TimeoutError"))
        try:
            return await told
        finally:
            limit.cancel()

    async def close(self) -> None:
        """Nothing is open."""


class Cable:
    """One WebSocket connection over a network (`binance.wires.Line`). Texts keep their order, either way."""

    def __init__(self, network: Network, on_text: Callable[[bytes], None], on_gone: Callable[[], None]) -> None:
        self.gone = asyncio.Event()
        self.context: Context = copy_context()
        self.far: Far | None = None
        self._network = network
        self._on_text, self._on_gone = on_text, on_gone
        self._up_s = self._down_s = 0.0
        self._is_mute = self._is_cut = False

    def send(self, text: bytes) -> None:
        """Put a text on its way."""
        network = self._network
        if self._is_cut:
            return
        if any(each in text for each in _PLACES):
            network.on_order({name: str(value) for name, value in _read(text).params.items()})
        if network.happens(network.weather.lost_before):
            self.cut()
            return
        self._up_s = max(self._up_s, network.loop.time() + network.delay_s())
        network.loop.call_at(self._up_s, self._deliver, text, context=network.outside.copy())

    async def close(self) -> None:
        """End the connection."""
        self.cut()

    def carry(self, text: bytes) -> None:
        """Put a text of the other end on its way."""
        network = self._network
        if self._is_mute or self._is_cut:
            return
        if network.happens(network.weather.cut_frame):
            network.loop.call_soon(self.cut, context=network.outside.copy())
            return
        self._down_s = max(self._down_s, network.loop.time() + network.delay_s())
        network.loop.call_at(self._down_s, self._hear, text, context=self.context.copy())

    def mute(self, seconds: float) -> None:
        """Carry nothing from now on; after so long the connection is found dead."""
        self._is_mute = True
        self._network.loop.call_later(min(seconds, _PING_FINDS_OUT_S), self.cut, context=self._network.outside.copy())

    def cut(self) -> None:
        """End the connection; either end learns of it."""
        if self.far is not None:
            self.far.abort()
        self._lose_at(self._network.loop.time())

    def lose(self) -> None:
        """The other end is gone. What it said before still arrives, and then the end."""
        self._lose_at(self._down_s)

    def _lose_at(self, time_s: float) -> None:
        if not self._is_cut:
            self._is_cut = True
            network = self._network
            network.forget(self)
            soon_s = max(time_s, network.loop.time()) + _END_S
            network.loop.call_at(soon_s, self._end, context=self.context.copy())

    def _deliver(self, text: bytes) -> None:
        if self.far is not None and not self._is_cut:
            self.far.take(text.decode())

    def _hear(self, text: bytes) -> None:
        if not self.gone.is_set():
            self._on_text(text)

    def _end(self) -> None:
        if not self.gone.is_set():
            self.gone.set()
            self._on_gone()


class _Asked(msgspec.Struct):
    params: dict[str, Any]


_read = msgspec.json.Decoder(_Asked).decode


def _nothing() -> None:
    """Take no notice."""


def _unheard(_sent: Mapping[str, str]) -> None:
    """Take no notice."""
