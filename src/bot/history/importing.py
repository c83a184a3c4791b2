"""Files that were brought along: each read whatever its kind, checked, and put into the store together."""

import gzip
import hashlib
import importlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.domain.errors import Misconfigured
from bot.domain.market import Market, Stream
from bot.history import checks, merging, parquet
from bot.history.certificate import Origin
from bot.history.columns import DUMP, NEEDED, Columns, in_ms, made, our_name, parse_csv
from bot.history.names import stream_of
from bot.history.store import Kept, Store

_NO_PYARROW = "needs pyarrow to be read, of the extra pandas; docs/how-to/history.md says how to install it"


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of the files of one series."""

    stream: Stream
    files: int
    rows: int
    kept: Kept


def import_files(
    store: Store,
    files: Sequence[Path],
    now_ms: int,
    *,
    market: Market | None = None,
    symbol: str | None = None,
    interval: str | None = None,
    mark: bool = False,
    replace: bool = False,
) -> list[Imported]:
    """Read all files before any is kept; Misconfigured, in one line, for the first that is not clean."""
    read: dict[Stream, list[tuple[Columns, Origin]]] = {}
    for path in files:
        stream = stream_of(path, market, symbol, interval)
        store.folder(stream)  # refuses what cannot be a symbol before anything is read
        read.setdefault(stream, []).append(read_file(path, stream))
    done = []
    for stream, found in read.items():
        found.sort(key=lambda one: int(one[0].open_time[0]))
        whole = found[0][0]
        for columns, _ in found[1:]:
            whole = merging.merged(whole, columns, replace=replace)[0]
        kept = store.put(whole, [origin for _, origin in found], now_ms, mark=mark, replace=replace)
        done.append(Imported(stream, len(found), len(whole), kept))
    return done


def read_file(path: Path, stream: Stream) -> tuple[Columns, Origin]:
    """Read the candles of a file, and say which file it was. Misconfigured when they are not clean."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}; give the path of a candle file") from error
    if not content:
        raise Misconfigured(f"{path}: the file is empty; fetch it again")
    digest = hashlib.sha256(content).hexdigest()
    note = path.with_name(f"{path.name}.CHECKSUM")
    if note.is_file():
        check_sum(note.read_text(encoding="utf-8", errors="replace"), digest, str(path))
    arrays = _arrays(path, content)
    columns = made(stream.market, stream.symbol, stream.interval, arrays)
    checks.refuse_dirty(columns, str(path))
    return columns, Origin(path.name, digest)


def check_sum(note: str, digest: str, name: str) -> None:
    """Compare a file's SHA-256 with the line that was published with it; Misconfigured when it is another."""
    told = note.split(maxsplit=1)[0].lower() if note.strip() else ""
    if told != digest:
        raise Misconfigured(f"{name}: its checksum is wrong ({digest[:12]}…, published {told[:12]}…); fetch it again")


def _arrays(path: Path, content: bytes) -> dict[str, NDArray[Any]]:
    suffixes = "".join(path.suffixes[-2:]).lower()
    if suffixes.endswith(".feather"):
        return _by_pyarrow(path, "feather")
    if suffixes.endswith(".parquet"):
        try:
            arrays = parquet.read(path)
        except parquet.Unreadable:
            return _by_pyarrow(path, "parquet")
        return _renamed(path, arrays)
    if suffixes.endswith((".json", ".jsongz", ".json.gz")):
        return _from_json(path, content)
    return parse_csv(path)


def _by_pyarrow(path: Path, kind: str) -> dict[str, NDArray[Any]]:
    """Read other programs' binary files. Their times may be dates of any unit."""
    try:
        module = importlib.import_module(f"pyarrow.{kind}")
    except ImportError as error:
        raise Misconfigured(f"{path}: {_NO_PYARROW}") from error
    arrow = importlib.import_module("pyarrow")
    try:
        frame = module.read_table(path)
        arrays = {
            name: frame.column(name).cast(arrow.timestamp("ms", frame.schema.field(name).type.tz)).cast(arrow.int64())
            if arrow.types.is_timestamp(frame.schema.field(name).type)
            else frame.column(name)
            for name in frame.column_names
        }
        plain = {
            name: array.to_numpy()
            for name, array in arrays.items()
            if arrow.types.is_integer(array.type) or arrow.types.is_floating(array.type)
        }
    except (arrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).split("\n", maxsplit=1)[0].rstrip(".")
        raise Misconfigured(
            f"{path}: cannot be read ({reason}); it is damaged or incomplete, fetch it again"
        ) from error
    return _renamed(path, plain)


def _from_json(path: Path, content: bytes) -> dict[str, NDArray[Any]]:
    """Read a list of rows in the order of the exchange's, as freqtrade and REST answers have it."""
    try:
        text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        rows = np.array(msgspec.json.decode(text), np.float64)
    except (OSError, EOFError, zlib.error, ValueError, TypeError, msgspec.DecodeError) as error:
        raise Misconfigured(
            f"{path}: is no list of candles ({error}); it is damaged, or another kind of file"
        ) from error
    if rows.ndim != 2 or rows.shape[1] < len(NEEDED):
        raise Misconfigured(f"{path}: is no list of candles; each row is {', '.join(NEEDED)}")
    named = {name: rows[:, at] for at, name in enumerate(DUMP[: rows.shape[1]])}
    return _renamed(path, named)


def _renamed(path: Path, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Give columns our names and our unit of time."""
    ours = {our_name(name): array for name, array in arrays.items()}
    if missing := [name for name in NEEDED if name not in ours]:
        raise Misconfigured(f"{path}: no column {missing[0]}; a candle file has {', '.join(NEEDED)}")
    if not len(ours["open_time"]):
        raise Misconfigured(f"{path}: holds no candle; fetch it again")
    if not np.isfinite(ours["open_time"]).all():
        raise Misconfigured(f"{path}: has rows without a time; mend the file or take another")
    return ours | {"open_time": in_ms(ours["open_time"].astype(np.int64))}
