"""The reference pages name what the program has, and the example in the how-to works as printed."""

import re
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from bot.backtest.checking import check
from bot.backtest.made_up import made_up
from bot.backtest.run import Part
from bot.cli import app
from bot.commands.output import ExitCode
from bot.domain.market import Market
from bot.simulation.instruments import bundled
from bot.strategies.config import StrategyConfig
from bot.strategies.registry import discover

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_setting_of_the_example_file_is_explained_with_its_default() -> None:
    rows = [line for line in page("reference/settings.md").splitlines() if line.startswith("| `")]
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    settings = re.findall(r"^([A-Z_]+)=(.*)$", example, re.MULTILINE)
    assert settings
    for name, default in settings:
        (row,) = [row for row in rows if f"`{name}`" in row]
        assert not default or f"`{default}`" in row, f"{name}: the page does not give {default} as its default"


def test_every_setting_of_a_strategy_is_explained() -> None:
    text = page("reference/settings.md").partition("## Config of a strategy")[2]
    assert [name for name in StrategyConfig.model_fields if f"`{name}`" not in text] == []


ROUTERS = {
    "health": "/health",
    "metrics": "/metrics",
    "prometheus": "",
    "accounts": "/api/v1",
    "strategies": "/api/v1",
    "events": "/api/v1",
    "kill": "/api/v1",
    "auth": "",
    "pages": "",
    "runs": "",
}


@pytest.mark.parametrize(("name", "prefix"), ROUTERS.items())
def test_every_address_of_the_server_is_listed(name: str, prefix: str) -> None:
    text = page("reference/http.md")
    router = import_module(f"bot.api.routers.{name}").router
    paths = {prefix + route.path.replace("{strategy_id}", "{id}") for route in router.routes}
    assert paths
    missing = [path for path in paths if path not in text and f"`/{path.rsplit('/', 1)[-1]}`" not in text]
    assert missing == []


def test_the_strategy_in_the_how_to_is_found_and_takes_its_settings(tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", page("how-to/write-a-strategy.md"), re.DOTALL)
    assert example
    (tmp_path / "buy_the_dip.py").write_text(example[1], encoding="utf-8")
    catalogue = discover(tmp_path)
    strategy = catalogue.find("buy_the_dip")
    assert catalogue.problems == ()
    config = strategy.Config.model_validate({"symbol": "BTCUSDT", "window": 50})
    assert config.model_dump()["window"] == 50


def test_the_strategy_of_columns_in_the_how_to_looks_back_alone(tmp_path: Path) -> None:
    head, example = re.findall(r"```python\n(.*?)```", page("how-to/write-a-strategy.md"), re.DOTALL)
    imports = "from bot.strategies.columns import Frame, Signals, crossed_above\n" + head.partition("class ")[0]
    (tmp_path / "rebound.py").write_text(imports + example, encoding="utf-8")
    strategy = discover(tmp_path).find("rebound")
    candles = made_up(Market.SPOT, "BTCUSDT", "1m", 2_000)
    checked = check(Part(strategy, strategy.Config(symbol="BTCUSDT")), candles, bundled(), quick=True)
    assert checked.findings == []


def test_every_decision_page_says_context_choice_and_cost_and_is_listed() -> None:
    index = page("adr/README.md")
    pages = sorted((DOCS / "adr").glob("[0-9]*.md"))
    assert pages
    for path in pages:
        headings = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Choice", "What it costs"], path.name
        assert f"({path.name})" in index


def test_every_command_and_no_other_is_listed() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    known = set()
    for name, command in root.commands.items():
        inner = command.commands if isinstance(command, TyperGroup) else {}
        known |= {f"{name} {each}" for each, one in inner.items() if not one.hidden}
        # A group with a hidden command is a command itself, too: that one is meant when none is named.
        known |= {name} if not inner or any(one.hidden for one in inner.values()) else set()
    rows = [line.split("|")[1] for line in page("reference/cli.md").splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert listed == known | {"test"}


def test_every_exit_code_is_explained() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page("reference/exit-codes.md"), re.MULTILINE)}
    assert listed == set(ExitCode)
