"""The database: reachable, of a sound version, durable, and with the tables that this program knows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.doctor.findings import Finding, judged

if TYPE_CHECKING:
    from bot.bootstrap import Roof

OLDEST = 140_000
KNOWN_BAD = ((140_000, 140_004, "indexes built concurrently may be damaged; mended in 14.4"),)
"""Numbers of PostgreSQL versions from, and before, between which something is broken."""
ENDS = {
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
"""The day from which a major version gets no more fixes."""


@dataclass(slots=True)
class Base:
    """The database as it was found. `is_current` says whether its tables are those that this program knows."""

    url: str = ""
    is_current: bool = False
    folder: Path | None = None
    """Its data, when that lies on this machine and we may know where."""
    settings: dict[str, str] = field(default_factory=dict)


def look(roof: "Roof", base: Base) -> Iterator[Finding]:
    """Look at it, and fill in `base`. A private one is started if it exists; nothing is made or migrated."""
    from bot.db import embedded  # noqa: PLC0415
    from bot.db.base import DURABILITY, masked, weak  # noqa: PLC0415
    from bot.db.places import home_of  # noqa: PLC0415

    given = roof.settings.DB_URL
    if given is None:
        root = (roof.settings.VAR_DIR / "postgres").absolute()
        if not (home_of(root) / "data").is_dir():
            yield Finding("database", "warn", "there is none yet", "bot init")
            return
        server = embedded.ensure(root)
        base.url, base.folder = server.url, server.data_dir
    else:
        base.url = given.get_secret_value()
    base.settings = _settings(base.url)
    yield Finding("database", "ok", masked(base.url))
    yield postgres(int(base.settings["server_version_num"]), date.today())  # noqa: DTZ011 (a day more or less)
    shown = ", ".join(f"{name}={base.settings[name]}" for name in DURABILITY)
    lost = [f"confirmed writes may be lost in a power cut: {each}" for each in weak(base.settings)]
    yield judged("durability", shown, fails=lost, mend="set them to on in postgresql.conf, and reload it")
    yield _migrations(base)


def postgres(number: int, today: date) -> Finding:
    """Judge a version of PostgreSQL, given as its number: 150018 is 15.18."""
    major, minor = divmod(number, 10_000)
    shown = f"{major}.{minor}"
    fails = [f"{shown} is older than 14"] if number < OLDEST else []
    fails += [f"{shown}: {what}" for begin, mended, what in KNOWN_BAD if begin <= number < mended]
    ended = ENDS.get(major)
    warns = [f"{shown} gets no more fixes since {ended}"] if ended and today >= ended else []
    return judged("postgresql", shown, fails=fails, warns=warns, mend="update the server")


def _settings(url: str) -> dict[str, str]:
    import psycopg  # noqa: PLC0415

    from bot.db.base import DURABILITY, first_line, masked, plain_dsn  # noqa: PLC0415
    from bot.domain.errors import Unavailable  # noqa: PLC0415

    try:
        with psycopg.connect(plain_dsn(url), connect_timeout=10) as connection:
            rows = connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", ([*DURABILITY, "server_version_num"],)
            ).fetchall()
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"the database at {masked(url)} does not answer ({first_line(error)}); is it running, is DB_URL right?"
        ) from None
    return {str(name): str(setting) for name, setting in rows}


def _migrations(base: Base) -> Finding:
    from bot.db.migrate import current, head, knows  # noqa: PLC0415

    now = current(base.url)
    base.is_current = now == head()
    if base.is_current:
        return Finding("migrations", "ok", f"at {now}")
    if now is None:
        return Finding("migrations", "warn", "the database is empty", "bot init")
    if knows(now):
        return Finding("migrations", "warn", f"at {now}, this program knows {head()}", "bot init brings it up to date")
    return Finding("migrations", "fail", f"at {now}, which this program does not know", "update the program")
