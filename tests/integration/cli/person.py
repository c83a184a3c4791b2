"""A person at the command line: the real program, in a folder and with settings of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.integration.cli.starter import ROOT, Forked, starter

CLI = (sys.executable, "-m", "bot.cli")
"""Our command line with all that an interpreter does first; a child of this process, which the quick way gives none of."""
PATIENCE_S = 180.0


@dataclass(frozen=True)
class Answer:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on stderr that a command which failed leaves, and nothing else."""
        assert "Traceback" not in self.err
        assert len(self.err.splitlines()) == 1, self.err
        return self.err.strip()


class Program:
    """A command that goes on: its output is gathered while it runs."""

    def __init__(self, process: "subprocess.Popen[str] | Forked") -> None:
        self.process = process
        self.pid = process.pid
        self._said: list[str] = []
        self._out: list[str] = []
        self._err: list[str] = []
        streams = ((process.stdout, self._out), (process.stderr, self._err))
        self._readers = [threading.Thread(target=self._read, args=each, daemon=True) for each in streams]
        for reader in self._readers:
            reader.start()

    @property
    def said(self) -> str:
        """Everything it said so far, on both streams."""
        return "".join(self._said)

    @property
    def out(self) -> str:
        """What it said so far on stdout."""
        return "".join(self._out)

    @property
    def err(self) -> str:
        """What it said so far on stderr."""
        return "".join(self._err)

    def wait_for(self, words: str) -> str:
        """Wait until a line with these words was said; gives that line."""

        def found() -> str:
            lines = [line for line in self.said.splitlines() if words in line]
            assert lines or self.process.poll() is None, f"it ended without a word of {words!r}: {self.said}"
            return lines[0] if lines else ""

        return until(found)

    def end(self, name: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; gives the exit code."""
        self.process.send_signal(name)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; gives the exit code."""
        code = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return code

    def close(self) -> None:
        """Leave nothing of it behind."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()

    def _read(self, stream: Iterable[str], its_own: list[str]) -> None:
        for line in stream:
            its_own.append(line)
            self._said.append(line)


class Person:
    """Types commands in a folder; settings go in by the environment."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings

    def run(self, *words: object, typed: str = "", command: tuple[str, ...] = (), **settings: str) -> Answer:
        """Type a command of the bot, or another program's, and wait for its end."""
        with tempfile.TemporaryFile("w+") as keys:
            keys.write(typed)
            keys.seek(0)
            with self._started(words, keys.fileno(), command, settings) as program:
                code = program.wait()
                return Answer(code, program.out, program.err)

    def ok(self, *words: object, typed: str = "", **settings: str) -> str:
        """Type a command that has to succeed; gives what it answers."""
        answer = self.run(*words, typed=typed, **settings)
        assert answer.code == 0, f"{words}: {answer}"
        return answer.out

    @contextlib.contextmanager
    def running(self, *words: object, command: tuple[str, ...] = (), **settings: str) -> Iterator[Program]:
        """Let a command of the bot run on, or another program."""
        with Path(os.devnull).open() as nothing, self._started(words, nothing.fileno(), command, settings) as program:
            yield program

    @contextlib.contextmanager
    def _started(
        self, words: tuple[object, ...], stdin: int, command: tuple[str, ...], settings: dict[str, str]
    ) -> Iterator[Program]:
        typed = [*command, *map(str, words)]
        process: subprocess.Popen[str] | Forked
        if command:
            process = subprocess.Popen(
                typed,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=self.folder,
                env=self._environment(settings),
            )
        else:
            process = starter().start(typed, stdin, self.folder, self._environment(settings))
        program = Program(process)
        try:
            yield program
        finally:
            program.close()

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        ours = {"HOME": str(self.folder), "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200"}
        return kept | ours | self.settings | settings


def until[T](question: Callable[[], T]) -> T:
    """Ask until the answer is something; fail when it does not come."""
    give_up = time.monotonic() + PATIENCE_S
    while not (answer := question()):
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.03)
    return answer
