"""Who listens to which stream. A frame is encoded once, however many listen."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from bot.emulator.wire import Json, encode


class Listener(Protocol):
    """One end of a connection."""

    combined: bool
    """True when frames come wrapped with the name of their stream."""

    def send(self, frame: bytes) -> None:
        """Queue a frame; never waits."""
        ...


class Hub:
    """The market streams."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._intervals: dict[str, list[str]] = {}
        self.first_subscription = asyncio.Event()

    def subscribe(self, listener: Listener, names: Sequence[str]) -> None:
        """Start sending streams. A name that does not exist is taken and stays silent, as on Binance."""
        for name in names:
            self._listeners[name].add(listener)
        self._intervals.clear()
        if names:
            self.first_subscription.set()

    def unsubscribe(self, listener: Listener, names: Sequence[str]) -> None:
        """Stop sending streams."""
        for name in names:
            self._listeners[name].discard(listener)
            if not self._listeners[name]:
                del self._listeners[name]
        self._intervals.clear()

    def wants(self, name: str) -> bool:
        """Say whether anybody listens to a stream."""
        return name in self._listeners

    def intervals(self, symbol: str) -> list[str]:
        """Give the kline intervals of a symbol (lower case) that somebody listens to."""
        found = self._intervals.get(symbol)
        if found is None:
            prefix = f"{symbol}@kline_"
            found = [name.removeprefix(prefix) for name in self._listeners if name.startswith(prefix)]
            self._intervals[symbol] = found
        return found

    def publish(self, name: str, payload: Callable[[], Json]) -> None:
        """Send a frame to all who listen; `payload` is called only when somebody does."""
        listeners = self._listeners.get(name)
        if not listeners:
            return
        raw = encode(payload())
        wrapped = b""
        for listener in tuple(listeners):
            if listener.combined:
                wrapped = wrapped or b'{"stream":"%b","data":%b}' % (name.encode(), raw)
                listener.send(wrapped)
            else:
                listener.send(raw)
