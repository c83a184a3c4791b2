"""A small app behind the real guard, with people in memory and a clock that tests move."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.testclient import TestClient
from tests.fakes.people import FakePeople

from bot.api.pages import STATIC
from bot.api.routers import auth, pages
from bot.api.security import protect
from bot.api.sessions import Doorman, Patience, Person
from bot.security.passwords import Passwords
from bot.security.tokens import token_hash

SETUP_TOKEN = "the-console-token"
PASSWORD = "a long sentence 42"
QUICK = Passwords(memory_kib=64, rounds=1)


@dataclass
class Times:
    """Two clocks that stand still until a test moves them."""

    now_ms: int = 1_760_000_000_000
    monotonic_s: float = 1000.0


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def people() -> FakePeople:
    return FakePeople()


@pytest.fixture
def doorman(people: FakePeople, times: Times) -> Doorman:
    return Doorman(people, lambda: times.now_ms, token_hash(SETUP_TOKEN), QUICK)


@pytest.fixture
def app(doorman: Doorman, times: Times) -> FastAPI:
    app = FastAPI()
    app.include_router(auth.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=STATIC))

    @app.get("/health")
    @app.get("/api/v1/overview")
    @app.get("/metrics/strategies")
    @app.get("/prometheus")
    async def read() -> dict[str, bool]:
        return {"is_answered": True}

    @app.post("/api/v1/strategies/1/enable")
    async def change() -> dict[str, bool]:
        return {"is_changed": True}

    protect(app, doorman, {"localhost", "bot.example"})
    app.state.patience = Patience(lambda: times.monotonic_s)
    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://localhost:8000", follow_redirects=False) as client:
        yield client


@pytest.fixture
def ana(people: FakePeople) -> Person:
    """Somebody who may sign in."""
    people.people["ana"] = Person(1, "ana", QUICK.hash(PASSWORD))
    return people.people["ana"]
