"""Planting: a mutant swaps attributes of the code for wrong ones, and everything is as before when it is pulled out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

_MISSING = object()


class Soil:
    """Where a mutant is planted: remembers what stood there."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def swap(self, owner: Any, name: str, wrong: Any) -> Any:
        """Put something wrong in an attribute's place and give what was there. It has to be there: code moves on."""
        now = getattr(owner, name)
        self._before.append((owner, name, vars(owner).get(name, _MISSING)))
        setattr(owner, name, wrong)
        return now

    def restore(self) -> None:
        """Put back what was there, the last swap first."""
        while self._before:
            owner, name, was = self._before.pop()
            if was is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, was)


class Mutant(NamedTuple):
    """A bug planted on purpose: what it breaks, and the row of the fault catalogue or promise that it stands for."""

    name: str
    breaks: str
    row: str
    plant: Callable[[Soil], None]


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """Let the code have a bug for a while."""
    soil = Soil()
    try:
        mutant.plant(soil)
        yield
    finally:
        soil.restore()


GARDEN: dict[str, Mutant] = {}
"""All mutants by name."""


def mutant(breaks: str, row: str) -> Callable[[Callable[[Soil], None]], Callable[[Soil], None]]:
    """Enter a function that plants a bug into the garden, by its name."""

    def enter(plant: Callable[[Soil], None]) -> Callable[[Soil], None]:
        name = plant.__name__
        assert name not in GARDEN, name
        GARDEN[name] = Mutant(name, breaks, row, plant)
        return plant

    return enter
