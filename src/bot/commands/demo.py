"""`bot demo`: the whole product on this machine in one go, with no keys, no network and no database server."""

from pathlib import Path
from typing import Annotated

import typer

from bot.commands.output import ExitCode, fail, say

DEMO_DIR = Path("demo")


def demo(
    replay: Annotated[list[Path] | None, typer.Option(help="File of recorded market to trade on; repeatable.")] = None,
    for_: Annotated[float, typer.Option("--for", help="End by itself after so many seconds; 0 goes on.")] = 0.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object of results at the end.")] = False,
    rehearsal: Annotated[
        bool, typer.Option("--rehearsal", help="Trade through the emulator's signed API instead of on paper.")
    ] = False,
    live_data: Annotated[
        bool, typer.Option("--live-data", help="Look at Binance's real market instead of a made-up one; still paper.")
    ] = False,
    speed: Annotated[float, typer.Option(help="Market time over real time.")] = 120.0,
    seed: Annotated[int, typer.Option(help="Seed of the made-up market.")] = 7,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the dashboard; 0 takes a free one.")] = 8000,
    reset: Annotated[bool, typer.Option("--reset", help="Remove everything an earlier demo left, and end.")] = False,
) -> None:
    """See it all work: a market, two accounts, five strategies and the dashboard, on this machine alone."""
    if live_data and (replay or rehearsal):
        fail("--live-data goes neither with --replay nor with --rehearsal", ExitCode.USAGE)
    if for_ < 0 or speed <= 0:
        fail("--for and --speed take numbers above 0", ExitCode.USAGE)
    from bot.commands import demo_run  # noqa: PLC0415

    if reset:
        say(demo_run.reset())
        return
    choice = demo_run.Choice(
        files=tuple(replay or ()),
        seconds=for_,
        json=json,
        rehearsal=rehearsal,
        live_data=live_data,
        speed=speed,
        seed=seed,
        port=port,
    )
    raise typer.Exit(demo_run.run(choice))
