"""`bot report`: what every strategy did, as a table, as JSON, or as one HTML page."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.output import ExitCode, Json, as_json, fail, say, table

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

MODES = ("paper", "rehearsal", "live")


def report(
    strategy: Annotated[str, typer.Option(help="Only this one: its id, its title, or account/title.")] = "",
    mode: Annotated[str, typer.Option(help=f"Only this money: {', '.join(MODES)}.")] = "",
    html: Annotated[Path | None, typer.Option(help="Write one HTML page that needs nothing else.")] = None,
    json: Json = False,
) -> None:
    """Report what every strategy did: P&L net of fees, fees, win rate, drawdown, round trips."""
    if mode and mode not in MODES:
        fail(f"unknown mode {mode!r}; use one of {', '.join(MODES)}", ExitCode.USAGE)
    if html and (mode or json):
        fail("--html shows every mode on a page of its own; leave --mode and --json out", ExitCode.USAGE)
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import with_session  # noqa: PLC0415
    from bot.db.repositories import Strategies  # noqa: PLC0415
    from bot.reporting import tearsheet  # noqa: PLC0415

    async def chosen(session: "AsyncSession") -> int | None:
        return (await Strategies(session).find(strategy)).id if strategy else None

    async def page(session: "AsyncSession") -> str:
        only = await chosen(session)
        return await session.run_sync(lambda each: tearsheet.report_html(each, time.time_ns() // 1_000_000, only))

    async def rows(session: "AsyncSession") -> list[dict[str, object]]:
        only = await chosen(session)
        return await session.run_sync(lambda each: tearsheet.report_rows(each, only))

    if html:
        _write(html, with_session(Roof(), page))
        return
    found = [row for row in with_session(Roof(), rows) if mode in {"", row["mode"]}]
    if json:
        as_json(found)
        return
    columns = ["id", "title", "account", "symbol", "mode", "pnl", "fees", "win_rate", "max_drawdown", "profit_factor"]
    table(
        "Strategies, amounts in quote, P&L net of fees",
        ["#id", "strategy", "account", "symbol", "mode", "#P&L", "#fees", "#win rate", "#drawdown", "#profit factor",
         "#closed", "#open"],
        [(*(_shown(name, row[name]) for name in columns), row["closed_trades"], row["open_trades"]) for row in found],
        empty="nothing to report" if strategy or mode else "no strategies yet; see: bot strategy --help",
    )  # fmt: skip


def _shown(name: str, value: object) -> object:
    if name in {"pnl", "fees", "profit_factor"}:
        return "-" if value is None else f"{float(str(value)):.2f}"
    if name in {"win_rate", "max_drawdown"}:
        return "-" if value is None else f"{float(str(value)):.1%}"
    return value


def _write(path: Path, page: str) -> None:
    """Write the page, whole or not at all."""
    draft = path.with_name(f".{path.name}.tmp")
    try:
        draft.write_text(page, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        fail(f"cannot write {path}: {error.strerror}; choose another file", ExitCode.CONFIG)
    say(f"wrote {path}")
