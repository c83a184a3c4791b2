"""The space of a study: which values each setting may take, read from words like `fast=5,10,15` or `slow=20:200:20`.

| words | values |
|---|---|
| `fast=5,10,15` | these; also words, true, false |
| `slow=20:200:20` | from 20 to 200 in steps of 20, both ends in |
| `threshold=0.001..0.01` | anything between; whole numbers where both ends are whole |
| `threshold=0.001..0.01~log` | the same, as many draws from 0.001 to 0.002 as from 0.005 to 0.01 |
| `threshold=0.001..0.01/5` | five values, evenly apart (with `~log`: by equal factors) |
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice, product
from random import Random
from typing import NoReturn

from bot.domain.errors import Misconfigured

type Value = int | float | str | bool
type Params = dict[str, Value]

SIZE_MAX = 1_000_000
"""More sets than that are no grid that anybody waits for."""
_DRAWS_PER_SET = 1_000
_WORDS: dict[str, Value] = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Choices:
    """A setting that takes one of some values."""

    name: str
    values: tuple[Value, ...]

    def draw(self, random: Random) -> Value:
        """Draw one of them."""
        return random.choice(self.values)


@dataclass(frozen=True, slots=True)
class Span:
    """A setting that takes any value from `low` to `high`, both ends in."""

    name: str
    low: float
    high: float
    is_whole: bool
    is_log: bool

    def draw(self, random: Random) -> Value:
        """Draw one of them."""
        if not self.is_log and self.is_whole:
            return random.randint(int(self.low), int(self.high))
        if not self.is_log:
            return random.uniform(self.low, self.high)
        # Half a unit around each whole number belongs to it, so that both ends are drawn as often as their share.
        half = 0.5 if self.is_whole else 0.0
        drawn = math.exp(random.uniform(math.log(self.low - half), math.log(self.high + half)))
        drawn = min(max(drawn, self.low), self.high)
        return round(drawn) if self.is_whole else drawn


type Axis = Choices | Span


@dataclass(frozen=True, slots=True)
class Space:
    """All sets of values that may be tried; the last axis moves quickest."""

    axes: tuple[Axis, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The settings that vary."""
        return tuple(axis.name for axis in self.axes)

    @property
    def size(self) -> int | None:
        """How many sets there are; None when an axis has no steps."""
        sizes = [len(axis.values) for axis in self.axes if isinstance(axis, Choices)]
        return math.prod(sizes) if len(sizes) == len(self.axes) else None

    def grid(self) -> Iterator[Params]:
        """Give every set. Misconfigured when an axis has no steps, or when there are too many."""
        for axis in self.axes:
            if isinstance(axis, Span):
                raise Misconfigured(
                    f"{axis.name}: a grid needs steps; write {axis.name}={axis.low:g}:{axis.high:g}:STEP or"
                    f" {axis.name}={axis.low:g}..{axis.high:g}/5, or choose --search random"
                )
        if (size := self.size or 0) > SIZE_MAX:
            raise Misconfigured(f"the grid has {size:,} sets; make it smaller, or choose --search random --trials N")
        values = (axis.values for axis in self.axes if isinstance(axis, Choices))
        return (dict(zip(self.names, each, strict=True)) for each in product(*values))

    def samples(self, count: int, seed: int, accept: Callable[[Params], bool] = lambda _: True) -> list[Params]:
        """Draw up to `count` different sets that `accept` takes: the same for the same seed, all if there are fewer."""
        random = Random(seed)  # noqa: S311 (a search, no secret)
        if self.size is not None and self.size <= min(count * 4, SIZE_MAX):
            every = [each for each in self.grid() if accept(each)]
            random.shuffle(every)
            return every[:count]
        found: dict[tuple[Value, ...], Params] = {}
        for drawn in islice(self._draws(random), count * _DRAWS_PER_SET):
            key = tuple(drawn.values())
            if key not in found and accept(drawn):
                found[key] = drawn
                if len(found) == count:
                    break
        return list(found.values())

    def _draws(self, random: Random) -> Iterator[Params]:
        while True:
            yield {axis.name: axis.draw(random) for axis in self.axes}


