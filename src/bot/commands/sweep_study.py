"""`bot sweep` where it is more than a grid for the kernel: searches, objectives, bounds, studies that are kept.

Every trial is played by the exact engine.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands.output import ExitCode, as_json, fail, say
from bot.commands.studying import (
    Asked,
    Timer,
    bench_again,
    bench_of,
    kept,
    progress,
    refuse_misleading,
    row_of,
    show,
    told,
)
from bot.commands.sweep_telling import write

if TYPE_CHECKING:
    from bot.backtest.studies.plan import Plan
    from bot.backtest.studies.session import Crew
    from bot.backtest.studies.trial import Bench
    from bot.db.trials import Trial, Wanted


def sweep_study(
    asked: Asked, study: str, crew: "Crew", best: int, out: Path | None, *, everything: bool, json: bool
) -> None:
    """Do a study, kept by a name or not, and tell what came of it."""
    timer = Timer()
    bench = bench_of(asked)
    load_s, timer = timer.s, Timer()
    trials, left_out, is_whole = _done(bench, study, crew, quiet=json)
    run_s = timer.s
    answer = _answer(bench.plan, trials, best) | {
        "study": study or None, "left_out": left_out, "load_s": load_s, "run_s": run_s,
    }  # fmt: skip
    answer["bars_per_s"] = round(answer["bars"] / run_s)
    rows = _rows(bench.plan, trials) if everything or out else []
    if out is not None:
        write(out, rows)
    if json:
        as_json(answer | ({"rows": rows} if everything else {}))
    else:
        show(answer)
        if out is not None:
            say(f"wrote {out}")
    if not is_whole:
        fail("ended early; this is what was finished, and --study NAME would keep it to go on", ExitCode.INTERRUPTED)


def work(study: str, candles: Path | None, crew: "Crew", *, json: bool) -> None:
    """Work on a study that somebody began, here or on another host, until nothing is left of it."""
    from bot.backtest.studies.plan import read  # noqa: PLC0415
    from bot.backtest.studies.session import conduct  # noqa: PLC0415

    timer = Timer()
    with kept() as studies:
        one = studies.find(study)
        plan = read(one.plan)
        bench = bench_again(plan, candles)
        with progress(study, plan.trials or one.trials, one.done, quiet=json) as tell:
            counted = conduct(bench, studies.book(study), crew, tell, learns=not plan.split)
        done = studies.find(study)
    if json:
        as_json({"study": study, "counted": counted, "done": done.done, "failed": done.failed, "run_s": timer.s})
    else:
        say(f"{study}: {counted} trials were played here; {done.done} of {done.trials} are done, {done.failed} failed")


def _done(bench: "Bench", study: str, crew: "Crew", *, quiet: bool) -> "tuple[Sequence[Trial], int, bool]":
    """Give the trials, how many sets were left out, and whether all was played: what nobody keeps is told of anyway."""
    from bot.backtest.studies.book import MemoryBook  # noqa: PLC0415
    from bot.backtest.studies.search import TRIALS  # noqa: PLC0415
    from bot.backtest.studies.session import conduct, first_trials  # noqa: PLC0415

    wanted, left_out = first_trials(bench.plan, bench)
    refuse_misleading(bench, _one_set(bench, wanted))
    total = len(wanted) or bench.plan.trials or TRIALS
    if not study:
        book = MemoryBook()
        book.add(wanted)
        try:
            with progress("playing", total, quiet=quiet) as tell:
                conduct(bench, book, crew, tell)
        except KeyboardInterrupt:
            if not _rows(bench.plan, book.trials()):
                raise
            return book.trials(), left_out, False
        return book.trials(), left_out, True
    with kept() as studies:
        studies.begin(study, bench.plan.text(), bench.plan.digest, wanted)
        with progress(study, total, studies.find(study).done, quiet=quiet) as tell:
            conduct(bench, studies.book(study), crew, tell)
        return studies.book(study).trials(), left_out, True


def _one_set(bench: "Bench", wanted: "Sequence[Wanted]") -> dict[str, Any]:
    """Give a set to look at: the first, or where a search will draw them, one that fits together."""
    from bot.backtest.studies.plan import is_fit  # noqa: PLC0415
    from bot.domain.errors import Misconfigured  # noqa: PLC0415

    if wanted:
        return wanted[0].params
    plan = bench.plan
    drawn = plan.where.samples(1, plan.seed, lambda params: is_fit(bench.strategy, plan.settings, params))
    if not drawn:
        raise Misconfigured("in no set of settings that was drawn do they fit together; look at --grid and --param")
    return dict(drawn[0])


def _answer(plan: "Plan", trials: "Sequence[Trial]", best: int) -> dict[str, Any]:
    from bot.commands.backtest import peak_rss_mb  # noqa: PLC0415

    return told(plan, trials, best) | {"peak_rss_mb": round(peak_rss_mb(), 1)}


def _rows(plan: "Plan", trials: "Sequence[Trial]") -> list[dict[str, Any]]:
    from bot.backtest.studies.session import rows  # noqa: PLC0415

    return [row_of(row, plan.where.names) for row in rows(trials)]
