"""Kept backtests on the dashboard."""

import asyncio

import pytest
from starlette.testclient import TestClient
from tests.unit.api.world import World
from tests.unit.reporting.runs.conftest import play, walk

from bot.db.base import create_async, session_factory, unit_of_work
from bot.db.runs import Runs
from bot.reporting.runs import page
from bot.reporting.runs.document import Document, describe, result_of

HOSTILE = "<b>run</b>"


def keep(url: str, name: str, document: Document) -> None:
    async def work() -> None:
        engine = create_async(url, pooled=False)
        async with unit_of_work(session_factory(engine)) as session:
            await Runs(session).add(name, result_of(document), document["pictures"])
        await engine.dispose()

    asyncio.run(work())


@pytest.fixture(scope="module")
def document() -> Document:
    return describe(play(walk(700)))


def test_kept_backtests_are_listed_and_their_reports_shown(
    client: TestClient, world: World, database_url: str, document: Document
) -> None:
    assert "None is kept yet" in client.get("/backtests").text
    keep(database_url, "first", document)
    keep(database_url, HOSTILE, document)
    listed = client.get("/backtests")
    assert listed.status_code == 200
    assert 'href="/backtests/first"' in listed.text
    assert HOSTILE not in listed.text
    assert f"{document['figures']['trades']:,}</td>" in listed.text
    shown = client.get("/backtests/first")
    assert shown.text == page.report(document)
    assert client.get("/backtests/second").status_code == 404


def test_a_report_is_shown_in_a_sandbox_of_its_own(
    client: TestClient, world: World, database_url: str, document: Document
) -> None:
    keep(database_url, "first", document)
    answer = client.get("/backtests/first")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert "default-src 'self'" in client.get("/backtests").headers["content-security-policy"]


def test_nobody_sees_them_without_a_session(client: TestClient, world: World) -> None:
    client.cookies.clear()
    for path in ("/backtests", "/backtests/first"):
        answer = client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
