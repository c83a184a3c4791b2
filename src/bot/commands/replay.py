"""`bot replay` and `bot facts export`: fold every fact from zero, and see that it comes to what the tables hold."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.output import ExitCode, Json, as_json, fail, say, table

if TYPE_CHECKING:
    from bot.bootstrap import Roof
    from bot.db.base import Mode
    from bot.db.stream import Sight, Verdict

Only = Annotated[str, typer.Option("--account", help="One account alone, by its name.")]
OnlyMode = Annotated[str, typer.Option("--mode", help="Of this money alone: paper, rehearsal, live.")]

facts = typer.Typer(no_args_is_help=True, help="The journal's stream of facts.")


def replay(
    account: Only = "",
    mode: OnlyMode = "",
    journal: Annotated[
        Path | None, typer.Option("--journal", metavar="FILE", help="A file of `bot facts export` instead.")
    ] = None,
    json: Json = False,
) -> None:
    """Fold all facts of each account from zero, twice, and compare the hash with the tables'. Changes nothing."""
    from bot.db.stream import judge, read_file  # noqa: PLC0415

    modes = _modes(mode)
    found: list[tuple[str, str, Verdict, float]] = []
    if journal is not None:
        owner, of, sight = read_file(journal)
        sights = [(owner, of, sight)]
    else:
        from bot.bootstrap import Roof  # noqa: PLC0415

        sights = [(owner, of.value, sight) for owner, of, sight in asyncio.run(_sights(Roof(), account, modes))]
    for owner, of, sight in sights:
        began = time.monotonic()
        found.append((owner, of, judge(sight), time.monotonic() - began))
    if json:
        as_json([_row(owner, of, verdict, took_s) for owner, of, verdict, took_s in found])
    else:
        _show(found)
    if broken := [f"{owner} {of}" for owner, of, verdict, _ in found if verdict.difference]:
        fail(f"the facts and the tables differ: {', '.join(broken)}", ExitCode.FAULT)


@facts.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to write it; it must not be there yet.")],
    account: Annotated[str, typer.Option("--account", help="The account, by its name.")],
    mode: Annotated[str, typer.Option("--mode", help="Of this money: paper, rehearsal, live.")] = "paper",
) -> None:
    """Write all facts of an account to a file, one JSON document a line, for: bot replay --journal FILE."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.db.stream import written  # noqa: PLC0415

    ((owner, of, sight),) = asyncio.run(_sights(Roof(), account, _modes(mode), empty=True))
    try:
        with file.open("x", encoding="utf-8") as out:
            file.chmod(0o600)
            out.writelines(f"{line}\n" for line in written(sight, owner, of))
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}", ExitCode.USAGE)
    say(f"{len(sight.facts)} facts of {owner} ({of}) are in {file}")


def _modes(name: str) -> "list[Mode]":
    from bot.db.base import Mode  # noqa: PLC0415

    if name and name not in list(Mode):
        fail(f"unknown mode {name!r}; use one of {', '.join(Mode)}", ExitCode.USAGE)
    return [Mode(name)] if name else list(Mode)


async def _sights(
    roof: "Roof", account: str, modes: "list[Mode]", *, empty: bool = False
) -> "list[tuple[str, Mode, Sight]]":
    """Look at each account's money; what never traded is left out unless it may be `empty`."""
    from bot.db.stream import accounts, look  # noqa: PLC0415

    known = await accounts(roof.db_url)
    if account and account not in known:
        fail(f"there is no account named {account!r}; see: bot account list", ExitCode.CONFIG)
    return [
        (name, mode, sight)
        for name in ([account] if account else known)
        for mode in modes
        if (sight := await look(roof.db_url, known[name], mode)).facts or sight.tables["balances"] or empty
    ]


def _row(account: str, mode: str, verdict: "Verdict", took_s: float) -> dict[str, object]:
    return {
        "account": account, "mode": mode, "facts": verdict.facts, "kinds": verdict.kinds, "digest": verdict.digest,
        "tables": verdict.tables, "difference": verdict.difference, "took_s": round(took_s, 3),
    }  # fmt: skip


def _show(found: "list[tuple[str, str, Verdict, float]]") -> None:
    rows = [
        (owner, of, verdict.facts, f"{took_s:.1f}", verdict.digest[:16] or "-", verdict.difference or "equal")
        for owner, of, verdict, took_s in found
    ]
    table(
        "facts folded from zero, beside the tables", ["account", "mode", "#facts", "#seconds", "hash", "the tables"],
        rows, empty="no account has any fact on record: nothing was ever traded",
    )  # fmt: skip
