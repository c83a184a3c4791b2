"""Writes docs/reference/peers.md: endpoint by client, and what was compared."""

import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TITLES = {
    "ccxt": ("ccxt", ["ccxt"]),
    "python_binance": ("python-binance", ["python-binance"]),
    "binance_sdk": ("official SDKs", ["binance-sdk-spot", "binance-sdk-derivatives-trading-usds-futures"]),
    "binance_connector": ("old connectors", ["binance-connector", "binance-futures-connector"]),
}
CHAPTERS = (
    ("Spot REST", r"[A-Z]+ /(api|sapi)/"),
    ("Spot WebSocket API", r"ws-api "),
    ("Spot streams and user events", r"spot (stream|user)"),
    ("USD-M REST", r"[A-Z]+ /fapi/"),
    ("USD-M WebSocket API", r"ws-fapi "),
    ("USD-M streams and user events", r"um (stream|user)"),
    ("ccxt's unified methods", r"\w+ ccxt\."),
)


def page(results: list[Any]) -> str:
    """Give the whole page."""
    lines = [
        "# Other clients on the emulator",
        "",
        "Written by `tests/peers/run.py --write`. Each client, in an environment of its own, plays one day of spot and one",
        "of USD-M on `bot emulator`; then what it believes (orders, events, balances, positions) is held against the truth",
        "book. [Use other clients](../how-to/use-other-clients.md) says how to point a client of your own at the emulator.",
        "",
        "| client | version | steps passed | failed | without a call | compared with the truth book | differences |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        title, packages = TITLES[result.client]
        count = [sum(step["outcome"] == outcome for step in result.steps) for outcome in ("ok", "failed", "cannot")]
        compared = ", ".join(f"{number} {kind}s" for kind, number in result.compared.items())
        versions = ", ".join(_version(result.client, package) for package in packages)
        lines.append(
            f"| {title} | {versions} | {count[0]} | {count[1]} | {count[2]} | {compared} | {len(result.lies)} |"
        )
    lines += ["", *_models(results)]
    endpoints = list(dict.fromkeys(step["endpoint"] for result in results for step in result.steps))
    for title, pattern in CHAPTERS:
        chapter = [each for each in endpoints if re.match(pattern, each)]
        shown = [result for result in results if title != "ccxt's unified methods" or result.client == "ccxt"]
        if chapter:
            lines += ["", f"## {title}", "", *_table(chapter, shown)]
    lines += ["", *_failures(results)]
    return "\n".join(lines).rstrip() + "\n"


def _table(endpoints: list[str], results: list[Any]) -> list[str]:
    heads = " | ".join(TITLES[result.client][0] for result in results)
    lines = [f"| endpoint | {heads} |", "|---" * (len(results) + 1) + "|"]
    lines += [
        f"| `{endpoint}` | {' | '.join(_cell(endpoint, result) for result in results)} |" for endpoint in endpoints
    ]
    return [*lines, "", "A dash: the client has no call for it."]


def _cell(endpoint: str, result: Any) -> str:
    outcomes = {step["outcome"] for step in result.steps if step["endpoint"] == endpoint}
    if "failed" in outcomes:
        return "**fails**"
    return "pass" if "ok" in outcomes else "–"


def _models(results: list[Any]) -> list[str]:
    for result in results:
        for fact in result.facts:
            if fact["fact"] == "models":
                unknown = "; ".join(f"{kind}: {', '.join(keys)}" for kind, keys in sorted(fact["unknown_keys"].items()))
                lines = [
                    f"The official SDKs found {fact['checked']} models of {fact['kinds']} kinds valid in replies and frames."
                ]
                return [*lines, *([f"Keys that these models do not know: {unknown}."] if unknown else [])]
    return []


def _failures(results: list[Any]) -> list[str]:
    lines = ["## What failed", ""]
    for result in results:
        title = TITLES[result.client][0]
        lines += [f"* {title}, `{step['endpoint']}` {step['step']}: {step['detail'][:200]}" for step in result.failed]
        lines += [f"* {title}: {lie[:200]}" for lie in result.lies]
    return lines if len(lines) > 2 else ["Nothing failed, and nothing differed."]


def _version(client: str, package: str) -> str:
    found = re.search(rf"^{package}==(\S+)", (HERE / f"{client}.txt").read_text(), re.MULTILINE)
    return found[1] if found else "?"
