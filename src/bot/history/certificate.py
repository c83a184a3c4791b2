"""The certificate of a month: what is there, what is not, where it came from, and the hash that proves it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.history.checks import Gap
from bot.history.columns import Columns

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Where candles came from: a file or a request, and the hash of what was read (empty for requests)."""

    name: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a month of candles holds. `expected` is the number there would be without the gaps; times are ms UTC.

    A gap may begin in a month before: it then stands on the certificate of the month in which it ends.
    """

    rows: int
    first_ms: int
    last_ms: int
    expected: int
    gaps: tuple[Gap, ...]
    sources: tuple[Origin, ...]
    written_ms: int
    sha256: str

    def text(self) -> str:
        """Write it as JSON."""
        return json.dumps({
            "format": FORMAT, "rows": self.rows, "first": self.first_ms, "last": self.last_ms,
            "expected_rows": self.expected, "gaps": [[gap.first_ms, gap.last_ms] for gap in self.gaps],
            "gap_rows": [gap.count for gap in self.gaps],
            "sources": [{"name": one.name, "sha256": one.sha256} for one in self.sources],
            "written_at": self.written_ms, "sha256": self.sha256,
        })  # fmt: skip


def read(text: str) -> Certificate:
    """Read a certificate; ValueError, KeyError or TypeError when it is none."""
    told = json.loads(text)
    if told["format"] != FORMAT:
        raise ValueError(f"a certificate of format {told['format']}, which a newer version wrote")
    return Certificate(
        told["rows"], told["first"], told["last"], told["expected_rows"],
        tuple(Gap(first, last, rows) for (first, last), rows in zip(told["gaps"], told["gap_rows"], strict=True)),
        tuple(Origin(one["name"], one["sha256"]) for one in told["sources"]), told["written_at"], told["sha256"],
    )  # fmt: skip


def certify(columns: Columns, gaps: Sequence[Gap], sources: Sequence[Origin], now_ms: int) -> Certificate:
    """Say of a month of candles what is there and which holes it has; a source is named once."""
    rows = len(columns)
    return Certificate(
        rows, int(columns.open_time[0]), int(columns.open_time[-1]), rows + sum(gap.count for gap in gaps),
        tuple(gaps), tuple(dict.fromkeys(sources)), now_ms, content_hash(columns),
    )  # fmt: skip


def content_hash(columns: Columns) -> str:
    """Hash every number of every column, with the columns' names."""
    digest = hashlib.sha256()
    for name, array in columns.arrays().items():
        digest.update(f"{name} {array.dtype} {len(array)}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
