"""The command line. Each command stands in `bot.commands`; here they are gathered and their failures put into words."""

import os
import sys
from typing import Annotated

import typer

from bot import __version__
from bot.commands import account, demo, report, run, setup, strategy
from bot.commands.output import ExitCode, exit_code_of
from bot.domain.errors import BotError

app = typer.Typer(
    name="bot",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("init")(setup.init)
app.command("doctor")(setup.doctor)
app.command("start")(run.start)
app.command("stop")(run.stop)
app.command("status")(run.status)
app.command("report")(report.report)
app.command("dashboard")(run.dashboard)
app.command("emulator")(run.emulator)
app.add_typer(account.app, name="account")
app.add_typer(strategy.app, name="strategy")
app.command("add-account", hidden=True)(account.add)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bot {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and end.")
    ] = False,
) -> None:
    """Many strategies on many Binance accounts. Try it all, with no keys and no network: bot demo."""


def main() -> None:
    """Run a command; whatever goes wrong ends in one line, never in a traceback."""
    try:
        app()
    except BotError as error:
        typer.secho(f"error: {error}", err=True, fg=typer.colors.RED)
        sys.exit(exit_code_of(error))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        if os.environ.get("BOT_DEBUG"):
            raise
        cause = f"{type(error).__name__}: {error}".splitlines()[0]
        typer.secho(f"error: this is a fault of ours: {cause}; BOT_DEBUG=1 shows where", err=True, fg=typer.colors.RED)
        sys.exit(ExitCode.FAULT)


if __name__ == "__main__":
    main()
