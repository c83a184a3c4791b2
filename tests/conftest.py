"""Fixtures for tests that need a database: one private server for the run, one migrated template, a copy per test.

Nothing is imported or started until a test asks for it.
"""

import contextlib
import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

if TYPE_CHECKING:
    from bot.db.embedded import Server

TEMPLATE = "bot_template"
MEMORY_BYTES = 2_000_000_000
_FOLDERS = "bot-tests-"
_numbers = itertools.count(1)


RECORDED = Path(__file__).parents[2] / "shared/data"
"""Recorded market data, kept beside the checkout because of its size."""


def pytest_report_header() -> str:
    """Say what a checkout without recorded data cannot test."""
    if RECORDED.is_dir():
        return "recorded market data: found"
    if os.environ.get("CI"):
        raise pytest.UsageError(f"recorded market data is missing: {RECORDED}")
    return "recorded market data: NOT beside this checkout (../shared/data): the tests on real candles are left out"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out test files that read recorded data when there is none. With CI set, its absence is a failure."""
    if RECORDED.is_dir() or collection_path.suffix != ".py":
        return None
    return True if "shared/data" in collection_path.read_text(encoding="utf-8") else None


@pytest.fixture(scope="session")
def cluster() -> Iterator["Server"]:
    """A private server shared by all workers of this run; the last one to leave removes it."""
    from bot.db import embedded

    # Workers of one run have the same parent, which gives them a common folder.
    run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    folder = _fast_folder() / f"{_FOLDERS}{run}"
    _sweep()
    with contextlib.ExitStack() as stack:
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        users = stack.enter_context((folder / "users").open("w"))
        fcntl.flock(users, fcntl.LOCK_SH)
        server = embedded.ensure(folder / "postgres")
        _hurry(server)
        yield server
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            embedded.erase(folder / "postgres")
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def admin(cluster: "Server") -> Iterator[Callable[[str], object]]:
    """Runs a statement on the server, outside any transaction, and gives the first value of its answer."""
    import psycopg

    from bot.db.base import plain_dsn

    with psycopg.connect(plain_dsn(cluster.url), dbname="postgres", autocommit=True) as connection:

        def run(statement: str) -> object:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return row[0] if cursor.description and (row := cursor.fetchone()) else None

        yield run


@pytest.fixture(scope="session")
def template_url(cluster: "Server", admin: Callable[[str], object]) -> str:
    """The address of a migrated, empty database, made once a run. Copy it; do not connect to it."""
    from bot.db import migrate

    url = cluster.url.replace("/binance_bot?", f"/{TEMPLATE}?")
    with (cluster.place.home.parent / "template.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not admin(f"SELECT true FROM pg_database WHERE datname = '{TEMPLATE}'"):
            admin("DROP DATABASE IF EXISTS bot_template_draft")
            admin("CREATE DATABASE bot_template_draft")
            migrate.upgrade(url.replace(TEMPLATE, "bot_template_draft"))
            admin(f"ALTER DATABASE bot_template_draft RENAME TO {TEMPLATE}")
    return url


@pytest.fixture
def database_url(template_url: str, admin: Callable[[str], object]) -> Iterator[str]:
    """The address of a migrated database of this test's own."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    quick = "STRATEGY file_copy" if int(str(admin("SHOW server_version_num"))) >= 150_000 else ""
    admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} {quick}")
    yield template_url.replace(TEMPLATE, name)
    admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_url(cluster: "Server", admin: Callable[[str], object]) -> Iterator[str]:
    """The address of a database of this test's own with nothing in it."""
    name = f"empty_{os.getpid()}_{next(_numbers)}"
    admin(f"CREATE DATABASE {name}")
    yield cluster.url.replace("/binance_bot?", f"/{name}?")
    admin(f"DROP DATABASE {name} WITH (FORCE)")


def _fast_folder() -> Path:
    """Give a folder in memory where there is room, because copying a database is mostly making files."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_BYTES:
        return memory
    return Path(tempfile.gettempdir())


def _hurry(server: "Server") -> None:
    """Let this server skip waiting for the disk: what it holds is thrown away."""
    import psycopg

    from bot.db.base import plain_dsn

    with psycopg.connect(plain_dsn(server.url), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


def _sweep() -> None:
    """Remove servers of runs that were killed."""
    from bot.db import embedded

    for folder in _fast_folder().glob(f"{_FOLDERS}*"):
        pid = folder.name.removeprefix(_FOLDERS)
        if pid.isdecimal() and not _is_alive(int(pid)):
            with contextlib.suppress(PermissionError):
                embedded.erase(folder / "postgres")
                shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Put the logs back after each test: a command that is run in this process may have silenced them."""
    before = structlog.get_config()
    yield
    if structlog.get_config() != before:
        structlog.configure(**before)
