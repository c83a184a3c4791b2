"""`bot study`: the studies that are kept, what came of each, and how they compare."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands import studying
from bot.commands.output import ExitCode, Json, as_json, fail, say, table
from bot.commands.studying import kept, ordered, shown, told

if TYPE_CHECKING:
    from bot.backtest.studies.heat_map import HeatMap
    from bot.backtest.studies.plan import Plan
    from bot.db.studies import Kept, Studies
    from bot.db.trials import Trial

app = typer.Typer(help="Studies that are kept: bot sweep … --study NAME.", no_args_is_help=True)


@app.command("list")
def list_(json: Json = False) -> None:
    """List all studies: what they search, and how far they came."""
    from bot.backtest.studies.plan import read  # noqa: PLC0415

    with kept() as studies:
        found = [(each, read(each.plan)) for each in studies.all()]
    if json:
        as_json([_listed(each, plan) for each, plan in found])
        return
    table(
        "Studies",
        ["name", "strategy", "symbol", "interval", "search", "#trials", "#done", "#failed", "#running", "begun"],
        [(each.name, plan.strategy, plan.tape.symbol, plan.tape.interval, _kind(plan), each.trials, each.done,
          each.failed, each.running, each.created_at.strftime("%Y-%m-%d %H:%M")) for each, plan in found],
        empty="no study is kept; keep one with: bot sweep … --study NAME",
    )  # fmt: skip


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="See: bot study list.")],
    best: studying.Best = 10,
    every: Annotated[bool, typer.Option("--all", help="Every trial with its settings and figures.")] = False,
    x: Annotated[str, typer.Option("--x", help="Heat map: the setting along the top.")] = "",
    y: Annotated[str, typer.Option("--y", help="Heat map: the setting along the side.")] = "",
    figure: Annotated[str, typer.Option("--figure", help="Heat map: of which figure. Default: the objective.")] = "",
    html: Annotated[Path | None, typer.Option("--html", help="Write the heat map as a page.")] = None,
    json: Json = False,
) -> None:
    """Show what came of a study: its best sets, how far to believe them, and a heat map of two settings."""
    kept_one, plan, trials = _found(name)
    answer = _listed(kept_one, plan)
    is_whole = not plan.split
    answer |= told(plan, trials, best) if is_whole else {"windows": _windows(plan, trials)}
    if every:
        answer["trials"] = [_trial(each, plan) for each in trials]
    drawn = _drawn(plan, trials, x, y, figure) if is_whole and len(plan.where.names) > 1 else None
    if html is not None:
        if drawn is None:
            fail("a heat map wants a study of two settings or more on all candles", ExitCode.USAGE)
        _write(html, drawn, name)
    if json:
        as_json(answer)
        return
    if is_whole:
        studying.show(answer)
    else:
        _show_windows(answer)
    if every:
        _show_all(answer["trials"])
    if drawn is not None and html is None:
        paint(drawn)
    if html is not None:
        say(f"wrote {html}")


@app.command("compare")
def compare(
    names: Annotated[list[str], typer.Argument(help="Two studies or more.")],
    json: Json = False,
) -> None:
    """Put the best sets of several studies side by side, and say what differs between the studies."""
    if len(names) < 2:
        fail("one study has nothing to be compared with; name two or more", ExitCode.USAGE)
    rows = []
    for name in names:
        one, plan, trials = _found(name)
        answer = told(plan, trials, 1)
        best = answer["best"][0] if answer["best"] else None
        rows.append({**_listed(one, plan), "best": best, "deflated_sharpe": answer["deflated_sharpe"], "plan": plan})
    differs = _differences([row.pop("plan") for row in rows])
    if json:
        as_json({"studies": rows, "differs": differs})
        return
    figures = studying.SHOWN
    table(
        "the best set of each",
        ["study", "strategy", "#trials", "settings", *(f"#{each.replace('_', ' ')}" for each in figures), "#deflated"],
        [(row["name"], row["strategy"], row["trials"], _words(row["best"]),
          *(shown(each, row["best"][each] if row["best"] else None) for each in figures),
          shown("win_rate", (row["deflated_sharpe"] or {}).get("probability"))) for row in rows],
        empty="",
    )  # fmt: skip
    say(f"they differ in: {', '.join(differs)}" if differs else "strategy, candles, settings and rules are the same")


@app.command("remove")
def remove(name: Annotated[str, typer.Argument(help="See: bot study list.")]) -> None:
    """Remove a study with all its trials."""
    with kept() as studies:
        studies.remove(name)
    say(f"removed {name}")


def paint(drawn: "HeatMap") -> None:
    """Paint a heat map onto a terminal."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from bot.backtest.studies.heat_map import colour, ink  # noqa: PLC0415
    from bot.backtest.studies.heat_map import shown as brief  # noqa: PLC0415

    grid = Table(title=f"{drawn.figure}: {drawn.y} by {drawn.x}", title_justify="left", box=None, pad_edge=False)
    grid.add_column("")
    for value in drawn.xs:
        grid.add_column(brief(value), justify="right")
    for value, cells in zip(drawn.ys, drawn.cells, strict=True):
        row = [Text(brief(value))]
        for cell in cells:
            if cell is None:
                row.append(Text(""))
                continue
            share = drawn.share(cell)
            row.append(Text(f" {cell:.3g} ", style=f"{ink(share)} on rgb({','.join(map(str, colour(share)))})"))
        grid.add_row(*row)
    Console().print(grid)


