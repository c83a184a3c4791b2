"""Hunting: seeds are run with a mutant planted until one of them breaks an invariant."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import msgspec
from tests.mutants import books, following, sending, standing
from tests.mutants.planting import GARDEN, planted

from bot.proof.run import prove

SEEDS = Path(__file__).with_name("seeds.json")
"""By mutant: the first seed at which it fell when all were hunted last."""
ROOMS = (sending, following, standing, books)


class Catch(msgspec.Struct, frozen=True):
    """How a hunt ended; `seed` is -1 when nothing broke."""

    name: str
    seed: int
    invariant: str
    text: str
    tried: int
    took_s: float


def hunt(name: str, seeds: Iterable[int]) -> Catch:
    """Run seeds with a mutant planted until one breaks that holds without it."""
    began, tried = time.perf_counter(), 0
    for seed in seeds:
        tried += 1
        with planted(GARDEN[name]):
            breaches = prove(seed, wild=True).breaches
        if breaches and not prove(seed, wild=True).breaches:
            took_s = round(time.perf_counter() - began, 1)
            return Catch(name, seed, breaches[0].invariant, breaches[0].text, tried, took_s)
    return Catch(name, -1, "", "", tried, round(time.perf_counter() - began, 1))


def hunt_all(names: Sequence[str], seeds: range, jobs: int) -> Iterator[Catch]:
    """Hunt several mutants, so many at once."""
    if jobs <= 1:
        yield from (hunt(name, seeds) for name in names)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(hunt, name, seeds) for name in names]):
            yield done.result()


def known_seeds() -> dict[str, int]:
    """Give where each mutant fell when all were hunted last."""
    known: dict[str, int] = json.loads(SEEDS.read_text())
    return known


def from_known(name: str, count: int) -> Iterator[int]:
    """Give all seeds below `count`, those where the mutant fell before first."""
    first = known_seeds().get(name, 0)
    yield first
    yield from (seed for seed in range(count) if seed != first)
