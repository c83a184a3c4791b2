"""The states of an account, and the one table of moves between them.

Any doubt moves right, at once. Left takes a clean look at the exchange, and out of HALTED a person.
"""

from enum import StrEnum


class AccountState(StrEnum):
    """How far an account may go."""

    BOOT = "boot"
    """Starting: nothing is sent."""
    RECONCILING = "reconciling"
    """Finding out what happened on the exchange meanwhile; cancels may go out."""
    READY = "ready"
    DEGRADED = "degraded"
    """Something is in doubt: exits, stops and cancels alone."""
    HALTED = "halted"
    """A person has to look: cancels alone. (A kill switch also lets stops stand guard on the exchange.)"""


S = AccountState
MOVES: dict[AccountState, frozenset[AccountState]] = {
    S.BOOT: frozenset({S.RECONCILING, S.HALTED}),
    S.RECONCILING: frozenset({S.READY, S.DEGRADED, S.HALTED}),
    S.READY: frozenset({S.RECONCILING, S.DEGRADED, S.HALTED}),
    S.DEGRADED: frozenset({S.RECONCILING, S.HALTED}),
    S.HALTED: frozenset({S.BOOT}),
}
"""Allowed moves: READY is reached through RECONCILING alone, and HALTED is left by a fresh start alone."""


def may_move(now: AccountState, then: AccountState) -> bool:
    """Say whether an account may go from `now` to `then`."""
    return then in MOVES[now]
