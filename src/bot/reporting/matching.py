"""Which order of one run is which of the other: by the moment of its decision, or by what it is."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from bot.domain.order import OrderType
from bot.reporting.run_record import Placed, Record


def timed(run: Record) -> list[Placed]:
    """Give a run's orders by market time.

    An order that is no decision of a candle (a stop that guards a fill, an exit that waited for it to make way) may
    bear the clock of the machine, which a replayed market is far behind: it counts as decided with what came before it.
    """
    found: list[Placed] = []
    now_ms = run.first_ms
    for order in run.orders:
        if order.time_ms > run.last_ms:
            order = msgspec.structs.replace(order, time_ms=now_ms)  # noqa: PLW2901 (the same order by another clock)
        # (what rests trades later than what comes after it in the record)
        fills = order.fills if order.type == OrderType.MARKET.value else ()
        now_ms = max([now_ms, order.time_ms, *(fill.time_ms for fill in fills if fill.time_ms <= run.last_ms)])
        found.append(order)
    return found


def matched(ours: Sequence[Placed], theirs: Sequence[Placed]) -> Iterator[tuple[Placed | None, Placed | None]]:
    """Give pairs of orders in order of time.

    First by the moment of the decision, side and purpose. What is left was decided by no candle: it is matched by what
    it is, between the same neighbours.
    """
    partner = dict(_paired(list(enumerate(map(_key, ours))), list(enumerate(map(_key, theirs)))))
    anchors = [_anchors(len(ours), partner, partner), _anchors(len(theirs), {it: it for it in partner.values()}, {})]
    left = [
        [(at, (anchors[0][at], *_kind(order))) for at, order in enumerate(ours) if at not in partner],
        [(at, (anchors[1][at], *_kind(order))) for at, order in enumerate(theirs) if at not in partner.values()],
    ]
    partner |= dict(_paired(left[0], left[1]))
    pairs: list[tuple[Placed | None, Placed | None]] = [
        (order, theirs[partner[at]] if at in partner else None) for at, order in enumerate(ours)
    ]
    taken = set(partner.values())
    pairs += [(None, order) for at, order in enumerate(theirs) if at not in taken]
    yield from sorted(pairs, key=lambda pair: (pair[0] or pair[1]).time_ms)  # type: ignore[union-attr]


def _paired(ours: Sequence[tuple[int, object]], theirs: Sequence[tuple[int, object]]) -> Iterator[tuple[int, int]]:
    """Pair places whose keys are equal, the first with the first."""
    waiting: dict[object, list[int]] = defaultdict(list)
    for at, key in theirs:
        waiting[key].append(at)
    for at, key in ours:
        if found := waiting.get(key):
            yield at, found.pop(0)


def _anchors(size: int, partner: Mapping[int, int], named: Mapping[int, int]) -> list[int]:
    """Give for each place the last matched one before it, by its place in the other run."""
    found, last = [], -1
    for at in range(size):
        found.append(last)
        if at in partner:
            last = named.get(at, at)
    return found


def _kind(order: Placed) -> tuple[str, str, str]:
    return order.side, order.purpose, order.type


def _key(order: Placed) -> tuple[int, str, str, str]:
    return order.time_ms, *_kind(order)
