"""`bot backtest …`: play a strategy, and look again at runs that were kept or written to files."""

import json as texts
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from bot.commands.backtest import backtest
from bot.commands.backtest_report import Html, write_page
from bot.commands.output import ExitCode, Json, as_json, fail, pairs, say, table

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.db.runs import Runs
    from bot.reporting.runs.comparing import Comparison

_PLAY = "play"
_FORMAT = 1
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="See: bot backtest list.")]


class StrategyFirst(TyperGroup):
    """What follows is a strategy to play, unless it is one of our words."""

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Hand over to the command that plays."""
        words = {name for name, command in self.commands.items() if not command.hidden}
        if args and args[0] in words:
            return super().make_context(info_name, args, parent, **extra)
        return self.commands[_PLAY].make_context(info_name, _with_value(args, "--save"), parent, **extra)


app = typer.Typer(cls=StrategyFirst, help="Play a strategy on candles of the past, and compare what came of it.")
app.command(_PLAY, hidden=True)(backtest)


@app.command("list")
def show_all(json: Json = False) -> None:
    """List the runs that were kept with --save, newest first."""
    kept = _ask(lambda runs: runs.list())
    if json:
        as_json([{"name": each.name, "kept": each.created_at.isoformat(), **each.result} for each in kept])
        return
    rows = []
    for each in kept:
        told = each.result
        played = ", ".join(f"{part['symbol']} {part['interval']}" for part in told["parts"])
        rows.append((
            each.name, told["strategy"], played, told["mode"], told["figures"]["trades"],
            f"{told['figures']['result']:.2f}", f"{told['figures']['return']:.2%}",
            f"{told['figures']['max_drawdown']:.2%}", f"{each.created_at:%Y-%m-%d %H:%M}",
        ))  # fmt: skip
    table(
        "Backtests that were kept",
        ["name", "strategy", "candles", "mode", "#trades", "#result", "#return", "#drawdown", "kept"], rows,
        empty="none is kept; add --save NAME to a backtest",
    )  # fmt: skip


@app.command("show")
def show(name: NameArgument, html: Html = None, json: Json = False) -> None:
    """Show a run that was kept, or write its page again."""
    if html:
        from bot.reporting.runs import page  # noqa: PLC0415

        say(f"wrote {write_page(html, page.report(_ask(lambda runs: runs.whole(name))))}")
        return
    told = _ask(lambda runs: runs.result(name))
    if json:
        as_json(told)
        return
    say(told["headline"])
    for sentence in told["story"]:
        say(f"  {sentence}")
    from bot.reporting.runs.comparing import LABELS, figures_of  # noqa: PLC0415
    from bot.reporting.runs.comparing import say as said  # noqa: PLC0415

    figures = figures_of(told)
    pairs({LABELS[name][0]: said(name, value) for name, value in figures.items()})


@app.command("remove")
def remove(name: NameArgument) -> None:
    """Remove a run that was kept."""
    _ask(lambda runs: runs.remove(name))
    say(f"removed {name}")


@app.command("compare")
def compare(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN…", help="result.json, a folder with one, or a name; two or more.")
    ],
    html: Html = None,
    json: Json = False,
) -> None:
    """Put runs side by side: figures, how far each is from the first, and what was not the same about them."""
    if len(runs) < 2:
        fail("one run alone has nothing to be compared with; name two or more", ExitCode.USAGE)
    from bot.reporting.runs import comparing, comparing_page  # noqa: PLC0415

    told = [_read(run) for run in runs]
    found = comparing.compare([(_short(run), each) for run, each in zip(runs, told, strict=True)])
    written = write_page(html, comparing_page.report(found, told)) if html else None
    if json:
        as_json(found.as_json())
        return
    _show(found)
    if written:
        say(f"wrote {written}")


def _show(found: "Comparison") -> None:
    from bot.reporting.runs.comparing import LABELS  # noqa: PLC0415

    first, *others = found.names
    rows = []
    for figure in found.figures:
        beside = zip(figure.said()[1:], figure.differences_said()[1:], strict=True)
        rows.append((LABELS[figure.name][0], figure.said()[0], *(cell for both in beside for cell in both)))
    columns = ["figure", f"#{first}", *(f"#{title}" for name in others for title in (name, f"less {first}"))]
    table("Figures", columns, rows, empty="no figures")
    say("")
    table(
        "What was not the same", ["what", *found.names],
        [(f"{each.subject}: {each.name}", *each.values) for each in found.differences],
        empty="strategy, settings, candles, rules and money were the same",
    )  # fmt: skip
    if found.differences and found.same:
        say(f"\nthe same: {', '.join(found.same)}")


def _read(run: str) -> dict[str, Any]:
    """Read a result: of a file, of a folder, or of a run that was kept."""
    path = Path(run)
    if path.is_dir():
        path /= "result.json"
        if not path.exists():
            fail(f"{run} has no result.json; name a folder that --out wrote", ExitCode.CONFIG)
    if not path.exists():
        if path.suffix or len(path.parts) > 1:
            fail(
                f"there is no file {run}; name a result.json that --out wrote, or a run that was kept", ExitCode.CONFIG
            )
        return _ask(lambda runs: runs.result(run))
    try:
        told = texts.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}", ExitCode.CONFIG)
    except ValueError:
        told = None
    if not isinstance(told, dict) or told.get("format") != _FORMAT or "figures" not in told or "parts" not in told:
        fail(f"{path} is no result of a backtest; name a result.json that --out wrote", ExitCode.CONFIG)
    return told


def _short(run: str) -> str:
    path = Path(run)
    return path.absolute().parent.name if path.name == "result.json" else path.absolute().name if path.exists() else run


def _ask[T](question: "Callable[[Runs], Awaitable[T]]") -> T:
    """Ask the database about runs; the private server is started if need be."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import with_session  # noqa: PLC0415
    from bot.db.runs import Runs  # noqa: PLC0415

    async def work(session: "AsyncSession") -> T:
        return await question(Runs(session))

    return with_session(Roof(), work)


def _with_value(args: list[str], option: str) -> list[str]:
    """Let an option stand without its value: it is empty then."""
    last = len(args) - 1
    return [
        f"{option}=" if word == option and (at == last or args[at + 1].startswith("-")) else word
        for at, word in enumerate(args)
    ]
