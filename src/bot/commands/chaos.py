"""`bot chaos`: the real bot, an emulator and a database as processes; kills, faults, and the oracle after each."""

import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.output import ExitCode, Json, as_json, fail, pairs, say, table
from bot.domain.errors import Misconfigured

if TYPE_CHECKING:
    from bot.proof.chaos import Case, Result

INVARIANTS = {
    "I1": "one intent, at most one order",
    "I2": "no order without an intent on record",
    "I3": "every trade on record, once",
    "I4": "ledger is exchange, to the last unit",
    "I5": "states move forward only",
    "I6": "never more orders under way than allowed",
    "I7": "unknown ends by proof",
    "I8": "new risk in READY alone, and at work again",
    "I9": "one lease at a time sends",
    "I10": "facts folded again are the tables",
    "I11": "no nonsense on record or wire",
}


def chaos(
    minutes: Annotated[float, typer.Option(min=0, help="Go on with kills and faults at random for so long.")] = 0,
    points: Annotated[str, typer.Option(help="Kill points to die at: all, or names with commas between.")] = "",
    kinds: Annotated[str, typer.Option(help="Kinds of order under way then.")] = "market,limit,stop,cancel",
    double: Annotated[bool, typer.Option("--double", help="Kill the life after it, too.")] = False,
    random: Annotated[int, typer.Option(min=0, help="So many kills at random times.", metavar="K")] = 0,
    faults: Annotated[int, typer.Option(min=0, help="So many runs with spoiled lines or database.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Stages at once, each with processes of its own.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of what happens; the machine's timing stays its own.")] = 1,
    order_path: Annotated[str, typer.Option(help="How orders go out: rest, ws, or both in turn.")] = "both",
    json_: Json = False,
) -> None:
    """Kill the real bot at every named point and at random, spoil its lines, and check that no money went astray."""
    from bot.proof.chaos import cases_at, check_points, random_cases  # noqa: PLC0415  (the whole bot is slow to import)
    from bot.proof.chaos_strategy import KINDS  # noqa: PLC0415

    wanted = _names(points)
    chosen_kinds = [each.strip() for each in kinds.split(",") if each.strip()]
    if unknown := check_points(wanted) or [each for each in chosen_kinds if each not in KINDS]:
        raise Misconfigured(f"there is no {unknown[0]!r}: kill points and kinds stand in docs/how-to/cause-chaos.md")
    lots = Random(seed)  # noqa: S311 - dice, not a secret
    if not (points or random or faults or minutes):
        wanted, minutes = _names("all"), 10.0
    listed = [
        *cases_at(wanted, chosen_kinds, double=double, lots=lots),
        *random_cases(random, trouble=False, lots=lots), *random_cases(faults, trouble=True, lots=lots),
    ]  # fmt: skip
    began = time.monotonic()
    cases = _until(began + minutes * 60.0, listed, lots) if minutes else iter(listed)
    folder = Path(tempfile.mkdtemp(prefix="bot-chaos-"))
    paths = ("rest", "ws") if order_path == "both" else (order_path,)
    folder.chmod(0o755)  # the database may run as another user
    with _shown(0 if minutes else len(listed), quiet=json_) as tell:
        results, starts_s, broken = asyncio.run(_perform(folder, cases, jobs, seed, paths, tell))
    took_s = time.monotonic() - began
    if not broken:
        shutil.rmtree(folder, ignore_errors=True)
    report = _report(results, starts_s, took_s, [str(each) for each in broken])
    if json_:
        as_json(report)
    else:
        _tell(results, report)
    if broken:
        fail(f"{len(broken)} of {jobs} stages broke an invariant; what is left of them: {folder}", ExitCode.FAULT)
    if missed := sorted({name for each in results for name in each.missed}):
        fail(f"not reached: {', '.join(missed)}", ExitCode.FAULT)


def _names(points: str) -> list[str]:
    from bot.killpoints import NAMES  # noqa: PLC0415

    return list(NAMES) if points == "all" else [each.strip() for each in points.split(",") if each.strip()]


def _until(end: float, listed: Sequence["Case"], lots: Random) -> Iterator["Case"]:
    from bot.proof.chaos import random_cases  # noqa: PLC0415

    for case in listed:
        if time.monotonic() > end:
            return
        yield case
    while time.monotonic() < end:
        yield from random_cases(1, trouble=lots.random() < 0.3, lots=lots)


