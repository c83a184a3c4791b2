"""What the settings allow: limits, who reaches the dashboard, what seals the secrets."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bot.commands.doctor.findings import Finding, judged

if TYPE_CHECKING:
    from bot.bootstrap import Roof
    from bot.config import Settings


def limits(chosen: "Settings") -> Iterator[Finding]:
    """Look whether somebody has thought about what an account may lose."""
    names = sorted(name for name in type(chosen).model_fields if name.startswith("RISK_"))
    shown = {name: getattr(chosen, name) for name in names}
    unset = [name for name in names if name not in chosen.model_fields_set or shown[name] is None]
    yield judged(
        "limits",
        ", ".join(f"{name}={value}" for name, value in shown.items()),
        warns=[
            f"{name} is not set: {'there is no limit' if shown[name] is None else f'{shown[name]} holds'}"
            for name in unset
        ],
        mend="write the limits you want into .env",
    )


def seal(roof: "Roof") -> Iterator[Finding]:
    """Look whether the key that seals secrets is there, and opens what is stored."""
    if roof.settings.ENCRYPTION_KEY is None and not roof.key_file.exists() and not roof.has_sealed:
        yield Finding("encryption key", "warn", "there is none yet", "bot init")
        return
    _ = roof.box
    place = "ENCRYPTION_KEY" if roof.settings.ENCRYPTION_KEY is not None else str(roof.key_file)
    yield Finding("encryption key", "ok", place)


def strategies(roof: "Roof") -> Iterator[Finding]:
    """Look whether every strategy file can be read."""
    catalogue = roof.catalogue
    seen = f"{len(catalogue.found)} to choose from"
    yield judged("strategies", seen, warns=catalogue.problems, mend="mend these files")


def login(chosen: "Settings", *, has_people: bool, tokens: int) -> Iterator[Finding]:
    """Look at who can reach the dashboard, and whether a password stands before it."""
    from bot.api.deps import LOCAL_HOSTS  # noqa: PLC0415

    is_local = chosen.API_HOST in LOCAL_HOSTS or chosen.API_HOST.startswith("127.") or chosen.API_HOST == "::1"
    warns = []
    if not is_local:
        warns.append(f"{chosen.API_HOST} can be reached from other machines: keep TLS in front of it")
    if not has_people:
        warns.append("nobody has chosen a password yet: open the address that bot start prints")
    seen = f"{chosen.API_HOST}:{chosen.API_PORT}, with a password"
    seen += f" and {tokens} scraper token{'s' * (tokens != 1)}" if tokens else ""
    yield judged("login", seen, warns=warns, mend="API_HOST=127.0.0.1 keeps it on this machine" * (not is_local))


def port(chosen: "Settings") -> Iterator[Finding]:
    """Look whether the dashboard can have its port."""
    from bot.commands import heartbeat  # noqa: PLC0415
    from bot.commands.program import listen  # noqa: PLC0415

    if heartbeat.is_running(chosen.VAR_DIR):
        yield Finding("port", "ok", "a bot is running here")
        return
    listen(chosen.API_HOST, chosen.API_PORT).close()
    yield Finding("port", "ok", f"{chosen.API_HOST}:{chosen.API_PORT} is free")
