"""One Chromium per test file, and a fresh server over the invented world per test."""

import os
import shutil
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright
from tests.browser.fake_app import FakeServer
from tests.browser.serving import served
from tests.fakes.people import FakePeople

from bot.api.sessions import Person, Session
from bot.security.tokens import token_hash

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
PATIENCE_MS = 30_000
"""How long the browser may take for one thing: a loaded machine is slow, not wrong."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("BOT_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        message = "no Chromium on PATH; install it (Debian: apt-get install chromium) or set BOT_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    # Module scope: playwright's loop holds this thread until it stops, and asyncio tests elsewhere need it.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    server = FakeServer()
    with served(server.app) as server.url:
        yield server
        server.hang_up()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=DESK, timezone_id="America/Sao_Paulo", locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def complaints(context: BrowserContext) -> Iterator[list[str]]:
    """What the browser complained about: script errors, CSP violations, failed requests. Empty at the end, or cleared."""
    heard: list[str] = []
    context.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: heard.append(str(error.error)))
    yield heard
    assert heard == []


@pytest.fixture
def page(context: BrowserContext, server: FakeServer, complaints: list[str]) -> Page:
    """A page of somebody who is signed in."""
    sign_in(context, server)
    return context.new_page()


def sign_in(context: BrowserContext, server: FakeServer) -> None:
    """Give the browser a session without the form."""
    people: FakePeople = server.people
    people.people["ana"] = Person(1, "ana", "")
    now = time.time_ns() // 1_000_000
    people.sessions[token_hash("a-session")] = Session(token_hash("a-session"), 1, "ana", now, now)
    host = urlsplit(server.url).hostname
    context.add_cookies([{"name": "bot_session", "value": "a-session", "domain": host, "path": "/"}])
