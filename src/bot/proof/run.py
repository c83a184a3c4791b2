"""Runs seeds: one world each, judged by the oracle; the same seed gives the same run."""

import gc
import random
from collections.abc import Iterator
from contextlib import contextmanager
from logging import CRITICAL

import msgspec
import structlog

from bot.proof.loop import Stuck, VirtualLoop
from bot.proof.oracle import Breach, judge
from bot.proof.world import Scene, World


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


def prove(seed: int, *, traces: bool = False) -> Verdict:
    """Run one seed and judge it. With `traces`, or when something broke, the lines of what happened come with it."""
    with _alone(seed):
        loop = VirtualLoop(seed)
        world = World(Scene(seed), loop)
        try:
            try:
                loop.run_until_complete(world.run())
            except Stuck as stuck:
                breaches = [Breach("I8", str(stuck))]
            else:
                breaches = judge(world)
            about = breaches[0].order if breaches and not traces else ""
            lines = world.trace.lines(about) if traces or breaches else []
            return Verdict(
                seed, tuple(breaches), len(world.intents), len(world.truth.read(kind="trade")), world.lives,
                loop.time(), world.trace.digest(), tuple(lines),
            )  # fmt: skip
        finally:
            loop.bury()


@contextmanager
def _alone(seed: int) -> Iterator[None]:
    """Hold still what the whole process shares: dice, logs, and the collector, which would drop things at odd times."""
    dice, logs, collects = random.getstate(), structlog.get_config(), gc.isenabled()
    random.seed(seed)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    gc.disable()
    try:
        yield
    finally:
        random.setstate(dice)
        structlog.configure(**logs)
        if collects:
            gc.enable()
