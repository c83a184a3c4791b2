"""The note a running bot keeps beside its database: who it is and how it does, for `status` and `stop`."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.domain.errors import Misconfigured
from bot.killpoints import reached


def note_path(var: Path) -> Path:
    """Where the note lies."""
    return var / "run" / "bot.json"


@contextlib.contextmanager
def only_one(var: Path, how_to_end: str = "stop it: bot stop") -> Iterator[None]:
    """Hold the place of the running bot; Misconfigured when another holds it. The system frees it at our death."""
    lock = var / "run" / "bot.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        raise Misconfigured(f"we cannot write in {var} ({error.strerror}); let this user, or set VAR_DIR") from None
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = (read(var) or {}).get("pid", "?")
            raise Misconfigured(f"a bot is running here already (process {pid}); {how_to_end}") from None
        try:
            yield
        finally:
            note_path(var).unlink(missing_ok=True)


def is_running(var: Path) -> bool:
    """Say whether a bot holds its place."""
    lock = var / "run" / "bot.lock"
    if not lock.exists():
        return False
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def write(var: Path, values: Mapping[str, Any]) -> None:
    """Write the note, whole or not at all."""
    path = note_path(var)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps({"pid": os.getpid(), **values}), encoding="utf-8")
    reached("snapshot.written")
    draft.replace(path)
    reached("snapshot.renamed")


def read(var: Path) -> dict[str, Any] | None:
    """Give the note of a bot, None when there is none (or none that can be read)."""
    try:
        note = json.loads(note_path(var).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) else None
