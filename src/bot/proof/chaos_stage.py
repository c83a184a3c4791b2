"""The stage of a chaos run: a private database, an emulator and the real bot as processes, proxies between them."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from bot.db import embedded
from bot.db.places import SOCKET
from bot.domain.errors import BotError
from bot.proof.chaos_evidence import FactRows, Found, TruthRows, dump, judge
from bot.proof.chaos_life import Life, Mother
from bot.proof.chaos_strategy import FILE
from bot.proof.oracle import Breach
from bot.proof.proxy import CLEAN, Proxy, Toxics
from bot.proof.scene import FUNDS

ACCOUNT = "chaos"
KEY, SECRET = "chaos-key", "chaos-secret"
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT")
SPEED = 150.0
"""Market time over real time while the bot trades."""
OPEN_MAX = 50
START_S = 60.0
AGE_MS = 61_000
"""How much older the exchange gets while the bot is dead: beyond the fence, and beyond its own request windows."""


class Silent(BotError):
    """A process of the stage did not do what it should in time."""


class Stage:
    """One account's world of real processes. `begin` before use, `end` after."""

    def __init__(self, folder: Path, seed: int, order_path: str, mother: Sequence[str], words: Sequence[str]) -> None:
        """Take the module that bears processes, with its words, and the words that start the bot."""
        self.folder, self.seed = folder, seed
        self.starts_s: list[float] = []
        """How long each start of the bot took until it was ready."""
        self.truth = TruthRows()
        self.bot: Life | None = None
        self.lives = 0
        self._mother_words, self._words = mother, words
        self._order_path = order_path
        self._lots = Random(f"lines {seed}")  # noqa: S311 - dice, not a secret

    # Setting up and taking down.

    async def begin(self) -> None:
        """Start database, emulator and proxies. Accounts and strategies are the caller's to make, then `account_id`."""
        for name in ("strategies", "db", "logs", "lives"):
            (self.folder / name).mkdir(mode=0o755, parents=True)
        self.folder.chmod(0o755)  # the database may run as another user
        (self.folder / "strategies" / "chaos_restless.py").write_text(FILE, encoding="utf-8")
        self.wish("rest")
        self.arm("")
        self.server = await asyncio.to_thread(embedded.ensure, self.folder / "postgres")
        await self._begin_emulator()
        host, port = self._spot.removeprefix("http://").split(":")
        self.line = Proxy((host, int(port)), ("127.0.0.1", 0), self._lots)
        self.database = Proxy(self.server.place.socket / SOCKET, self.folder / "db" / SOCKET, self._lots)
        await self.line.start()
        await self.database.start()
        self._mother = Mother(self._mother_words, self.environ, self.folder)
        await self._mother.begin()

    async def end(self) -> None:
        """End all processes; the folder stays."""
        await self.kill()
        if hasattr(self, "_mother"):
            await self._mother.end()
        for name in ("line", "database"):
            if (proxy := getattr(self, name, None)) is not None:
                await proxy.stop()
        if hasattr(self, "_session"):
            await self._session.close()
        if hasattr(self, "_emulator") and self._emulator.returncode is None:
            self._emulator.kill()
            await self._emulator.wait()
        await asyncio.to_thread(embedded.erase, self.folder / "postgres")

    @property
    def environ(self) -> dict[str, str]:
        """What the bot is started with."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "HOME") if name in os.environ}
        return kept | self.settings | {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "BOT_KILL_STATE": str(self.folder / "kill"),
        }  # fmt: skip

    @property
    def settings(self) -> dict[str, str]:
        """The bot's settings: both of its lines lead through proxies."""
        folder = self.folder
        database = self.server.url.split("?", maxsplit=1)[0]
        return {
            "VAR_DIR": str(folder / "var"), "STRATEGIES_DIR": str(folder / "strategies"),
            "LOG_DIR": str(folder / "logs"), "DASHBOARD_SQLITE_PATH": str(folder / "metrics.sqlite3"),
            "DB_URL": f"{database}?host={quote(str(folder / 'db'), safe='/')}",
            "EMULATOR_URL": f"http://127.0.0.1:{self.line.port}", "MARKET_DATA_ENVIRONMENT": "emulator",
            "ORDER_PATH": self._order_path, "DASHBOARD_REFRESH_SECONDS": "1", "API_PORT": "0",
            "RISK_MAX_OPEN_ORDERS": str(OPEN_MAX), "RISK_MAX_DRAWDOWN": "1", "STRATEGY_MAX_DRAWDOWN": "1",
        }  # fmt: skip

    # The bot's life.

    async def start_bot(self, *, from_scratch: bool = False) -> None:
        """Start the bot and wait until it is ready to trade. Silent when it does not come, or dies before."""
        began = time.monotonic()
        bot = await self.spawn(from_scratch=from_scratch)
        if not await bot.says("account.ready", START_S):
            last = bot.lines[-1:] or ["no word"]
            raise Silent(f"the bot was not ready: {last[0]}")
        self.starts_s.append(time.monotonic() - began)

    async def spawn(self, *, from_scratch: bool = False) -> Life:
        """Start the bot's process, and wait for nothing. Each tenth is born from scratch, if not all are to be."""
        await self.kill()
        said = self.folder / "lives" / f"{self.lives:04}.log"
        is_quick = self.lives % 10 and not from_scratch
        self.lives += 1
        if is_quick:
            self.bot = await self._mother.bear(said)
        else:
            self.bot = await self._mother.bear_from_scratch(self._words, said)
        return self.bot

    async def kill(self) -> None:
        """Kill -9, if it lives."""
        if self.bot is not None:
            await self.bot.kill()

    def tell_to_end(self) -> None:
        """Ask the bot to end by itself."""
        if self.bot is not None:
            self.bot.send(signal.SIGTERM)

    async def death(self, timeout_s: float) -> bool:
        """Wait until the bot's process ends; False when it does not."""
        return self.bot is None or await self.bot.ends_within(timeout_s)

    def wish(self, kind: str) -> None:
        """Tell the strategies what to do from now on."""
        self._write("wish", kind)

    def arm(self, points: str) -> None:
        """Say where the bot dies next, also while it lives."""
        self._write("kill", points)

    @property
    def to_come(self) -> str:
        """The kill points that were not hit yet."""
        return (self.folder / "kill").read_text(encoding="utf-8").strip()

    # The world around it.

    async def run_at(self, speed: float) -> None:
        """Let the market go, or hold it still."""
        await self._ask("POST", "/_clock", {"speed": speed})

    async def age(self) -> None:
        """Let the exchange's time go on at once."""
        await self._ask("POST", "/_clock", {"advance_ms": AGE_MS})

    async def misbehave(self, rule: Mapping[str, Any]) -> None:
        """Let the exchange do something wrong (`emulator.faults.Rule`)."""
        await self._ask("POST", "/_faults", rule)

    def spoil(self, line: Toxics = CLEAN, database: Toxics = CLEAN) -> None:
        """Let something go wrong on the lines, or nothing any more."""
        self.line.toxics, self.database.toxics = line, database

    async def kill_database(self, away_s: float) -> None:
        """Kill -9 the database server, and start it again."""
        os.kill(self.server.pid, signal.SIGKILL)
        await asyncio.sleep(away_s)
        self.server = await asyncio.to_thread(embedded.ensure, self.folder / "postgres")

    async def pause_database(self, away_s: float) -> None:
        """Hold the database still with all its processes, and let it go on."""
        pids = [self.server.pid, *_children(self.server.pid)]
        for name, pause_s in ((signal.SIGSTOP, away_s), (signal.SIGCONT, 0.0)):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, name)
            await asyncio.sleep(pause_s)

    # Looking.

    async def look(self, account_id: int, trouble: str = "") -> list[Breach]:
        """Hold the journal against the truth, once."""
        if not hasattr(self, "facts"):
            self.facts = FactRows(self.server.url, account_id)
        await self.listen()
        await self.facts.refresh()
        return judge(Found(ACCOUNT, self.truth, self.facts, trouble, OPEN_MAX))

    async def listen(self) -> None:
        """Read what is new in the exchange's truth book; it does not take the database."""
        while self.truth.take(await self._ask("GET", f"/_truth?since={self.truth.last}")):
            pass

    def keep(self, name: str) -> None:
        """Leave what was seen in the folder."""
        truth, facts = dump(self.truth, self.facts)
        (self.folder / f"{name}.truth.jsonl").write_bytes(truth)
        (self.folder / f"{name}.facts.jsonl").write_bytes(facts)

    async def _begin_emulator(self) -> None:
        account = {
            "name": ACCOUNT, "keys": [{"key": KEY, "secret": SECRET}], "pays_in_bnb": bool(self.seed % 2),
            "balances": {asset: str(amount) for asset, amount in FUNDS.items()},
        }  # fmt: skip
        file = self.folder / "account.json"
        file.touch(mode=0o600)
        file.write_bytes(msgspec.json.encode(account))
        with (self.folder / "emulator.log").open("wb") as log:
            self._emulator = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot.cli", "emulator", "--spot-port", "0", "--control-port", "0",
                "--synthetic", str(self.seed), "--symbols", ",".join(SYMBOLS), "--speed", "0", "--ticks", "4",
                "--warmup", "30", "--account", str(file), "--parent", str(os.getpid()),
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )  # fmt: skip
        assert self._emulator.stdout is not None
        line = await asyncio.wait_for(self._emulator.stdout.readline(), START_S)
        if not line:
            raise Silent(f"the emulator did not come; see {self.folder / 'emulator.log'}")
        ready: Mapping[str, Any] = msgspec.json.decode(line)
        self._spot, self._control = ready["spot"], ready["control"]
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else msgspec.json.encode(body)
        async with self._session.request(method, f"{self._control}{path}", data=data) as reply:
            answer = msgspec.json.decode(await reply.read())
        if reply.status != 200:
            raise Silent(f"the emulator refused {path}: {answer}")
        return answer

    def _write(self, name: str, text: str) -> None:
        draft = self.folder / f"{name}.new"
        draft.write_text(text, encoding="utf-8")
        draft.replace(self.folder / name)


def _children(pid: int) -> list[int]:
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in file.read_text(encoding="ascii").split()] if file.exists() else []
