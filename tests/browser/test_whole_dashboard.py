"""The pages over the real API and a real database: both sides mean the same by every name."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect
from tests.browser.serving import served
from tests.unit.api.world import MINUTE_MS, NOW_MS, World, populate, world_of

from bot.api.deps import Deps
from bot.api.main import create_app
from bot.api.sse import Hub
from bot.db.base import create_async, session_factory
from bot.domain.market import Candle, Stream
from bot.security import tokens

pytestmark = pytest.mark.xdist_group("browser")

SETUP_TOKEN = tokens.new_token()
PASSWORD = "a long sentence 42"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with world_of(database_url) as world:
        populate(world)
        yield world


@pytest.fixture
def served_hub(world: World, database_url: str, tmp_path: Path) -> Iterator[tuple[str, Hub]]:
    engine = create_async(database_url)
    deps = Deps(
        sessions=session_factory(engine),
        sqlite_path=tmp_path / "metrics.sqlite3",
        now_ms=lambda: NOW_MS,
        candles=candles,
        first_run_token_hash=tokens.token_hash(SETUP_TOKEN),
        close=engine.dispose,
    )
    app = create_app(deps)
    with served(app) as address:
        yield address, app.state.hub


async def candles(stream: Stream, count: int) -> Sequence[Candle]:
    first = NOW_MS // MINUTE_MS - count
    return [
        Candle(stream.symbol, stream.interval, (first + at) * MINUTE_MS, 98 + at % 5, 104, 96, 99 + at % 4, 10, (first + at + 1) * MINUTE_MS - 1)
        for at in range(count)
    ]  # fmt: skip


def test_a_person_signs_in_sees_real_rows_watches_a_new_decision_and_switches_a_strategy_off(
    context: BrowserContext, world: World, served_hub: tuple[str, Hub], complaints: list[str]
) -> None:
    address, hub = served_hub
    page = context.new_page()
    page.goto(f"{address}/setup?token={SETUP_TOKEN}")
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()

    for title, number in world.ids.items():
        expect(page.locator(f'tr[data-strategy="{number}"] a')).to_have_text(title)
    expect(page.locator(f'tr[data-strategy="{world.ids["test"]}"]')).to_contain_text("drawdown of 21 %")
    expect(page.locator("#modes button")).to_have_text(["Live money", "Paper money", "Rehearsal"])

    number = world.ids["mean"]
    page.locator(f'tr[data-strategy="{number}"] a').click()
    expect(page.locator("#kpis")).to_contain_text("+9.25")
    expect(page.locator("#trades tbody tr")).to_have_count(4)
    expect(page.locator(".decision")).to_have_count(2)
    expect(page.locator(".chip.rule")).to_have_text("max_open_orders")
    expect(page.locator("#chart[data-markers]")).to_be_visible()
    expect(page.locator("#equity canvas").first).to_be_visible()

    expect(page.locator("#link")).to_have_text("Live")
    until = time.monotonic() + 30
    while not hub.has_looked:
        assert time.monotonic() < until, "the hub never looked"
        time.sleep(0.02)
    world.decision(number, "denied", rule="price_band")
    expect(page.locator(".chip.rule", has_text="price_band")).to_be_visible()

    page.get_by_role("button", name="Disable").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#switch")).to_have_text("Enable")
    assert world.rows(f"SELECT enabled FROM strategies WHERE id = {number}") == [(False,)]
    assert world.rows("SELECT actor FROM audit WHERE action = 'strategy.disabled'") == [("ana",)]
    page.goto("about:blank")  # The page lets go of its stream before the server and its database connections end.
