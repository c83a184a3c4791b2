"""Bears processes of `bot start` for `bot chaos`: everything is imported once, and each process is a copy of that.

Reads a file name from a line, for a process to speak to; answers "born PID", and when it has ended "ended PID".
"""

import os
import sys
from importlib import import_module
from typing import NoReturn

import typer

from bot.domain.errors import BotError

WORDS = ("start", "--no-dashboard", "--no-aggregator")

EVERYTHING = (
    "alembic.command", "apscheduler.executors.asyncio", "uvloop", "bot.api.main", "bot.commands.program",
    "bot.commands.run", "bot.security.keys", "bot.proof.chaos_strategy",
)  # fmt: skip
"""What a bot imports, most of it by way of these."""


def main() -> None:
    """Serve until nobody asks any more."""
    for name in EVERYTHING:
        import_module(name)
    while said := sys.stdin.readline().strip():
        pid = os.fork()
        if not pid:
            _become_bot(said)
        print("born", pid, flush=True)
        os.waitpid(pid, 0)
        print("ended", pid, flush=True)


def _become_bot(said: str) -> NoReturn:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    told = os.open(said, os.O_WRONLY | os.O_APPEND)
    for number, file in ((0, nothing), (1, nothing), (2, told)):
        os.dup2(file, number)
    from bot.commands.run import start  # noqa: PLC0415

    try:
        start(no_dashboard=True, no_aggregator=True)
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except BotError as error:
        sys.exit(f"error: {error}")
    sys.exit(0)


if __name__ == "__main__":
    main()
