"""The page of a backtest in a real browser: opened from disk without a network, looked at and used."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import DESK, PATIENCE_MS, PHONE
from tests.unit.reporting.runs.conftest import play, walk

from bot.reporting.runs import comparing, comparing_page, page
from bot.reporting.runs.document import describe

pytestmark = pytest.mark.xdist_group("browser")

PAINTED = """(id) => [...document.querySelectorAll(`#${id} canvas`)].some((canvas) => {
  if (!canvas.width || !canvas.height) return false;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) seen.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
  return seen.size > 3;
})"""
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the page of a run of 9,000 minutes, and one that compares it with another."""
    made = tmp_path_factory.mktemp("runs")
    runs = [describe(play(walk(9_000), slippage_bps=5.0)), describe(play(walk(6_000), slow=20))]
    (made / "run.html").write_text(page.report(runs[0]), encoding="utf-8")
    found = comparing.compare([("base", runs[0]), ("slower", runs[1])])
    (made / "both.html").write_text(comparing_page.report(found, runs), encoding="utf-8")
    return made


@pytest.fixture(params=["light-desk", "dark-phone"])
def offline(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """Give a page without a network, in one scheme and size of two; it may complain of nothing."""
    is_dark = request.param == "dark-phone"
    context = browser.new_context(
        viewport=PHONE if is_dark else DESK, color_scheme="dark" if is_dark else "light", offline=True
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    complaints: list[str] = []
    context.on("console", lambda message: complaints.append(message.text))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on(
        "request", lambda asked: None if asked.url.startswith(("file:", "data:")) else complaints.append(asked.url)
    )
    yield context.new_page()
    context.close()
    assert complaints == []


def test_every_picture_is_painted_and_nothing_is_wider_than_the_page(offline: Page, folder: Path) -> None:
    offline.goto((folder / "run.html").as_uri())
    for name in ("equity", "fall", "prices"):
        offline.wait_for_function(PAINTED, arg=name)
    expect(offline.locator("#trades tbody tr")).to_have_count(25)
    assert offline.evaluate(FITS)
    assert offline.evaluate("document.querySelectorAll('svg rect').length") > 20


def test_round_trips_are_sorted_turned_over_and_found_on_the_chart(offline: Page, folder: Path) -> None:
    offline.goto((folder / "run.html").as_uri())
    rows = offline.locator("#trades tbody tr")
    expect(offline.locator("#prices-note")).to_contain_text("zoom in")
    expect(offline.locator("#prices")).to_have_attribute("data-marks", "0")

    offline.get_by_role("button", name="P&L", exact=True).click()
    expect(offline.locator("#trades th").nth(7)).to_have_attribute("aria-sort", "descending")
    best = rows.first.locator("td").nth(7).inner_text()
    offline.get_by_role("button", name="P&L ↓").click()
    assert rows.first.locator("td").nth(7).inner_text() != best
    offline.get_by_role("button", name="Last page").click()
    expect(rows.last.locator("td").nth(7)).to_have_text(best)

    rows.last.click()
    expect(offline.locator("#prices-note")).to_contain_text(best)
    expect(offline.locator("#prices")).not_to_have_attribute("data-marks", "0")
    before = offline.locator("#prices-note").inner_text()
    offline.locator("#earlier").click()
    expect(offline.locator("#prices-note")).not_to_have_text(before)
    offline.locator("#all").click()
    expect(offline.locator("#prices")).to_have_attribute("data-marks", "0")


def test_buy_and_hold_can_be_taken_off_the_chart(offline: Page, folder: Path) -> None:
    offline.goto((folder / "run.html").as_uri())
    expect(offline.locator("#equity-note")).to_contain_text("held")
    offline.locator("#hold").click()
    expect(offline.locator("#hold")).to_have_attribute("aria-pressed", "false")
    expect(offline.locator("#equity-note")).not_to_contain_text("held")


def test_another_scheme_paints_the_charts_anew(offline: Page, folder: Path) -> None:
    offline.goto((folder / "run.html").as_uri())
    offline.wait_for_function(PAINTED, arg="equity")
    colour = "getComputedStyle(document.documentElement).getPropertyValue('--panel')"
    before = offline.evaluate(colour)
    is_dark = offline.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    offline.emulate_media(color_scheme="light" if is_dark else "dark")
    offline.wait_for_function(f"(before) => {colour} !== before", arg=before)
    for name in ("equity", "prices"):
        offline.wait_for_function(PAINTED, arg=name)


def test_compared_runs_lie_over_one_another_and_can_be_hidden(offline: Page, folder: Path) -> None:
    offline.goto((folder / "both.html").as_uri())
    for name in ("equity", "fall"):
        offline.wait_for_function(PAINTED, arg=name)
    assert offline.evaluate(FITS)
    expect(offline.get_by_text("settings: slow")).to_be_visible()
    expect(offline.locator("#equity-note")).to_contain_text("base")
    offline.get_by_role("button", name="base").click()
    expect(offline.locator("#equity-note")).not_to_contain_text("base")
