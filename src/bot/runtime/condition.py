"""The condition of one account: which state it is in, and every doubt that keeps it from taking new risk.

A doubt moves right at once. READY comes back when no doubt is left and the exchange was looked at since the last one
was settled.
"""

import asyncio
from collections.abc import Callable

import structlog

from bot.domain.state import AccountState, may_move

log = structlog.get_logger()

Listener = Callable[[AccountState, str], None]

EXCHANGE = "exchange"
"""The doubt that a look has failed; the next one that succeeds takes it back."""


class Condition:
    """Holds the state of an account (`ports.Doubts`); `listener` hears of every move."""

    def __init__(self, account: str, listener: Listener | None = None) -> None:
        self.account = account
        self.state = AccountState.BOOT
        self.reason = "starting"
        self.keeps_stops = False
        """Halted by a kill switch and by nothing else: stops that guard what is held may still be placed."""
        self.listener = listener
        self.wants_look = asyncio.Event()
        """Set while somebody waits for a look at the exchange that has not begun."""
        self._doubts: dict[str, str] = {}

    @property
    def doubts(self) -> dict[str, str]:
        """What is in doubt, by name, with the reason."""
        return dict(self._doubts)

    def doubt(self, name: str, reason: str) -> None:
        """Take no new risk until `settle(name)` and a clean look at the exchange."""
        self._doubts[name] = reason
        if self.state in {AccountState.READY, AccountState.RECONCILING}:
            self._move(AccountState.DEGRADED, self._reasons())
        self._explain()

    def settle(self, name: str) -> None:
        """Take a doubt back, or merely wish for a look. New risk still waits for a clean look at the exchange."""
        self._doubts.pop(name, None)
        self.wants_look.set()
        self._explain()

    def begin(self) -> None:
        """The exchange is being looked at, for everything that was settled until now.

        A look while all is well, or while another doubt remains anyway, moves nothing.
        """
        self.wants_look.clear()
        if self.state is AccountState.BOOT or (self.state is AccountState.DEGRADED and not self._doubts):
            self._move(AccountState.RECONCILING, "comparing with the exchange")

    def finish(self) -> None:
        """The look at the exchange was clean."""
        self._doubts.pop(EXCHANGE, None)
        if self._doubts:
            if self.state is AccountState.RECONCILING:
                self._move(AccountState.DEGRADED, self._reasons())
            self._explain()
            return
        if self.state is AccountState.DEGRADED and not self.wants_look.is_set():
            self._move(AccountState.RECONCILING, "comparing with the exchange")
        if self.state is AccountState.RECONCILING:
            self._move(AccountState.READY, "")

    def halt(self, reason: str, *, keeps_stops: bool = False) -> None:
        """Stop until a person lets it start again; what halts it may never give back that stops may be placed."""
        if self.state is not AccountState.HALTED:
            self.keeps_stops = keeps_stops
            self._move(AccountState.HALTED, reason)
        elif self.keeps_stops and not keeps_stops:
            self.keeps_stops = False
            self._tell(reason)

    def _reasons(self) -> str:
        return "; ".join(self._doubts.values()) or "what was in doubt is settled; a look at the exchange follows"

    def _explain(self) -> None:
        """Keep the reason true while doubts come and go."""
        if self.state is AccountState.DEGRADED:
            self.reason = self._reasons()

    def _move(self, state: AccountState, reason: str) -> None:
        assert may_move(self.state, state), f"{self.state} may not become {state}"
        self.state = state
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        self.reason, state = reason, self.state
        log.log(
            40 if state is AccountState.HALTED else 30 if state is AccountState.DEGRADED else 20,
            "account.state", account=self.account, state=state.value, reason=reason,
        )  # fmt: skip
        if self.listener is not None:
            self.listener(state, reason)
