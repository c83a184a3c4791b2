"""Numbers and times as people read them: typographic minus, thousands apart, no more digits than they carry."""

from datetime import UTC, datetime

_MINUS = "\N{MINUS SIGN}"


def number(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Write a number with so many decimals; a dash when it was not measured."""
    if value is None:
        return "–"
    text = f"{abs(value):,.{digits}f}"
    is_zero = not float(text.replace(",", ""))
    sign = "" if is_zero else _MINUS if value < 0 else "+" if signed else ""
    return sign + text


def money(value: float | None, *, signed: bool = False) -> str:
    """Write an amount of quote: two decimals, and more for small ones."""
    is_small = value is not None and 0.00005 <= abs(value) < 0.1
    return number(value, 4 if is_small else 2, signed=signed)


def percent(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Write a fraction as a percentage."""
    return "–" if value is None else f"{number(value * 100, digits, signed=signed)} %"


def day(time_ms: int) -> str:
    """Write the UTC day of a time."""
    return _moment(time_ms).strftime("%-d %b %Y")


def minute(time_ms: int) -> str:
    """Write the UTC minute of a time."""
    return _moment(time_ms).strftime("%Y-%m-%d %H:%M")


def length(duration_ms: float | None) -> str:
    """Write a length of time in its two largest units."""
    if duration_ms is None:
        return "–"
    seconds = round(duration_ms / 1000)
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    for place, (name, size) in enumerate(units):
        if seconds >= size or size == 1:
            whole, rest = divmod(seconds, size)
            if place + 1 < len(units):
                next_name, next_size = units[place + 1]
                if whole < 10 and rest // next_size:
                    return f"{whole} {name} {rest // next_size} {next_name}"
            return f"{whole:,} {name}"
    raise AssertionError("every length has a unit")


def count(amount: int, one: str, many: str = "") -> str:
    """Write so many things: 1 candle, 2 candles."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def _moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)
