"""The command line. Each command stands in `bot.commands`; here they are gathered and their failures put into words."""

import os
import sys
from typing import Annotated

import typer

from bot import __version__
from bot.commands import (
    account,
    backtest_runs,
    chaos,
    data,
    demo,
    downloading,
    panic,
    parity,
    prove,
    reconcile_dry,
    replay,
    report,
    run,
    setup,
    strategy,
    strategy_check,
    study,
    sweep,
    token,
    walk_forward,
    why,
)
from bot.commands.doctor.command import doctor
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
app.command("doctor")(doctor)
app.command("start")(run.start)
app.command("stop")(run.stop)
app.command("status")(run.status)
app.command("panic")(panic.panic)
app.command("resume")(panic.resume)
app.command("why")(why.why)
app.add_typer(backtest_runs.app, name="backtest")
app.command("sweep")(sweep.sweep)
app.command("walk-forward")(walk_forward.walk_forward)
app.command("parity")(parity.parity)
app.command("report")(report.report)
app.command("dashboard")(run.dashboard)
app.command("emulator")(run.emulator)
app.command("prove")(prove.prove)
app.command("replay")(replay.replay)
app.command("reconcile")(reconcile_dry.reconcile)
app.command("chaos")(chaos.chaos)
app.add_typer(account.app, name="account")
strategy.app.command("check")(strategy_check.check)
app.add_typer(strategy.app, name="strategy")
app.add_typer(study.app, name="study")
app.add_typer(token.app, name="token")
data.app.command("download")(downloading.download)
app.add_typer(data.app, name="data")
app.add_typer(replay.facts, name="facts")
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
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        _explain_usage(error)
        sys.exit(ExitCode.USAGE)
    except (typer.Abort, KeyboardInterrupt):
        _complain("ended before anything was changed")
        sys.exit(ExitCode.INTERRUPTED)
    except BotError as error:
        _complain(str(error))
        sys.exit(exit_code_of(error))
    except PermissionError as error:
        _complain(f"{error.filename}: {error.strerror}; let this user do that, or choose another place")
        sys.exit(ExitCode.CONFIG)
    except Exception as error:
        if os.environ.get("BOT_DEBUG"):
            raise
        cause = f"{type(error).__name__}: {error}".splitlines()[0]
        _complain(f"this is a fault of ours: {cause}; BOT_DEBUG=1 shows where")
        sys.exit(ExitCode.FAULT)


def _explain_usage(error: typer.TyperException) -> None:
    """Say in one line what was typed wrong; somebody who typed nothing gets the help."""
    show, words = getattr(error, "show", None), getattr(error, "format_message", None)
    if "NoArgsIsHelp" in type(error).__name__ and show is not None:
        show()
        return
    text = " ".join(str(words() if words is not None else error).split()).rstrip(".")
    _complain(f"{text[:1].lower()}{text[1:]}; see: bot --help")


def _complain(text: str) -> None:
    for line in text.splitlines():
        typer.secho(f"error: {line}", err=True, fg=typer.colors.RED)


if __name__ == "__main__":
    main()