def _found(name: str) -> "tuple[Kept, Plan, list[Trial]]":
    from bot.backtest.studies.plan import read  # noqa: PLC0415

    with kept() as studies:
        one = studies.find(name)
        return one, read(one.plan), _trials(studies, name)


def _trials(studies: "Studies", name: str) -> "list[Trial]":
    return studies.book(name).trials()


def _listed(one: "Kept", plan: "Plan") -> dict[str, Any]:
    return {
        "name": one.name, "strategy": plan.strategy, "symbol": plan.tape.symbol, "interval": plan.tape.interval,
        "search": plan.search, "split": plan.split, "trials": one.trials, "done": one.done, "failed": one.failed,
        "running": one.running, "objectives": list(plan.objectives), "where": list(plan.bounds),
        "space": list(plan.space), "candles": one_tape(plan), "begun": one.created_at.isoformat(),
    }  # fmt: skip


def one_tape(plan: "Plan") -> dict[str, object]:
    """Tell which candles a study is about."""
    tape = plan.tape
    return {"first_ms": tape.first_ms, "last_ms": tape.last_ms, "rows": tape.rows, "sha256": tape.sha256}


def _kind(plan: "Plan") -> str:
    return f"{plan.search}, {plan.split['kind']}" if plan.split else plan.search


def _trial(trial: "Trial", plan: "Plan") -> dict[str, Any]:
    return {
        "number": trial.number, "part": trial.wanted.part, "params": ordered(trial.wanted.params, plan.where.names),
        "state": trial.state.value, "attempts": trial.attempts, "reason": trial.reason, "figures": trial.figures,
    }  # fmt: skip


def _windows(plan: "Plan", trials: "list[Trial]") -> list[dict[str, Any]]:
    """Tell what was tried in each window of a walk-forward."""
    from bot.backtest.studies.session import rows  # noqa: PLC0415
    from bot.backtest.studies.walk_forward import TEST  # noqa: PLC0415

    return [
        {"window": row.trial.wanted.part.removeprefix(TEST), **studying.row_of(row, plan.where.names)}
        for row in rows(trials)
        if row.trial.wanted.part.startswith(TEST)
    ]


def _show_windows(answer: dict[str, Any]) -> None:
    figures = studying.SHOWN
    table(
        f"{answer['name']}: what was tried in each window",
        ["window", "chosen", *(f"#{each.replace('_', ' ')}" for each in figures)],
        [(each["window"], _words(each), *(shown(one, each[one]) for one in figures)) for each in answer["windows"]],
        empty="nothing was tried yet; the line that began the study goes on with it",
    )  # fmt: skip


def _show_all(trials: list[dict[str, Any]]) -> None:
    table(
        "all trials",
        ["#trial", "part", "settings", "state", "#attempts", "#net P&L", "#trades", "reason"],
        [(each["number"], each["part"], _words(each), each["state"], each["attempts"],
          (each["figures"] or {}).get("net_pnl", "-"), (each["figures"] or {}).get("trades", "-"), each["reason"])
         for each in trials],
        empty="",
    )  # fmt: skip


def _words(row: dict[str, Any] | None) -> str:
    return " ".join(f"{name}={value}" for name, value in row["params"].items()) if row else "none"


def _drawn(plan: "Plan", trials: "list[Trial]", x: str, y: str, figure: str) -> "HeatMap | None":
    from bot.backtest.studies.aims import aims  # noqa: PLC0415
    from bot.backtest.studies.heat_map import heat_map  # noqa: PLC0415
    from bot.backtest.studies.session import rows  # noqa: PLC0415

    names = list(plan.where.names)
    for option, name in (("--x", x), ("--y", y)):
        if name and name not in names:
            fail(f"{option} {name} does not vary in this study; choose of {', '.join(names)}", ExitCode.USAGE)
    across = x or next(name for name in names if name != y)
    down = y or next((name for name in names if name != across), "")
    if across == down:
        fail("--x and --y are one setting; choose two", ExitCode.USAGE)
    judged = [(row.trial.wanted.params, row.figures) for row in rows(trials)]
    wanted = figure or aims(plan.objectives, plan.bounds).objectives[0].figure
    is_asked = bool(x or y or figure)
    many = max((len({str(params[name]) for params, _ in judged}) for name in (across, down)), default=0)
    return None if not judged or (many > 25 and not is_asked) else heat_map(judged, across, down, wanted)


def _write(path: Path, drawn: "HeatMap", name: str) -> None:
    from bot.backtest.studies.heat_map import page  # noqa: PLC0415

    note = "Each cell is the mean over all else that varies: what is good because of one lucky cell stands alone."
    draft = path.with_name(f".{path.name}.tmp")
    try:
        draft.write_text(page(drawn, f"{name}: {drawn.figure}", note), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        fail(f"cannot write {path}: {error.strerror}; choose another file", ExitCode.CONFIG)


def _differences(plans: "list[Plan]") -> list[str]:
    fields: dict[str, list[Any]] = {
        "strategy": [plan.strategy for plan in plans], "code": [plan.code for plan in plans],
        "candles": [plan.tape for plan in plans], "settings": [plan.settings for plan in plans],
        "space": [plan.space for plan in plans], "funds": [plan.funds for plan in plans],
        "rules": [plan.instrument for plan in plans],
        "search": [(plan.search, plan.trials, plan.seed) for plan in plans],
        "objectives": [plan.objectives for plan in plans], "bounds": [plan.bounds for plan in plans],
        "split": [plan.split for plan in plans],
    }  # fmt: skip
    return [name for name, values in fields.items() if any(each != values[0] for each in values)]
