"""Parquet in its plainest form, written and read by numpy alone.

One row group, one page a column, PLAIN, uncompressed, no nulls, each page with its CRC and beginning at a multiple of
64 bytes: any reader of Parquet opens such a file, and ours reads a column at the speed of memory. Others' files: see
`foreign`.
"""

import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bot.history import thrift
from bot.history.thrift import I32

_MAGIC = b"PAR1"
_ALIGNED = 64
_LARGEST_HEADER = 256
_INT64, _DOUBLE = 2, 5
_PLAIN, _RLE, _UNCOMPRESSED = 0, 3, 0
_KINDS: dict[int, type[np.generic]] = {_INT64: np.int64, _DOUBLE: np.float64}


class Unreadable(ValueError):
    """The file is damaged, or no Parquet of this form. The text says which."""


def write(file: IO[bytes], arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, str]) -> None:
    """Write columns of int64 and float64, with `notes` in the footer."""
    count = len(next(iter(arrays.values())))
    file.write(_MAGIC)
    chunks: list[thrift.Value] = []
    total = 0
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).data.cast("B")
        page = _page_header(data, count)
        start = -(-(file.tell() + len(page)) // _ALIGNED) * _ALIGNED - len(page)
        file.write(bytes(start - file.tell()) + page)
        file.write(data)
        size = len(page) + len(data)
        total += size
        meta: dict[int, thrift.Value] = {
            1: I32(_type_of(array)), 2: [I32(_PLAIN), I32(_RLE)], 3: [name], 4: I32(_UNCOMPRESSED), 5: count, 6: size,
            7: size, 9: start,
        }  # fmt: skip
        chunks.append({2: start, 3: meta})
    schema: list[thrift.Value] = [{4: "candles", 5: I32(len(arrays))}]
    schema += [{1: I32(_type_of(array)), 3: I32(0), 4: name} for name, array in arrays.items()]
    footer = thrift.write({
        1: I32(1), 2: schema, 3: count, 4: [{1: chunks, 2: total, 3: count}],
        5: [{1: name, 2: text} for name, text in notes.items()], 6: "binance-bot",
    })  # fmt: skip
    file.write(footer + len(footer).to_bytes(4, "little") + _MAGIC)


def read(path: Path, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read columns (all, or those of `names` that are there); Unreadable when anything about them is not right."""
    with path.open("rb") as file:
        try:
            footer = _footer(file)
            (group,) = footer[4]
            found = {}
            for chunk in group[1]:
                name = chunk[3][3][0].decode()
                if names is None or name in names:
                    found[name] = _read_column(file, chunk[3], name)
        except Unreadable:
            raise
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise Unreadable("not a Parquet file of ours") from error
    return found


def read_notes(path: Path) -> dict[str, str]:
    """Read the notes of a file's footer; Unreadable when it has none."""
    with path.open("rb") as file:
        try:
            return {note[1].decode(): note.get(2, b"").decode() for note in _footer(file).get(5, [])}
        except Unreadable:
            raise
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise Unreadable("not a Parquet file of ours") from error


def _page_header(data: memoryview, count: int) -> bytes:
    crc = zlib.crc32(data)
    signed = crc - (1 << 32) if crc >> 31 else crc
    values: dict[int, thrift.Value] = {1: I32(count), 2: I32(_PLAIN), 3: I32(_RLE), 4: I32(_RLE)}
    return thrift.write({1: I32(0), 2: I32(len(data)), 3: I32(len(data)), 4: I32(signed), 5: values})


def _footer(file: IO[bytes]) -> dict[int, Any]:
    size = file.seek(0, 2)
    if size < 12:
        raise Unreadable("cut off")
    file.seek(size - 8)
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or length > size - 12:
        raise Unreadable("cut off, or no Parquet file")
    file.seek(size - 8 - length)
    return thrift.read(file.read(length))[0]


def _read_column(file: IO[bytes], meta: dict[int, Any], name: str) -> NDArray[Any]:
    if meta[4] != _UNCOMPRESSED or meta.get(11) is not None or meta[1] not in _KINDS:
        raise Unreadable("not a Parquet file of ours")
    count = meta[5]
    file.seek(meta[9])
    header, length = thrift.read(file.read(_LARGEST_HEADER))
    values = header[5]
    if values[1] != count or values[2] != _PLAIN or header[2] != count * 8:
        raise Unreadable("not a Parquet file of ours")
    file.seek(meta[9] + length)
    array: NDArray[Any] = np.fromfile(file, _KINDS[meta[1]], count)
    if len(array) != count or zlib.crc32(array.data) != header[4] & 0xFFFFFFFF:
        raise Unreadable(f"column {name} is damaged: its checksum is wrong")
    return array


def _type_of(array: NDArray[Any]) -> int:
    return _INT64 if array.dtype == np.int64 else _DOUBLE
