"""The kill switch by HTTP: engaged by whoever is signed in, on record if there is a record, lifted nowhere here."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient
from tests.unit.api.world import World

from bot.runtime.kill_switch import KillSwitch


@pytest.fixture
def switch(app: FastAPI, tmp_path: Path) -> KillSwitch:
    made = KillSwitch(tmp_path / "run")
    app.state.deps = app.state.deps.__class__(
        **{name: getattr(app.state.deps, name) for name in app.state.deps.__slots__} | {"kill": made}
    )
    return made


def test_it_stops_every_account_and_says_so(client: TestClient, switch: KillSwitch, world: World) -> None:
    assert client.get("/api/v1/kill").json() == []
    answer = client.post("/api/v1/kill", json={"why": "it buys and buys"})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["who"], told["why"], told["account"], told["flatten"]) == ("ada", "it buys and buys", "", False)
    assert client.get("/api/v1/kill").json() == [told]
    assert "it buys and buys (ada, " in switch.engaged("home")
    assert world.rows("SELECT actor, action, subject, detail->>'why' FROM audit") == [
        ("ada", "kill_switch.engaged", "all", "it buys and buys")
    ]


def test_it_stops_one_account_alone(client: TestClient, switch: KillSwitch) -> None:
    assert client.post("/api/v1/kill", json={"account": "home", "flatten": True}).json()["flatten"] is True
    assert switch.engaged("home")
    assert not switch.engaged("bank")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"account": "nobody"}, 404),
        ({"why": "x" * 501}, 422),
        ({"flatten": "yes"}, 422),
        ({"everything": True}, 422),
        ([], 422),
    ],
)
def test_nonsense_stops_nothing(client: TestClient, switch: KillSwitch, asked: object, status: int) -> None:
    assert client.post("/api/v1/kill", json=asked).status_code == status
    assert switch.notes() == []


def test_without_a_token_of_the_session_nothing_is_stopped(client: TestClient, switch: KillSwitch) -> None:
    assert client.post("/api/v1/kill", json={}, headers={"x-csrf-token": ""}).status_code == 403
    client.cookies.clear()
    assert client.post("/api/v1/kill", json={}).status_code == 401
    assert client.get("/api/v1/kill").status_code == 401
    assert switch.notes() == []


def test_it_works_when_nothing_can_be_put_on_record(
    client: TestClient, switch: KillSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("the database is away"))

    monkeypatch.setattr("bot.api.routers.kill.Audit.append", away)
    monkeypatch.setattr("bot.api.routers.kill.Accounts.by_name", away)
    assert client.post("/api/v1/kill", json={"account": "home"}).status_code == 200
    assert switch.engaged("home")


def test_a_switch_that_others_cannot_see_is_not_passed_off_as_one(
    client: TestClient, switch: KillSwitch, tmp_path: Path
) -> None:
    (tmp_path / "run").write_text("a file where the folder should be")
    answer = client.post("/api/v1/kill", json={})
    assert (answer.status_code, "bot panic" in answer.json()["detail"]) == (503, True)
    assert switch.engaged()


def test_a_dashboard_without_a_switch_says_so(client: TestClient) -> None:
    assert client.post("/api/v1/kill", json={}).status_code == 503
