"""The entrance for sockets: which kind a path asks for, whether its client may come in, and who attends to it."""

from collections.abc import Awaitable, Mapping
from typing import Protocol

import msgspec

from bot.emulator.api_socket import ApiSocket
from bot.emulator.connection import Kind, Peer
from bot.emulator.face import Face
from bot.emulator.gateway import refused
from bot.emulator.refusals import ApiError
from bot.emulator.rest import Answer, bad_unit
from bot.emulator.stream_socket import StreamSocket
from bot.emulator.wire import encode


class Opening(msgspec.Struct, frozen=True):
    """What a client says when it opens a socket."""

    path: str
    query: Mapping[str, str]
    address: str


class Attendant(Protocol):
    """Who answers on an open socket."""

    def on_text(self, text: str) -> Awaitable[None] | None:
        """Take what the client sent; give what is left to be waited for."""
        ...

    def leave(self) -> None:
        """Forget the client: it is gone."""
        ...


class Admitted(msgspec.Struct, frozen=True):
    """A client that may come in. `streams` are the market streams it asked for; None on the WebSocket API."""

    face: Face
    opening: Opening
    kind: Kind
    streams: tuple[str, ...] | None

    def attend(self, peer: Peer) -> Attendant:
        """Give who answers it."""
        if self.streams is not None:
            return StreamSocket(self.face, peer, list(self.streams))
        shows_limits = self.opening.query.get("returnRateLimits") != "false"
        return ApiSocket(self.face, peer, self.opening.address, shows_limits=shows_limits)


def admit(face: Face, opening: Opening) -> Admitted | Answer:
    """Let a client in, or give what it is told instead."""
    gate = face.gate
    is_api = face.api_path in opening.path.strip("/").split("/")
    wanted = None if is_api else face.stream_names(opening.path, opening.query)
    if not is_api and wanted is None:
        return Answer(404, {}, b"")
    try:
        gate.weight.connect(opening.address, face.api_connect_weight if is_api else 0, gate.clock.now_ms)
        in_micro = _reads_microseconds(face, opening.query)
    except ApiError as error:
        outcome = refused(error)
        return Answer(outcome.status, outcome.headers, encode(outcome.content))
    kind = Kind(
        path=opening.path, combined=bool(wanted and wanted[1]), in_microseconds=in_micro, opened_ms=gate.clock.now_ms
    )
    return Admitted(face, opening, kind, None if wanted is None else tuple(name for name in wanted[0] if name))


def _reads_microseconds(face: Face, query: Mapping[str, str]) -> bool:
    unit = query.get("timeUnit", "MILLISECOND").upper()
    if unit not in {"MILLISECOND", "MICROSECOND"}:
        raise bad_unit()
    return unit == "MICROSECOND" and face.knows_microseconds
