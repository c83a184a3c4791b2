"""Kill points: where the process dies, how often it passes before, and what comes after a restart."""

import ast
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.killpoints import NAMES, Armed, armed_by

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "bot"
ON_THE_ORDER_PATH = (
    ("runtime/runner.py", "Runner", "_carry_out"),
    ("db/journal.py", "PostgresJournal", "_write"),
    ("binance/execution.py", "SignedBroker", "_place"),
    ("binance/execution.py", "SignedBroker", "_cancel"),
    ("binance/rest.py", "Rest", "_exchange"),
    ("binance/ws_sender.py", "WsSender", "_ask"),
    ("binance/api_socket.py", "ApiSocket", "ask"),
    ("binance/wires.py", "AioHttp", "exchange"),
)


class Deaths:
    """Counts deaths instead of dying."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def test_an_unarmed_process_has_nothing_to_look_at() -> None:
    assert armed_by({}) is None


def test_the_wanted_point_kills_the_first_time_and_others_never() -> None:
    die = Deaths()
    armed = Armed("wire.first_byte", None, die)
    armed.reached("wire.last_byte")
    assert die.count == 0
    armed.reached("wire.first_byte")
    assert die.count == 1


def test_a_number_lets_the_point_pass_before() -> None:
    die = Deaths()
    armed = Armed("fold.ledger:3", None, die)
    for _ in range(2):
        armed.reached("fold.ledger")
    assert die.count == 0
    armed.reached("fold.ledger")
    assert die.count == 1


def test_what_follows_the_comma_is_for_the_next_process(tmp_path: Path) -> None:
    state, die = tmp_path / "kill", Deaths()
    Armed("recon.page,recon.ready:2", state, die).reached("recon.page")
    assert die.count == 1
    assert state.read_text() == "recon.ready:2"
    restarted = Armed("recon.page,recon.ready:2", state, die)
    restarted.reached("recon.page")
    restarted.reached("recon.ready")
    assert die.count == 1
    restarted.reached("recon.ready")
    assert die.count == 2
    assert state.read_text() == ""
    restarted.reached("recon.ready")
    assert die.count == 2


def test_a_living_process_may_be_armed_anew(tmp_path: Path) -> None:
    state, die = tmp_path / "kill", Deaths()
    armed = Armed("", state, die)
    armed.reached("cancel.wire")
    state.write_text("cancel.wire")
    armed.reached("cancel.wire")
    assert die.count == 1


def test_the_process_is_killed_as_by_kill_9() -> None:
    code = "from bot.killpoints import reached; reached('gate.checked'); print('lives'); reached('wire.first_byte')"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"BOT_KILL_AT": "wire.first_byte", "PYTHONPATH": str(SOURCE.parent)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL


def test_every_name_stands_somewhere_in_the_code_and_no_other_does() -> None:
    used = {
        name
        for file in SOURCE.rglob("*.py")
        if file.name != "killpoints.py" and "proof" not in file.parts
        for name in re.findall(r"(?:reached|probe)(?:\(|, )\"([a-z_]+\.[a-z_]+)\"", file.read_text(encoding="utf-8"))
    }
    assert used == set(NAMES)


@pytest.mark.parametrize(("file", "owner", "name"), ON_THE_ORDER_PATH)
def test_every_wait_on_the_order_path_has_a_point_in_its_function(file: str, owner: str, name: str) -> None:
    tree = ast.parse((SOURCE / file).read_text(encoding="utf-8"))
    function = next(
        each
        for group in tree.body
        if isinstance(group, ast.ClassDef) and group.name == owner
        for each in group.body
        if isinstance(each, ast.AsyncFunctionDef) and each.name == name
    )
    waits = [each for each in ast.walk(function) if isinstance(each, ast.Await | ast.AsyncWith)]
    assert waits
    points = [
        each for each in ast.walk(function)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in {"reached", "_pass_point"}
    ]  # fmt: skip
    assert points, f"{file} waits in {owner}.{name} without a kill point"
