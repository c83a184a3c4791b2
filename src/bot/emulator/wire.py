"""What every face writes alike: JSON bytes, numbers as text, and times in another unit."""

from decimal import Decimal
from typing import Any

import msgspec

Json = dict[str, Any]
encode = msgspec.json.Encoder().encode

_FIRST_MS, _LAST_MS = 10**12, 10**13
"""Whole numbers between these are times in ms: 2001 to 2286. No id, count or limit here ever gets so large."""


def text(value: float | Decimal) -> str:
    """Write a number as REST does: 8 decimals, no exponent."""
    return f"{value:.8f}"


def in_microseconds(content: Any) -> Any:
    """Give content with every time in ms turned to microseconds."""
    if isinstance(content, dict):
        return {name: in_microseconds(value) for name, value in content.items()}
    if isinstance(content, list):
        return [in_microseconds(value) for value in content]
    if type(content) is int and _FIRST_MS <= content < _LAST_MS:
        return content * 1_000
    return content
