"""Why nothing was decided at a moment: what the record allows to say, the most telling first."""

from datetime import UTC, datetime

from bot.domain.money import plain
from bot.reporting.why import DecisionSeen, Standing


def reasons(standing: Standing, *, at_ms: int, now_ms: int, interval_ms: int, warm_up: int, state: str) -> list[str]:
    """Give sentences for a person. `state` says what keeps the strategy from running now, empty when nothing does."""
    if at_ms > now_ms + interval_ms:
        return ["that moment is still to come"]
    if standing.before_ms is None and standing.last is None:
        return [_not_yet(standing, state)]
    told = _while_working(standing, at_ms, interval_ms, warm_up) or [_pause(standing, state)]
    return told + _neighbours(standing)


def moment(time_ms: int) -> str:
    """Give a time for people, to the second, with the milliseconds where there are any but a candle's last."""
    seconds, rest = divmod(time_ms, 1000)
    if rest == 999:  # a candle ends a millisecond before the next one begins
        seconds, rest = seconds + 1, 0
    shown = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{shown}.{rest:03d} UTC" if rest else f"{shown} UTC"


def _not_yet(standing: Standing, state: str) -> str:
    first_ms = min(
        (each for each in (standing.after_ms, standing.next.time_ms if standing.next else None) if each is not None),
        default=None,
    )
    if first_ms is not None:
        return f"it was not running yet: its first sign of life came at {moment(first_ms)}"
    return f"it has never run with this money{f'; it is {state}' if state else ''}"


def _while_working(standing: Standing, at_ms: int, interval_ms: int, warm_up: int) -> list[str]:
    if not standing.is_at_work(at_ms, interval_ms):
        return []
    told = []
    if standing.stopped and (standing.stopped_ms is None or standing.stopped_ms <= at_ms):
        since = f" since {moment(standing.stopped_ms)}" if standing.stopped_ms is not None else ""
        told.append(f"it was stopped{since} ({standing.stopped}): it took no new risk, its exits stayed watched")
    last, began_ms = standing.last, standing.began_ms
    if last is not None and last.verdict == "denied":
        told.append(
            f"it may have wanted {last.side} again: rule {last.rule} had denied that at {moment(last.time_ms)}, "
            "and a denial that repeats is written down once"
        )
    if began_ms is not None and (last is None or last.time_ms < began_ms) and interval_ms:
        candles = (at_ms - began_ms) // interval_ms
        if candles < warm_up:
            told.append(
                f"it may have been warming up: its indicators need {warm_up} candles, and it had begun {candles} "
                f"candles before, at {moment(began_ms)}; what history did not give was still missing"
            )
    assert standing.before_ms is not None
    until = f" and {moment(standing.after_ms)}" if standing.after_ms is not None else ""
    held = f"it held {plain(standing.held)}" if standing.held else "it held nothing"
    told.append(
        f"the candle was seen (it was at work at {moment(standing.before_ms)}{until}, {held}), "
        "and it wanted nothing that is on record"
    )
    return told


def _pause(standing: Standing, state: str) -> str:
    since = standing.before_ms if standing.before_ms is not None else None
    begin = f" after {moment(since)}" if since is not None else ""
    end = f" until {moment(standing.after_ms)}" if standing.after_ms is not None else ""
    why = "the bot was not running, or no candles came"
    return f"no sign of life{begin}{end}: {f'it is {state}, or ' if state and not end else ''}{why}"


def _neighbours(standing: Standing) -> list[str]:
    return [
        f"the decision {side} was at {moment(each.time_ms)}: {_short(each)}"
        for side, each in (("before", standing.last), ("after", standing.next))
        if each is not None
    ]


def _short(decision: DecisionSeen) -> str:
    by = f" by {decision.rule}" if decision.rule else ""
    return f"{decision.side}, {decision.verdict}{by} ({decision.reason})"
