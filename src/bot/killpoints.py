"""Kill points: named places on the money path at which a test lets the process die, as by `kill -9`.

Way in: reached(). Leans on: nothing. Unarmed, as it always is outside of `bot chaos`, a point costs one look.
BOT_KILL_AT says where: "name", or "name:3" for the third time; after a comma follows where the next process dies.
BOT_KILL_STATE names a file that holds what is still to come; it may be rewritten while the process runs.
"""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

NAMES = (
    "risk.reserved", "intent.tx_open", "intent.committed", "attempt.committed", "gate.checked",
    "wire.first_byte", "wire.last_byte", "reply.first_byte", "reply.parsed", "ack.committed",
    "event.received", "event.journaled", "fold.positions", "fold.ledger", "callback.entered", "callback.intents",
    "strategy_state.committed", "cancel.intent", "cancel.wire", "cancel.ack", "stop.placed",
    "recon.started", "recon.page", "recon.repaired", "recon.ready", "snapshot.written", "snapshot.renamed",
    "lease.renewed", "migration.step", "shutdown.drain",
)  # fmt: skip
"""Every point there is, in the order in which an order meets them."""


class Armed:
    """What is to come: the first of it, and how often its point was reached so far."""

    def __init__(self, at: str, state: Path | None, die: Callable[[], None]) -> None:
        self._at, self._state, self._die = at, state, die
        self._current, self._times = "", 0
        if state is not None and at and not state.exists():
            state.write_text(at, encoding="utf-8")

    def reached(self, name: str) -> None:
        """Die if it is time to."""
        current, _, later = self._to_come().partition(",")
        if current != self._current:
            self._current, self._times = current, 0
        wanted, _, times = current.partition(":")
        if wanted != name:
            return
        self._times += 1
        if self._times >= int(times or 1):
            if self._state is not None:
                draft = self._state.with_suffix(".draft")
                draft.write_text(later, encoding="utf-8")
                draft.replace(self._state)
            self._at = later
            self._die()

    def _to_come(self) -> str:
        if self._state is None:
            return self._at
        try:
            return self._state.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""


def armed_by(environ: Mapping[str, str]) -> Armed | None:
    """Give what the environment asks for, or None when it asks for nothing."""
    at, state = environ.get("BOT_KILL_AT", ""), environ.get("BOT_KILL_STATE", "")
    return Armed(at, Path(state) if state else None, _die) if at or state else None


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


armed = armed_by(os.environ)


def reached(name: str) -> None:
    """Be killed here, if somebody asked for it."""
    if armed is not None:
        armed.reached(name)


probe: Callable[[str], None] | None = None if armed is None else armed.reached
"""For rooms that may not touch the machine: what to call at their points, or None."""
