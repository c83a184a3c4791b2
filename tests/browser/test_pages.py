"""The pages in a real browser: what a person sees, and what a hostile name cannot do."""

import time

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from tests.browser.conftest import PHONE
from tests.browser.fake_app import SETUP_TOKEN, FakeServer

pytestmark = pytest.mark.xdist_group("browser")

PASSWORD = "a long sentence 42"
HOSTILE = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">'
PAINTED = """(selector) => [...document.querySelectorAll(selector)].some((canvas) => {
  if (!canvas.width || !canvas.height) return false;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) seen.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
  return seen.size > 3;
})"""


def test_the_consoles_token_sets_a_password_once_and_the_password_signs_in(
    context: BrowserContext, server: FakeServer, complaints: list[str]
) -> None:
    page = context.new_page()
    page.goto(server.url)
    expect(page.get_by_text("Nobody can sign in yet")).to_be_visible()
    page.goto(f"{server.url}/setup?token={SETUP_TOKEN}")
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.locator("tr[data-strategy]")).to_have_count(9)

    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{server.url}/login")
    page.goto(f"{server.url}/setup?token={SETUP_TOKEN}")
    expect(page).to_have_url(f"{server.url}/login")

    page.goto(f"{server.url}/strategies/3")
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password").fill("something else")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("That name and password do not belong together.")
    assert any("401" in text for text in complaints)
    complaints.clear()

    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="SOL breakout")).to_be_visible()
    [cookie] = [cookie for cookie in context.cookies() if cookie["name"] == "bot_session"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


def test_the_overview_shows_every_strategy_with_mode_state_and_reason(page: Page, server: FakeServer) -> None:
    page.goto(server.url)
    for number, strategy in server.world.items():
        row = page.locator(f'tr[data-strategy="{number}"]')
        expect(row).to_contain_text(strategy.row["title"])
        expect(row.locator(".badge.mode")).to_have_text(strategy.row["mode"])
        expect(row.locator(".pill")).to_have_text(strategy.row["state"])
    expect(page.locator('tr[data-strategy="5"]')).to_contain_text("daily loss limit reached")
    expect(page.locator("#totals .tile")).to_have_count(6)
    expect(page.locator(".account")).to_have_count(3)
    page.wait_for_function(PAINTED, arg="#bars")


def test_rows_are_sorted_and_filtered_with_the_keyboard_alone(page: Page, server: FakeServer) -> None:
    page.goto(server.url)
    expect(page.locator("tr[data-strategy]")).to_have_count(9)
    page.get_by_role("button", name="Equity").focus()
    page.keyboard.press("Enter")
    known = [s.row for s in server.world.values() if s.row["equity"] is not None]
    best = max(known, key=lambda row: row["equity"])["title"]
    expect(page.locator("tr[data-strategy]").first).to_contain_text(best)
    expect(page.locator("tr[data-strategy]").last).to_contain_text("LINK fresh")
    expect(page.locator('th[aria-sort="descending"]')).to_have_text("Equity")

    page.get_by_role("searchbox").fill("btc")
    expect(page.locator("tr[data-strategy]")).to_have_count(2)
    page.get_by_role("combobox", name="Mode").select_option("rehearsal")
    expect(page.locator("tr[data-strategy]")).to_have_count(1)
    expect(page.locator("#count")).to_have_text("1 of 9")
    page.get_by_role("combobox", name="Account").select_option("main")
    expect(page.get_by_text("No strategy fits this filter.")).to_be_visible()


def test_a_strategy_shows_its_chart_with_entries_and_exits_its_figures_and_its_reasons(
    page: Page, server: FakeServer
) -> None:
    page.goto(f"{server.url}/strategies/1")
    strategy = server.world[1]
    page.wait_for_function(PAINTED, arg="#chart canvas")
    page.wait_for_function(PAINTED, arg="#equity canvas")
    fills = {(fill["time_ms"], fill["side"]) for fill in strategy.fills}
    expect(page.locator("#chart")).to_have_attribute("data-markers", str(len(fills)))
    expect(page.locator("#tv-attr-logo")).to_be_visible()
    expect(page.locator("#trades tbody tr")).to_have_count(len(strategy.trades))
    expect(page.locator("#orders tbody tr")).to_have_count(len(strategy.orders))
    denied = page.locator(".decision", has_text="✕ denied").first
    expect(denied.locator(".chip.rule")).to_have_text("daily_loss")
    expect(denied).to_contain_text("below mean")
    assert (denied.locator("time").get_attribute("title") or "").endswith("UTC")
    expect(page.locator("#config")).to_contain_text("order_value")


def test_events_change_both_pages_without_a_reload(page: Page, server: FakeServer) -> None:
    page.goto(server.url)
    expect(page.locator("#link")).to_have_text("Live")
    page.evaluate("window.stayed = true")
    server.emit("equity", [_mark(server, equity=12_345.67)])
    expect(page.locator('tr[data-strategy="1"]')).to_contain_text("12,345.67")
    assert page.evaluate("window.stayed") is True

    page.goto(f"{server.url}/strategies/1")
    expect(page.locator("#link")).to_have_text("Live")
    page.wait_for_function(PAINTED, arg="#equity canvas")
    page.evaluate("window.stayed = true")
    decisions = page.locator(".decision")
    expect(decisions).not_to_have_count(0)  # The list is asked for apart from the chart.
    shown = decisions.count()  # (all of the list comes with one answer)
    server.emit("equity", [_mark(server, equity=13_000.01)])
    expect(page.locator("#kpis .tile").first).to_contain_text("13,000.01")
    news = {**server.world[1].decisions[-1], "id": 9_000, "strategy_id": 1, "reason": "a fresh reason"}
    server.emit("decision", {**news, "id": 9_001, "strategy_id": 2, "reason": "somebody else's"})
    server.emit("decision", news)
    expect(decisions.first).to_contain_text("a fresh reason")
    expect(decisions).to_have_count(shown + 1)
    server.emit("trade", {**server.world[1].trades[-1], "id": 9_000, "strategy_id": 1, "pnl": "77.77"})
    expect(page.locator("#trades tbody tr").first).to_contain_text("+77.77")
    order = {**server.world[1].orders[-1], "id": 9_000, "strategy_id": 1, "status": "NEW"}
    server.emit("order", order)
    expect(page.locator("#orders tbody tr").first).to_contain_text("new")
    server.emit("order", {**order, "status": "PARTIALLY_FILLED"})
    expect(page.locator("#orders tbody tr").first).to_contain_text("partially filled")
    assert page.evaluate("window.stayed") is True


def test_hostile_names_are_shown_as_text(page: Page, server: FakeServer) -> None:
    strategy = server.world[1]
    strategy.row.update(title=HOSTILE, account=HOSTILE, name=HOSTILE, stopped_reason=HOSTILE, state="stopped")
    strategy.config[HOSTILE] = HOSTILE
    for item in (*strategy.decisions, *strategy.orders, *strategy.trades):
        item["reason"] = HOSTILE
    strategy.decisions[-1].update(rule=HOSTILE, seen={HOSTILE: 1.5})
    page.goto(server.url)
    expect(page.locator('tr[data-strategy="1"] a')).to_have_text(HOSTILE)
    page.goto(f"{server.url}/strategies/1")
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    expect(page.locator(".decision-reason").first).to_have_text(HOSTILE)
    expect(page.locator("#config")).to_contain_text(HOSTILE)
    page.get_by_role("button", name="Disable").click()
    expect(page.locator("#confirm-title")).to_contain_text(HOSTILE)
    assert page.evaluate("window.hacked") is None


def test_nothing_scrolls_sideways_on_a_phone(page: Page, server: FakeServer) -> None:
    page.set_viewport_size(PHONE)
    server.world[1].row["title"] = "averyveryverylongnamewithoutanyblanksinitwhatsoever" * 2
    for path, ready in (
        ("/", "tr[data-strategy]"),
        ("/strategies/1", "#chart[data-markers]"),
        ("/strategies/5", "#notice"),
    ):
        page.goto(server.url + path)
        page.wait_for_selector(ready)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path


def test_a_lost_line_is_told_and_comes_back_by_itself(page: Page, server: FakeServer, complaints: list[str]) -> None:
    page.goto(server.url)
    expect(page.locator("#link")).to_have_text("Live")
    server.is_down = True
    server.hang_up()
    expect(page.locator("#banner")).to_contain_text("Disconnected from the server. Figures below are from")
    expect(page.locator("#link")).to_have_text("Disconnected")
    server.is_down = False
    expect(page.locator("#link")).to_have_text("Live")
    expect(page.locator("#banner")).to_be_hidden()
    complaints.clear()  # The browser notes each failed try.


def test_a_session_that_ended_elsewhere_leads_to_the_login_page(
    page: Page, server: FakeServer, complaints: list[str]
) -> None:
    page.goto(f"{server.url}/strategies/2")
    expect(page.locator("#link")).to_have_text("Live")
    server.people.sessions.clear()
    server.hang_up()
    expect(page).to_have_url(f"{server.url}/login?next=%2Fstrategies%2F2")
    complaints.clear()  # The 401 that told it.


def test_the_switch_asks_first_and_carries_the_csrf_token(page: Page, server: FakeServer) -> None:
    page.goto(f"{server.url}/strategies/1")
    page.get_by_role("button", name="Disable").click()
    page.get_by_role("button", name="Keep it as it is").click()
    expect(page.locator("#confirm")).to_be_hidden()
    assert server.asked == []
    page.get_by_role("button", name="Disable").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#switch")).to_have_text("Enable")
    expect(page.locator("#notice")).to_contain_text("Disabled")
    assert server.asked == ["disable 1"]


def test_a_strategy_without_trades_says_what_it_waits_for(page: Page, server: FakeServer) -> None:
    page.goto(f"{server.url}/strategies/9")
    expect(page.locator("#trades")).to_contain_text("No round trips yet: waiting for")
    expect(page.locator("#orders")).to_contain_text("No orders yet: waiting for a signal on LINKUSDT 1m.")
    expect(page.locator("#decisions")).to_contain_text("No decisions yet")
    expect(page.locator("#equity-empty")).to_contain_text("waiting for the first closed candle")


def test_a_strategy_that_does_not_exist_says_so(page: Page, server: FakeServer, complaints: list[str]) -> None:
    page.goto(f"{server.url}/strategies/999")
    expect(page.locator("#notice")).to_contain_text("There is no such strategy")
    complaints.clear()  # The 404 that told it.


def test_old_figures_turn_amber_and_fresh_ones_do_not(page: Page, server: FakeServer) -> None:
    server.world[2].row["age_s"] = 500.0
    page.goto(server.url)
    expect(page.locator('tr[data-strategy="2"] .stale')).to_have_text("8 min ago")
    expect(page.locator('tr[data-strategy="1"] .stale')).to_have_count(0)


def test_the_chosen_theme_stays_and_the_charts_follow_it(page: Page, server: FakeServer) -> None:
    page.goto(f"{server.url}/strategies/1")
    page.wait_for_function(PAINTED, arg="#chart canvas")
    page.get_by_role("button", name="Switch between dark and light").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.wait_for_function(PAINTED, arg="#chart canvas")


def _mark(server: FakeServer, equity: float) -> dict[str, object]:
    last = server.world[1].equity[-1]
    return {**last, "time_ms": time.time_ns() // 1_000_000, "equity": equity, "strategy_id": 1}
