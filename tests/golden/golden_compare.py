"""Compares what was read with what stood in the message: every number, text and flag that we keep."""

from decimal import Decimal
from typing import Any

import msgspec


def assert_same(read: Any, told: Any, path: str = "$") -> int:
    """Give how many values were compared. What we do not keep is passed over; what we keep has to be equal."""
    if isinstance(read, msgspec.Struct):
        if read.__struct_config__.array_like:
            pairs = zip(read.__struct_fields__, range(len(told)), strict=False)
        else:
            names = zip(read.__struct_fields__, read.__struct_encode_fields__, strict=True)
            pairs = ((name, key) for name, key in names if key in told)
        return sum(assert_same(getattr(read, name), told[key], f"{path}.{key}") for name, key in pairs)
    if isinstance(read, (list, tuple)):
        assert len(read) == len(told), path
        return sum(
            assert_same(one, other, f"{path}[{n}]") for n, (one, other) in enumerate(zip(read, told, strict=True))
        )
    if isinstance(read, Decimal):
        same = read == Decimal(str(told))
    elif isinstance(read, (int, float)) and not isinstance(told, (bool, int)):
        same = read == type(read)(told)
    else:
        same = read == told
    assert same, f"{path}: {read!r} is not {told!r}"
    return 1
