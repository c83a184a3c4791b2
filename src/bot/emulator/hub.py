"""Who listens to which stream. A frame is encoded once for each way of wrapping it, however many listen."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from bot.emulator.faults import FaultBook
from bot.emulator.frames import framed
from bot.emulator.wire import Json, encode, in_microseconds


class Listener(Protocol):
    """One end of a connection."""

    combined: bool
    """True when frames come wrapped with the name of their stream."""
    in_microseconds: bool

    def send(self, frame: bytes) -> None:
        """Queue a finished WebSocket frame; never waits."""
        ...

    def send_later(self, frame: bytes, delay_s: float) -> None:
        """Queue a frame after a while."""
        ...

    def hold(self, frame: bytes) -> None:
        """Keep a frame back until after the next one."""
        ...

    def abort(self) -> None:
        """End the connection without a word."""
        ...


class Hub:
    """The market streams of one face."""

    def __init__(self, face: str, faults: FaultBook) -> None:
        self._face, self._faults = face, faults
        self._listeners: defaultdict[str, dict[Listener, None]] = defaultdict(dict)
        self._families: dict[str, list[str]] = {}
        self.first_subscription = asyncio.Event()

    def subscribe(self, listener: Listener, names: Sequence[str]) -> None:
        """Start sending streams. A name that does not exist is taken and stays silent, as on Binance."""
        for name in names:
            self._listeners[name][listener] = None
        self._families.clear()
        if names:
            self.first_subscription.set()

    def unsubscribe(self, listener: Listener, names: Sequence[str]) -> None:
        """Stop sending streams."""
        for name in names:
            self._listeners[name].pop(listener, None)
            if not self._listeners[name]:
                del self._listeners[name]
        self._families.clear()

    def wants(self, name: str) -> bool:
        """Say whether anybody listens to a stream."""
        return name in self._listeners

    def following(self, prefix: str) -> list[str]:
        """Give what follows a prefix in the names of streams that somebody listens to."""
        found = self._families.get(prefix)
        if found is None:
            found = [name.removeprefix(prefix) for name in self._listeners if name.startswith(prefix)]
            self._families[prefix] = found
        return found

    def publish(self, name: str, payload: Callable[[], Any], account: str = "") -> None:
        """Send a frame to all who listen; `payload` is called only when somebody does. `account` owns a user event."""
        listeners = self._listeners.get(name)
        if not listeners:
            return
        content = payload()
        if self._faults.on_frames:
            self._publish_with_faults(name, content, list(listeners), account)
            return
        frames: dict[tuple[bool, bool], bytes] = {}
        for listener in listeners:
            way = (listener.combined, listener.in_microseconds)
            frame = frames.get(way)
            if frame is None:
                frame = frames[way] = _frame(name, content, *way)
            listener.send(frame)

    def _publish_with_faults(self, name: str, content: Any, listeners: list[Listener], account: str) -> None:
        facts: Json = content if isinstance(content, dict) else {}
        stream = "" if account else name
        rule = self._faults.for_frame(self._face, stream, account, facts)
        content = self._faults.change(self._face, stream, account, content, is_frame=True)
        for listener in listeners:
            frame = _frame(name, content, listener.combined, listener.in_microseconds)
            deliver(listener, frame, rule.kind if rule else "", rule.delay_ms if rule else 0)


def deliver(listener: Listener, frame: bytes, fault: str, delay_ms: int) -> None:
    """Send a frame as a fault says: not at all, twice, later, after the next one, or cut the connection instead."""
    match fault:
        case "drop_frame":
            pass
        case "duplicate_frame":
            listener.send(frame)
            listener.send(frame)
        case "delay_frame":
            listener.send_later(frame, delay_ms / 1000)
        case "disconnect":
            listener.abort()
        case "reorder_frame":
            listener.hold(frame)
        case _:
            listener.send(frame)


def _frame(name: str, content: Any, is_combined: bool, is_micro: bool) -> bytes:
    raw = encode(in_microseconds(content) if is_micro else content)
    return framed(b'{"stream":"%b","data":%b}' % (name.encode(), raw) if is_combined else raw)
