"""`bot doctor`: everything that has to be right before trading, one line and one remedy for each thing."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.doctor.findings import Finding, guarded
from bot.commands.output import ExitCode, Json, as_json, say
from bot.domain.errors import Misconfigured

if TYPE_CHECKING:
    from bot.bootstrap import Roof
    from bot.commands.doctor.database import Base

_COLOURS = {
    "ok": typer.colors.GREEN,
    "warn": typer.colors.YELLOW,
    "fail": typer.colors.RED,
    "skipped": typer.colors.BRIGHT_BLACK,
}


def doctor(
    probe: Annotated[
        bool, typer.Option("--probe", help="Ask an exchange what no document settles; nothing is ordered.")
    ] = False,
    environment: Annotated[str, typer.Option(help="With --probe: testnet, demo, production or emulator.")] = "testnet",
    account: Annotated[
        str, typer.Option(help="With --probe: an account whose key may be used for more questions.")
    ] = "",
    json: Json = False,
) -> None:
    """Check what has to be right before trading: what was seen, and how to mend it. Ends with 3 if anything fails."""
    if probe:
        from bot.commands.probing import show  # noqa: PLC0415

        show(environment, account, json=json)
        return
    _be_quiet()
    findings = list(examine())
    if json:
        as_json([finding._asdict() for finding in findings])
    else:
        _show(findings)
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(ExitCode.CONFIG)


def _be_quiet() -> None:
    """Tell each thing once: what our clients would log comes as a finding."""
    import logging  # noqa: PLC0415

    import structlog  # noqa: PLC0415

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def examine() -> Iterator[Finding]:
    """Make every check, in the order in which things have to be mended."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.doctor import access, database, machine  # noqa: PLC0415

    yield from machine.python(sys.version_info[:3])
    try:
        roof = Roof()
    except Misconfigured as error:
        yield from (Finding("settings", "fail", line) for line in str(error).splitlines())
        return
    chosen = roof.settings
    yield Finding("settings", "ok", "read")
    yield from guarded("folder", lambda: machine.folder(chosen.VAR_DIR))
    base = database.Base()
    yield from guarded("database", lambda: database.look(roof, base))
    yield from guarded("disk", lambda: _disks(roof, base))
    yield from guarded("file modes", lambda: _modes(roof))
    yield from guarded("limits", lambda: access.limits(chosen))
    yield from guarded("strategies", lambda: access.strategies(roof))
    yield from guarded("port", lambda: access.port(chosen))
    if not base.is_current:
        waits = ("encryption key", "login", "exchanges and keys")
        yield from (Finding(name, "skipped", "needs the database", "mend the database first") for name in waits)
        return
    yield from guarded("encryption key", lambda: access.seal(roof))
    yield from guarded("login and exchanges", lambda: _with_rows(roof, base))


def _with_rows(roof: "Roof", base: "Base") -> Iterator[Finding]:
    from sqlalchemy import func, select  # noqa: PLC0415
    from sqlalchemy.orm import Session  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    from bot.commands.doctor import access, exchange  # noqa: PLC0415
    from bot.db.base import create_sync  # noqa: PLC0415
    from bot.db.models import Account, ApiToken, Strategy, User  # noqa: PLC0415

    with Session(create_sync(base.url, poolclass=NullPool), expire_on_commit=False) as session:
        accounts = session.scalars(select(Account).order_by(Account.id)).all()
        strategies = session.scalars(select(Strategy)).all()
        has_people = session.scalar(select(User.id).limit(1)) is not None
        tokens = session.scalar(select(func.count()).select_from(ApiToken)) or 0
    yield from access.login(roof.settings, has_people=has_people, tokens=tokens)
    yield from guarded("exchanges and keys", lambda: exchange.look(roof, accounts, strategies))


def _disks(roof: "Roof", base: "Base") -> Iterator[Finding]:
    from bot.commands.doctor import machine  # noqa: PLC0415

    places = {"var": roof.settings.VAR_DIR, "logs": roof.settings.LOG_DIR}
    if base.folder is not None:
        places["database"] = base.folder
    yield from machine.disks(places)
    if base.folder is None and base.url:
        yield Finding("disk of database", "skipped", "its server keeps its own house", "watch it where it runs")


def _modes(roof: "Roof") -> Iterator[Finding]:
    import os  # noqa: PLC0415

    from bot.commands.doctor import machine  # noqa: PLC0415
    from bot.config import home  # noqa: PLC0415

    others_pass = os.name == "posix" and os.geteuid() == 0 and roof.settings.DB_URL is None
    yield from machine.modes(roof.settings.VAR_DIR, home() / ".env", os.environ, others_pass=others_pass)


def _show(findings: list[Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = typer.style(finding.state.ljust(7), fg=_COLOURS[finding.state])
        mend = f" -> {finding.mend}" if finding.mend else ""
        say(f"{mark} {finding.name.ljust(width)}  {finding.seen}{mend}")
