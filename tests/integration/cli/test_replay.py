"""`bot replay` and `bot facts export` at the command line."""

import asyncio
import json

import psycopg
from tests.integration.cli.person import Person
from tests.unit.db.histories import History
from tests.unit.db.test_replay import account, keep

from bot.db.base import plain_dsn


def test_replay_agrees_with_the_tables_and_says_where_it_does_not(person: Person, database_url: str) -> None:
    assert "nothing was ever traded" in person.ok("replay")
    account_id, strategy_ids = account(database_url)
    with psycopg.connect(plain_dsn(database_url)) as connection:
        connection.execute("UPDATE accounts SET name = 'main'")
    digest = asyncio.run(keep(database_url, account_id, list(History(5, strategy_ids).steps(40))))

    (found,) = json.loads(person.ok("replay", "--json"))
    assert (found["account"], found["mode"], found["difference"]) == ("main", "paper", "")
    assert digest == found["digest"] == found["tables"]
    assert "equal" in person.ok("replay", "--account", "main")
    assert "nothing was ever traded" in person.ok("replay", "--mode", "live")

    file = person.folder / "facts.json"
    assert f"{found['facts']} facts of main (paper)" in person.ok("facts", "export", file, "--account", "main")
    (again,) = json.loads(person.ok("replay", "--journal", file, "--json"))
    assert {**again, "took_s": 0} == {**found, "took_s": 0}
    assert person.run("facts", "export", file, "--account", "main").code == 2  # it is there already

    with psycopg.connect(plain_dsn(database_url)) as connection:
        connection.execute("UPDATE postings SET amount = amount + 1 WHERE ledger = 'owner' AND asset = 'BNB'")
    broken = person.run("replay", "--json")
    assert (broken.code, "main paper" in broken.complaint) == (1, True)
    assert "owner BNB: the facts say 50, the tables say 51" in json.loads(broken.out)[0]["difference"]

    assert person.run("replay", "--mode", "play").code == 2
    assert person.run("replay", "--account", "nobody").code == 3
    assert person.run("replay", "--journal", person.folder).code == 3
