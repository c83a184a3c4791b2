"""The KPI cache: one SQLite file, written by the aggregator alone; each reader opens a connection of its own.

Figures are REAL: good for charts. Exact sums live in the database.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import msgspec
import structlog

from bot.domain.errors import Misconfigured, Unavailable

log = structlog.get_logger()

HOUR_S, DAY_S = 3_600, 86_400
_BUSY_S = 5.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kpi_snapshots(
    ts INTEGER NOT NULL,
    strategy_id INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    pnl REAL NOT NULL,
    gross REAL NOT NULL,
    fees REAL NOT NULL,
    win_rate REAL NOT NULL,
    open_trades INTEGER NOT NULL,
    closed_trades INTEGER NOT NULL,
    max_drawdown REAL,
    profit_factor REAL,
    equity REAL,
    mode TEXT NOT NULL DEFAULT 'paper',
    PRIMARY KEY (ts, strategy_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ix_kpi_ts ON kpi_snapshots(ts);
CREATE INDEX IF NOT EXISTS ix_kpi_strategy_ts ON kpi_snapshots(strategy_id, ts);
"""

_INSERT = "INSERT OR REPLACE INTO kpi_snapshots VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"

# Walks from strategy to strategy along the index, so that the age of the cache costs nothing.
_LATEST = """
WITH RECURSIVE known(id) AS (
    SELECT min(strategy_id) FROM kpi_snapshots
    UNION ALL
    SELECT (SELECT min(strategy_id) FROM kpi_snapshots WHERE strategy_id > known.id)
    FROM known WHERE known.id IS NOT NULL
)
SELECT snapshot.* FROM known JOIN kpi_snapshots AS snapshot ON snapshot.strategy_id = known.id
    AND snapshot.ts = (SELECT max(ts) FROM kpi_snapshots WHERE strategy_id = known.id)
ORDER BY snapshot.ts DESC, snapshot.strategy_id LIMIT ?
"""

_SERIES = """
SELECT * FROM kpi_snapshots WHERE strategy_id = ? AND ts >= ? ORDER BY ts DESC LIMIT ?
"""

# Between `since` and `until`, only the last snapshot of each bucket stays.
_THIN = """
DELETE FROM kpi_snapshots WHERE ts >= :since AND ts < :until AND EXISTS (
    SELECT 1 FROM kpi_snapshots AS later
    WHERE later.strategy_id = kpi_snapshots.strategy_id
      AND later.ts > kpi_snapshots.ts AND later.ts < (kpi_snapshots.ts / :bucket + 1) * :bucket
)
"""


class Snapshot(msgspec.Struct, frozen=True):
    """What one strategy looked like at `ts` (seconds). Fields stand in the order of the table's columns."""

    ts: int
    strategy_id: int
    symbol: str
    pnl: float
    gross: float
    fees: float
    win_rate: float
    open_trades: int
    closed_trades: int
    max_drawdown: float | None = None
    profit_factor: float | None = None
    equity: float | None = None
    mode: str = "paper"


class CacheWriter:
    """The one writer. A file that cannot be read is made anew: it is a cache, its figures come again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = self._open()
        self._inode = path.stat().st_ino

    def write(self, snapshots: Iterable[Snapshot]) -> None:
        """Add snapshots; those of the same second and strategy are replaced."""
        rows = [msgspec.structs.astuple(snapshot) for snapshot in snapshots]
        self._change(lambda connection: connection.executemany(_INSERT, rows))

    def thin(self, now_s: int, keep_days: int = 30) -> None:
        """Forget what is older than `keep_days`; thin out to 5 minutes after a day, to hours after a week."""
        week, day = now_s - 7 * DAY_S, now_s - DAY_S

        def forget(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM kpi_snapshots WHERE ts < ?", (now_s - keep_days * DAY_S,))
            connection.execute(_THIN, {"since": 0, "until": week, "bucket": HOUR_S})
            connection.execute(_THIN, {"since": week, "until": day, "bucket": 300})

        self._change(forget)

    def keep_only(self, strategy_ids: Iterable[int]) -> None:
        """Forget strategies that no longer exist."""
        known = set(strategy_ids)

        def forget(connection: sqlite3.Connection) -> None:
            kept = connection.execute("SELECT DISTINCT strategy_id FROM kpi_snapshots").fetchall()
            gone = [row for row in kept if row[0] not in known]
            connection.executemany("DELETE FROM kpi_snapshots WHERE strategy_id = ?", gone)

        self._change(forget)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _change(self, change: Callable[[sqlite3.Connection], object]) -> None:
        """Make a change whole or not at all; in a file made anew when the old one is spoilt or was taken away."""
        if not self._path.exists() or self._path.stat().st_ino != self._inode:
            self._start_over("the file was removed or replaced")
        try:
            with self._connection as connection:
                change(connection)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the KPI cache {self._path} cannot be written ({error})") from error
        except sqlite3.DatabaseError as error:
            self._start_over(str(error))
            with self._connection as connection:
                change(connection)

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return _connect_writer(self._path)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the KPI cache {self._path} cannot be opened ({error})") from error
        except sqlite3.DatabaseError as error:
            _remove(self._path, str(error))
            return _connect_writer(self._path)
        except OSError as error:
            raise Misconfigured(
                f"the KPI cache cannot be kept at {self._path} ({error.strerror}): set DASHBOARD_SQLITE_PATH"
            ) from error

    def _start_over(self, reason: str) -> None:
        self._connection.close()
        _remove(self._path, reason)
        self._connection = self._open()
        self._inode = self._path.stat().st_ino


def latest(path: Path, limit: int = 1_000) -> list[Snapshot]:
    """Give the newest snapshot of each strategy."""
    return _read(path, _LATEST, (limit,))


def series(path: Path, strategy_id: int, since_ts: int = 0, limit: int = 1_440) -> list[Snapshot]:
    """Give the newest `limit` snapshots of a strategy since a second, oldest first."""
    return _read(path, _SERIES, (strategy_id, since_ts, limit))[::-1]


def newest_ts(path: Path) -> int | None:
    """Give the second of the newest snapshot, or None when there is none."""
    with _reader(path) as connection:
        row = connection.execute("SELECT max(ts) FROM kpi_snapshots").fetchone() if connection else None
        return None if row is None else row[0]


def _read(path: Path, statement: str, values: tuple[object, ...]) -> list[Snapshot]:
    with _reader(path) as connection:
        return [Snapshot(*row) for row in connection.execute(statement, values)] if connection else []


@contextmanager
def _reader(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Open a connection that cannot write, for this reader alone; None while there is no cache yet."""
    if not path.exists():
        yield None
        return
    address = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_S)) as connection:
            is_made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'kpi_snapshots'").fetchone()
            yield connection if is_made else None
    except sqlite3.Error as error:
        raise Unavailable(f"the KPI cache cannot be read just now ({error})") from error


def _remove(path: Path, reason: str) -> None:
    log.warning("cache.rebuilt", path=str(path), reason=reason)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _connect_writer(path: Path) -> sqlite3.Connection:
    # Used by one task, but from whichever worker thread runs it.
    connection = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if (found := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(found)
        connection.executescript(_SCHEMA)
        columns = tuple(row[1] for row in connection.execute("PRAGMA table_info(kpi_snapshots)"))
        if columns != Snapshot.__struct_fields__:
            raise sqlite3.DatabaseError(f"made by another version: its columns are {', '.join(columns)}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
