"""Runs seeds: one world each, judged by the oracle; the same seed gives the same run."""

import gc
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from logging import CRITICAL
from multiprocessing import get_context
from typing import NoReturn

import msgspec
import structlog

from bot.proof.loop import STARTS_S, Stuck, VirtualLoop
from bot.proof.oracle import judge
from bot.proof.scene import Scene
from bot.proof.watch import Breach
from bot.proof.world import World


class Verdict(msgspec.Struct, frozen=True):
    """How a seed went. `digest` is the hash of all that happened."""

    seed: int
    breaches: tuple[Breach, ...]
    orders: int
    trades: int
    lives: int
    virtual_s: float
    digest: str
    trace: tuple[str, ...] = ()


def prove(seed: int, *, traces: bool = False, wild: bool | None = None) -> Verdict:
    """Run one seed and judge it. With `traces`, or when something broke, the lines of what happened come with it."""
    with _alone(seed):
        loop = VirtualLoop(seed)
        world = World(Scene(seed, wild=wild), loop)
        try:
            try:
                loop.run_until_complete(world.run())
            except Stuck as stuck:
                breaches = [Breach("I8", str(stuck))]
            else:
                breaches = list(world.breaches) or judge(world)
            breaches += [Breach("crash", text) for text in loop.broken]
            about = breaches[0].order if breaches and not traces else ""
            lines = world.trace.lines(about) if traces or breaches else []
            return Verdict(
                seed,
                tuple(breaches),
                orders=sum(len(each.intents) for each in world.parties),
                trades=len(world.truth.read(kind="trade")),
                lives=world.lives,
                virtual_s=loop.time() - STARTS_S,
                digest=world.trace.digest(),
                trace=tuple(lines),
            )
        finally:
            loop.bury()


@contextmanager
def _alone(seed: int) -> Iterator[None]:
    """Hold still what the whole process shares: dice, logs, and the collector, which would drop things at odd times."""
    dice, logs, collects = random.getstate(), structlog.get_config(), gc.isenabled()
    random.seed(seed)
    structlog.configure(
        [_say_nothing], structlog.make_filtering_bound_logger(CRITICAL), cache_logger_on_first_use=False
    )
    gc.disable()
    try:
        yield
    finally:
        random.setstate(dice)
        structlog.configure(**logs)
        if collects:
            gc.enable()


def _say_nothing(_logger: object, _level: str, _event: object) -> NoReturn:
    raise structlog.DropEvent


def prove_all(seeds: Sequence[int], jobs: int, *, wild: bool | None = None) -> Iterator[Verdict]:
    """Run seeds in so many processes, and give each verdict as it comes."""
    if jobs <= 1 or len(seeds) <= 1:
        yield from (prove(seed, wild=wild) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(prove, seed, wild=wild) for seed in seeds}
        try:
            for done in as_completed(running):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)
