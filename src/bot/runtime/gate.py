"""The last look before a command leaves: whatever was decided, it goes out only if nothing objects at that moment."""

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from bot.domain.messages import Attempt, CancelOrder, Command
from bot.domain.order import Order, Purpose
from bot.domain.state import AccountState
from bot.runtime.condition import Condition

Objection = Callable[[], str]
"""Says why nothing may be sent now, or nothing."""


class Caps(msgspec.Struct, frozen=True):
    """How many orders may leave, whatever was decided: what stops a strategy that runs wild."""

    orders_a_minute: int = 60
    orders_a_decision: int = 10


class SendGate:
    """One account's gate (`ports.Permit` is its `permit`)."""

    def __init__(
        self,
        condition: Condition,
        *,
        caps: Caps | None = None,
        owners: Sequence[Objection] = (),
        switches: Sequence[Objection] = (),
        closing: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take `owners`, who object when the account is not ours to send for, and `switches`, which stop new orders.

        While `closing` says that a person wants everything closed, stops leave though the account is stopped.
        """
        self._condition = condition
        self._caps = caps or Caps()
        self._owners = owners
        self._switches = switches
        self._closing = closing
        self._sent: deque[int] = deque()
        self._decision = (-1, -1)
        self._children = 0

    def permit(self, command: Command, attempt: Attempt | None) -> str:  # noqa: ARG002 (one signature for all permits)
        """Say why a command may not leave now, or nothing; what may leave is counted."""
        if why := self._first(self._owners):
            return why
        if isinstance(command, CancelOrder):
            return ""
        order = command.order
        if order.purpose is Purpose.STOP and (self._closing() or self._guards(order)):
            return ""
        if why := self._state(order.purpose) or self._first(self._switches):
            return why
        if order.purpose is Purpose.STOP:
            return ""  # leaving a losing position is never counted
        return self._count(order.strategy_id, order.created_ms)

    def _guards(self, order: Order) -> bool:
        """Say whether it goes to rest on the exchange for what is held while a kill switch stops all else."""
        return order.stop_price is not None and self._condition.keeps_stops

    def _state(self, purpose: Purpose) -> str:
        state = self._condition.state
        if state is AccountState.READY:
            return ""
        if purpose is Purpose.ENTRY or state in {AccountState.BOOT, AccountState.HALTED}:
            return f"the account is {state.value}: {self._condition.reason}"
        return ""

    def _count(self, strategy_id: int, created_ms: int) -> str:
        # Minutes of the market, which a replay runs through faster than the clock. An exit that waited for a stop to
        # make way may bear the clock, years ahead of the replay: counted for good, it would hold everything back.
        while self._sent and abs(created_ms - self._sent[0]) >= 60_000:
            self._sent.popleft()
        if len(self._sent) >= self._caps.orders_a_minute:
            return f"{len(self._sent)} orders left within a minute, the account's limit"
        if self._decision != (strategy_id, created_ms):
            self._decision, self._children = (strategy_id, created_ms), 0
        if self._children >= self._caps.orders_a_decision:
            return f"{self._children} orders came of one decision, its limit"
        self._children += 1
        self._sent.append(created_ms)
        return ""

    @staticmethod
    def _first(objections: Sequence[Objection]) -> str:
        return next((why for each in objections if (why := each())), "")
