"""Thrift's compact protocol, as far as Parquet's footers and page headers need it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BYTES, LIST, STRUCT = 8, 9, 12
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE = 1, 2, 3, 4, 5, 6, 7
_SET = 10


@dataclass(frozen=True, slots=True)
class I32:
    """A number of 32 bits; plain ints are written with 64."""

    value: int


type Value = int | I32 | str | bytes | Sequence["Value"] | dict[int, "Value"]
"""What can be written: a dict is a struct by field number, a sequence a list of one kind."""


def write(struct: dict[int, Value]) -> bytes:
    """Give a struct in bytes; its fields are in ascending order."""
    out = bytearray()
    _write_struct(out, struct)
    return bytes(out)


def read(data: bytes, at: int = 0) -> tuple[dict[int, Any], int]:
    """Give the struct that begins at `at`, and where it ends; ValueError or IndexError when there is none."""
    fields: dict[int, Any] = {}
    number = 0
    while True:
        head = data[at]
        at += 1
        if head == 0:
            return fields, at
        if head >> 4:
            number += head >> 4
        else:
            raw, at = _varint(data, at)
            number = _unzigzag(raw)
        fields[number], at = _read(data, at, head & 15)


def _write_struct(out: bytearray, struct: dict[int, Value]) -> None:
    before = 0
    for number, value in struct.items():
        out.append((number - before) << 4 | _kind(value))
        before = number
        _write(out, value)
    out.append(0)


def _write(out: bytearray, value: Value) -> None:
    match value:
        case int():
            _put(out, value << 1 ^ value >> 63)
        case I32(plain):
            _put(out, plain << 1 ^ plain >> 63)
        case str():
            _write(out, value.encode())
        case bytes():
            _put(out, len(value))
            out += value
        case dict():
            _write_struct(out, value)
        case _:
            kind = _kind(value[0]) if value else BYTES
            out.append(min(len(value), 15) << 4 | kind)
            if len(value) >= 15:
                _put(out, len(value))
            for one in value:
                _write(out, one)


def _kind(value: Value) -> int:
    match value:
        case int():
            return _I64
        case I32():
            return _I32
        case str() | bytes():
            return BYTES
        case dict():
            return STRUCT
        case _:
            return LIST


def _put(out: bytearray, number: int) -> None:
    number &= (1 << 64) - 1
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)


def _read(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in {_TRUE, _FALSE}:
        return kind == _TRUE, at
    if kind == _BYTE:
        return data[at], at + 1
    if kind in {_I16, _I32, _I64}:
        raw, at = _varint(data, at)
        return _unzigzag(raw), at
    if kind == _DOUBLE:
        return data[at : at + 8], at + 8
    if kind == BYTES:
        length, at = _varint(data, at)
        return data[at : at + length], at + length
    if kind in {LIST, _SET}:
        return _read_list(data, at)
    if kind == STRUCT:
        return read(data, at)
    raise ValueError(f"a field of kind {kind} is not for us")


def _read_list(data: bytes, at: int) -> tuple[list[Any], int]:
    head = data[at]
    at += 1
    length = head >> 4
    if length == 15:
        length, at = _varint(data, at)
    found = []
    for _ in range(length):
        if head & 15 in {_TRUE, _FALSE}:
            one, at = data[at] == 1, at + 1
        else:
            one, at = _read(data, at, head & 15)
        found.append(one)
    return found, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7


def _unzigzag(raw: int) -> int:
    return raw >> 1 ^ -(raw & 1)
