"""Keeps an account's lease, and knows by itself when it is over: nobody has to be asked before an order is sent."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from bot.db.leases import LeaseHeld, LeaseLost, Term
from bot.domain.errors import Unavailable
from bot.killpoints import reached

log = structlog.get_logger()

RENEW_AT = 1 / 3
"""The part of its duration after which a lease is renewed: 5 s of 15 s."""
MARGIN = 2 / 15
"""We count our lease as over this much sooner than others do: the seconds of two machines are not quite the same."""
RETRY_S = 0.5
LONGEST_WAIT_S = 1.0


class Lease(Protocol):
    """The right to send the orders of one account, as a database gives it to one process at a time."""

    @property
    def ttl_s(self) -> float:
        """How long it lasts without being renewed, by the database's clock."""
        ...

    async def acquire(self) -> Term:
        """Take it, with a new epoch. LeaseHeld names who has it; Unavailable when there is no answer."""
        ...

    async def renew(self, epoch: int) -> bool:
        """Let it last on; False when it is no longer ours."""
        ...

    async def release(self, epoch: int) -> None:
        """Give it back."""
        ...

    async def close(self) -> None:
        """Let go of what it was asked through."""
        ...


def since_boot() -> float:
    """Give seconds of a clock that never jumps and goes on while the machine is suspended."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)  # counts sleep there, unlike time.monotonic
    return time.monotonic()


class Keeper:
    """Takes the lease of an account, renews it, and says at any moment whether we may still send."""

    def __init__(
        self,
        name: str,
        lease: Lease,
        *,
        now: Callable[[], float] = since_boot,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.lost = asyncio.Event()
        """Set once an acquired lease is over; a new acquisition clears it."""
        self._name = name
        self._lease = lease
        self._now = now
        self._sleep = sleep
        self._term = Term(0, 0)
        self._ends = 0.0
        self._objection = "no lease was acquired yet"

    @property
    def epoch(self) -> int:
        """The number of our turn; 0 before the first one."""
        return self._term.epoch

    def is_ours(self, epoch: int) -> bool:
        """Say whether our database gave this epoch, now or formerly: if not, another one uses the account, too."""
        return self._term.first_epoch <= epoch <= self._term.epoch

    def objection(self) -> str:
        """Give why we may not send, or "" while we may. To be asked last, just before the first byte."""
        if not self._objection and (late_s := self._now() - self._ends) >= 0:
            self._lose(f"the lease of {self._name} ended {late_s:.1f} s ago: it was not renewed in time")
        return self._objection

    async def take(self) -> int:
        """Acquire the lease and give its epoch. LeaseHeld when another has it, Unavailable without a database."""
        asked = self._now()
        self._term = await self._lease.acquire()
        self._lasts_from(asked)
        self._objection = ""
        self.lost.clear()
        log.info("lease.acquired", account=self._name, epoch=self.epoch)
        return self.epoch

    async def take_when_free(self, on_wait: Callable[[LeaseHeld], None] = lambda _: None) -> int:
        """Wait until the lease can be had, and acquire it; `on_wait` hears, each second or so, who has it."""
        while True:
            try:
                return await self.take()
            except LeaseHeld as held:
                on_wait(held)
                await self._sleep(min(held.left_s, LONGEST_WAIT_S))

    async def keep(self) -> None:
        """Renew the lease until cancelled; LeaseLost when it is over."""
        while not self.objection():
            await self._sleep(min(RENEW_AT * self._lease.ttl_s, max(0.0, self._ends - self._now())))
            while not self.objection() and not await self._renew():
                await self._sleep(RETRY_S)
        raise LeaseLost(self._objection)

    async def release(self) -> None:
        """Send no more, and let the next one have the lease at once. When that cannot be said, it ends by itself."""
        was_held = not self.objection()
        self._objection = self._objection or "the lease was given back"
        try:
            if was_held:
                await self._lease.release(self.epoch)
                log.info("lease.released", account=self._name, epoch=self.epoch)
        except Unavailable as error:
            log.warning("lease.not_released", account=self._name, reason=str(error))
        finally:
            await self._lease.close()

    async def _renew(self) -> bool:
        """Try once; False when there was no answer."""
        asked = self._now()
        try:
            is_ours = await self._lease.renew(self.epoch)
        except Unavailable as error:
            log.warning("lease.not_renewed", account=self._name, reason=str(error))
            return False
        if is_ours:
            self._lasts_from(asked)
            reached("lease.renewed")
        else:
            self._lose(f"the lease of {self._name} was taken over by another process")
        return True

    def _lasts_from(self, asked: float) -> None:
        # From before the question was sent: the database began to count later than this, so it ends later, too.
        self._ends = asked + (1 - MARGIN) * self._lease.ttl_s

    def _lose(self, reason: str) -> None:
        self._objection = reason
        self.lost.set()
        log.error("lease.lost", account=self._name, epoch=self.epoch, reason=reason)
