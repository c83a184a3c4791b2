"""Files for our eyes only: made whole or not at all, on disk before we go on, and refused when others may read them."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bot.domain.errors import Misconfigured
from bot.killpoints import reached


def replace(path: Path, text: str) -> None:
    """Put a text in the place of a file, or make it (UTF-8, mode 0600). Raises OSError and leaves the old one then."""
    new = draft(path, text)
    reached("snapshot.written")
    new.replace(path)
    reached("snapshot.renamed")
    sync(path.parent)


def check(path: Path, is_kind: Callable[[int], bool], mode: str) -> None:
    """Raise Misconfigured when others may read a file or folder, or it is another kind of thing."""
    status = path.lstat()
    if not is_kind(status.st_mode):
        raise Misconfigured(f"{path} is not what it should be (a link, perhaps); put the real one in its place")
    if sys.platform == "win32":
        return
    if status.st_uid != os.geteuid():
        raise Misconfigured(f"{path} belongs to another user; make it yours: chown {os.geteuid()} {path}")
    if status.st_mode & 0o077:
        raise Misconfigured(f"{path} may be read by others; run: chmod {mode} {path}")


def draft(path: Path, text: str) -> Path:
    """Write a text to a new file beside `path`, for it to be moved there."""
    # mkstemp opens with O_EXCL and mode 0600.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)


def sync(folder: Path) -> None:
    """Wait until a folder's entries are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
