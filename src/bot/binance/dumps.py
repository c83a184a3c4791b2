"""The exchange's public files, by path. They need no key and cost no weight."""

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from bot.binance.hosts import Environment, Hosts
from bot.binance.wires import NETWORK, NoAnswer, NothingSent, Wires
from bot.domain.errors import Unavailable

ADDRESS = "https://data.binance.vision"
_FILE_MAX = 512 * 1024 * 1024
_TIMEOUT_S = 300.0
_ATTEMPTS = 5


class Dumps:
    """Fetches files. Test networks publish none: there every file is missing."""

    def __init__(self, hosts: Hosts, wires: Wires = NETWORK) -> None:
        self._base = {Environment.PRODUCTION: ADDRESS, Environment.EMULATOR: hosts.rest}.get(hosts.environment, "")
        self._http = wires.http(_FILE_MAX)

    async def file(self, path: str) -> bytes | None:
        """Give a file; None when there is none at that path. Raises Unavailable when it cannot be had now."""
        if not self._base:
            return None
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Unavailable), stop=stop_after_attempt(_ATTEMPTS), reraise=True,
            wait=wait_random_exponential(multiplier=0.2, max=10.0),
        ):  # fmt: skip
            with attempt:
                return await self._once(path)
        raise AssertionError("tenacity either returns or raises")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _once(self, path: str) -> bytes | None:
        try:
            reply = await self._http.exchange("GET", f"{self._base}{path}", None, {}, _TIMEOUT_S)
        except (NothingSent, NoAnswer) as error:
            raise Unavailable(
                f"cannot fetch {self._base}{path} ({error}); check the network and start again"
            ) from error
        if reply.status in {403, 404}:
            return None
        if reply.status != 200:
            raise Unavailable(f"{self._base}{path} answered {reply.status}; start again later")
        return reply.body
