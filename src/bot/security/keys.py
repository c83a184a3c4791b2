"""Where the encryption keys come from: the settings, or a file for our eyes only. And a process that tells nothing."""

import ctypes
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet

from bot.domain.errors import Misconfigured
from bot.security import private_files
from bot.security.redact import register_secret
from bot.security.secrets import Secret, fernet

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

_PR_SET_DUMPABLE = 4


def load_or_create_key(given: str | Secret | None, path: Path, *, create: bool = True) -> tuple[Secret, ...]:
    """Give the keys, the sealing one first: from the setting if given, else from the file.

    A missing file is made, for our eyes only, unless `create` is false: where secrets are stored already, a fresh key
    would open none of them.
    """
    if given is not None:
        return _parse(given.reveal() if isinstance(given, Secret) else given, "ENCRYPTION_KEY")
    if not path.exists() and not path.is_symlink():
        if not create:
            raise Misconfigured(
                f"no encryption key in {path}; run `bot init`, put the file back, or set ENCRYPTION_KEY"
            )
        _create(path, Fernet.generate_key().decode())
    return _read(path)


def add_key(path: Path) -> tuple[Secret, ...]:
    """Put a fresh key before those in the file: new secrets are sealed with it, old ones still open."""
    keys = [key.reveal() for key in _read(path)]
    private_files.replace(path, "\n".join([Fernet.generate_key().decode(), *keys]))
    return _read(path)


def retire_old_keys(path: Path) -> tuple[Secret, ...]:
    """Forget all keys but the first. Do it when every secret has been rotated: the rest opens no more."""
    private_files.replace(path, _read(path)[0].reveal())
    return _read(path)


def harden_process() -> None:
    """Keep our memory out of core dumps and away from other processes of the same user, as far as the system can."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # A system that forbids the call leaves us where we were.
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _read(path: Path) -> tuple[Secret, ...]:
    private_files.check(path.parent, stat.S_ISDIR, "700")
    private_files.check(path, stat.S_ISREG, "600")
    try:
        return _parse(path.read_text(encoding="ascii"), str(path))
    except UnicodeDecodeError:
        raise Misconfigured(f"{path} holds no Fernet key; put the right file back") from None
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read ({error.strerror}); make it yours: chmod 600 {path}") from None


def _parse(text: str, source: str) -> tuple[Secret, ...]:
    keys = text.replace(",", "\n").split()
    for key in keys:
        register_secret(key)
        try:
            fernet(key)
        except Misconfigured:
            raise Misconfigured(f"{source} holds no Fernet key; give 44 characters of base64") from None
    if not keys:
        raise Misconfigured(f"{source} is empty; put the key back, or remove it and run `bot init`")
    return tuple(Secret(key) for key in keys)


def _create(path: Path, text: str) -> None:
    """Make the file whole or not at all. Of two who try at once one wins, and both then read the same key."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        private_files.check(path.parent, stat.S_ISDIR, "700")
        draft = private_files.draft(path, text)
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        finally:
            draft.unlink()
        private_files.sync(path.parent)
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be made ({error.strerror}); give VAR_DIR a folder we may write to"
        ) from None
