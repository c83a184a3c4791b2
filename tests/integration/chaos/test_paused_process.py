"""A whole bot held still past its lease (F35): it wakes and sends nothing, and its successor trades on."""

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from bot.commands import chaos_mother
from bot.commands.chaos_scene import furnish
from bot.proof.chaos_life import Life, Mother
from bot.proof.chaos_stage import SPEED, START_S, Stage
from bot.proof.oracle import Breach
from bot.proof.proxy import Proxy

ORDERS = (b"POST /api/v3/order", b"DELETE /api/v3/")
PATIENCE_S = 60.0
MANY = 5


class Tap(Proxy):
    """A line that keeps what passed over it."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), ("127.0.0.1", 0), Random(1))
        self.heard = b""

    async def _spoil(self, piece: bytes, *line: object) -> None:
        self.heard += piece
        await super()._spoil(piece, *line)  # type: ignore[arg-type]


class Scene:
    """Two hosts with the same account: the first one's line to the exchange is listened to."""

    def __init__(self, stage: Stage, account_id: int) -> None:
        self.stage, self._account_id = stage, account_id
        self.tap = Tap(stage.line.port)

    async def first(self) -> Life:
        """Start a bot as another host would: its own files, its own line."""
        stage = self.stage
        await self.tap.start()
        var = stage.folder / "other"
        await asyncio.to_thread(shutil.copytree, stage.folder / "var", var)
        there = {"EMULATOR_URL": f"http://127.0.0.1:{self.tap.port}", "VAR_DIR": str(var), "LOG_DIR": str(var / "logs")}
        host = Mother([], stage.environ | there, stage.folder)
        bot = await host.bear_from_scratch(chaos_mother.WORDS, stage.folder / "lives" / "first.log")
        assert await bot.says("account.ready", START_S), bot.lines[-3:]
        return bot

    async def accepted(self) -> int:
        """Give how many orders the exchange took so far."""
        await self.stage.look(self._account_id)
        rows = self.stage.truth.read(kind="request")
        return sum(row["status"] == 200 and row["method"] == "POST" and row["path"].endswith("/order") for row in rows)

    async def breaches(self) -> list[Breach]:
        """Give what does not hold."""
        return await self.stage.look(self._account_id)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():
            await asyncio.sleep(0.2)


async def more_orders(scene: Scene) -> None:
    goal = await scene.accepted() + MANY

    async def enough() -> bool:
        return await scene.accepted() >= goal

    await until(enough)


async def play(folder: Path) -> tuple[bytes, list[Breach]]:
    """Give what the first bot sent after it woke, and what does not hold in the end."""
    folder.chmod(0o755)
    stage = Stage(folder / "stage", 7, "rest", [chaos_mother.__name__], chaos_mother.WORDS)
    first: Life | None = None
    try:
        await stage.begin()
        scene = Scene(stage, await furnish(stage))
        stage.wish("any")
        first = await scene.first()
        await stage.run_at(SPEED)
        await more_orders(scene)
        assert all(words in scene.tap.heard for words in ORDERS)  # (else it would prove nothing that none is heard)
        first.send(signal.SIGSTOP)
        await stage.start_bot()
        await more_orders(scene)
        scene.tap.heard = b""
        first.send(signal.SIGCONT)
        assert await first.says("lease.lost", PATIENCE_S), first.lines[-3:]
        await more_orders(scene)
        heard = scene.tap.heard
        await first.kill()
        await scene.tap.stop()
        stage.wish("rest")
        await stage.run_at(0)

        async def holds() -> bool:
            return not await scene.breaches()

        try:
            await until(holds)
        except TimeoutError:
            return heard, await scene.breaches()
        return heard, []
    finally:
        if first is not None:
            await first.kill()
        await stage.end()


def test_a_bot_that_slept_past_its_lease_sends_nothing_and_its_successor_trades(tmp_path: Path) -> None:
    heard, breaches = asyncio.run(play(tmp_path))
    assert not [words for words in ORDERS if words in heard]
    assert breaches == []
