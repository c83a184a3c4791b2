"""The page of faults names every switch, and tests that exist."""

import re
from pathlib import Path

from bot.emulator.faults import CONTENT_KINDS, FRAME_KINDS, REQUEST_KINDS, ConnectionKind, MarketKind

HERE = Path(__file__).parent
PAGE = Path(__file__).parents[3] / "docs/reference/faults.md"
KINDS = REQUEST_KINDS | FRAME_KINDS | CONTENT_KINDS | {*ConnectionKind.__args__, *MarketKind.__args__}  # type: ignore[attr-defined]


def test_every_switch_stands_on_the_page_with_a_test_that_switches_it_on() -> None:
    tests = {name: path for path in HERE.glob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())}
    shown: set[str] = set()
    for row in PAGE.read_text(encoding="utf-8").splitlines():
        if row.startswith("| ") and "test_" in row:
            switch, _, _, named = row.strip("| ").split(" | ")
            for test in re.findall(r"`(\w+)`", named):
                kinds = KINDS & set(re.findall(r"`(\w+)`", switch))
                assert [kind for kind in kinds if f'"{kind}"' not in tests[test].read_text(encoding="utf-8")] == []
                shown |= kinds
    assert shown == KINDS
