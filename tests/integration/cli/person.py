"""A person at the command line: the real program, in a folder and with settings of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
CLI = (sys.executable, "-m", "bot.cli")
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

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.pid = process.pid
        self._said: list[str] = []
        streams = [stream for stream in (process.stdout, process.stderr) if stream]
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True) for stream in streams]
        for reader in self._readers:
            reader.start()

    @property
    def said(self) -> str:
        """Everything it said so far, on both streams."""
        return "".join(self._said)

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

    def _read(self, stream: object) -> None:
        self._said.extend(stream)  # type: ignore[call-overload]


class Person:
    """Types commands in a folder; settings go in by the environment."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings

    def run(self, *words: object, typed: str = "", command: tuple[str, ...] = CLI, **settings: str) -> Answer:
        """Type a command and wait for its end."""
        done = subprocess.run(
            [*command, *map(str, words)],
            input=typed,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self._environment(settings),
            timeout=PATIENCE_S,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: object, typed: str = "", **settings: str) -> str:
        """Type a command that has to succeed; gives what it answers."""
        answer = self.run(*words, typed=typed, **settings)
        assert answer.code == 0, f"{words}: {answer}"
        return answer.out

    @contextlib.contextmanager
    def running(self, *words: object, command: tuple[str, ...] = CLI, **settings: str) -> Iterator[Program]:
        """Let a command run on."""
        process = subprocess.Popen(
            [*command, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self._environment(settings),
        )
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
