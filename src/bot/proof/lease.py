"""Leases in memory: what the database knows of whose turn it is outlives the processes that take turns."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.db.leases import PATIENCE_S, TTL_S, LeaseHeld, Term
from bot.domain.errors import Unavailable

FIRST_EPOCH = 1

CarryOut = Callable[[Callable[[], None]], Awaitable[None]]


class Turns:
    """Whose turn it is at one account."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.epoch = FIRST_EPOCH - 1
        self.holder = ""
        self.ends = 0.0


class MemoryLease:
    """The lease of one process (`runtime.lease.Lease`). `carry_out` brings each question to the database."""

    def __init__(
        self, turns: Turns, holder: str, carry_out: CarryOut, is_dead: Callable[[str], bool] = lambda _: False
    ) -> None:
        self.ttl_s = TTL_S
        self._turns, self._holder = turns, holder
        self._carry_out, self._is_dead = carry_out, is_dead

    async def acquire(self) -> Term:
        """Take it when it is free, has ended, or its holder is known to be dead; LeaseHeld otherwise.

        Only the turn that is seen now is ended: a question that was given up may be carried out after the next one.
        """
        turns, is_free, taken = self._turns, True, 0

        def work() -> None:
            nonlocal is_free, taken
            is_free = turns.holder in {"", self._holder} or turns.now() >= turns.ends or self._is_dead(turns.holder)
            if is_free and turns.epoch == seen:
                turns.epoch, turns.holder, turns.ends = turns.epoch + 1, self._holder, turns.now() + self.ttl_s
                taken = turns.epoch

        while is_free and not taken:
            seen = turns.epoch
            await self._ask(work)
        if not taken:
            raise LeaseHeld(turns.holder, max(0.0, turns.ends - turns.now()))
        return Term(taken, FIRST_EPOCH)

    async def renew(self, epoch: int) -> bool:
        """Let it last on; False when it is no longer ours."""
        turns, is_ours = self._turns, False

        def work() -> None:
            nonlocal is_ours
            is_ours = (turns.holder, turns.epoch) == (self._holder, epoch)
            if is_ours:
                turns.ends = turns.now() + self.ttl_s

        await self._ask(work)
        return is_ours

    async def release(self, epoch: int) -> None:
        """Give it back."""
        turns = self._turns
        if (turns.holder, turns.epoch) == (self._holder, epoch):
            turns.holder, turns.ends = "", turns.now()

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _ask(self, work: Callable[[], None]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._carry_out(work)
        except TimeoutError:
            raise Unavailable("the database does not answer in time") from None
