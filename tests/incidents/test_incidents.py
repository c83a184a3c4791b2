"""Every incident and every promise has tests that exist, and the page that says so is up to date."""

from pathlib import Path

import pytest
from tests.trust.page import PAGE, known_tests, page
from tests.trust.table import INCIDENTS, PROMISES

ROUTERS = Path(__file__).parents[2] / "src/bot/api"


@pytest.mark.parametrize("row", [*PROMISES, *INCIDENTS], ids=lambda row: row[0])
def test_every_row_names_tests_that_exist(row: tuple[str, ...]) -> None:
    assert row[-1]
    assert [name for name in row[-1] if name not in known_tests()] == []


def test_the_incident_list_is_whole() -> None:
    assert len(INCIDENTS) == len({each.name for each in INCIDENTS}) == 17


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: make trust"


def test_nothing_is_uploaded_through_the_dashboard() -> None:
    for file in ROUTERS.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "UploadFile" not in text
        assert "request.form" not in text
        assert "importlib" not in text
