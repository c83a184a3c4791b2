"""`bot report`: rows for people and programs, and one page that stands alone."""

import json

from tests.integration.cli.person import Person


def test_a_report_tells_of_every_strategy_or_of_one(person: Person) -> None:
    person.ok("account", "add", "--name", "a", "--paper")
    for title in ("ups", "downs"):
        person.ok("strategy", "add", "breakout", "--account", "a", "--symbol", "BTCUSDT", "--title", title)

    rows = json.loads(person.ok("report", "--json"))
    assert [(row["title"], row["mode"], row["pnl"], row["closed_trades"]) for row in rows] == [
        ("ups", "paper", "0", 0),
        ("downs", "paper", "0", 0),
    ]
    assert [row["title"] for row in json.loads(person.ok("report", "--strategy", "a/downs", "--json"))] == ["downs"]
    assert json.loads(person.ok("report", "--mode", "live", "--json")) == []

    person.ok("report", "--html", "page.html")
    page = (person.folder / "page.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "ups" in page
    assert "http" not in page

    unknown = person.run("report", "--strategy", "nobody")
    assert (unknown.code, "see: bot strategy list" in unknown.complaint) == (3, True)
    nowhere = person.run("report", "--html", "no/such/folder.html")
    assert (nowhere.code, "choose another file" in nowhere.complaint) == (3, True)
