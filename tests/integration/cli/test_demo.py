"""The demo, from an empty folder to no trace: a private database, an emulator process, trades, and an end."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.cli.person import Person, until

from bot.db import embedded


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody with nothing but an empty folder."""
    folder = tmp_path_factory.mktemp("visitor")
    yield Person(folder)
    embedded.erase(folder / "var" / "demo" / "postgres")


def processes_about(words: str) -> list[int]:
    """The processes that have these words on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if words in line:
                found.append(int(entry.name))
    return found


def test_a_demo_trades_tells_what_it_came_to_and_leaves_nothing_running(visitor: Person) -> None:
    answer = visitor.run("demo", "--for", 5, "--json", "--port", 0, "--speed", 600)
    assert answer.code == 0, answer.err
    assert "/setup?token=" in answer.err
    result = json.loads(answer.out)
    assert result["candles"] > 50
    assert result["orders"] >= result["fills"] > 0
    assert result["closed_trades"] > 0
    assert result["open_positions"] == sum(bool(each["position"]) for each in result["strategies"])
    assert result["equity"] > 0
    assert len(result["strategies"]) == 5
    for name in ("orders", "fills", "closed_trades"):
        assert result[name] == sum(each[name] for each in result["strategies"])
    assert {each["account"] for each in result["accounts"]} == {"anna/paper", "ben/paper"}
    assert processes_about(str(visitor.folder)) == []
    assert embedded.running(visitor.folder / "var" / "demo" / "postgres") is None


def test_ctrl_c_ends_a_demo_in_good_order(visitor: Person) -> None:
    with visitor.running("demo", "--port", 0) as demo:
        demo.wait_for("Ctrl-C ends it")
        assert processes_about(f"--parent {demo.pid} ") != []
        assert demo.end(signal.SIGINT) == 130
        assert "Traceback" not in demo.said
        assert processes_about(f"--parent {demo.pid} ") == []
    assert processes_about(str(visitor.folder)) == []


def test_a_killed_demo_leaves_no_emulator_and_the_next_one_works(visitor: Person) -> None:
    with visitor.running("demo", "--port", 0) as demo:
        demo.wait_for("Ctrl-C ends it")
        demo.end(signal.SIGKILL)
        until(lambda: not processes_about(f"--parent {demo.pid} "))
    answer = visitor.run("demo", "--for", 3, "--json", "--port", 0, "--speed", 600)
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["candles"] > 0


def test_a_reset_removes_the_demo_and_nothing_else(visitor: Person) -> None:
    (visitor.folder / "mine.txt").write_text("mine")
    visitor.ok("demo", "--reset")
    assert not (visitor.folder / "var" / "demo").exists()
    assert processes_about(str(visitor.folder)) == []
    assert (visitor.folder / "mine.txt").read_text() == "mine"
    assert "no demo to remove" in visitor.ok("demo", "--reset")
