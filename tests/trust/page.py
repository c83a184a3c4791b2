"""Writes docs/reference/trust.md from the tables, the tests that exist, the code, and the last figures."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.trust.faults import FAULTS
from tests.trust.figures import Figures, kept
from tests.trust.points import ABSENT, DEATHS, OWN_TEST, SNAPSHOTS
from tests.trust.table import INCIDENTS, PROMISES

from bot.killpoints import NAMES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/trust.md"
_HEAD = """# What can be relied on, and how it is tried

Written by `make trust` from the tables in `tests/trust`; a test holds it to the tests that exist. The invariants are those
of the [proof](../how-to/prove-it.md), and of [chaos](../how-to/cause-chaos.md) where the proof cannot see them. What is not
covered is said, row by row: a promise without a test is none.
"""
_FIGURES = """
## Planted bugs

`make mutants` plants each known bug of the money path (`tests/mutants`) into the running bot; the proof has to find every one
within 200 seeds. Each names the row of this page that it breaks.

## Last figures

`make figures FROM="FILE …"` puts them here: each file holds what `bot prove --json`, `bot chaos --json` or
`python -m tests.mutants --json` said. A figure counts for the commit beside it, and for no other.

| what | command | commit | date | figures |
|---|---|---|---|---|"""


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
    figures = kept()
    return "\n".join([
        _HEAD, *_promises(), *_incidents(), *_deaths(figures), *_faults(), _FIGURES, *_rows(figures), ""
    ])  # fmt: skip


def _promises() -> list[str]:
    head = ["| promise | invariants | what may go wrong | tests |", "|---|---|---|---|"]
    return head + [
        f"| {each.promise} | {each.invariants} | {each.faults} | {_listed(each.tests)} |" for each in PROMISES
    ]


def _incidents() -> list[str]:
    return [
        ("\n## Incidents of others\n\nThe first test of each row plays one scene twice, against the emulator where there is"
        " an exchange in it: with a small naive\nclient (`tests/incidents/naive.py`, `doors.py`), which has to come to harm,"
        " and with the whole bot, which must not.\n"),
        "| where | what happened | what the naive one does | tests |", "|---|---|---|---|",
        *(f"| {each.name} | {each.what} | {each.habit} | {_listed(each.tests)} |" for each in INCIDENTS),
    ]  # fmt: skip


def _deaths(figures: Mapping[str, Figures]) -> list[str]:
    hits: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    for each in figures.values():
        for name, kinds in each.points.items():
            hits[name].update(kinds)
    lines = [
        ("\n## Where the process may die\n\n`bot chaos --points all` kills the real bot at every name, for each kind of order"
        " that passes it, once and twice in a row\n(`--double`); the build machine runs each name once"
        f" (`{known_tests()['test_the_bot_may_die_at_every_point_life_after_life']}`). `bot prove` kills at any turn.\nWhere a name"
        " stands in the code: `grep -rn 'NAME\"' src/bot`.\n"),
        "| rows | where | what holds after | points |", "|---|---|---|---|",
        *(
            f"| {each.rows} | {each.where} | {each.after} | {', '.join(f'`{one}`' for one in each.points)}"
            f"{f' ({each.note})' if each.note else ''} |"
            for each in DEATHS
        ),
        "", "| point | killed there, by the last figures |", "|---|---|",
    ]  # fmt: skip
    for name in NAMES:
        counts = ", ".join(f"{kind} {count}" for kind, count in sorted(hits[name].items()))
        told = counts or (_listed([OWN_TEST[name]]) if name in OWN_TEST else "no figures taken yet")
        lines.append(f"| `{name}` | {told} |")
    lines += ["", f"Of snapshots: {SNAPSHOTS}. Names of the catalogue that do not exist here:", ""]
    return lines + [f"* `{name}`: {why}." for name, why in ABSENT.items()]


def _faults() -> list[str]:
    bare = [each.id for each in FAULTS if not each.tests]
    partly = [each.id for each in FAULTS if each.tests and each.missing]
    return [
        (f"\n## Faults\n\n{len(FAULTS)} faults; {len(FAULTS) - len(bare) - len(partly)} tried as they stand, {len(partly)} in"
        f" part, {len(bare)} not at all: {', '.join(bare)}.\n"),
        "| fault | | tests | not covered |", "|---|---|---|---|",
        *(f"| {each.id} | {each.what} | {_listed(each.tests)} | {each.missing} |" for each in FAULTS),
    ]  # fmt: skip


def _rows(figures: Mapping[str, Figures]) -> list[str]:
    return [
        f"| {name} | `{each.command}` | {each.commit} | {each.date} | {_told(each.figures)} |"
        for name, each in sorted(figures.items())
    ]


def _told(figures: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_told(value) if isinstance(value, dict) else value}" for name, value in figures.items())


def _listed(names: Sequence[str]) -> str:
    return "<br>".join(
        f"`{known_tests().get(name, '?')}` {name.removeprefix('test_').replace('_', ' ')}" for name in names
    )
