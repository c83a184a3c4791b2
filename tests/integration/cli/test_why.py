"""`bot why` at the command line: decisions with what came of them, and the reasons when there was none."""

import json

from tests.integration.cli.person import Person
from tests.unit.api.world import MINUTE_MS, NOW_MS, world_of


def test_why_tells_of_decisions_or_of_why_there_was_none(person: Person, database_url: str) -> None:
    person.ok("account", "add", "--name", "a", "--paper")
    person.ok("strategy", "add", "mean_reversion", "--account", "a", "--symbol", "BTCUSDT", "--title", "dips")
    assert "it has never run with this money; it is disabled" in person.ok("why", "dips")

    with world_of(database_url) as world:
        for minute in range(10):
            world.mark(1, 10_000, NOW_MS + minute * MINUTE_MS)
        world.trade(1, "3.5")
        decision = world.decision(1, at_ms=NOW_MS)
        world.decision(1, "denied", rule="max_open_orders", at_ms=NOW_MS + 1)
        world.connection.execute(
            "UPDATE decisions SET client_order_id = (SELECT client_order_id FROM orders) WHERE id = %s", (decision,)
        )
    shown = person.ok("why", "a/dips")
    for words in ("BUY: below mean", "mean 101.5", "denied by max_open_orders", "P&L 3.5", "FILLED"):
        assert words in shown
    found = json.loads(person.ok("why", "1", str(NOW_MS), "--json"))
    assert [(each["verdict"], each["rule"]) for each in found["decisions"]] == [
        ("approved", ""),
        ("denied", "max_open_orders"),
    ]
    assert found["decisions"][0]["order"]["trip"]["pnl"] == "3.5"
    assert found["nothing_because"] == []

    quiet = json.loads(person.ok("why", "1", str(NOW_MS + 5 * MINUTE_MS), "--json"))
    assert quiet["decisions"] == []
    assert "rule max_open_orders had denied that" in quiet["nothing_because"][0]
    assert any("the candle was seen" in line for line in quiet["nothing_because"])
    assert "nothing was decided then" in person.ok("why", "1", str(NOW_MS + 5 * MINUTE_MS))
    assert "--mode paper" in person.ok("why", "1", "--mode", "live")

    for words in (("soon",), ("9" * 30,), ("--mode", "play")):
        assert person.run("why", "1", *words).code == 2
    unknown = person.run("why", "nobody")
    assert (unknown.code, "see: bot strategy list" in unknown.complaint) == (3, True)
