"""Where the private server may live, and as whom it runs.

PostgreSQL refuses to run as root. Started by root it runs as an unprivileged user, who may not be able to enter the
folder that the bot lies in (`/root`, for one); then its data and programs get a home outside. No folder that was there
before is ever opened up for it.
"""

import errno
import hashlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from bot.db.binaries import private_copy
from bot.domain.errors import Misconfigured

OUTSIDE = (Path("/var/lib/binance-bot"), Path("/var/tmp/binance-bot"))  # noqa: S108 (checked to be root's alone)
USERS = ("postgres", "nobody")
NOTE = "WHERE.txt"
LONGEST_SOCKET = 103
"""Bytes in a socket's path: 103 on macOS, 107 on Linux."""
SOCKET = ".s.PGSQL.5432"
_NOTE_TEXT = (
    "{home}\n\nThe line above says where the database of this folder really lives: the user it runs as\n"
    "may not enter this folder. Keep this file: the bot reads it.\n"
)


@dataclass(frozen=True, slots=True)
class Owner:
    """The user a server runs as, when that is somebody else than we are."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server's things are. `owner` is None when it runs as ourselves."""

    home: Path
    socket: Path
    owner: Owner | None

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "data"


def settle(root: Path) -> Place:
    """Decide where the server of `root` lives, and make its folders. PermissionError when it is somebody else's."""
    home = home_of(root)
    if os.geteuid() != 0:
        _make(home, 0o700)
        if home.stat().st_uid != os.geteuid():
            raise PermissionError(errno.EACCES, "the folder of another user", str(home))
        return Place(home, _socket_folder(home, None), None)
    owner = _owner(home)
    if home == root and not (home / "data").exists() and not _reaches(owner, root):
        home = _home_outside(root, owner)
        _make(root, 0o700)
        (root / NOTE).write_text(_NOTE_TEXT.format(home=home), encoding="utf-8")
    _make(home, 0o711)
    return Place(home, _socket_folder(home, owner), owner)


def usable(place: Place, programs: Path) -> Path:
    """Give a folder of these programs that the server's user can reach: this one, or a private copy."""
    if place.owner is None or _reaches(place.owner, programs / "postgres"):
        return programs
    return private_copy(programs, place.home)


def home_of(root: Path) -> Path:
    """Give the folder that holds the data of `root`: itself, or the one its note names."""
    note = root / NOTE
    if not note.is_file():
        return root
    home = Path(note.read_text(encoding="utf-8").split("\n", 1)[0])
    if home.parent not in OUTSIDE:
        raise Misconfigured(f"{note} names {home}, which is no folder of ours; correct its first line, or remove it")
    return home


def _owner(home: Path) -> Owner:
    if (home / "data").exists():
        user = pwd.getpwuid((home / "data").stat().st_uid)
        return Owner(user.pw_name, user.pw_uid, user.pw_gid)
    for name in USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(name, user.pw_uid, user.pw_gid)
    raise Misconfigured(
        f"PostgreSQL does not run as root, and this machine has none of the users {', '.join(USERS)}; "
        "start the bot as an ordinary user, or set DB_URL"
    )


def _reaches(owner: Owner, path: Path) -> bool:
    """Say whether the user may enter every folder on the way to a path, and read it; missing ends count as open."""
    real = path.resolve()
    return all(_may_enter(owner, step) for step in (real, *real.parents) if step.exists())


def _may_enter(owner: Owner, step: Path) -> bool:
    facts = step.stat()
    wanted = 0o1 if step.is_dir() else 0o5
    shift = 6 if facts.st_uid == owner.uid else 3 if facts.st_gid == owner.gid else 0
    return (facts.st_mode >> shift) & wanted == wanted


def _home_outside(root: Path, owner: Owner) -> Path:
    for base in OUTSIDE:
        try:
            _make(base, 0o711)
        except OSError:
            continue
        facts = base.lstat()
        if base.is_symlink() or facts.st_uid != 0 or facts.st_mode & 0o022 or not _reaches(owner, base):
            continue
        return base / _mark(root)
    raise Misconfigured(
        f"the user {owner.name} may not enter {root}, and neither of {', '.join(map(str, OUTSIDE))} can be used; "
        "move the bot out of a private folder, start it as an ordinary user, or set DB_URL"
    )


def _socket_folder(home: Path, owner: Owner | None) -> Path:
    folder = home / "socket"
    # A comma separates hosts in PostgreSQL's addresses.
    if len(os.fsencode(folder / SOCKET)) > LONGEST_SOCKET or "," in str(folder):
        folder = Path("/tmp") / f"binance-bot-{_mark(home)}"  # noqa: S108 (0700, and its owner is checked)
    uid = owner.uid if owner else os.geteuid()
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if folder.is_symlink() or facts.st_uid not in {uid, os.geteuid()} or facts.st_mode & 0o077:
        raise Misconfigured(f"{folder} should be a private folder of our database's user and is not; remove it")
    if owner:
        os.chown(folder, owner.uid, owner.gid)
    return folder


def _make(folder: Path, mode: int) -> None:
    """Make a folder and what leads to it; one that is there already stays as it is."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)


def _mark(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]
