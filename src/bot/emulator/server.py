"""The emulator: its faces on their ports, the control port, and the task that moves the market."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog

from bot.emulator.config import EmulatorConfig
from bot.emulator.control import Control
from bot.emulator.futures.venue import FuturesVenue
from bot.emulator.site import Lifetimes, Site
from bot.emulator.spot.venue import Venue
from bot.emulator.world import World

log = structlog.get_logger(__name__)


class Emulator:
    """A Binance of one's own. `start`, use `spot_url` and the accounts' keys, `stop`; or use it as a context.

    Within one process it needs no ports: `begin`, and reach its faces through `sites`. `real_ns` is real time then.
    """

    def __init__(self, config: EmulatorConfig, real_ns: Callable[[], int] = time.time_ns) -> None:
        self.world = World(config, real_ns)
        self.venue = Venue(self.world)
        self.futures = (
            None
            if config.futures_port is None
            else FuturesVenue(self.world, exchange_info=config.futures_exchange_info, brackets=config.futures_brackets)
        )
        self.world.player.begin()
        self.speed = config.speed
        """Market time over real time; it may change while the market moves, 0 holds it."""
        self._config = config
        lifetimes = Lifetimes(config.ping_every_s, config.longest_connection_s)
        self._spot = Site(self.venue, config.host, config.port, lifetimes)
        self.sites: dict[str, Site] = {"spot": self._spot}
        if self.futures is not None and config.futures_port is not None:
            self.sites["um"] = Site(self.futures, config.host, config.futures_port, lifetimes)
        self.control = None if config.control_port is None else Control(self, config.host, config.control_port)
        self._player: asyncio.Task[None] | None = None
        self._moments = self.world.player.moments()
        self._hurry = asyncio.Event()
        """Set when the speed has changed."""
        self._began_s, self._origin_ms = 0.0, 0

    @property
    def spot_url(self) -> str:
        """Give the REST address of spot, without a path. Sockets are at the same host and port."""
        return self._spot.url

    @property
    def stream_url(self) -> str:
        """Give the address of the spot market streams, without `/ws` or `/stream`."""
        return self._spot.stream_url

    @property
    def ws_api_url(self) -> str:
        """Give the address of the spot WebSocket API."""
        return f"{self.stream_url}/ws-api/v3"

    @property
    def um_url(self) -> str | None:
        """Give the REST address of USD-M, when it is served. Sockets are at the same host and port."""
        return self.sites["um"].url if "um" in self.sites else None

    @property
    def um_stream_url(self) -> str | None:
        """Give the address of the USD-M sockets, without a route."""
        return self.sites["um"].stream_url if "um" in self.sites else None

    @property
    def control_url(self) -> str | None:
        """Give the address of the control port, when there is one."""
        return self.control.url if self.control else None

    async def start(self) -> None:
        """Listen, and let the market move; Misconfigured when a port is taken."""
        try:
            for site in self.sites.values():
                await site.start()
            if self.control is not None:
                await self.control.start()
        except BaseException:
            await self._close()
            raise
        self.begin()
        log.info("emulator.started", url=self.spot_url, symbols=list(self.venue.instruments))

    def begin(self) -> None:
        """Let the market move."""
        if self.speed:
            self._player = asyncio.create_task(self._play(), name="emulator market")

    async def stop(self) -> None:
        """Hold the market still, close every connection, stop listening; raises what had broken the market."""
        try:
            if self._player is not None:
                self._player.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._player
        finally:
            await self._close()
            log.info("emulator.stopped")

    async def __aenter__(self) -> "Emulator":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def step(self) -> bool:
        """Let exactly one candle of every symbol happen, and be written to every client; False at the end.

        Of a recording without candles it is one moment: everything that has the same time. For a speed of 0 only.
        Minutes that no symbol has are passed over.
        """
        is_over = True
        for moment in self._moments:
            is_over = False
            if self.world.player.perform(moment):
                break
        await asyncio.gather(*(site.drained() for site in self.sites.values()))
        return not is_over

    def run_at(self, speed: float) -> None:
        """Change the speed of the market from now on."""
        self.speed = speed
        self._hurry.set()
        if speed and self._player is None:
            self._player = asyncio.create_task(self._play(), name="emulator market")

    async def wait(self) -> None:
        """Wait for as long as the market moves; raises what broke it."""
        if self._player is not None:
            await asyncio.shield(self._player)

    async def _play(self) -> None:
        """Play the market by absolute deadlines: a late tick is played at once, and none is left out."""
        player = self.world.player
        if self._config.waits:
            await self._somebody_listens()
        self._began_s, self._origin_ms = self._now_s(), player.now_ms
        for moment in self._moments:
            await self._until(moment.time_ms)
            player.perform(moment)
        log.info("emulator.market_ended", market_ms=player.now_ms)

    async def _somebody_listens(self) -> None:
        """Wait until somebody subscribes to a stream of any face."""
        waits = [asyncio.create_task(site.face.hub.first_subscription.wait()) for site in self.sites.values()]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _until(self, market_ms: int) -> None:
        """Wait until a market time is due; a new speed counts from where the market stands."""
        while True:
            if self._hurry.is_set():
                self._hurry.clear()
                self._began_s, self._origin_ms = self._now_s(), self.world.player.now_ms
            if not self.speed:
                await self._hurry.wait()
                continue
            left_s = self._began_s + (market_ms - self._origin_ms) / 1_000 / self.speed - self._now_s()
            if left_s <= 0:
                await asyncio.sleep(0)
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), left_s)

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()

    async def _close(self) -> None:
        for site in self.sites.values():
            await site.stop()
        if self.control is not None:
            await self.control.stop()
