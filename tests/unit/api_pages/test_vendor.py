"""What we carry of others is what they published, and pages load nothing else."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from bot.api.pages import STATIC
from bot.api.security import LOGO_STYLE

VENDOR = STATIC / "vendor"
TEMPLATES = STATIC.parent / "templates"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())
TOOLS = Path(__file__).parents[3] / "tools" / "vendor"


@pytest.mark.parametrize("package", MANIFEST, ids=lambda package: package["name"])
def test_every_vendored_file_is_the_one_whose_hash_was_noted(package: dict[str, dict[str, str]]) -> None:
    assert len(package["sha256"]) >= 2
    for name, digest in package["sha256"].items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


def test_every_vendored_file_is_in_the_manifest_and_every_package_brings_its_licence() -> None:
    known = {name for package in MANIFEST for name in package["sha256"]}
    assert {path.name for path in VENDOR.iterdir()} == known | {"manifest.json"}
    for package in MANIFEST:
        assert [name for name in package["sha256"] if name.endswith(".LICENSE.txt")]


def test_the_manifest_and_the_lock_name_the_same_versions_and_no_addresses() -> None:
    wanted = json.loads((TOOLS / "package.json").read_text())["dependencies"]
    assert {package["name"]: package["version"] for package in MANIFEST} == wanted
    lock = (TOOLS / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "://" not in re.sub(r'"funding": \{[^}]*\}', "", lock)


def test_the_style_that_the_policy_allows_is_the_one_of_the_chart_librarys_logo() -> None:
    script = (VENDOR / "lightweight-charts.standalone.production.js").read_text()
    [style] = re.findall(r'createElement\("style"\),this\.\w+\.innerText="(.*?)"', script)
    assert "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() == LOGO_STYLE


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_a_template_holds_no_inline_code_and_loads_nothing_from_elsewhere(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", text, re.IGNORECASE)
    for address in re.findall(r'\b(?:src|href|action)="([^"]*)"', text):
        assert address.startswith(("/", "#")) or address == "https://www.tradingview.com/"
    for address in re.findall(r'"(/static/[^"]+)"', text):
        assert (STATIC / address.removeprefix("/static/")).is_file(), address


@pytest.mark.parametrize("script", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_our_scripts_never_turn_text_into_markup(script: Path) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\.|cssText"
    assert not re.search(forbidden, script.read_text())
