"""Signing in and out: first run, forms, guesses."""

import re

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient
from tests.fakes.people import FakePeople
from tests.unit.api_pages.conftest import PASSWORD, SETUP_TOKEN, Times

from bot.api.sessions import FIRST_RUN_MS, Person
from bot.security.tokens import token_hash


def form_token(page: Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found
    return found[1]


def sign_in(client: TestClient, name: str = "ana", password: str = PASSWORD, **more: str) -> Response:
    csrf = form_token(client.get("/login"))
    return client.post("/login", data={"name": name, "password": password, "csrf": csrf, **more})


def set_up(client: TestClient, token: str = SETUP_TOKEN, **more: str) -> Response:
    page = client.get("/setup", params={"token": token})
    csrf = form_token(page) if 'name="csrf"' in page.text else ""
    fields = {"name": "ana", "password": PASSWORD, "again": PASSWORD, "token": token, "csrf": csrf}
    return client.post("/setup", data=fields | more)


def test_the_first_person_sets_a_password_with_the_consoles_token_and_is_signed_in(
    client: TestClient, people: FakePeople
) -> None:
    assert client.get("/login").headers["location"] == "/setup"
    answer = set_up(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert PASSWORD not in people.people["ana"].password_hash
    assert client.get("/").status_code == 200


def test_the_consoles_token_works_once(client: TestClient, people: FakePeople) -> None:
    set_up(client)
    again = set_up(client, name="eve")
    assert again.headers["location"] == "/login"
    assert list(people.people) == ["ana"]


@pytest.mark.parametrize("token", ["", "wrong", "\0", "x" * 2000])
def test_without_the_right_token_nobody_is_created(client: TestClient, people: FakePeople, token: str) -> None:
    answer = client.post("/setup", data={"name": "eve", "password": PASSWORD, "again": PASSWORD, "token": token})
    assert answer.status_code in {200, 403, 422}
    assert people.people == {}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"again": "something else"}, "differ"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"name": "  "}, "choose a user name"),
        ({"name": "a\0b"}, "visible"),
        ({"name": "a" * 65}, "64 characters"),
        ({"csrf": "made up"}, "too old"),
    ],
)
def test_a_first_run_with_a_mistake_says_which_and_creates_nobody(
    client: TestClient, people: FakePeople, change: dict[str, str], told: str
) -> None:
    answer = set_up(client, **change)
    assert answer.status_code == 400
    assert told in answer.text
    assert people.people == {}


@pytest.mark.usefixtures("ana")
def test_the_right_password_opens_a_fresh_session_and_ends_the_earlier_one(
    client: TestClient, people: FakePeople
) -> None:
    sign_in(client)
    first = client.cookies["bot_session"]
    client.get("/login")
    again = client.post(
        "/login", data={"name": "ana", "password": PASSWORD, "csrf": _visit_csrf(client)}
    )  # fmt: skip
    assert again.status_code == 303
    second = client.cookies["bot_session"]
    assert second != first
    assert list(people.sessions) == [token_hash(second)]


@pytest.mark.usefixtures("ana")
def test_the_cookie_is_closed_to_scripts_and_other_sites(client: TestClient) -> None:
    cookie = sign_in(client).headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.usefixtures("ana")
def test_over_https_the_cookie_is_bound_to_host_and_transport(app: FastAPI) -> None:
    with TestClient(app, base_url="https://bot.example", follow_redirects=False) as client:
        answer = sign_in(client)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-bot_session=")
        assert "Secure" in cookie
        assert "max-age" in answer.headers["strict-transport-security"]
        assert client.get("/").status_code == 200


@pytest.mark.usefixtures("ana")
def test_over_plain_http_from_afar_nobody_types_a_password(app: FastAPI) -> None:
    with TestClient(app, base_url="http://bot.example", follow_redirects=False) as client:
        assert "needs https" in client.get("/login").text
        answer = client.post("/login", data={"name": "ana", "password": PASSWORD})
        assert answer.status_code == 403
        assert "bot_session" not in client.cookies


@pytest.mark.usefixtures("ana")
def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(client: TestClient) -> None:
    wrong, unknown = sign_in(client, password="wrong"), sign_in(client, name="eve", password="wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace('"ana"', "") == unknown.text.replace('"eve"', "")


@pytest.mark.usefixtures("ana")
def test_after_three_failures_the_wait_grows_also_for_the_right_password(client: TestClient, times: Times) -> None:
    for _ in range(3):
        assert sign_in(client, password="wrong").status_code == 401
    held = sign_in(client)
    assert (held.status_code, held.headers["retry-after"]) == (429, "1")
    times.monotonic_s += 1.0
    assert sign_in(client, password="wrong").status_code == 401
    assert sign_in(client).headers["retry-after"] == "2"
    times.monotonic_s += 2.0
    assert sign_in(client).status_code == 303


@pytest.mark.usefixtures("ana")
@pytest.mark.parametrize(
    ("target", "landed"),
    [("/strategies/3", "/strategies/3"), ("//evil.example", "/"), ("/\\evil.example", "/"), ("https://evil.example", "/"), ("", "/"), ("/\r\nX: y", "/")],
)  # fmt: skip
def test_signing_in_leads_only_to_our_own_pages(client: TestClient, target: str, landed: str) -> None:
    assert sign_in(client, next=target).headers["location"] == landed


@pytest.mark.usefixtures("ana")
def test_a_wrong_password_does_not_forget_the_page_that_was_wanted(client: TestClient) -> None:
    page = sign_in(client, password="wrong", next="/strategies/3")
    assert 'name="next" value="/strategies/3"' in page.text


@pytest.mark.usefixtures("ana")
def test_a_login_form_of_another_visit_is_refused(client: TestClient) -> None:
    client.get("/login")
    answer = client.post("/login", data={"name": "ana", "password": PASSWORD, "csrf": "made up"})
    assert answer.status_code == 403
    assert "bot_session" not in client.cookies


@pytest.mark.usefixtures("ana")
def test_signing_out_needs_the_pages_token_and_ends_the_session_on_the_server(
    client: TestClient, people: FakePeople
) -> None:
    sign_in(client)
    client.post("/logout", data={"csrf": "made up"})
    assert len(people.sessions) == 1
    csrf = form_token(client.get("/"))
    assert client.post("/logout", data={"csrf": csrf}).headers["location"] == "/login"
    assert people.sessions == {}


def test_an_absent_database_is_told_without_a_trace(client: TestClient, people: FakePeople, ana: Person) -> None:
    csrf = form_token(client.get("/login"))
    people.is_away = True
    for answer in (client.get("/login"), client.post("/login", data={"name": ana.name, "password": "x", "csrf": csrf})):
        assert answer.status_code == 503
        assert "the database does not answer" in answer.text


def _visit_csrf(client: TestClient) -> str:
    from bot.security.tokens import csrf_token

    return csrf_token(client.cookies["bot_visit"])


def test_a_day_after_the_start_the_consoles_token_opens_no_more_and_says_what_to_do(
    client: TestClient, people: FakePeople, times: Times
) -> None:
    times.now_ms += FIRST_RUN_MS
    answer = set_up(client)
    assert answer.status_code == 403
    assert "Start the program again" in answer.text
    assert people.people == {}
