"""The frame of our pages about runs: style, scripts and type inside one file, and the pieces that all of them have."""

import base64
import json
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; img-src data:;"
    " base-uri 'none'; form-action 'none'"
)
"""What the page may do: nothing that leaves it."""


def frame(title: str, body: str, about: str, libraries: Sequence[str], scripts: Sequence[str]) -> str:
    """Put a page together; `about` is its data, `libraries` are vendored files, `scripts` our own, in their order."""
    parts = [_script(_vendored(name)) for name in libraries]
    parts.append(_script("\n".join(_own(name) for name in scripts)))
    style = _own("report.css").replace("INTER_WOFF2", _type())
    if "uPlot.iife.min.js" in libraries:
        style = _vendored("uPlot.min.css") + style
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><main>{body}</main>{about}{''.join(parts)}</body></html>"
    )


def card(title: str, inside: str, *, note: str = "", extra: str = "") -> str:
    """Give a card; `note` is the id of a line beside its title that a script fills."""
    beside = f'<span id="{note}" class="beside"></span>' if note else ""
    return f'<section class="card"><div class="title"><h2>{escape(title)}</h2>{beside}{extra}</div>{inside}</section>'


def data(name: str, value: Any) -> str:
    """Give data to the scripts; whatever stands in it cannot end its element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f'<script type="application/json" id="{name}">{safe}</script>'


def pairs(rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Give names with what they stand for."""
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in rows)
    return f'<dl class="pairs {kind}">{cells}</dl>'


def hint(words: str) -> str:
    """Give a few words on what a card shows."""
    return f'<p class="hint">{escape(words)}</p>'


def tone(value: float) -> str:
    """Give the style of a gain or a loss."""
    return "good" if value > 0 else "bad" if value < 0 else ""


def wide(table: str) -> str:
    """Let a table be wider than the page: it moves inside its card."""
    return f'<div class="wide">{table}</div>'


def _script(text: str) -> str:
    return f"<script>{text.replace('</script', '<\\/script')}</script>"


@cache
def _own(name: str) -> str:
    return (files("bot") / "reporting" / "runs" / "assets" / name).read_text(encoding="utf-8")


@cache
def _vendored(name: str) -> str:
    return (files("bot") / "api" / "static" / "vendor" / name).read_text(encoding="utf-8")


@cache
def _type() -> str:
    font = (files("bot") / "api" / "static" / "vendor" / "inter-latin-wght-normal.woff2").read_bytes()
    return base64.b64encode(font).decode()
