"""`bot token …`: a scraper's way in, from the command to the figures."""

import json
import urllib.error
import urllib.request

import pytest
from tests.integration.cli.person import Person, until


def test_a_token_is_shown_once_listed_by_name_and_taken_back(person: Person) -> None:
    person.ok("init")
    token = person.ok("token", "add", "prometheus").strip()
    assert len(token) == 43
    assert "already; choose another name" in person.run("token", "add", "prometheus").complaint
    assert json.loads(person.ok("token", "add", "grafana", "--json")).keys() == {"name", "token"}
    listed = json.loads(person.ok("token", "list", "--json"))
    assert [(each["name"], each["used"]) for each in listed] == [("prometheus", None), ("grafana", None)]
    assert token not in person.ok("token", "list")

    person.ok("token", "remove", "grafana")
    gone = person.run("token", "remove", "grafana")
    assert (gone.code, "see: bot token list" in gone.complaint) == (3, True)
    assert person.run("token", "add", " ").code == 2


def test_a_scraper_reads_the_figures_until_its_token_is_taken_back(person: Person) -> None:
    person.ok("init")
    token = person.ok("token", "add", "prometheus").strip()
    with person.running("dashboard") as program:
        address = program.wait_for("first run").split(": ")[1].partition("/setup")[0]

        def figures(shown: str) -> str:
            request = urllib.request.Request(f"{address}/prometheus", headers={"Authorization": f"Bearer {shown}"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read().decode()

        def is_refused() -> bool:
            try:
                figures(token)
            except urllib.error.HTTPError as error:
                error.close()
                return error.code == 401
            return False

        assert until(lambda: "bot_database_up 1.0" in figures(token))
        with pytest.raises(urllib.error.HTTPError, match="401") as caught:
            figures("x" * 43)
        caught.value.close()
        assert json.loads(person.ok("token", "list", "--json"))[0]["used"] is not None
        person.ok("token", "remove", "prometheus")
        assert until(is_refused)
        program.end()
