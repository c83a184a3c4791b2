"""Chaos: kills the real bot at named points and at random, spoils its lines and its database, and asks the oracle."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random

import msgspec

from bot.killpoints import NAMES
from bot.proof.chaos_stage import SPEED, Silent, Stage
from bot.proof.oracle import Breach
from bot.proof.proxy import CLEAN, Toxics

AT_BOOT = ("recon.started", "recon.page", "recon.repaired", "recon.ready")
"""Points that a start passes, whatever is traded."""
_FILLS = frozenset({"event.journaled", "fold.positions", "fold.ledger"})
_CANCELS = frozenset({"cancel.intent", "cancel.wire", "cancel.ack"})
AT_SETTING_UP = ("migration.step",)
"""Points that only a new database passes: they have runs of their own."""
HIT_S = 30.0
"""How long a point has to be hit in."""
REST_S = 30.0
FENCE_REST_S = 60.0
"""How long everything has to come to rest after a restart; with the fence, where the exchange's time was left alone."""

_LINE_TROUBLES = (
    Toxics(latency_s=0.3, jitter_s=0.5), Toxics(is_down=True), Toxics(is_silent=True), Toxics(slice_bytes=40),
    Toxics(bandwidth=3_000), Toxics(reset_after=2_000), Toxics(limit=3_000), Toxics(slow_close_s=1.0, latency_s=0.05),
)  # fmt: skip


class Case(msgspec.Struct, frozen=True):
    """One run: what is traded, and what goes wrong. `points` are kill points in order, with their counts."""

    name: str
    kind: str
    points: tuple[str, ...] = ()
    is_random: bool = False
    has_trouble: bool = False
    keeps_time: bool = False
    """Whether the exchange's time goes on only as ours does: then the fence is really waited for."""


class Result(msgspec.Struct, frozen=True):
    """How a run went. `missed` names points that were never reached."""

    case: Case
    breaches: tuple[Breach, ...]
    kills: int
    missed: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    rest_s: float = 0.0
    """From ready to rest."""
    took_s: float = 0.0


def kinds_of(point: str, kinds: Sequence[str]) -> Sequence[str]:
    """Give the kinds of order that pass a point, among these."""
    if point in _CANCELS:
        return [each for each in kinds if each == "cancel"]
    if point == "stop.placed":
        return [each for each in kinds if each == "stop"]
    if point in _FILLS:
        return [each for each in kinds if each != "cancel"]
    return kinds


def cases_at(points: Sequence[str], kinds: Sequence[str], *, double: bool, lots: Random) -> list[Case]:
    """Give a run for each point and kind of order; `double` kills the next life, too, half of the time as it starts."""
    found = []
    for point in points:
        for kind in () if point in AT_SETTING_UP else kinds_of(point, kinds):
            first = point if point in AT_BOOT or point == "shutdown.drain" else f"{point}:{lots.choice((1, 2, 3))}"
            second = lots.choice((lots.choice(AT_BOOT), point)) if double else ""
            if second == "shutdown.drain":
                second = "recon.ready"
            chosen = (first, second) if second else (first,)
            found.append(Case(" then ".join(chosen), kind, chosen))
    return found


def random_cases(count: int, *, trouble: bool, lots: Random) -> Iterator[Case]:
    """Give runs in which the bot is killed at any time, or its lines and its database are spoiled."""
    for _ in range(count):
        name = "trouble" if trouble else "random kill"
        keeps_time = lots.random() < 0.05 or (trouble and lots.random() < 0.2)
        yield Case(name, "any", is_random=True, has_trouble=trouble, keeps_time=keeps_time)


