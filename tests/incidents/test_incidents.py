"""The page of trust: every row names tests that exist, incidents are played here, and what is not covered is said."""

import json
from collections import Counter
from pathlib import Path

import pytest
from tests.trust import figures
from tests.trust.faults import FAULTS, Fault
from tests.trust.page import PAGE, known_tests, page
from tests.trust.points import ABSENT, DEATHS, OWN_TEST
from tests.trust.table import INCIDENTS, PROMISES, Incident

from bot.killpoints import NAMES

PROVED = {
    "commit": "abc", "wild": True, "seeds": 3, "orders": 600, "trades": 300, "lives": 9, "took_s": 1.5,
    "broken": [{"seed": 8, "breaches": [{"invariant": "I3"}, {"invariant": "I4"}]}],
    "digests": {"7": "x", "8": "y", "9": "z"},
}  # fmt: skip
CHAOS = {
    "commit": "abc", "runs": 3, "kills": 6, "random_kills": 0, "troubles": {}, "took_s": 60.0,
    "ready_s": {"median": 1.0, "max": 2.5}, "rest_s": {"median": 1.0, "max": 2.0},
    "invariants": {"I1": {"says": "", "broken": 0}, "I4": {"says": "", "broken": 1}},
    "points": {"wire.first_byte": {"market": 2, "missed": 1}}, "broken": [], "kept": [],
}  # fmt: skip
CATCHES = [
    {"name": "one", "seed": 4, "invariant": "I1", "text": "", "tried": 5, "took_s": 1.0, "commit": "abc"},
    {"name": "two", "seed": -1, "invariant": "", "text": "", "tried": 200, "took_s": 9.0, "commit": "abc"},
]


@pytest.mark.parametrize("row", [*PROMISES, *INCIDENTS], ids=lambda row: row[0])
def test_every_row_names_tests_that_exist(row: tuple[str, ...]) -> None:
    assert row[-1]
    assert [name for name in row[-1] if name not in known_tests()] == []


@pytest.mark.parametrize("row", INCIDENTS, ids=lambda row: row.name)
def test_every_incident_is_played_by_a_naive_client_and_by_ours(row: Incident) -> None:
    assert known_tests()[row.tests[0]].startswith("tests/incidents/")


def test_the_incident_list_is_whole() -> None:
    assert len(INCIDENTS) == len({each.name for each in INCIDENTS}) == len({each.tests[0] for each in INCIDENTS}) == 17


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: make trust"


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row.id)
def test_every_fault_has_a_test_or_says_that_it_has_none(row: Fault) -> None:
    assert row.tests or row.missing
    assert [name for name in row.tests if name not in known_tests()] == []


def test_the_catalogue_of_faults_is_whole() -> None:
    assert [each.id for each in FAULTS] == [f"F{number:02}" for number in range(1, 61)]


def test_every_kill_point_stands_in_a_row_and_no_other_does() -> None:
    assert {point for each in DEATHS for point in each.points} == set(NAMES)
    assert not ABSENT.keys() & set(NAMES)
    assert all(test in known_tests() for test in OWN_TEST.values())


def test_what_the_commands_say_becomes_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "KEPT", tmp_path / "figures.json")
    figures.KEPT.write_text("{}")
    said = {
        "prove": json.dumps(PROVED), "chaos": json.dumps(CHAOS), "mutants": "\n".join(json.dumps(one) for one in CATCHES)
    }  # fmt: skip
    for name, text in said.items():
        (tmp_path / name).write_text(text)
    taken = figures.keep([tmp_path / name for name in said])
    assert taken == ["prove, wild", "chaos, named points, twice", "mutants"]
    known = figures.kept()
    assert known["prove, wild"].command == "bot prove --seeds 7:10 --wild"
    assert known["prove, wild"].figures["invariants broken"] == {"I3": 1}
    assert known["chaos, named points, twice"].figures["invariants broken"] == {"I4": 1}
    assert Counter(known["chaos, named points, twice"].points["wire.first_byte"]) == {"market": 2, "missed": 1}
    assert known["chaos, named points, twice"].command == "bot chaos --points wire.first_byte --double"
    assert known["mutants"].figures == {"planted": 2, "found": 1, "most seeds needed": 200, "not found": "two"}
    assert {each.commit for each in known.values()} == {"abc"}


def test_what_no_command_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no output of"):
        figures.read('{"anything": 1}', "2026-01-01")
    with pytest.raises(ValueError, match="no output of"):
        figures.read("", "2026-01-01")
