"""`bot init` and `bot doctor`: the first steps, and what stands in the way of the next."""

import asyncio
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from bot.commands.output import ExitCode, Json, as_json, say
from bot.domain.errors import BotError, Misconfigured

if TYPE_CHECKING:
    from bot.bootstrap import Roof

ENV = """# Settings of this bot; every name is explained in .env.example and docs/reference/settings.md.
# DB_URL unset: a private PostgreSQL of our own is started below var/.
# ENCRYPTION_KEY unset: the key in var/keys/encryption.key is used. Keep a copy of it apart from your backups.
LOG_LEVEL=INFO
"""
FREE_DISK_MB = 500
CLOCK_OFF_MS = 1_000


class Finding(NamedTuple):
    """What one check found; `fix` says what to do about it."""

    check: str
    verdict: Literal["ok", "warning", "failed"]
    found: str
    fix: str = ""


def init() -> None:
    """Make folders, settings, encryption key and database; harmless when they are there."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.config import home  # noqa: PLC0415

    roof = Roof()
    folder = _folder(roof)
    if folder.verdict == "failed":
        raise Misconfigured(f"{folder.found}; {folder.fix}")
    roof.settings.STRATEGIES_DIR.mkdir(parents=True, exist_ok=True)
    had_key = roof.key_file.exists() or roof.settings.ENCRYPTION_KEY is not None
    _ = roof.db_url
    say("database ready" + ("" if roof.settings.DB_URL else " (a private PostgreSQL below var/)"))
    _ = roof.box
    say("encryption key found" if had_key else f"encryption key made: {roof.key_file}")
    env = home() / ".env"
    if not env.exists():
        env.touch(mode=0o600)
        env.write_text(ENV, encoding="utf-8")
        say(f"wrote {env}")
    say("next: bot account add --name NAME --paper")
    say("then: bot strategy add mean_reversion --account NAME --symbol BTCUSDT --enable, and: bot start")


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
    """Check what has to be right before trading: one line and one fix for each thing."""
    if probe:
        from bot.commands.probing import show  # noqa: PLC0415

        show(environment, account, json=json)
        return
    findings = list(_findings())
    if json:
        as_json([finding._asdict() for finding in findings])
    else:
        colours = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "failed": typer.colors.RED}
        for finding in findings:
            mark = typer.style(finding.verdict.ljust(8), fg=colours[finding.verdict])
            fix = f" -> {finding.fix}" if finding.fix else ""
            typer.echo(f"{mark} {finding.check.ljust(12)} {finding.found}{fix}")
    if any(finding.verdict == "failed" for finding in findings):
        raise typer.Exit(ExitCode.CONFIG)


def _findings() -> Iterator[Finding]:
    yield Finding("python", "ok", sys.version.split()[0])
    from bot.bootstrap import Roof  # noqa: PLC0415

    try:
        roof = Roof()
    except Misconfigured as error:
        yield from (Finding("settings", "failed", line) for line in str(error).splitlines())
        return
    yield Finding("settings", "ok", "read")
    checks: dict[str, Callable[[Roof], Finding]] = {
        "folder": _folder,
        "disk": _disk,
        "database": _database,
        "durability": _durability,
        "key": _key,
        "strategies": _strategies,
        "exchange": _exchange,
        "dashboard": _dashboard,
    }
    for name, check in checks.items():
        try:
            yield check(roof)
        except BotError as error:
            yield Finding(name, "failed", str(error))
        except OSError as error:
            yield Finding(name, "failed", f"{error.filename}: {error.strerror}", "let this user do that")


def _folder(roof: "Roof") -> Finding:
    var = roof.settings.VAR_DIR
    try:
        var.mkdir(parents=True, exist_ok=True)
        probe = var / ".writable"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        return Finding("folder", "failed", f"{var}: {error.strerror}", "let this user write there, or set VAR_DIR")
    return Finding("folder", "ok", str(var))


def _disk(roof: "Roof") -> Finding:
    there = next(path for path in (roof.settings.VAR_DIR, *roof.settings.VAR_DIR.parents) if path.is_dir())
    free_mb = shutil.disk_usage(there).free // 1_000_000
    is_enough = free_mb >= FREE_DISK_MB
    return Finding("disk", "ok" if is_enough else "failed", f"{free_mb} MB free", "" if is_enough else "make room")


def _database(roof: "Roof") -> Finding:
    from bot.db.base import masked  # noqa: PLC0415

    return Finding("database", "ok", masked(roof.db_url))


def _durability(roof: "Roof") -> Finding:
    from bot.db.base import check_durability, create_async  # noqa: PLC0415

    async def ask() -> None:
        engine = create_async(roof.db_url, pooled=False)
        async with engine.connect() as connection:
            await check_durability(connection)
        await engine.dispose()

    asyncio.run(ask())
    return Finding("durability", "ok", "confirmed writes survive a power cut")


def _key(roof: "Roof") -> Finding:
    from bot.config import home  # noqa: PLC0415

    if roof.settings.ENCRYPTION_KEY is not None:
        _ = roof.box
        env = home() / ".env"
        if env.exists() and stat.S_IMODE(env.stat().st_mode) & 0o077 and "ENCRYPTION_KEY" in env.read_text("utf-8"):
            return Finding("key", "warning", "others may read .env, which holds ENCRYPTION_KEY", "chmod 600 .env")
        return Finding("key", "ok", "from ENCRYPTION_KEY")
    if not roof.key_file.exists() and not roof.has_sealed:
        return Finding("key", "warning", "no encryption key yet", "bot init")
    _ = roof.box
    return Finding("key", "ok", str(roof.key_file))


def _strategies(roof: "Roof") -> Finding:
    catalogue = roof.catalogue
    if catalogue.problems:
        return Finding("strategies", "warning", "; ".join(catalogue.problems), "mend these files")
    return Finding("strategies", "ok", f"{len(catalogue.found)} to choose from")


def _exchange(roof: "Roof") -> Finding:
    from bot.bootstrap import Feeds  # noqa: PLC0415

    environment = roof.settings.MARKET_DATA_ENVIRONMENT

    async def ask() -> int:
        feeds = Feeds(roof.settings)
        try:
            async with asyncio.timeout(10):
                asked = time.time_ns() // 1_000_000
                theirs = await feeds.client(environment).time_ms()
                return theirs - (asked + time.time_ns() // 1_000_000) // 2
        finally:
            await feeds.close()

    try:
        off_ms = asyncio.run(ask())
    except (BotError, TimeoutError) as error:
        return Finding(
            "exchange", "failed", f"{environment}: {error or 'no answer'}", "check the network, or the address"
        )
    if abs(off_ms) > CLOCK_OFF_MS:
        return Finding("exchange", "warning", f"our clock is off by {off_ms} ms", "let the system keep time (NTP)")
    return Finding("exchange", "ok", f"{environment} answers; clocks differ by {off_ms} ms")


def _dashboard(roof: "Roof") -> Finding:
    from bot.commands import heartbeat  # noqa: PLC0415
    from bot.commands.program import listen  # noqa: PLC0415

    chosen = roof.settings
    if heartbeat.is_running(chosen.VAR_DIR):
        return Finding("dashboard", "ok", "a bot is running here")
    listen(chosen.API_HOST, chosen.API_PORT).close()
    return Finding("dashboard", "ok", f"{chosen.API_HOST}:{chosen.API_PORT} is free")
