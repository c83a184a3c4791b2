"""Every incident has a scene of its own in this folder, and every promise tests that exist."""

import pytest
from tests.trust.page import PAGE, known_tests, page
from tests.trust.table import INCIDENTS, PROMISES, Incident


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
