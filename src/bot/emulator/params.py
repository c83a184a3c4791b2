"""The parameters of one request: read each, then say `done`, and whatever was not read is refused."""

import re
from collections.abc import Container, Mapping
from decimal import Decimal

import msgspec

from bot.domain.market import INTERVAL_MS
from bot.emulator.refusals import ApiError, bad_combination, bad_request, bad_symbol, illegal, missing, not_required
from bot.emulator.unverified import Unverified

SYMBOL = r"^[^\x00-\x2c/:-@\[-^`a-z{-\x7f]{1,20}$"
_DEFAULTS = Unverified()
_LONGEST_LIST = 200


class Params:
    """Text by name. Every method marks its parameter as read."""

    def __init__(self, values: Mapping[str, str], settings: Unverified = _DEFAULTS) -> None:
        self._values = dict(values)
        self._settings = settings
        self._read: set[str] = set()

    @property
    def values(self) -> dict[str, str]:
        """Give everything that was sent."""
        return self._values

    def peek(self, name: str) -> str | None:
        """Look at a parameter without reading it."""
        return self._values.get(name)

    def maybe(self, name: str) -> str | None:
        """Give a parameter or None; an empty one is refused."""
        value = self._values.get(name)
        if value is None:
            return None
        self._read.add(name)
        if not value:
            raise ApiError(-1105, f"Parameter '{name}' was empty.")
        return value

    def text(self, name: str) -> str:
        """Give a mandatory parameter."""
        self._read.add(name)
        return self._values.get(name) or _raise_missing(name)

    def choice(self, name: str, allowed: Container[str], code: int = 0, message: str = "") -> str | None:
        """Give an optional parameter that has to be one of some words, or is refused with this code."""
        value = self.maybe(name)
        if value is not None and value not in allowed:
            raise ApiError(code, message) if code else bad_request(name)
        return value

    def symbol(self) -> str:
        """Give the mandatory `symbol`, in legal characters; whether it exists is asked later."""
        value = self.text("symbol")
        if not re.fullmatch(SYMBOL, value):
            raise illegal("symbol", "^[A-Z0-9-_.]{1,20}$")
        return value

    def symbols(self) -> list[str] | None:
        """Give what `symbol` or `symbols` (a JSON list) names, or None when neither was sent."""
        one, many = self.maybe("symbol"), self.maybe("symbols")
        if one is not None and many is not None:
            raise bad_combination()
        if one is not None:
            return [self.symbol()]
        if many is None:
            return None
        try:
            names = msgspec.json.decode(many, type=list[str])
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            raise illegal("symbols", '^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$') from None
        if not names or len(names) > _LONGEST_LIST:
            raise bad_request("symbols")
        if len(set(names)) < len(names):
            raise ApiError(-1151, "Symbol is present multiple times in the list.")
        return names

    def interval(self) -> str:
        """Give the mandatory `interval`."""
        value = self.text("interval")
        if value not in INTERVAL_MS:
            raise ApiError(-1120, "Invalid interval.")
        return value

    def whole(self, name: str, smallest: int = 0, largest: int = 2**63 - 1) -> int | None:
        """Give an optional whole number within bounds."""
        value = self.maybe(name)
        if value is None:
            return None
        if not re.fullmatch(r"[0-9]{1,20}", value, re.ASCII):
            raise illegal(name, "^[0-9]{1,20}$")
        number = int(value)
        if not smallest <= number <= largest:
            raise bad_request(name)
        return number

    def limit(self, default: int, largest: int) -> int:
        """Give `limit`, cut down to the largest that is served."""
        value = self.whole("limit", smallest=1)
        return default if value is None else min(value, largest)

    def amount(self, name: str) -> Decimal | None:
        """Give an optional number above zero, written plainly."""
        value = self.maybe(name)
        if value is None:
            return None
        if not re.fullmatch(self._settings.number_pattern, value, re.ASCII):
            raise illegal(name, self._settings.number_pattern)
        return Decimal(value)

    def client_id(self, name: str) -> str | None:
        """Give an optional client order id in legal characters."""
        value = self.maybe(name)
        if value is not None and not re.fullmatch(self._settings.client_id_pattern, value):
            raise illegal(name, self._settings.client_id_pattern)
        return value

    def flag(self, name: str) -> bool | None:
        """Give an optional `true` or `false`, in either case."""
        value = self.maybe(name)
        if value is None:
            return None
        if value.lower() not in {"true", "false"}:
            raise illegal(name, "^(true|false)$")
        return value.lower() == "true"

    def names(self, name: str) -> list[str] | None:
        """Give an optional JSON list of words; a bare word is a list of one."""
        value = self.maybe(name)
        if value is None:
            return None
        if not value.startswith("["):
            return [value]
        try:
            return msgspec.json.decode(value, type=list[str])
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            raise ApiError(-1135, f"Invalid JSON sent for parameter '{name}'.") from None

    def forbid(self, name: str) -> None:
        """Refuse a parameter that does not belong here."""
        if name in self._values:
            raise not_required(name)

    def done(self) -> None:
        """Refuse the request when it holds a parameter that nobody read."""
        if extra := [name for name in self._values if name not in self._read]:
            read = len(self._values) - len(extra)
            raise ApiError(
                -1104,
                f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(self._values)}'.",
            )


def known(symbol: str, symbols: Container[str]) -> str:
    """Give the symbol back, or refuse it when it does not trade here."""
    if symbol not in symbols:
        raise bad_symbol()
    return symbol


def _raise_missing(name: str) -> str:
    raise missing(name)
