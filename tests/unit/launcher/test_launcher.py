"""Starts the real launcher in small clones; only one test lets pip work, and that from a folder of wheels."""

import ast
import base64
import hashlib
import io
import os
import re
import selectors
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def wheel(folder: Path) -> str:
    """Write a package `tiny` as a wheel and give its pin with hash."""
    folder.mkdir(exist_ok=True)
    files = {
        "tiny.py": b"",
        "tiny-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for name, data in files.items()
    ]
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("tiny-1.0.dist-info/RECORD", "\n".join([*record, "tiny-1.0.dist-info/RECORD,,"]))
    return f"tiny==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def test_the_first_start_installs_checked_wheels_and_the_next_one_goes_straight_through(clone: Any) -> None:
    first = clone.run("status")
    second = clone.run("status")

    assert first.stdout.startswith("status|")
    assert "environment ready" in first.stderr
    assert (second.stdout.split("|")[0], second.stderr) == ("status", "")
    (install,) = clone.installs()
    assert "--require-hashes --only-binary :all:" in install
    assert install.endswith(
        f"-r {clone.root}/requirements.txt --compile-bytecode --python {clone.environment}/bin/python"
    )


def test_a_changed_pin_file_is_installed_once_more(clone: Any) -> None:
    clone.run("status")
    (clone.root / "requirements.txt").write_text("# changed\n")
    clone.run("status")
    clone.run("status")
    assert len(clone.installs()) == 2


def test_a_moved_clone_finds_its_source_again(clone: Any) -> None:
    clone.run("status")
    moved = clone.root.rename(clone.root.with_name("moved"))
    assert clone.run("status", launcher=moved / "bot", cwd=moved).stdout.startswith("status|")


