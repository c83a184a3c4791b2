"""Bears processes of `bot start` for `bot chaos`: everything is imported once, and each process is a copy of that.

Reads a file name from a line, for a process to speak to; answers "born PID", and when it has ended "ended PID".
"""

import os
import sys

WORDS = ("start", "--no-dashboard", "--no-aggregator")


def main() -> None:
    """Serve until nobody asks any more."""
    import alembic.command  # noqa: F401, PLC0415
    import uvloop  # noqa: F401, PLC0415

    while said := sys.stdin.readline().strip():
        pid = os.fork()
        if not pid:
            _become_bot(said)
        print("born", pid, flush=True)
        os.waitpid(pid, 0)
        print("ended", pid, flush=True)


def _become_bot(said: str) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    told = os.open(said, os.O_WRONLY | os.O_APPEND)
    for number, file in ((0, nothing), (1, nothing), (2, told)):
        os.dup2(file, number)
    sys.argv = ["bot", *WORDS]
    import bot.cli  # noqa: PLC0415

    bot.cli.main()


if __name__ == "__main__":
    main()
