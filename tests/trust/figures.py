"""The last figures of prove, chaos and mutants: taken from what the commands say with --json, kept in one small file."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tests.trust.points import OWN_TEST

from bot.killpoints import NAMES

KEPT = Path(__file__).with_name("figures.json")


class Figures(NamedTuple):
    """What one command came to. `points` are hits of kill points by kind of order, of chaos alone."""

    command: str
    commit: str
    date: str
    figures: dict[str, Any]
    points: dict[str, dict[str, int]] = {}


def kept() -> dict[str, Figures]:
    """Give the figures by name."""
    told: dict[str, dict[str, Any]] = json.loads(KEPT.read_text(encoding="utf-8"))
    return {name: Figures(**each) for name, each in told.items()}


def keep(sources: Sequence[Path]) -> list[str]:
    """Take the figures of each file in the place of older ones of its kind; give the kinds."""
    known, taken = kept(), []
    for source in sources:
        date = datetime.fromtimestamp(source.stat().st_mtime, UTC).date().isoformat()
        name, figures = read(source.read_text(encoding="utf-8"), date)
        known[name] = figures
        taken.append(name)
    rows = {
        name: {key: value for key, value in each._asdict().items() if value} for name, each in sorted(known.items())
    }
    KEPT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return taken


def read(text: str, date: str) -> tuple[str, Figures]:
    """Tell by its shape whose output it is; ValueError when nobody's."""
    try:
        rows = [json.loads(text)]
    except ValueError:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    first = rows[0] if rows else {}
    match first:
        case {"digests": dict(), "lives": int()}:
            return _of_prove(first, date)
        case {"points": dict(), "invariants": dict()}:
            return _of_chaos(first, date)
        case {"name": str(), "seed": int(), "tried": int()}:
            return _of_mutants(rows, date)
        case {"command": str(), "commit": str(), "figures": dict()}:
            return first["command"].split()[0], Figures(first["command"], first["commit"], date, first["figures"])
        case _:
            raise ValueError("this is no output of: bot prove --json, bot chaos --json, python -m tests.mutants --json")


def _of_prove(told: dict[str, Any], date: str) -> tuple[str, Figures]:
    seeds = sorted(int(each) for each in told["digests"])
    wild = " --wild" if told.get("wild") else ""
    figures = {name: told[name] for name in ("seeds", "orders", "trades", "lives")}
    figures |= {"broken": len(told["broken"]), "seeds a second": round(told["seeds"] / max(told["took_s"], 0.01), 2)}
    if told["broken"]:
        figures["invariants broken"] = dict(Counter(one["breaches"][0]["invariant"] for one in told["broken"]))
    command = f"bot prove --seeds {seeds[0]}:{seeds[-1] + 1}{wild}"
    return f"prove{wild.replace(' --', ', ')}", Figures(command, told["commit"], date, figures)


def _of_chaos(told: dict[str, Any], date: str) -> tuple[str, Figures]:
    hits = sum(count for each in told["points"].values() for kind, count in each.items() if kind != "missed")
    is_double = told["kills"] > told["runs"]
    what = (
        f"named points{', twice' * is_double}" if hits else "random kills" if told["random_kills"] else "spoiled lines"
    )
    points = "all" if told["points"].keys() >= set(NAMES) - OWN_TEST.keys() else ",".join(told["points"])
    how = f"--points {points}{' --double' * is_double}" if hits else f"--random {told['runs']}"
    command = f"bot chaos --faults {told['runs']}" if what == "spoiled lines" else f"bot chaos {how}"
    figures = {
        "runs": told["runs"], "kills": told["kills"], "at random": told["random_kills"],
        "lines and databases spoiled": sum(told["troubles"].values()),
        "invariants broken": {name: each["broken"] for name, each in told["invariants"].items() if each["broken"]} or 0,
        "slowest start s": told["ready_s"]["max"],
    }  # fmt: skip
    return f"chaos, {what}", Figures(command, told["commit"], date, figures, told["points"])


def _of_mutants(rows: Sequence[dict[str, Any]], date: str) -> tuple[str, Figures]:
    escaped = sorted(each["name"] for each in rows if each["seed"] < 0)
    figures: dict[str, Any] = {
        "planted": len(rows), "found": len(rows) - len(escaped), "most seeds needed": max(each["tried"] for each in rows)
    }  # fmt: skip
    if escaped:
        figures["not found"] = ", ".join(escaped)
    return "mutants", Figures("python -m tests.mutants", rows[0].get("commit", "not told"), date, figures)
