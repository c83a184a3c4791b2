"""A private PostgreSQL for those who have none: found or started in about a second, and left running.

It listens on a socket in a folder that only its owner enters, never on a network. It outlives the bot; whoever comes
next finds it by its pid file, believed only when a server answers on our socket and says that this is its data.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bot.db.binaries import find_binaries
from bot.db.places import NOTE, SOCKET, Place, home_of, settle, usable
from bot.domain.errors import Misconfigured, Unavailable

DATABASE = "binance_bot"
USER = "bot"
START_S = 120.0
"""Long, because a server that was killed first repairs itself."""
STOP_S = 30.0
LOG_BYTES_MAX = 5_000_000
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}

__all__ = ["DATABASE", "Server", "ensure", "erase", "find_binaries", "running"]


@dataclass(frozen=True, slots=True)
class Server:
    """A running private server."""

    place: Place
    pid: int

    @property
    def data_dir(self) -> Path:
        """Its data folder."""
        return self.place.data

    @property
    def url(self) -> str:
        """The address of our database on it."""
        return f"postgresql+psycopg://{USER}@/{DATABASE}?host={quote(str(self.place.socket), safe='/')}"

    def stop(self) -> None:
        """End it: connections are closed, data is written. Harmless when it is gone already."""
        _stop(self.place)


def ensure(root: Path) -> Server:
    """Find the server whose data lies in `root`, or start it, making everything on first use."""
    root = root.absolute()
    try:
        place = settle(root)
        with _turn(place.home):
            return Server(place, _running(place) or _start(place))
    except PermissionError as error:
        raise Misconfigured(
            f"the database below {root} belongs to another user ({error.filename}); "
            "start the bot as that user, or set VAR_DIR or DB_URL"
        ) from None


def running(root: Path) -> Server | None:
    """Give the server of `root` if it runs; nothing is started or made."""
    root = root.absolute()
    if not (home_of(root) / "data").is_dir():
        return None
    place = settle(root)
    pid = _noted_pid(place)
    return Server(place, pid) if pid is not None and _is_ours(pid, place) else None


def revive(root: Path) -> None:
    """Start the server of `root` again when it has died; where that fails, or its data is gone, all stays as it is."""
    if (home_of(root.absolute()) / "data").is_dir():
        with contextlib.suppress(Misconfigured, Unavailable):
            ensure(root)


def erase(root: Path) -> None:
    """Stop the server of `root` and remove all of its data, and nothing else that may lie there."""
    root = root.absolute()
    home = home_of(root)
    if (home / "data").is_dir():
        place = settle(root)
        with _turn(place.home):
            _stop(place)
        shutil.rmtree(place.socket)
    for folder in {home, root}:
        for name in ("data", "data.draft", "socket", "programs*", "lock", "server*.log", NOTE):
            for thing in folder.glob(name):
                shutil.rmtree(thing) if thing.is_dir() else thing.unlink()
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def _turn(home: Path) -> Iterator[None]:
    """Hold the right to start or stop: programs that start at once take turns."""
    with (home / "lock").open("a") as file:
        give_up = time.monotonic() + START_S + STOP_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise Unavailable(
                        f"another program is starting the database in {home} and does not finish"
                    ) from None
                time.sleep(0.02)
        yield


def _running(place: Place) -> int | None:
    """Give the pid of the server on our data, once it answers."""
    pid = _noted_pid(place)
    give_up = time.monotonic() + START_S
    while pid is not None and _is_ours(pid, place):
        if _answers(place):
            return pid
        if time.monotonic() > give_up:
            raise Unavailable(f"the database (process {pid}) runs but does not answer; see {place.home / 'server.log'}")
        time.sleep(0.02)
    return None


def _start(place: Place) -> int:
    version = place.data / "PG_VERSION"
    major = int(version.read_text().split(".")[0]) if version.exists() else None
    programs = usable(place, find_binaries(major))
    if major is None:
        _make_data(place, programs)
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up:
        _disarm(place)
        pid = _launch(place, programs)
        while _is_ours(pid, place) and time.monotonic() < give_up:
            if _answers(place):
                return pid
            time.sleep(0.02)
        # Backends of a server that was killed go within a second or two; until then its successor is refused.
        if "shared memory block" not in _last_words(place):
            break
        time.sleep(0.2)
    raise Misconfigured(f"the database does not start: {_last_words(place)}; see {place.home / 'server.log'}")


def _make_data(place: Place, programs: Path) -> None:
    draft = place.home / "data.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if place.owner:
        os.chown(draft, place.owner.uid, place.owner.gid)
    command = [str(programs / "initdb"), "-D", str(draft), "-U", USER, "-E", "UTF8", "--no-locale", "--auth=trust"]
    made = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, cwd=draft, env=_environment(), **_identity(place)
    )
    if made.returncode:
        words = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Misconfigured(f"initdb could not make a database in {place.home}: {words}")
    draft.rename(place.data)


def _launch(place: Place, programs: Path) -> int:
    """Start the server in a session of its own, as nobody's child, so that it outlives us and leaves no zombie."""
    folder = str(place.socket).replace('"', '""')
    settings = {**_SETTINGS, "unix_socket_directories": f'"{folder}"'}
    command = [str(programs / "postgres"), "-D", str(place.data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    log = place.home / "server.log"
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name("server.old.log"))
    log.touch(mode=0o600)
    with log.open("a") as file:
        started = subprocess.run(  # noqa: S603
            ["/bin/sh", "-c", '"$@" >&2 </dev/null & echo $!', "sh", *command],
            stdout=subprocess.PIPE, stderr=file, text=True, check=True, cwd=place.data, env=_environment(),
            start_new_session=True, **_identity(place),
        )  # fmt: skip
    return int(started.stdout)


def _disarm(place: Place) -> None:
    """Make lock files of a dead server harmless where PostgreSQL would take a reused process number for its own."""
    (place.socket / f"{SOCKET}.lock").unlink(missing_ok=True)
    note = place.data / "postmaster.pid"
    lines = note.read_text().split("\n", 1) if note.exists() else [""]
    if not lines[0].strip():
        note.unlink(missing_ok=True)
        return
    # Not removed: its shared memory line lets PostgreSQL see whether old backends still live.
    finished = subprocess.Popen(["/bin/sh", "-c", ":"])
    finished.wait()
    note.write_text("\n".join([str(finished.pid), *lines[1:]]))


def _stop(place: Place) -> None:
    pid = _noted_pid(place)
    if pid is None or not _is_ours(pid, place):
        return
    for order, patience in ((signal.SIGINT, STOP_S), (signal.SIGQUIT, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, order)
        give_up = time.monotonic() + patience
        while time.monotonic() < give_up:
            if not _is_ours(pid, place):
                return
            time.sleep(0.01)
    raise Unavailable(f"the database (process {pid}) does not stop; see {place.home / 'server.log'}")


def _noted_pid(place: Place) -> int | None:
    try:
        return abs(int((place.data / "postmaster.pid").read_text().split("\n", 1)[0]))
    except (FileNotFoundError, ValueError):
        return None


def _is_ours(pid: int, place: Place) -> bool:
    """Say whether this process is alive and at home in our data folder, not a stranger with a reused number."""
    proc = Path("/proc") / str(pid)
    if Path("/proc/self/cwd").exists():
        try:
            return (proc / "cwd").samefile(place.data)
        except OSError:
            return False
    seen = subprocess.run(  # noqa: S603
        ["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
    )
    return str(place.data) in seen.stdout


def _answers(place: Place) -> bool:
    """Say whether a server with our data takes connections, and give it our database."""
    import psycopg  # noqa: PLC0415 (slow, and not needed to stop a server)

    try:
        with psycopg.connect(
            host=str(place.socket), user=USER, dbname="postgres", autocommit=True, connect_timeout=5
        ) as connection:
            shown = connection.execute("SHOW data_directory").fetchone()
            if not shown or not Path(shown[0]).samefile(place.data):
                return False
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
            if not known.rowcount:
                connection.execute(f"CREATE DATABASE {DATABASE}")
    except (psycopg.OperationalError, FileNotFoundError):
        return False
    return True


def _last_words(place: Place) -> str:
    lines = (place.home / "server.log").read_text(errors="replace").strip().splitlines()
    fatal = [line for line in lines[-20:] if "FATAL" in line or "could not" in line]
    return (fatal or lines or ["no reason given"])[-1]


def _identity(place: Place) -> dict[str, Any]:
    owner = place.owner
    return {"user": owner.uid, "group": owner.gid, "extra_groups": [], "umask": 0o077} if owner else {"umask": 0o077}


def _environment() -> dict[str, str]:
    """Give an environment without settings of ours or PG* ones that would lead PostgreSQL astray."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
