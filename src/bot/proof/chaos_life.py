"""Lives of the bot: real processes of `bot start`, born from scratch or, quicker, of a mother that has imported all."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

LOOK_S = 0.02


class Life:
    """One process of the bot. What it says goes to a file."""

    def __init__(self, pid: int, said: Path) -> None:
        self.pid = pid
        self.ended = asyncio.Event()
        self._said = said

    @property
    def lines(self) -> list[str]:
        """What it said so far."""
        return self._said.read_text(encoding="utf-8", errors="replace").splitlines()

    def send(self, name: signal.Signals) -> None:
        """Send a signal, if it lives."""
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, name)

    async def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self.send(signal.SIGKILL)
        await self.ended.wait()

    async def ends_within(self, timeout_s: float) -> bool:
        """Wait for its end; False when it lives on."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.ended.wait()
        except TimeoutError:
            return False
        return True

    async def says(self, words: str, timeout_s: float) -> bool:
        """Wait until it said some words; False when it ended, or time ran out, before."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + timeout_s
        while loop.time() < give_up:
            is_over = self.ended.is_set()
            if words in self._said.read_text(encoding="utf-8", errors="replace"):
                return True
            if is_over:
                return False
            await asyncio.sleep(LOOK_S)
        return False


class Mother:
    """Bears processes: a program that reads the file to speak to from a line, and answers with a pid, then its end."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        self._command, self._environ, self._folder = command, environ, folder
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._born: asyncio.Queue[int] = asyncio.Queue()
        self._lives: dict[int, Life] = {}
        self._waits: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Let her import everything."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *self._command, cwd=self._folder, env=self._environ,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read(self._process))

    async def bear(self, said: Path) -> Life:
        """Give a new process, quickly."""
        assert self._process is not None
        assert self._process.stdin is not None
        said.touch()  # noqa: ASYNC240 - an empty file
        self._process.stdin.write(f"{said}\n".encode())
        await self._process.stdin.drain()
        pid = await self._born.get()
        life = self._lives[pid] = Life(pid, said)
        return life

    async def bear_from_scratch(self, words: Sequence[str], said: Path) -> Life:
        """Give a new process that has nothing of hers."""
        with said.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot.cli", *words, cwd=self._folder, env=self._environ,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=file,
                start_new_session=True,
            )  # fmt: skip
        life = Life(process.pid, said)

        async def wait() -> None:
            await process.wait()
            life.ended.set()

        task = asyncio.create_task(wait())
        self._waits.add(task)
        task.add_done_callback(self._waits.discard)
        return life

    async def end(self) -> None:
        """Let her go; her children are the caller's to end before."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        for task in (*self._waits, *([self._reader] if self._reader else [])):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            what, pid = line.split()
            if what == b"born":
                self._born.put_nowait(int(pid))
            else:
                await asyncio.sleep(0)  # whoever waits for the birth of it goes first
                self._lives.pop(int(pid)).ended.set()
