"""The orchestrator: one supervised worker per account and mode, kept in step with the rows in the database."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
import structlog

from bot.db.base import Mode
from bot.domain.errors import Unavailable
from bot.ports import Clock
from bot.runtime.plan import AccountPlan
from bot.runtime.supervisor import keep_alive
from bot.runtime.worker import Outfit, Worker

log = structlog.get_logger()

Key = tuple[int, Mode]


class _Running:
    """A worker at work and the task that keeps it alive."""

    def __init__(self, worker: Worker, task: asyncio.Task[None]) -> None:
        self.worker = worker
        self.task = task

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Orchestrator:
    """Runs what the plans say, and follows them when they change."""

    def __init__(
        self,
        outfit: Outfit,
        load: Callable[[], Awaitable[Sequence[AccountPlan]]],
        clock: Clock,
        *,
        reload_every_s: float = 2.0,
    ) -> None:
        self.halted: dict[str, str] = {}
        """Accounts that a person has to mend, with the reason."""
        self.troubles: dict[str, str] = {}
        """Why an account failed last; it is being tried again, and may run by now."""
        self._outfit = outfit
        self._load = load
        self._clock = clock
        self._reload_every_s = reload_every_s
        self._running: dict[Key, _Running] = {}
        self._to_restart: set[Key] = set()

    @property
    def workers(self) -> Mapping[Key, Worker]:
        """The workers at work."""
        return {key: running.worker for key, running in self._running.items()}

    def restart(self, name: str) -> None:
        """Have an account begin anew (with "" all of them) at the next look at the plans."""
        self._to_restart |= {key for key, each in self._running.items() if name in {"", each.worker.plan.name}}

    async def run(self) -> None:
        """Go on until cancelled; then stop every account cleanly."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    try:
                        plans = {plan.key: plan for plan in await self._load()}
                    except Unavailable as error:
                        log.warning("plans.unavailable", cause=str(error))
                    else:
                        await self._follow(plans, group)
                    await self._clock.sleep(self._reload_every_s)
        finally:
            self._running.clear()

    async def _follow(self, plans: Mapping[Key, AccountPlan], group: asyncio.TaskGroup) -> None:
        for key in list(self._running):
            running = self._running[key]
            plan = plans.get(key)
            is_asked_for = key in self._to_restart
            self._to_restart.discard(key)
            if plan == running.worker.plan and not is_asked_for:
                continue
            if plan is not None and not is_asked_for and _only_disables(running.worker, plan):
                continue
            # Any other change takes the way of a restart: stop cleanly, recover from the journal, go on.
            log.info("account.reloading", account=str(running.worker.plan))
            await running.stop()
            self.halted.pop(str(running.worker.plan), None)
            self.troubles.pop(str(running.worker.plan), None)
            del self._running[key]
        for key, plan in plans.items():
            if key not in self._running:
                worker = Worker(plan, self._outfit)
                self._running[key] = _Running(worker, group.create_task(self._keep(worker), name=f"account {plan}"))

    async def _keep(self, worker: Worker) -> None:
        name = str(worker.plan)
        if cause := await keep_alive(name, worker.run, self._clock, lambda why: self.troubles.update({name: why})):
            self.halted[name] = cause


def _only_disables(worker: Worker, plan: AccountPlan) -> bool:
    """Disabling needs no restart: the strategy is told to take no new risk, and its exits stay watched.

    Nor does a stop by risk, which the engine itself has put into its row.
    """
    if msgspec.structs.replace(plan, strategies=worker.plan.strategies) != worker.plan:
        return False
    old = {each.strategy_id: each for each in worker.plan.strategies}
    new = {each.strategy_id for each in plan.strategies}
    if not new <= old.keys() or any(old[gone].is_enabled for gone in old.keys() - new):
        return False  # (a disabled strategy leaves the plan once it holds nothing more)
    newly_disabled = []
    for each in plan.strategies:
        before = old[each.strategy_id]
        if each.config != before.config or each.strategy is not before.strategy:
            return False
        if (each.is_enabled and not before.is_enabled) or (before.stopped and not each.stopped):
            return False  # a person let it trade again
        if before.is_enabled and not each.is_enabled:
            newly_disabled.append(each)
    for each in newly_disabled:
        worker.request_stop(each.strategy_id, "disabled")
    worker.plan = plan
    return True
