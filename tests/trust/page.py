"""Writes docs/reference/trust.md from the table, the tests that exist, and the last figures."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.trust.table import INCIDENTS, PROMISES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/trust.md"
FIGURES = ROOT / "docs/reference/trust"
_HEAD = """# What can be relied on, and how it is tried

Written by `make trust` from `tests/trust/table.py`; a test holds it to the tests that exist. The invariants are those of
the [proof](../how-to/prove-it.md).
"""


@cache
def known_tests() -> Mapping[str, str]:
    """Give the file of each test by the test's name."""
    found: dict[str, str] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE):
            found.setdefault(name, file.relative_to(ROOT).as_posix())
    return found


def page() -> str:
    """Give the page."""
    lines = [_HEAD, "| promise | invariants | what may go wrong | tests |", "|---|---|---|---|"]
    lines += [f"| {each.promise} | {each.invariants} | {each.faults} | {_listed(each.tests)} |" for each in PROMISES]
    lines += [
        "",
        "## Incidents of others",
        "",
        "| where | what happened | what a naive client does | tests here: it comes to harm, ours does not |",
        "|---|---|---|---|",
    ]
    lines += [f"| {each.name} | {each.what} | {each.habit} | {_listed(each.tests)} |" for each in INCIDENTS]
    lines += ["", "## Last figures", "", "| command | commit | figures |", "|---|---|---|"]
    for file in sorted(FIGURES.glob("*.json")):
        told = json.loads(file.read_text(encoding="utf-8"))
        figures = ", ".join(f"{name} {value}" for name, value in told["figures"].items())
        lines.append(f"| `{told['command']}` | {told['commit']} | {figures} |")
    return "\n".join(lines) + "\n"


def _listed(names: Sequence[str]) -> str:
    return "<br>".join(
        f"`{known_tests().get(name, '?')}` {name.removeprefix('test_').replace('_', ' ')}" for name in names
    )
