"""Starts the command line without waiting for its imports: one process has them, and forks for each command.

A command is a process of its own all the same, with its own id, folder, environment, streams, signals and exit code.
What depends on how the interpreter starts (light imports, the seed's own lines) is tried without this.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

ROOT = Path(__file__).parents[3]
HEAVY = (
    "bot.cli",
    "bot.bootstrap",
    "bot.commands.program",
    "bot.commands.panic",
    "bot.api.main",
    "bot.emulator.server",
)
MESSAGE_BYTES = 200_000


class Forked:
    """A command that runs: what `subprocess.Popen` shows of one, as far as it is looked at here."""

    def __init__(self, reply: socket.socket, stdout: IO[str], stderr: IO[str]) -> None:
        self.stdout, self.stderr = stdout, stderr
        self._reply = reply
        self.pid = self._number()
        self._code: int | None = None

    def poll(self) -> int | None:
        """Give the exit code, or None while it runs."""
        if self._code is None and select.select([self._reply], [], [], 0)[0]:
            self._end()
        return self._code

    def wait(self, timeout_s: float) -> int:
        """Wait for the exit code."""
        if self._code is None:
            if not select.select([self._reply], [], [], timeout_s)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout_s)
            self._end()
        assert self._code is not None
        return self._code

    def send_signal(self, name: signal.Signals) -> None:
        """Send it a signal, unless it ended."""
        if self.poll() is None:
            os.kill(self.pid, name)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _end(self) -> None:
        self._code = self._number()
        self._reply.close()

    def _number(self) -> int:
        said = self._reply.recv(100)
        assert said, "whoever starts commands is gone"
        return int(said)


class Starter:
    """Whoever forks: started when the first command is."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = os.pathsep.join(map(str, (ROOT / "src", ROOT)))
        with theirs:
            # A library's own threads would not come along into a fork.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.cli.starter"],
                stdin=theirs,
                cwd=ROOT,
                env=dict(os.environ) | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
            )

    def start(self, words: Sequence[str], stdin: int, cwd: Path, environment: Mapping[str, str]) -> Forked:
        """Start a command that reads `stdin`."""
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        reply, its_reply = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        message = json.dumps([list(words), str(cwd), dict(environment)]).encode()
        socket.send_fds(self._line, [message], [stdin, its_out, its_err, its_reply.fileno()])
        its_reply.close()
        os.close(its_out)
        os.close(its_err)
        return Forked(reply, open(out, encoding="utf-8"), open(err, encoding="utf-8"))  # noqa: PTH123

    def close(self) -> None:
        """Let it go; commands that run stay."""
        self._line.close()
        self._process.wait()


@functools.cache
def starter() -> Starter:
    """Give the one of this test process."""
    one = Starter()
    atexit.register(one.close)
    return one


def _serve(line: socket.socket) -> tuple[Any, list[int]] | None:
    """Fork for each order until nobody can give one; in the process of the command, give its order."""
    while True:
        message, streams, _, _ = socket.recv_fds(line, MESSAGE_BYTES, 4)
        if not message:
            return None
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            pid = os.fork()
            if pid == 0:
                line.close()
                return json.loads(message), streams
            _tell_how_it_goes(pid, streams)
        for stream in streams:
            os.close(stream)


def _tell_how_it_goes(pid: int, streams: list[int]) -> None:
    with socket.socket(fileno=streams.pop()) as reply:
        for stream in (0, 1, 2, *streams):
            os.close(stream)
        reply.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        reply.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(order: Any, streams: list[int]) -> None:
    """Be the command that was ordered, as if the interpreter had just begun."""
    words, folder, environment = order
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams[:3]):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["bot", *words]


def _exit_code(main: Callable[[], None]) -> int:
    """Run the command line and give the number that its end amounts to, as the interpreter would."""
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - this is the outermost frame
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """End in good order, but leave out to take every imported module apart: it is most of what a quick command would do."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for name in HEAVY:
        importlib.import_module(name)
    gc.freeze()  # a collection in a fork would copy what nobody changes
    found = _serve(socket.socket(fileno=os.dup(0)))
    if found is not None:
        _become(*found)
        _end(_exit_code(importlib.import_module("bot.cli").main))


if __name__ == "__main__":
    _main()
