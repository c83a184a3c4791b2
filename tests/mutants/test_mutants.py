"""Planted bugs: each falls within 200 seeds of the proof, or the worlds have become too tame."""

import pytest
from tests.mutants.hunting import ROOMS, from_known, hunt, known_seeds
from tests.mutants.planting import GARDEN

pytestmark = pytest.mark.mutants
SEEDS = 200


def test_there_are_at_least_25_of_them_and_each_says_what_it_breaks() -> None:
    assert len(known_seeds()) >= 25
    assert all(each.breaks and each.row for each in GARDEN.values())
    assert len(ROOMS) == 4


@pytest.mark.parametrize("name", sorted(known_seeds()))
def test_a_planted_bug_is_found(name: str) -> None:
    catch = hunt(name, from_known(name, SEEDS))
    assert catch.seed >= 0, f"{name} ({GARDEN[name].breaks}) survived {SEEDS} seeds"
