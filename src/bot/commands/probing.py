"""`bot doctor --probe`: what a real host does where documents are silent, beside what our emulator does."""

from typing import TYPE_CHECKING

from bot.commands.output import as_json, say, table
from bot.domain.errors import Misconfigured

if TYPE_CHECKING:
    from bot.binance.probe import Seen


def show(environment: str, account: str, *, json: bool) -> None:
    """Ask the host and show each point with our setting for it."""
    from bot.binance.clock import LocalClock  # noqa: PLC0415
    from bot.binance.hosts import hosts_for  # noqa: PLC0415
    from bot.binance.probe import probe  # noqa: PLC0415
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import with_session  # noqa: PLC0415
    from bot.db.repositories import Accounts  # noqa: PLC0415

    roof = Roof()
    credentials = None
    if account:
        found = with_session(roof, lambda session: Accounts(session).by_name(account))
        if found.environment != environment:
            raise Misconfigured(f"the key of {account!r} is for {found.environment}; probe that, or another account")
        credentials = roof.credentials(found)
    hosts = hosts_for(environment, emulator_url=roof.settings.EMULATOR_URL)
    rows = [_described(each) for each in probe(hosts, LocalClock(), credentials)]
    if json:
        as_json(rows)
        return
    table(
        f"What {hosts.rest} does",
        ["point", "seen", "setting", "ours", "agrees"],
        [(row["point"], row["seen"], row["setting"], row["ours"], row["agrees"]) for row in rows],
        empty="nothing was asked",
    )
    say("Where it disagrees: change the default in src/bot/emulator/unverified.py and say where you saw it.")


def _described(seen: "Seen") -> dict[str, str]:
    from bot.emulator.unverified import Unverified  # noqa: PLC0415

    ours = getattr(Unverified(), seen.setting) if seen.setting else ""
    agrees = "" if seen.value is None else "yes" if seen.value == ours else "NO"
    return {"point": seen.point, "seen": seen.seen, "setting": seen.setting, "ours": str(ours), "agrees": agrees}
