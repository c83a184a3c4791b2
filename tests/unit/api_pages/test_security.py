"""The guard: hosts, origins, sessions, tokens and headers on every answer."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from tests.fakes.people import FakePeople
from tests.unit.api_pages.conftest import Times

from bot.api.sessions import Person, Session
from bot.security.tokens import csrf_token, token_hash

TOKEN = "a-session-token"
CHANGE = "/api/v1/strategies/1/enable"


@pytest.fixture
def inside(client: TestClient, people: FakePeople, times: Times, ana: Person) -> TestClient:
    """The browser of somebody who is signed in."""
    hashed = token_hash(TOKEN)
    people.sessions[hashed] = Session(hashed, ana.id, ana.name, times.now_ms, times.now_ms)
    client.cookies.set("bot_session", TOKEN)
    return client


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", 200), ("/static/styles.css", 200), ("/login", 303), ("/setup", 200), ("/", 303), ("/strategies/1", 303), ("/nowhere", 303),
     ("/api/v1/overview", 401), ("/metrics/strategies", 401), ("/prometheus", 401), ("/docs", 303), ("/healthy", 303), ("/static", 303)],
)  # fmt: skip
def test_without_a_session_only_the_open_doors_open(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    if status == 401:
        assert answer.json() == {"detail": "sign in first"}
    elif status == 303 and path not in {"/login", "/"}:
        assert answer.headers["location"] == f"/login?next={path}"


def test_a_change_without_a_session_is_refused_as_json(client: TestClient) -> None:
    assert client.post(CHANGE).status_code == 401
    assert client.post("/strategies/1").status_code == 401


@pytest.mark.parametrize("path", ["/", "/api/v1/overview", "/metrics/strategies", "/strategies/1", "/prometheus"])
def test_with_a_session_everything_opens(inside: TestClient, path: str) -> None:
    assert inside.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/health", "/login", "/", "/api/v1/overview", "/nowhere", "/static/app.js", "/static/none.js"]
)
def test_every_answer_carries_the_safety_headers(inside: TestClient, path: str) -> None:
    headers = inside.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static/") else "no-store")
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "127.0.0.1", "localhost:x", "evil@localhost:1@"]
)
def test_a_host_that_is_not_ours_is_not_served(inside: TestClient, host: str) -> None:
    assert inside.get("/health", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:9999", "LOCALHOST:8000", "bot.example"])
def test_a_host_of_ours_is_served_on_any_port(inside: TestClient, host: str) -> None:
    assert inside.get("/health", headers={"host": host}).status_code == 200


def test_a_change_needs_the_token_of_this_session(inside: TestClient) -> None:
    assert inside.post(CHANGE).status_code == 403
    assert inside.post(CHANGE, headers={"X-CSRF-Token": csrf_token("another-session")}).status_code == 403
    assert inside.post(CHANGE, headers={"X-CSRF-Token": csrf_token(TOKEN)}).json() == {"is_changed": True}


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://localhost:1"}],
)  # fmt: skip
def test_a_change_from_another_site_is_refused_even_with_the_token(inside: TestClient, headers: dict[str, str]) -> None:
    answer = inside.post(CHANGE, headers={"X-CSRF-Token": csrf_token(TOKEN), **headers})
    assert answer.status_code == 403


def test_a_change_from_our_own_page_passes(inside: TestClient) -> None:
    headers = {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin", "X-CSRF-Token": csrf_token(TOKEN)}
    assert inside.post(CHANGE, headers=headers).status_code == 200


def test_a_huge_body_is_refused_unread(inside: TestClient) -> None:
    assert inside.post("/login", content=b"x" * 70_000).status_code == 413
    assert inside.post("/login", content=iter([b"x"])).status_code == 413


@pytest.mark.parametrize(("minutes", "status"), [(29, 200), (31, 401)])
def test_a_session_ends_after_thirty_idle_minutes(inside: TestClient, times: Times, minutes: int, status: int) -> None:
    times.now_ms += minutes * 60_000
    assert inside.get("/api/v1/overview").status_code == status


def test_a_visit_keeps_a_session_alive_but_twelve_hours_end_it(inside: TestClient, times: Times) -> None:
    for _ in range(12 * 3):
        times.now_ms += 20 * 60_000
        assert inside.get("/api/v1/overview").status_code == 200
    times.now_ms += 60_000
    assert inside.get("/api/v1/overview").status_code == 401


def test_a_page_that_refreshes_itself_does_not_keep_an_idle_session_alive(
    inside: TestClient, times: Times, people: FakePeople
) -> None:
    for _ in range(3):
        times.now_ms += 12 * 60_000
        inside.get("/api/v1/overview", headers={"X-Background": "1"})
    assert people.sessions == {}


def test_an_absent_database_closes_the_doors(inside: TestClient, people: FakePeople) -> None:
    people.is_away = True
    assert inside.get("/api/v1/overview").status_code == 503
    assert inside.get("/health").status_code == 200


def test_websockets_are_refused(app: FastAPI, client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/v1/events"):
        pass


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer figures", 200),
        ("bearer  figures ", 200),
        ("Bearer wrong", 401),
        ("Bearer", 401),
        ("Basic figures", 401),
    ],
)
def test_a_scraper_reads_the_figures_with_its_token(
    client: TestClient, people: FakePeople, header: str, status: int
) -> None:
    people.scrapers.add(token_hash("figures"))
    assert client.get("/prometheus", headers={"authorization": header}).status_code == status


@pytest.mark.parametrize("path", ["/api/v1/overview", "/metrics/strategies", "/prometheus/", "/strategies/1"])
def test_a_scrapers_token_opens_nothing_else(client: TestClient, people: FakePeople, path: str) -> None:
    people.scrapers.add(token_hash("figures"))
    assert client.get(path, headers={"authorization": "Bearer figures"}).status_code in {303, 401}
    assert client.post("/prometheus", headers={"authorization": "Bearer figures"}).status_code == 401


def test_a_scraper_hears_that_the_database_is_away(client: TestClient, people: FakePeople) -> None:
    people.is_away = True
    assert client.get("/prometheus", headers={"authorization": "Bearer figures"}).status_code == 503
