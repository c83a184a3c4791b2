"""Runs side by side: their figures, how far each is from the first, and what was not the same about them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bot.reporting.runs.saying import length, minute, money, number, percent

LABELS: Mapping[str, tuple[str, str]] = {
    "result": ("Result", "money"),
    "return": ("Return", "percent"),
    "net_pnl": ("Net P&L of round trips", "money"),
    "unrealised": ("Open at the end", "money"),
    "cagr": ("CAGR", "percent"),
    "sharpe": ("Sharpe", "number"),
    "sortino": ("Sortino", "number"),
    "calmar": ("Calmar", "number"),
    "volatility": ("Volatility, yearly", "percent"),
    "max_drawdown": ("Max drawdown", "percent"),
    "max_drawdown_quote": ("Max drawdown, quote", "money"),
    "drawdown_ms": ("Length of it", "length"),
    "trades": ("Round trips", "count"),
    "win_rate": ("Win rate", "percent"),
    "profit_factor": ("Profit factor", "number"),
    "expectancy": ("Expectancy", "money"),
    "best_trade": ("Best trade", "money"),
    "worst_trade": ("Worst trade", "money"),
    "average_duration_ms": ("Average duration", "length"),
    "exposure": ("Time in the market", "percent"),
    "fees": ("Fees", "money"),
    "slippage": ("Slippage", "money"),
    "funding": ("Funding", "money"),
    "liquidations": ("Liquidations", "count"),
}
"""Figures that are compared: what people call them, and how they are written."""
SUBJECTS = ("strategies", "candles", "rules", "settings", "money", "mode", "version")
"""What runs may have in common, in the order in which differences are told."""


class Figure(NamedTuple):
    """One figure of every run; `differences` are those to the first run. None is not measured."""

    name: str
    values: Sequence[float | None]

    @property
    def differences(self) -> list[float | None]:
        """How far each run is from the first."""
        first = self.values[0]
        return [None if first is None or each is None else each - first for each in self.values]

    def said(self) -> list[str]:
        """Write each run's figure."""
        return [say(self.name, value) for value in self.values]

    def differences_said(self) -> list[str]:
        """Write each run's difference to the first."""
        return [say(self.name, value, signed=True) for value in self.differences]


class Difference(NamedTuple):
    """Something that was not the same, as texts, one a run."""

    subject: str
    name: str
    values: Sequence[str]


class Comparison(NamedTuple):
    """Runs beside one another."""

    names: Sequence[str]
    figures: Sequence[Figure]
    differences: Sequence[Difference]

    @property
    def same(self) -> list[str]:
        """What was the same in all of them."""
        differ = {each.subject for each in self.differences}
        return [subject for subject in SUBJECTS if subject not in differ]

    def as_json(self) -> dict[str, Any]:
        """Say it to a program."""
        return {
            "runs": list(self.names),
            "figures": {
                each.name: {"values": list(each.values), "differences": each.differences} for each in self.figures
            },
            "same": self.same,
            "differs": [each._asdict() for each in self.differences],
        }


def compare(runs: Sequence[tuple[str, Mapping[str, Any]]]) -> Comparison:
    """Compare runs (a name, and what its result.json says)."""
    told = [figures_of(run) for _, run in runs]
    figures = [Figure(name, [each[name] for each in told]) for name in LABELS]
    facts = [_facts(run) for _, run in runs]
    named = list(dict.fromkeys(key for each in facts for key in each))
    differences = [
        Difference(subject, name, [each.get((subject, name), "–") for each in facts])
        for subject, name in sorted(named, key=lambda key: SUBJECTS.index(key[0]))
        if len({each.get((subject, name)) for each in facts}) > 1
    ]
    return Comparison(_apart([name for name, _ in runs]), [each for each in figures if any(each.values)], differences)


def figures_of(run: Mapping[str, Any]) -> dict[str, float | None]:
    """Give the figures of a run that are compared, in their order."""
    told = {**run["figures"], **run["costs"]}
    return {name: told.get(name) for name in LABELS}


def say(name: str, value: float | None, *, signed: bool = False) -> str:
    """Write a figure as people read it."""
    kind = LABELS[name][1]
    if kind == "percent":
        return percent(value, signed=signed)
    if kind == "money":
        return money(value, signed=signed)
    if kind == "count":
        return number(value, 0, signed=signed)
    if kind == "number" or value is None:
        return number(value, signed=signed)
    sign = "" if not signed or not value else "+" if value > 0 else "\N{MINUS SIGN}"
    return sign + length(abs(value))


def _facts(run: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Give what a run was made of, by subject and name."""
    told = {
        ("mode", "mode"): run["mode"],
        ("version", "program"): run["version"],
        ("money", "quote"): run["quote"],
        ("money", "wallet"): f"{run['funds']:g}",
        ("money", "capital"): f"{run['capital']:g}",
        ("rules", "from"): run["rules_from"],
        ("strategies", "number"): str(len(run["parts"])),
    }
    for place, part in enumerate(run["parts"]):
        before = f"{place + 1}: " if len(run["parts"]) > 1 else ""
        candles = part["candles"]
        told[("strategies", f"{before}strategy")] = part["strategy"]
        told[("strategies", f"{before}title")] = part["title"]
        told[("candles", f"{before}series")] = f"{part['market']} {part['symbol']} {part['interval']}"
        told[("candles", f"{before}first")] = minute(candles["first_ms"])
        told[("candles", f"{before}last")] = minute(candles["last_ms"])
        told[("candles", f"{before}number")] = f"{candles['rows']:,}"
        told[("candles", f"{before}fingerprint")] = candles["sha256"][:12]
        told |= {("rules", f"{before}{name}"): str(value) for name, value in part["rules"].items()}
        told |= {
            ("settings", f"{before}{name}"): "unset" if value is None else str(value)
            for name, value in part["settings"].items()
            if name not in {"symbol", "candle", "market"}
        }
    return told


def _apart(names: Sequence[str]) -> list[str]:
    """Make equal names tell apart."""
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return told