async def _perform(
    folder: Path, cases: Iterator["Case"], jobs: int, seed: int, paths: Sequence[str], tell: Any
) -> tuple[list["Result"], list[float], list[Path]]:
    from bot.commands import chaos_mother  # noqa: PLC0415
    from bot.commands.chaos_scene import furnish  # noqa: PLC0415
    from bot.proof.chaos import perform  # noqa: PLC0415
    from bot.proof.chaos_stage import Stage  # noqa: PLC0415

    results: list[Result] = []
    starts_s: list[float] = []
    broken: list[Path] = []
    one_by_one = asyncio.Lock()

    def take(result: "Result") -> None:
        results.append(result)
        tell(result)

    async def work(number: int) -> None:
        place = folder / str(number)
        stage = Stage(place, seed + number, paths[number % len(paths)], [chaos_mother.__name__], chaos_mother.WORDS)
        mine: list[Result] = []
        try:
            await stage.begin()
            async with one_by_one:  # a migration has its whole process to itself
                account_id = await furnish(stage)
            lots = Random(f"{seed} {number}")  # noqa: S311 - dice, not a secret

            def note(result: "Result") -> None:
                mine.append(result)
                take(result)

            await perform(stage, account_id, cases, note, lots)
        finally:
            await stage.end()
            starts_s.extend(stage.starts_s)
        if any(each.breaches for each in mine):
            broken.append(place)

    async with asyncio.TaskGroup() as group:
        for number in range(jobs):
            group.create_task(work(number))
    return results, starts_s, broken


@contextmanager
def _shown(total: int, *, quiet: bool) -> Iterator[Any]:
    if quiet:
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        yield lambda result: print(_line(result), file=sys.stderr, flush=True)
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("chaos", total=total or None)
        yield lambda result: bar.update(task, advance=1, description=f"{result.case.name} × {result.case.kind}")


def _line(result: "Result") -> str:
    words = [*result.troubles, *(f"{name} not reached" for name in result.missed)]
    words += [f"{each.invariant} {each.text}" for each in result.breaches[:1]]
    return f"{result.took_s:6.1f} s  {result.case.name} × {result.case.kind}  {'; '.join(words)}".rstrip()


def _report(
    results: Sequence["Result"], starts_s: Sequence[float], took_s: float, broken: Sequence[str]
) -> dict[str, Any]:
    from bot.commands.prove import commit  # noqa: PLC0415

    breaches = Counter(one.invariant for each in results for one in each.breaches)
    rests_s = [each.rest_s for each in results]
    return {
        "commit": commit(), "runs": len(results), "kills": sum(each.kills for each in results),
        "random_kills": sum(each.kills for each in results if each.case.is_random and not each.case.has_trouble),
        "troubles": dict(Counter(name for each in results for name in each.troubles)),
        "took_s": round(took_s, 1),
        "ready_s": _spread(starts_s), "rest_s": _spread(rests_s),
        "invariants": {name: {"says": words, "broken": breaches[name]} for name, words in INVARIANTS.items()},
        "points": _points(results),
        "broken": [
            {"case": each.case.name, "kind": each.case.kind, "breaches": [one._asdict() for one in each.breaches]}
            for each in results if each.breaches
        ],
        "kept": list(broken),
    }  # fmt: skip


def _points(results: Sequence["Result"]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for each in results:
        for point in each.case.points:
            count = found.setdefault(point.split(":")[0], Counter())
            count["missed" if point in each.missed else each.case.kind] += 1
    return {name: dict(count) for name, count in sorted(found.items())}


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {"median": 0.0, "max": 0.0}
    return {"median": round(ordered[len(ordered) // 2], 2), "max": round(ordered[-1], 2)}


def _tell(results: Sequence["Result"], report: dict[str, Any]) -> None:
    for each in results:
        for one in each.breaches[:10]:
            say(f"{each.case.name} × {each.case.kind}: {one.invariant} {one.order} {one.text}".replace("  ", " "))
    table(
        "kill points", ("point", "hit while", "#missed"),
        [
            (name, ", ".join(f"{kind} {n}" for kind, n in count.items() if kind != "missed"), count.get("missed", 0))
            for name, count in report["points"].items()
        ],
        empty="no named point was asked for",
    )  # fmt: skip
    rows = [(name, each["says"], each["broken"]) for name, each in report["invariants"].items()]
    table("invariants", ("", "holds", "#broken"), rows, empty="")
    pairs({
        "runs": report["runs"], "kills": report["kills"], "at random": report["random_kills"],
        "troubles": ", ".join(f"{name} {n}" for name, n in report["troubles"].items()) or "none",
        "ready after a start": "{median} s, at most {max} s".format(**report["ready_s"]),
        "at rest after that": "{median} s, at most {max} s".format(**report["rest_s"]),
        "took": f"{report['took_s']} s", "commit": report["commit"],
    })  # fmt: skip
