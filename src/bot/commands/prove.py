"""`bot prove`: the whole bot on made-up time against an exchange that knows the truth, seed after seed."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bot import __version__
from bot.commands.output import ExitCode, Json, as_json, fail, pairs, say, table
from bot.domain.errors import Misconfigured

if TYPE_CHECKING:
    from bot.proof.run import Verdict

_WORLDS = {None: "", True: " --wild", False: " --calm"}
"""How a command says which worlds it means."""


def prove(
    seeds: Annotated[str, typer.Option(help="Seeds to run, from A up to but without B.", metavar="A:B")] = "0:100",
    seed: Annotated[int | None, typer.Option(help="One seed instead.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes to run them in.")] = os.cpu_count() or 1,
    trace: Annotated[bool, typer.Option("--trace", help="With --seed: show everything that happened.")] = False,
    wild: Annotated[
        bool | None,
        typer.Option(
            "--wild/--calm",
            help="Strangers, hands, halts, a clock that is set and 429s in all worlds, or in none.",
            show_default="in two of three",
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Prove the money path: random trading, faults and kills on made-up time, judged by the exchange's own truth."""
    from bot.proof.run import prove as prove_one  # noqa: PLC0415  (the whole bot is slow to import)
    from bot.proof.run import prove_all  # noqa: PLC0415

    wanted = _span(seeds) if seed is None else range(seed, seed + 1)
    began = time.monotonic()
    if seed is not None:
        verdicts = [prove_one(seed, traces=trace, wild=wild)]
    else:
        verdicts = sorted(
            _shown(prove_all(wanted, jobs, wild=wild), len(wanted), quiet=json_), key=lambda each: each.seed
        )
    took_s = time.monotonic() - began
    broken = [each for each in verdicts if each.breaches]
    if json_:
        as_json(_report(verdicts, broken, took_s, wild=wild))
    else:
        if trace and seed is not None:
            for line in verdicts[0].trace:
                say(line)
        _tell(verdicts, broken, took_s, with_trace=not trace, wild=wild)
    if broken:
        fail(f"{len(broken)} of {len(verdicts)} seeds broke an invariant", ExitCode.FAULT)


def _span(text: str) -> range:
    first, colon, last = text.partition(":")
    if not (first.isdecimal() and (last.isdecimal() or not colon)):
        raise Misconfigured(f"--seeds {text!r} is no span: write it like 0:100, or a single number")
    span = range(int(first), int(last) if colon else int(first) + 1)
    if not span:
        raise Misconfigured(f"--seeds {text!r} holds no seed: the second number has to be above the first")
    return span


def _shown(verdicts: Iterator["Verdict"], count: int, *, quiet: bool) -> Iterator["Verdict"]:
    if quiet or not sys.stderr.isatty():
        yield from verdicts
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, broken = bar.add_task("proving", total=count), 0
        for each in verdicts:
            broken += bool(each.breaches)
            bar.update(task, advance=1, description=f"proving, {broken} broken" if broken else "proving")
            yield each


def _tell(
    verdicts: Sequence["Verdict"], broken: Sequence["Verdict"], took_s: float, *, with_trace: bool, wild: bool | None
) -> None:
    made = commit()
    for each in broken[:10]:
        first = each.breaches[0]
        say(f"seed {each.seed}, commit {made}: {first.invariant} {first.order} {first.text}".replace("  ", " "))
        for line in each.trace[-60:] if with_trace else ():
            say(f"  {line}")
        say(f"  again, with everything: bot prove --seed {each.seed} --trace{_WORLDS[wild]}")
    if broken:
        rows = [(each.seed, one.invariant, one.order, one.text) for each in broken for one in each.breaches[:3]]
        table("broken invariants", ("#seed", "invariant", "order", "what"), rows[:50], empty="")
    orders = sum(each.orders for each in verdicts)
    pairs({
        "seeds": len(verdicts), "broken": len(broken), "orders": orders,
        "trades": sum(each.trades for each in verdicts),
        "lives": sum(each.lives for each in verdicts),
        "made-up hours": f"{sum(each.virtual_s for each in verdicts) / 3600:.1f}",
        "took": f"{took_s:.1f} s ({len(verdicts) / max(took_s, 1e-9):.2f} seeds/s)", "commit": made,
    })  # fmt: skip
    if len(verdicts) == 1:
        pairs({"digest": verdicts[0].digest})


def _report(
    verdicts: Sequence["Verdict"], broken: Sequence["Verdict"], took_s: float, *, wild: bool | None
) -> dict[str, object]:
    return {
        "commit": commit(),
        "wild": wild is True,
        "calm": wild is False,
        "seeds": len(verdicts),
        "orders": sum(each.orders for each in verdicts),
        "trades": sum(each.trades for each in verdicts),
        "lives": sum(each.lives for each in verdicts),
        "took_s": round(took_s, 2),
        "broken": [
            {
                "seed": each.seed,
                "digest": each.digest,
                "breaches": [one._asdict() for one in each.breaches],
                "trace": each.trace,
            }
            for each in broken
        ],
        "digests": {each.seed: each.digest for each in verdicts},
    }


def commit() -> str:
    """Name what runs here: the commit, or the version."""
    git = shutil.which("git")
    if git is not None:
        asked = subprocess.run(  # noqa: S603 - a fixed question
            [git, "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, check=False
        )
        if asked.returncode == 0:
            return asked.stdout.strip()
    return f"version {__version__}"
