"""This machine: Python, folders, free disk, and who may read our files."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from dotenv import dotenv_values

from bot.commands.doctor.findings import Finding, judged
from bot.config import SECRET_FILES, SECRETS

LEAST_MB, FEW_MB = 500, 2_000
"""Free disk below which nothing should be started, and below which somebody should look."""
_ASYNCIO = "asyncio lets a slow reader fill the memory (CVE-2024-12254)"
KNOWN_BAD = (
    ((3, 12, 0), (3, 12, 9), _ASYNCIO),
    ((3, 13, 0), (3, 13, 2), _ASYNCIO),
)
"""Versions of Python from, and before, between which something is broken."""
OLDEST = (3, 12, 0)


def python(version: tuple[int, int, int]) -> Iterator[Finding]:
    """Look at the version of Python."""
    shown = ".".join(map(str, version))
    bad = [f"{shown}: {what}" for begin, mended, what in KNOWN_BAD if begin <= version < mended]
    old = [f"{shown} is older than {'.'.join(map(str, OLDEST))}"] if version < OLDEST else []
    yield judged("python", shown, fails=old, warns=bad, mend="install a newer Python, then start the launcher again")


def folder(var: Path) -> Iterator[Finding]:
    """Look whether we may write where we have to."""
    if not var.exists():
        above = next(each for each in var.parents if each.exists())
        if above.is_dir() and os.access(above, os.W_OK):
            yield Finding("folder", "warn", f"{var} is not there yet", "bot init")
        else:
            yield Finding("folder", "fail", f"{var} cannot be made below {above}", "choose another place: VAR_DIR")
        return
    try:
        probe = var / ".writable"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        yield Finding("folder", "fail", f"{var}: {error.strerror}", "let this user write there, or set VAR_DIR")
        return
    yield Finding("folder", "ok", str(var))


def disks(places: Mapping[str, Path]) -> Iterator[Finding]:
    """Look at the free disk below each of our places; those on one disk are told together."""
    names: dict[int, list[str]] = {}
    free_mb: dict[int, int] = {}
    for name, path in places.items():
        there = next(each for each in (path, *path.parents) if each.is_dir())
        disk = there.stat().st_dev
        names.setdefault(disk, []).append(name)
        free_mb[disk] = shutil.disk_usage(there).free // 1_000_000
    for disk, on_it in names.items():
        yield room(f"disk of {', '.join(on_it)}", free_mb[disk])


def room(name: str, free_mb: int) -> Finding:
    """Judge how much disk is free."""
    seen = f"{free_mb:,} MB free"
    is_few, is_least = free_mb < FEW_MB, free_mb < LEAST_MB
    return judged(name, seen, fails=[seen] * is_least, warns=[seen] * (is_few and not is_least), mend="make room")


def modes(var: Path, env: Path, environ: Mapping[str, str], *, others_pass: bool) -> Iterator[Finding]:
    """Look at who else may read or change our files. `others_pass`: the database's own user has to get through."""
    written = {name: value for name, value in dotenv_values(env).items() if value} if env.is_file() else {}
    secret_files = {
        name: env.parent / path for name in SECRET_FILES if (path := environ.get(name) or written.get(name))
    }
    allowed = 0o011 if others_pass else 0
    fails, warns = [], []
    if var.is_dir() and (bits := _open_bits(var, 0o077 & ~allowed)):
        warns.append(f"others may enter or read {var} ({bits}): chmod {'711' if others_pass else '700'} {var}")
    keys = var / "keys"
    if keys.is_dir():
        if bits := _open_bits(keys, 0o077):
            fails.append(f"others may enter {keys} ({bits}): chmod 700 {keys}")
        fails += [_for_us_alone(path, bits) for path in sorted(keys.iterdir()) if (bits := _open_bits(path, 0o077))]
    fails += [
        f"{name}: {_for_us_alone(path, bits)}"
        for name, path in secret_files.items()
        if path.exists() and (bits := _open_bits(path, 0o077))
    ]
    if env.exists():
        holds_secret = any(name in written for name in SECRETS)
        if bits := _open_bits(env, 0o077 if holds_secret else 0o006):
            (fails if holds_secret else warns).append(_for_us_alone(env, bits))
    yield judged("file modes", f"{var} and what it keeps are ours alone", fails=fails, warns=warns, mend="as said")


def _open_bits(path: Path, mask: int) -> str:
    """Give a path's mode when it has any of these bits, else an empty text."""
    mode = stat.S_IMODE(path.stat().st_mode)
    return f"{mode:04o}" if os.name == "posix" and mode & mask else ""


def _for_us_alone(path: Path, bits: str) -> str:
    return f"others may read {path} ({bits}): chmod 600 {path}"