class Runner:
    """Runs cases on one stage, one after the other, on one account: what one leaves, the next one finds."""

    def __init__(self, stage: Stage, account_id: int, lots: Random) -> None:
        self._stage, self._account_id, self._lots = stage, account_id, lots
        self.judgements = 0

    async def run(self, case: Case) -> Result:
        """Let one thing go wrong, restart, come to rest, and look."""
        began = time.monotonic()
        missed: tuple[str, ...] = ()
        kills, troubles = 0, []
        try:
            await self._trade(case)
            if case.has_trouble:
                troubles = await self._trouble()
                kills = await self._end_at_random(may_live=True)
            elif case.is_random:
                kills = await self._end_at_random()
            else:
                kills, missed = await self._end_at(case.points)
            rest_s, breaches = await self._rest(case)
        except Silent as silent:
            rest_s, breaches = 0.0, [Breach("I8", str(silent))]
        took_s = time.monotonic() - began
        return Result(case, tuple(breaches), kills, missed, tuple(troubles), rest_s, took_s)

    async def _trade(self, case: Case) -> None:
        """Begin to trade, with a living bot where the case needs one."""
        stage = self._stage
        stage.arm("")
        stage.wish(case.kind)
        if stage.bot is None or stage.bot.ended.is_set():
            await stage.start_bot()
        await stage.run_at(SPEED)

    async def _end_at(self, points: Sequence[str]) -> tuple[int, tuple[str, ...]]:
        """Let the bot die at each of these points, life after life."""
        stage = self._stage
        for number, point in enumerate(points):
            is_alive = stage.bot is not None and not stage.bot.ended.is_set()
            if point.split(":")[0] in AT_BOOT and is_alive:
                await asyncio.sleep(self._lots.uniform(0.3, 0.8))  # something has to be open when it starts
                await stage.kill()
                is_alive = False
            stage.arm(point)
            is_asked_to_end = point == "shutdown.drain"
            if not is_alive:
                await (stage.start_bot() if is_asked_to_end else stage.spawn())
            if is_asked_to_end:
                await asyncio.sleep(self._lots.uniform(0.1, 0.5))
                stage.tell_to_end()
            if not await stage.death(HIT_S) or stage.to_come:
                return number, tuple(points[number:])
        return len(points), ()

    async def _end_at_random(self, *, may_live: bool = False) -> int:
        """Kill it whenever, sometimes again while it starts."""
        lots, stage = self._lots, self._stage
        if may_live and lots.random() < 0.4:
            return 0
        await asyncio.sleep(lots.uniform(0.0, 1.2))
        await stage.kill()
        kills = 1
        while lots.random() < 0.3:
            await stage.spawn()
            await asyncio.sleep(lots.uniform(0.0, 2.5))
            await stage.kill()
            kills += 1
        return kills

    async def _trouble(self) -> list[str]:
        """Spoil the lines, or the database, for a moment."""
        lots, stage = self._lots, self._stage
        await asyncio.sleep(lots.uniform(0.0, 0.5))
        away_s = lots.uniform(0.2, 3.0)
        match lots.randrange(4):
            case 0:
                await stage.kill_database(away_s)
                return ["database killed"]
            case 1:
                await stage.pause_database(away_s)
                return ["database paused"]
            case 2:
                trouble = lots.choice(_LINE_TROUBLES)
                stage.spoil(database=trouble)
                name = f"database: {_words(trouble)}"
            case _:
                trouble = lots.choice(_LINE_TROUBLES)
                stage.spoil(line=trouble)
                name = f"exchange: {_words(trouble)}"
        await asyncio.sleep(away_s)
        stage.spoil()
        return [name]

    async def _rest(self, case: Case) -> tuple[float, list[Breach]]:
        """Let nothing go wrong any more, start the bot, and look until all holds, or time is up."""
        stage = self._stage
        stage.spoil()
        stage.arm("")
        stage.wish("rest")
        await stage.run_at(0)
        trouble, patience_s = "", FENCE_REST_S
        if stage.bot is None or stage.bot.ended.is_set():
            if not case.keeps_time:
                await stage.age()
                patience_s = REST_S
            try:
                await stage.start_bot()
            except Silent as silent:
                trouble, patience_s = str(silent), 1.0
        began = time.monotonic()
        while True:
            breaches = await stage.look(self._account_id, trouble)
            self.judgements += 1
            rest_s = time.monotonic() - began
            if not breaches or rest_s > patience_s:
                return rest_s, breaches
            await asyncio.sleep(0.15)


async def perform(
    stage: Stage,
    account_id: int,
    cases: Iterator[Case],
    on_result: Callable[[Result], None],
    lots: Random,
) -> None:
    """Take cases as long as there are any. What a breach left is kept, and the stage goes no further."""
    runner = Runner(stage, account_id, lots)
    for case in cases:
        result = await runner.run(case)
        on_result(result)
        if result.breaches:
            stage.keep("breach")
            return


def check_points(names: Sequence[str]) -> list[str]:
    """Give those that do not exist."""
    return [name for name in names if name not in NAMES]


def _words(toxics: Toxics) -> str:
    names = Toxics.__dataclass_fields__
    return " ".join(name for name in names if getattr(toxics, name) != getattr(CLEAN, name))
