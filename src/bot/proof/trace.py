"""What happened in a run, line by line: the same seed gives the same lines."""

import hashlib
from collections.abc import Callable


class Trace:
    """Lines with their virtual time. `about` names the order that a line is about, when it is about one."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._lines: list[tuple[float, str, str, str]] = []

    def add(self, kind: str, text: str = "", about: str = "") -> None:
        """Write a line."""
        self._lines.append((self._now_s(), kind, text, about))

    def lines(self, about: str = "") -> list[str]:
        """Give all lines, or those about one order and about everything at once."""
        return [
            f"{now_s:12.6f} {kind:<12} {order} {text}".rstrip()
            for now_s, kind, text, order in self._lines
            if not about or order == about or kind == "life"
        ]

    def digest(self) -> str:
        """Give the hash of all lines."""
        return hashlib.sha256("\n".join(self.lines()).encode()).hexdigest()
