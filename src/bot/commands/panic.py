"""`bot panic` and `bot resume`: stop everything, whatever else is broken; and let it go on."""

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from bot.commands import heartbeat
from bot.commands.output import ExitCode, Json, as_json, exit_code_of, fail, say, table, warn
from bot.commands.rows import actor
from bot.domain.errors import BotError, Misconfigured
from bot.runtime.kill_switch import KillNote, KillSwitch, Stopped

if TYPE_CHECKING:
    from bot.config import Settings

ANSWER_S = 3.0
LIFT_PHRASE = "trade again"
FLATTEN_PHRASE = "close everything"

Only = Annotated[str, typer.Option("--account", help="One account alone, by its name.")]


def panic(
    account: Only = "",
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Then close what strategies hold, by market orders. Asks first.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--everything", help="Cancel also the stops that guard what strategies hold.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Flatten without being asked.")] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds a running bot gets to cancel before this command does it itself.")
    ] = ANSWER_S,
    json: Json = False,
) -> None:
    """Stop sending at once and cancel open orders, all but the stops that guard positions.

    Works without database and dashboard.
    """
    _be_quiet()
    var, settings, trouble = _settings()
    switch = KillSwitch(var / "run")
    note = switch.engage(actor(), "bot panic", account, everything=everything)
    if not switch.is_written(note):
        _tell_by_signal(var)
    stopped = _answer_of_the_bot(switch, note, var, wait)
    try:
        if settings is None and stopped is None:
            raise Misconfigured(trouble)
        if settings is not None and stopped is None:  # no bot runs, or none that is able to answer
            stopped = _cancel_ourselves(settings, account, everything=everything)
        if settings is not None and account and not stopped:
            _refuse_unknown(settings, switch, account)
    except BotError as error:
        fail(f"{account or 'every account'} is stopped, but no open order was cancelled: {error}", exit_code_of(error))
    if flatten and (yes or _agreed()):
        note = switch.engage(note.who, note.why, account, flatten=True, everything=everything)
        stopped = _flattened(switch, note, var, wait) or stopped
    _show(stopped or [], note, json=json)
    if settings is not None:
        _put_on_record(settings, "kill_switch.engaged", account, {"flatten": note.flatten, "everything": everything})
    if failed := sorted({each.account for each in stopped or [] if each.left or each.trouble}):
        fail(f"orders of {', '.join(failed)} may still be open; try again, or cancel them at Binance", ExitCode.FAULT)


def resume(account: Only = "") -> None:
    """Lift the kill switch. Asks for a typed phrase."""
    _be_quiet()
    var, settings, _ = _settings()
    switch = KillSwitch(var / "run")
    notes = {note.account: note for note in switch.notes()}
    if account and account not in notes:
        fail(
            f"account {account!r} is not stopped alone; {'all are: bot resume' if '' in notes else 'nothing to lift'}",
            ExitCode.USAGE,
        )
    chosen = [notes[account]] if account else list(notes.values())
    for note in chosen:
        say(f"{note.account or 'every account'}: {note}")
    if not chosen:
        if not heartbeat.is_running(var):
            say("no kill switch is engaged here")
            return
        say("there is no file of a kill switch, but the running bot may have seen one")
    if typer.prompt(f"Orders may be sent again then. Type: {LIFT_PHRASE}").strip() != LIFT_PHRASE:
        fail("the phrase was not typed; the kill switch stays as it is", ExitCode.USAGE)
    for name in [note.account for note in chosen] or [""]:
        switch.lift(name)
    if settings is not None:
        _put_on_record(settings, "kill_switch.lifted", account, {})
    say("lifted")


def _be_quiet() -> None:
    """Leave standard output to the answer: what happens is told there, in the audit trail, and in the bot's own log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _settings() -> "tuple[Path, Settings | None, str]":
    """Give the folder of what runs, also when the settings have become unreadable: the bot began with better ones."""
    from bot.config import home, load  # noqa: PLC0415

    try:
        settings = load()
    except Misconfigured as error:
        return Path(os.environ.get("VAR_DIR") or home() / "var"), None, str(error)
    return settings.VAR_DIR, settings, ""


def _tell_by_signal(var: Path) -> None:
    warn(f"the kill switch cannot be written in {var / 'run'}; the running bot is told by a signal")
    if heartbeat.is_running(var) and (running := heartbeat.read(var)) is not None:
        os.kill(int(running["pid"]), signal.SIGUSR1)


def _answer_of_the_bot(switch: KillSwitch, note: KillNote, var: Path, wait_s: float) -> Sequence[Stopped] | None:
    give_up = time.monotonic() + wait_s
    while heartbeat.is_running(var):
        if ack := switch.answer(note):
            return ack.accounts
        if time.monotonic() > give_up:
            warn(f"the running bot did not answer within {wait_s:g} s")
            return None
        time.sleep(0.02)
    return None


def _cancel_ourselves(settings: "Settings", account: str, *, everything: bool) -> Sequence[Stopped]:
    from bot.commands.sweeping import known_accounts, sweep  # noqa: PLC0415

    accounts, _ = known_accounts(settings)
    return sweep(settings, [each for each in accounts if account in {"", each.name}], everything=everything)


def _refuse_unknown(settings: "Settings", switch: KillSwitch, account: str) -> None:
    """Tell a person who mistyped a name that the account they meant goes on."""
    from bot.commands.sweeping import known_accounts  # noqa: PLC0415

    names = known_accounts(settings)[1]
    if names is not None and account not in names:
        switch.lift(account)
        fail(f"there is no account named {account!r}: nothing was stopped; see: bot account list", ExitCode.USAGE)


def _agreed() -> bool:
    try:
        typed = str(typer.prompt(f"Sell and buy back at any price? Type: {FLATTEN_PHRASE}"))
    except typer.Abort:
        typed = ""
    if typed.strip() == FLATTEN_PHRASE:
        return True
    warn("the phrase was not typed: nothing is closed, and the kill switch stays engaged")
    return False


def _flattened(switch: KillSwitch, note: KillNote, var: Path, wait_s: float) -> Sequence[Stopped] | None:
    if heartbeat.is_running(var):
        return _answer_of_the_bot(switch, note, var, wait_s)
    warn(
        "no bot runs here: it closes what strategies hold as soon as it is started (bot start), and sends nothing else"
    )
    return None


def _put_on_record(settings: "Settings", action: str, account: str, detail: dict[str, object]) -> None:
    """Write the audit row, if a database is there to take it: what was asked for is done already."""
    from bot.commands.quick import database_url  # noqa: PLC0415
    from bot.commands.sweeping import put_on_record  # noqa: PLC0415

    url = database_url(settings)
    try:
        if url is not None:
            put_on_record(url, action, account or "all", detail)
    except (BotError, OSError) as error:
        warn(f"this is not in the audit trail: {error}")


def _show(stopped: Sequence[Stopped], note: KillNote, *, json: bool) -> None:
    if json:
        rows = [
            {"account": each.account, "mode": each.mode, "cancelled": each.cancelled, "left": each.left,
             "kept": each.kept, "trouble": each.trouble}
            for each in stopped
        ]  # fmt: skip
        as_json({"stopped": note.account or "all", "flatten": note.flatten, "accounts": rows})
    else:
        table(
            "",
            ["account", "mode", "#orders cancelled", "#stops kept", "#left open", "trouble"],
            [(each.account, each.mode, each.cancelled, each.kept, each.left, each.trouble) for each in stopped],
            empty="no account sends orders: there was nothing to cancel",
        )
        say(f"{note.account or 'every account'} is stopped; to let it trade again: bot resume")
    sys.stdout.flush()
