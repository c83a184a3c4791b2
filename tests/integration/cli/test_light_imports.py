"""What makes `--help` and `status` quick: they leave the heavy parts of the program where they are."""

import json
import sys

import pytest
from tests.integration.cli.person import Person

HEAVY = ("sqlalchemy", "pydantic", "aiohttp", "fastapi", "numpy", "alembic", "uvicorn", "cryptography", "picows")
LOOK = f"""
import json, sys
from bot.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print()
print(json.dumps([name for name in {HEAVY} if name in sys.modules]))
"""


@pytest.mark.parametrize(("word", "needed"), [("--help", []), ("--version", []), ("status", ["pydantic"])])
def test_a_quick_command_imports_nothing_heavy(person: Person, word: str, needed: list[str]) -> None:
    answer = person.run(word, command=(sys.executable, "-c", LOOK))
    assert answer.code == 0, answer.err
    assert json.loads(answer.out.splitlines()[-1]) == needed