def test_a_symlink_from_another_folder_works_and_leaves_the_folder_as_it_is(clone: Any, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "bot"
    link.parent.mkdir()
    link.symlink_to(clone.root / "bot")
    (link.parent / "bot.py").write_text("raise SystemExit('shadowed')\n")

    told = clone.run("account", "list", launcher=link, cwd=link.parent)

    assert told.stdout.split("|")[:3] == ["account", "list", str(link.parent)]
    assert clone.environment.is_dir()


def test_the_program_takes_the_place_of_the_launcher_so_exit_codes_and_signals_are_its_own(clone: Any) -> None:
    with clone.start("a", "b", "c") as process:
        out, _ = process.communicate(timeout=180)
    assert process.returncode == 3
    assert int(out.split("|")[-1]) == process.pid


def test_the_tests_run_from_the_root_on_two_workers_with_the_callers_arguments(clone: Any, tmp_path: Path) -> None:
    told = clone.run("test", "-k", "word", cwd=tmp_path)
    assert told.stdout.split("|")[:5] == ["-n", "2", "-k", "word", str(clone.root)]
    assert "requirements-dev.txt" in clone.installs()[0]


def test_the_test_pins_contain_the_base_pins_so_a_demo_after_the_tests_installs_nothing(clone: Any) -> None:
    clone.run("test")
    clone.run("demo")
    clone.run("test")
    assert len(clone.installs()) == 1


@pytest.mark.parametrize("command", ["sweep", "walk-forward"])
def test_the_first_sweep_installs_what_sweeps_want_and_no_other_command_does(clone: Any, command: str) -> None:
    clone.run("status")
    clone.run(command, "sma_cross")
    clone.run(command, "sma_cross")
    clone.run("status")
    assert [re.search(r"-r \S+/(\S+)", line)[1] for line in clone.installs()] == [
        "requirements.txt",
        "requirements-sweep.txt",
    ]


def test_the_test_pins_contain_those_of_sweeps(clone: Any) -> None:
    clone.run("test")
    clone.run("sweep")
    clone.run("status")
    assert len(clone.installs()) == 1


def test_of_two_first_starts_at_once_one_installs_and_the_other_waits(clone: Any) -> None:
    # The installer of the one that is first ends only when the other has said that it waits.
    clone.uv_does(f"while [ ! -e {clone.notes}.go ]; do sleep 0.02; done")
    starts = [clone.start("status"), clone.start("status")]
    waiting = next(line for line in _lines_of_both(starts) if "waiting" in line)
    Path(f"{clone.notes}.go").touch()
    outs = [process.communicate(timeout=180)[0] for process in starts]

    assert "another start is making the environment" in waiting
    assert [out.split("|")[0] for out in outs] == ["status", "status"]
    assert len(clone.installs()) == 1


def test_a_killed_start_leaves_the_lock_to_its_installer_so_the_next_one_waits_for_it(clone: Any) -> None:
    clone.uv_does(f"while [ ! -e {clone.notes}.go ]; do sleep 0.02; done")
    with clone.start("status") as killed:
        while "installing" not in killed.stderr.readline():
            assert killed.poll() is None
        killed.kill()
    with clone.start("status") as next_one:
        assert "waiting" in next_one.stderr.readline()
        Path(f"{clone.notes}.go").touch()
        out, _ = next_one.communicate(timeout=180)
    assert out.startswith("status|")


def _lines_of_both(starts: list[Any]) -> Any:
    with selectors.DefaultSelector() as selector:
        for process in starts:
            selector.register(process.stderr, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select(timeout=30):
                yield key.fileobj.readline()  # type: ignore[union-attr]


def test_an_environment_whose_interpreter_is_gone_is_made_anew(clone: Any) -> None:
    clone.run("status")
    python = clone.environment / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    (clone.environment / "leftover").touch()

    assert clone.run("status").stdout.startswith("status|")
    assert not (clone.environment / "leftover").exists()


def test_an_environment_made_by_hand_is_kept_and_filled(clone: Any, launcher: ModuleType) -> None:
    launcher.run("by hand", [launcher.find_interpreter(), "-m", "venv", "--without-pip", str(clone.environment)])
    (clone.environment / "mine").touch()
    assert clone.run("status").stdout.startswith("status|")
    assert (clone.environment / "mine").exists()


def test_a_folder_with_other_files_is_never_emptied(clone: Any, tmp_path: Path) -> None:
    precious = tmp_path / "documents"
    precious.mkdir()
    (precious / "letter").write_text("dear")
    told = clone.run("status", BOT_VENV=str(precious))
    assert told.returncode == 1
    assert "holds other files" in told.stderr
    assert (precious / "letter").read_text() == "dear"


def test_a_package_that_is_not_the_pinned_one_is_refused_until_the_pin_is_right(clone: Any, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    pin = wheel(wheels)
    pins = clone.root / "requirements.txt"
    clone.uv_does("echo uv has no network; exit 2")

    pins.write_text(pin[:-2] + ("0" if pin[-2] != "0" else "1") + "\n")
    refused = clone.run("status", BOT_WHEELS=str(wheels))
    pins.write_text(pin)
    taken = clone.run("status", BOT_WHEELS=str(wheels))

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "does not match its pinned hash" in refused.stderr.splitlines()[-1]
    assert "uv could not; trying pip" in taken.stderr
    assert taken.stdout.startswith("status|")
    assert list(clone.environment.glob("lib/python3.*/site-packages/tiny.py"))


def test_a_hash_that_uv_refuses_is_not_offered_to_pip(clone: Any) -> None:
    clone.uv_does("echo 'error: Hash mismatch for tiny==1.0'; exit 1")
    told = clone.run("status")
    assert told.returncode == 1
    assert "does not match its pinned hash" in told.stderr
    assert not (clone.environment / "installer").exists()


def test_offline_without_wheels_says_how_to_get_them(clone: Any) -> None:
    told = clone.run("--offline", "status")
    assert told.returncode == 1
    assert "pip download" in told.stderr.splitlines()[-1]


def fake_python(folder: Path, name: str, *lines: str) -> str:
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return str(path)


GOOD = ("echo CPython 3 12 True", "echo /packages")


def test_broken_old_foreign_and_crippled_pythons_are_passed_over(
    launcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOT_PYTHON", raising=False)
    places = [
        fake_python(tmp_path, "shim", "echo 'pyenv: python3.12: command not found' >&2", "exit 127"),
        fake_python(tmp_path, "old", "echo CPython 3 11 True", "echo /packages"),
        fake_python(tmp_path, "other", "echo PyPy 3 12 True", "echo /packages"),
        fake_python(tmp_path, "crippled", "echo CPython 3 12 False", "echo /packages"),
        fake_python(tmp_path, "chatty", "echo hello"),
        str(tmp_path / "absent"),
        fake_python(tmp_path, "good", *GOOD),
    ]
    monkeypatch.setattr(launcher, "_places", lambda: iter(places))
    assert launcher.find_interpreter() == places[-1]


def test_the_named_python_comes_first_and_a_useless_one_is_said_to_be_so(
    launcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = fake_python(tmp_path, "found", *GOOD)
    monkeypatch.setattr(launcher, "_places", lambda: iter([found]))
    named = fake_python(tmp_path, "named", *GOOD)
    monkeypatch.setenv("BOT_PYTHON", named)
    assert launcher.find_interpreter() == named

    monkeypatch.setenv("BOT_PYTHON", str(tmp_path / "absent"))
    assert launcher.find_interpreter() == found
    assert "is no CPython 3.12 or newer" in capsys.readouterr().err


def test_version_folders_are_searched_where_no_program_on_the_path_works(
    launcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pyenv" / "versions" / "3.12.9" / "bin"
    folder.mkdir(parents=True)
    kept = fake_python(folder, "python3", *GOOD)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kept in list(launcher.candidates())


def test_without_any_new_enough_python_one_line_says_what_to_do(
    launcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BOT_PYTHON", raising=False)
    monkeypatch.setenv("BOT_VENV", str(tmp_path / "environment"))
    monkeypatch.setattr(launcher, "_places", lambda: iter([fake_python(tmp_path, "shim", "exit 127")]))
    assert launcher.main(["demo"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "no CPython 3.12 or newer" in told
    assert "BOT_PYTHON" in told


def test_on_a_terminal_a_step_counts_its_seconds_on_one_line(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    launcher.run("installing", ["true"])
    assert terminal.getvalue().startswith("\rbot: installing ... 0 s ")
    assert terminal.getvalue().count("\n") == 1


def test_a_failing_step_shows_the_end_of_its_own_words(
    launcher: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(launcher.Trouble, match="installing failed"):
        launcher.run("installing", ["sh", "-c", "echo the cause; exit 1"])
    assert "the cause" in capsys.readouterr().err


def test_the_launcher_is_one_file_that_any_python_from_3_8_can_read() -> None:
    path = Path(__file__).parents[3] / "bot"
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert imported <= set(sys.stdlib_module_names)
    assert os.access(path, os.X_OK)
