"""An emulator as a process: it serves until it is told to end."""

import asyncio
import signal
import sys
from collections.abc import Callable

from bot.emulator.config import EmulatorConfig
from bot.emulator.server import Emulator

Announce = Callable[[Emulator], None]
"""Called once everything listens; the place to print the line that says so."""


async def serve(config: EmulatorConfig, *, announce: Announce) -> None:
    """Run an emulator until SIGTERM or SIGINT, then end cleanly; raises what breaks the market."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, ended.set)
    try:
        async with Emulator(config) as emulator:
            announce(emulator)
            async with asyncio.TaskGroup() as tasks:
                market = tasks.create_task(emulator.wait())
                await ended.wait()
                market.cancel()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def run(config: EmulatorConfig, *, announce: Announce) -> None:
    """Run an emulator as the whole of this process; see `serve`."""
    asyncio.run(serve(config, announce=announce), loop_factory=fast_loop)


def fast_loop() -> asyncio.AbstractEventLoop:
    """Make the quickest event loop that this platform has."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - not there on every platform

    return uvloop.new_event_loop()
