"""How commands answer: tables for people, JSON for programs, one line and an exit code when something is wrong."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Annotated, Any, NoReturn

import typer

from bot.domain.errors import BotError, Misconfigured, OutcomeUnknown, Rejected, Unavailable

Json = Annotated[bool, typer.Option("--json", help="Answer with JSON.")]


class ExitCode(IntEnum):
    """What a command's end means; documented in docs/reference/exit-codes.md."""

    OK = 0
    FAULT = 1
    USAGE = 2
    CONFIG = 3
    REFUSED = 4
    RISK_HALT = 5
    INTERRUPTED = 130
    TERMINATED = 143


def exit_code_of(error: BotError) -> ExitCode:
    """Give the exit code of a family of failures."""
    match error:
        case Misconfigured():
            return ExitCode.CONFIG
        case Rejected():
            return ExitCode.REFUSED
        case Unavailable() | OutcomeUnknown():
            return ExitCode.FAULT
        case _:
            return ExitCode.FAULT


def fail(message: str, code: ExitCode) -> NoReturn:
    """End with one line on stderr."""
    typer.secho(f"error: {message}", err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


def warn(message: str) -> None:
    """Say something that needs attention."""
    typer.secho(f"warning: {message}", err=True, fg=typer.colors.YELLOW)


def say(message: str) -> None:
    """Say something that went well."""
    typer.echo(message)


def given(option: str, changes: Iterable[str]) -> dict[str, Any]:
    """Read what a repeatable option like `--set window=30` says: a value is JSON where it can be, else text."""
    found: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or not name:
            fail(f"{option} {change!r} is not like window=30", ExitCode.USAGE)
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def as_json(value: object) -> None:
    """Answer a program."""
    typer.echo(json.dumps(value, default=str, ensure_ascii=False, allow_nan=False))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Answer a person; `empty` says what to do when there is nothing to show."""
    rows = list(rows)
    if not rows:
        typer.echo(empty)
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        is_number = column.startswith("#")
        shown.add_column(column.removeprefix("#"), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        # Text, not markup: a title that looks like a style tag stays a title.
        shown.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    # Without a terminal there is no width to fit into: nothing is cut.
    Console(width=None if sys.stdout.isatty() else 200).print(shown)


def pairs(values: Mapping[str, object]) -> None:
    """Show named values, one a line."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        typer.echo(f"{name.ljust(width)}  {value}")
