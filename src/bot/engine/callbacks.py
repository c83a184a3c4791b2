"""Calling a strategy's own code: whatever it does, only that strategy is stopped."""

import inspect
from collections.abc import Callable
from typing import Any

Stopwatch = Callable[[], float]
"""Seconds that only grow; given by the roof, so that the engine itself knows no clock."""


class Fault(Exception):
    """The strategy's code failed; the text says how."""


def run(callback: Callable[[], Any]) -> None:
    """Run a callback that is told nothing, and has as long as it likes. Raises Fault when it raises or really waits."""
    try:
        answer = callback()
        if answer is not None:
            drive(answer, callback)
    except Exception as error:
        raise fault_of(callback, error) from error


def drive(answer: object, callback: Callable[..., Any]) -> None:
    """Run what a callback gave back to its end. Raises Fault when that is no coroutine, or really waits."""
    # The seed writes `async def on_tick`: accepted as long as it never hands control away.
    if not inspect.iscoroutine(answer):
        raise Fault(f"{callback.__name__} returned {type(answer).__name__}; it has to return nothing")
    try:
        answer.send(None)
    except StopIteration:
        return
    answer.close()
    raise Fault(f"{callback.__name__} awaits something; a strategy may not wait, it is called again at the next candle")


def fault_of(callback: Callable[..., Any], error: Exception) -> Fault:
    """Give the fault that an error of a callback is, in one line."""
    if isinstance(error, Fault):
        return error
    name = getattr(callback, "__name__", "callback")
    return Fault(f"{name} raised {type(error).__name__}: {error}".splitlines()[0])


def overrun(callback: Callable[..., Any], took_s: float, deadline_s: float) -> Fault:
    """Give the fault of a callback that took too long."""
    return Fault(f"{callback.__name__} took {took_s:.2f} s, its deadline is {deadline_s:g} s")
