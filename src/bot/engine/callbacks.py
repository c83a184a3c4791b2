"""Calling a strategy's own code: whatever it does, only that strategy is stopped."""

import inspect
from collections.abc import Callable
from typing import Any

Stopwatch = Callable[[], float]
"""Seconds that only grow; given by the roof, so that the engine itself knows no clock."""


class Fault(Exception):
    """The strategy's code failed; the text says how."""


def call(
    callback: Callable[..., Any], *arguments: object, stopwatch: Stopwatch | None = None, deadline_s: float = 1.0
) -> None:
    """Run a callback to its end. Raises Fault when it raises, really waits, or overruns its deadline."""
    began = stopwatch() if stopwatch else 0.0
    try:
        result = callback(*arguments)
        if result is not None:
            _drive(result, callback)
    except Fault:
        raise
    except Exception as error:
        name = getattr(callback, "__name__", "callback")
        raise Fault(f"{name} raised {type(error).__name__}: {error}".splitlines()[0]) from error
    if stopwatch and (took := stopwatch() - began) > deadline_s:
        raise Fault(f"{callback.__name__} took {took:.2f} s, its deadline is {deadline_s:g} s")


def _drive(result: object, callback: Callable[..., Any]) -> None:
    # The seed writes `async def on_tick`: accepted as long as it never hands control away.
    if not inspect.iscoroutine(result):
        raise Fault(f"{callback.__name__} returned {type(result).__name__}; it has to return nothing")
    try:
        result.send(None)
    except StopIteration:
        return
    result.close()
    raise Fault(f"{callback.__name__} awaits something; a strategy may not wait, it is called again at the next candle")
