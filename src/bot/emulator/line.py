"""A client in this very process: frames reach it as texts at once, without a socket in between."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Unpack

from bot.emulator.connection import Kind, Peer
from bot.emulator.frames import unframed

if TYPE_CHECKING:
    from bot.emulator.entrance import Attendant


class Line(Peer):
    """One connection. Made by `Site.connect`; what it hands on must be carried away, not answered on the spot."""

    def __init__(self, on_text: Callable[[bytes], None], **kind: Unpack[Kind]) -> None:
        super().__init__(**kind)
        self._on_text = on_text
        self._on_end: Callable[[], None] = lambda: None
        self._attendant: Attendant | None = None
        self._is_over = False
        self._answering: set[asyncio.Future[None]] = set()

    def begin(self, attendant: "Attendant", on_end: Callable[[], None]) -> None:
        """Name who answers it, and what has to happen once when it ends."""
        self._attendant, self._on_end = attendant, on_end

    def take(self, text: str) -> None:
        """Take what the client sent."""
        if self._is_over or self._attendant is None:
            return
        waiting = self._attendant.on_text(text)
        if waiting is not None:
            task = asyncio.ensure_future(_finish(waiting))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    def send(self, frame: bytes) -> None:
        """Hand a frame's text on, and those held back until after it."""
        if self._is_over:
            return
        held, self._held = self._held, []
        for each in (frame, *held):
            self._on_text(unframed(each))

    def abort(self) -> None:
        """End the connection; either side may."""
        if not self._is_over:
            self._is_over = True  # (what it asked for before is done all the same)
            self._on_end()

    async def close(self) -> None:
        """End the connection."""
        self.abort()

    async def drained(self) -> None:
        """Nothing to wait for: everything is handed on at once."""


async def _finish(waiting: Awaitable[None]) -> None:
    await waiting
