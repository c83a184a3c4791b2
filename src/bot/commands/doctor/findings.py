"""What a check found."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from bot.domain.errors import BotError

State = Literal["ok", "warn", "fail", "skipped"]


class Finding(NamedTuple):
    """What one check found; `mend` says what to do about it."""

    name: str
    state: State
    seen: str
    mend: str = ""


def judged(name: str, seen: str, *, fails: Iterable[str] = (), warns: Iterable[str] = (), mend: str = "") -> Finding:
    """Give one finding of several complaints: the gravest decides, all are told; without any, `seen` is told."""
    grave, light = list(fails), list(warns)
    state: State = "fail" if grave else "warn" if light else "ok"
    return Finding(name, state, "; ".join([*grave, *light]) or seen, mend if grave or light else "")


def guarded(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Give what a check finds; one that cannot be made has failed, and stops no other."""
    try:
        yield from check()
    except BotError as error:
        yield Finding(name, "fail", str(error))
    except OSError as error:
        yield Finding(name, "fail", f"{error.filename}: {error.strerror}", "let this user do that")
