"""Files for our eyes only."""

import os
from pathlib import Path

import pytest

from bot.security import private_files


def test_a_file_is_replaced_whole_and_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for text in ("first", "second"):
        private_files.replace(path, text)
        assert path.read_text() == f"{text}\n"
        assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    private_files.replace(path, "first")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        private_files.replace(path, "second")
    assert path.read_text() == "first\n"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