def parse(words: Sequence[str]) -> Space:
    """Read a space from words, one a setting. Misconfigured, naming the word, when one cannot be understood."""
    axes: dict[str, Axis] = {}
    for word in words:
        name, equals, text = (part.strip() for part in word.partition("="))
        if not equals or not name.isidentifier() or not text:
            _refuse(word, "is not like fast=5,10,15 or slow=20:200:20 or threshold=0.001..0.01")
        if name in axes:
            _refuse(word, f"gives {name} a second time; put all its values into one")
        axes[name] = _axis(word, name, text)
    if not axes:
        raise Misconfigured("nothing varies; name settings and their values, like fast=5,10,15")
    return Space(tuple(axes.values()))


def _axis(word: str, name: str, text: str) -> Axis:
    if ".." in text:
        return _span(word, name, text)
    if ":" in text:
        return Choices(name, _steps(word, text))
    values = tuple(_value(word, part.strip()) for part in text.split(","))
    if len(set(map(repr, values))) < len(values):
        _refuse(word, "names a value twice")
    return Choices(name, values)


def _steps(word: str, text: str) -> tuple[Value, ...]:
    parts = text.split(":")
    if len(parts) not in {2, 3}:
        _refuse(word, "is not like slow=20:200:20 (from, to, step)")
    low, high, step = (_number(word, part) for part in (*parts, "1")[:3])
    if step <= 0 or high < low:
        _refuse(word, "leads nowhere: it goes from the lower to the higher by a step above 0")
    count = int((high - low) / step) + 1
    if count > SIZE_MAX:
        _refuse(word, f"has {count:,} steps; take larger ones")
    is_whole = all(_is_whole(part) for part in (*parts, "1")[:3])
    return tuple(int(low + n * step) if is_whole else float(low + n * step) for n in range(count))


def _span(word: str, name: str, text: str) -> Axis:
    text, slash, count_text = text.partition("/")
    text, _, kind = text.partition("~")
    if slash and "~" in count_text:
        count_text, _, kind = count_text.partition("~")
    low_text, _, high_text = text.partition("..")
    low, high = _number(word, low_text), _number(word, high_text)
    if kind not in {"", "log"}:
        _refuse(word, f"ends in ~{kind}; only ~log is known")
    if high <= low:
        _refuse(word, "leads nowhere: the first number has to be the lower one")
    is_log, is_whole = kind == "log", _is_whole(low_text) and _is_whole(high_text)
    if is_log and low <= 0:
        _refuse(word, "begins at or below 0, which has no logarithm")
    span = Span(name, float(low), float(high), is_whole, is_log)
    return Choices(name, _even(word, span, count_text)) if slash else span


def _even(word: str, span: Span, count_text: str) -> tuple[Value, ...]:
    if not count_text.isdecimal() or not 2 <= int(count_text) <= SIZE_MAX:
        _refuse(word, "is not like threshold=0.001..0.01/5 (so many values, 2 or more)")
    parts = [n / (int(count_text) - 1) for n in range(int(count_text))]
    if span.is_log:
        values = [span.low * (span.high / span.low) ** part for part in parts]
    else:
        values = [span.low + (span.high - span.low) * part for part in parts]
    values[-1] = span.high
    if span.is_whole:
        return tuple(dict.fromkeys(round(value) for value in values))
    # Twelve digits are more than any setting means, and spare people 0.30000000000000004.
    return tuple(float(f"{value:.12g}") for value in values)


def _value(word: str, text: str) -> Value:
    if not text:
        _refuse(word, "has an empty value")
    if text in _WORDS:
        return _WORDS[text]
    if _is_whole(text):
        return int(text)
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite():
        _refuse(word, f"has the value {text}, which is no number to try")
    return float(number)


def _number(word: str, text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        _refuse(word, f"has {text.strip()!r} where a number belongs")
    return number


def _is_whole(text: str) -> bool:
    return text.strip().lstrip("+-").isdecimal()


def _refuse(word: str, why: str) -> NoReturn:
    raise Misconfigured(f"{word!r} {why}")
