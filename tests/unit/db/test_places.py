"""Where a server may live: what other users left in its way."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.db import places
from bot.domain.errors import Misconfigured

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_socket_folder_that_others_may_enter_is_refused(home: Path) -> None:
    (home / "socket").mkdir(mode=0o755)
    with pytest.raises(Misconfigured, match=r"socket should be a private folder .* remove it"):
        places.settle(home)


def test_a_link_in_place_of_the_socket_folder_is_refused(home: Path, tmp_path: Path) -> None:
    (home / "socket").symlink_to(tmp_path)
    with pytest.raises(Misconfigured, match="socket should be a private folder"):
        places.settle(home)


def test_settling_twice_gives_the_same_place(home: Path) -> None:
    assert places.settle(home / "var") == places.settle(home / "var")


def test_folders_that_were_there_keep_their_modes(home: Path) -> None:
    (home / "var").mkdir(mode=0o750)
    places.settle(home)
    assert (home / "var").stat().st_mode & 0o777 == 0o750
    assert home.stat().st_mode & 0o777 == 0o755


@needs_root
def test_a_settlement_that_was_killed_half_way_is_finished(home: Path) -> None:
    (home / "socket").mkdir(mode=0o700)
    place = places.settle(home)
    assert place.owner is not None
    assert place.socket.stat().st_uid == place.owner.uid


@needs_root
def test_the_user_who_owns_the_data_stays_its_user(home: Path) -> None:
    (home / "data").mkdir(mode=0o700)
    os.chown(home / "data", 65534, 65534)
    owner = places.settle(home).owner
    assert owner is not None
    assert owner.uid == 65534


@needs_root
def test_a_machine_without_a_user_to_run_as_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "USERS", ("no-such-user",))
    with pytest.raises(Misconfigured, match="none of the users no-such-user; start the bot as an ordinary user"):
        places.settle(home)
