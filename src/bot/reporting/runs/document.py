"""A run as one document of plain values: what files, pages, the database and comparisons are made of."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bot.domain.figures import left_over
from bot.domain.money import plain
from bot.domain.order import Fill, Side
from bot.history import checks
from bot.history.columns import Columns, Floats, Ints
from bot.reporting.runs import distribution, figures, thinning, wording
from bot.reporting.runs.costs import NAMES, costs
from bot.reporting.runs.record import Part, Run

FORMAT = 1
TRADES_MOST = 10_000
"""Round trips that a page carries; the files have all."""
GAPS_MOST = 20

type Document = dict[str, Any]


def describe(run: Run) -> Document:
    """Describe a run; `pictures` are for the page alone, all the rest is `result.json`."""
    times, equity = total(run)
    holding = [_hold(part) for part in run.parts]
    held = _together([part.times for part in run.parts], [one[1] for one in holding], times)
    trades = sorted((trade for part in run.parts for trade in part.trades), key=lambda each: each.closed_ms)
    rows = thinning.kept_rows(equity)
    first = min(int(part.columns.open_time[0]) for part in run.parts)
    told: Document = {
        "format": FORMAT,
        "version": run.version,
        "made_ms": run.made_ms,
        "strategy": ", ".join(dict.fromkeys(part.strategy for part in run.parts)),
        "mode": run.mode,
        "quote": run.quote,
        "funds": run.funds,
        "capital": run.capital,
        "first_ms": first,
        "last_ms": int(times[-1]),
        "bars": sum(len(part.columns) for part in run.parts),
        "figures": {
            **figures.of_equity(times, equity, run.capital),
            **figures.of_trades(trades),
            "exposure": figures.exposure(
                [spell for part in run.parts for spell in _spells(part)], first, int(times[-1])
            ),
            "fills": sum(len(part.fills) for part in run.parts),
            "denied": sum(part.denied for part in run.parts),
            "liquidations": sum(part.liquidations for part in run.parts),
        },
        "costs": _costs(run, float(equity[-1]) - run.capital),
        "hold": {
            "stake": sum(stake for stake, _ in holding),
            "result": float(held[-1]),
            "price_return": float(run.parts[0].columns.close[-1] / run.parts[0].columns.open[0]) - 1,
        },
        "left_over": _left_over(run.parts),
        "months": figures.months(times, equity, run.capital),
        "parts": [_part(part) for part in run.parts],
        "rules_from": run.rules_from,
        "candles_from": run.candles_from,
        "timing": dict(run.timing),
        "curve": {
            "time": (times[rows] // 1000).tolist(),
            "equity": thinning.rounded(equity[rows], 4),
            "hold": thinning.rounded(run.capital + held[rows], 4),
        },
    }
    told["figures"]["unrealised"] = round(told["figures"]["result"] - told["figures"]["net_pnl"], 8)
    told["headline"] = wording.headline(run, told["figures"])
    told["story"] = wording.story(run, told)
    told["assumptions"] = [list(each) for each in wording.assumptions(run, told)]
    told["pictures"] = {
        "candles": [_candles(part) for part in run.parts],
        "trades": _trades(run),
        "distribution": distribution.of_trades(trades),
    }
    return told


def result_of(document: Document) -> Document:
    """Give what `result.json` says: all but the pictures."""
    return {name: value for name, value in document.items() if name != "pictures"}


def total(run: Run) -> tuple[Ints, Floats]:
    """Give the equity of the whole run (quote) at every close of any of its candles (ms UTC)."""
    times = run.parts[0].times
    if len(run.parts) > 1:
        times = np.unique(np.concatenate([part.times for part in run.parts]))
    return times, run.capital + _together([part.times for part in run.parts], [part.pnl for part in run.parts], times)


def _together(moments: Sequence[Ints], values: Sequence[Floats], times: Ints) -> Floats:
    """Add up curves that have a value each at moments of their own; before its first a curve stands at 0."""
    added: Floats = np.zeros(len(times))
    for own, curve in zip(moments, values, strict=True):
        if own is times:
            added = added + curve
        else:
            rows = np.searchsorted(own, times, side="right")
            added = added + np.concatenate([[0.0], curve])[rows]
    return added


def _hold(part: Part) -> tuple[float, Floats]:
    """Give the most that a strategy held, and what so much, bought at the first open and kept, would have made."""
    stake = max((float(trade.quantity * trade.entry_price) for trade in part.trades), default=0.0)
    if not stake and part.fills:
        stake = max(float(each.fill.quantity * each.fill.price) for each in part.fills)
    closes, fee = part.columns.close, float(part.terms.taker_fee)
    return stake, stake * ((1 - fee) * closes / part.columns.open[0] - 1)


def _spells(part: Part) -> list[tuple[int, int]]:
    """Give when something was held: every round trip, and the one still open."""
    spells = [(trade.opened_ms, trade.closed_ms) for trade in part.trades]
    entry = _still_open(part)
    return spells if entry is None else [*spells, (entry.time_ms, int(part.times[-1]))]


def _still_open(part: Part) -> Fill | None:
    """Give the fill that opened what was still held at the end; None when nothing was."""
    last = part.trades[-1].closed_ms if part.trades else -1
    return next((each.fill for each in part.fills if each.fill.time_ms > last), None)


def _costs(run: Run, result: float) -> dict[str, float]:
    each = [costs(part) for part in run.parts]
    added = {name: sum(one[name] for one in each) for name in NAMES}
    return {"before": result + sum(added.values()), **added, "result": result}


def _left_over(parts: Sequence[Part]) -> dict[str, Any]:
    """Give what round trips left over in base, too little to be sold, and its worth at the last close."""
    amounts: dict[str, float] = {}
    worth = 0.0
    for part in parts:
        base, left = part.instrument.base, float(left_over(part.fills, part.trades, part.instrument))
        if left > 0:
            amounts[base] = amounts.get(base, 0.0) + left
            worth += left * float(part.columns.close[-1])
    return {"amounts": amounts, "value": worth}


def _part(part: Part) -> Document:
    columns, rules = part.columns, part.instrument
    gaps = checks.gaps(columns)
    return {
        "title": part.name,
        "strategy": part.strategy,
        "market": columns.market.value,
        "symbol": columns.symbol,
        "interval": columns.interval,
        "settings": dict(part.settings),
        "trades": len(part.trades),
        "net_pnl": float(sum(trade.pnl for trade in part.trades)),
        "result": float(part.pnl[-1]),
        **costs(part),
        "warm_up": part.warm_up,
        "denied": part.denied,
        "stopped": part.stopped,
        "liquidations": part.liquidations,
        "candles": {
            "rows": len(columns),
            "first_ms": int(columns.open_time[0]),
            "last_ms": int(columns.open_time[-1]),
            "missing": sum(gap.count for gap in gaps),
            "gaps": [[gap.first_ms, gap.last_ms, gap.count] for gap in gaps[:GAPS_MOST]],
            "sha256": fingerprint(columns),
        },
        "rules": {
            "tick": plain(rules.price.tick),
            "step": plain(rules.lot.step),
            "smallest": plain(rules.lot.smallest),
            "smallest_notional": plain(rules.notional.smallest),
        },
    }


def fingerprint(columns: Columns) -> str:
    """Give a hash of times and prices: equal for equal candles, wherever they came from."""
    told = hashlib.sha256()
    for name in ("open_time", "open", "high", "low", "close"):
        told.update(np.ascontiguousarray(getattr(columns, name)).data)
    return told.hexdigest()


def _candles(part: Part) -> Document:
    interval, columns = thinning.coarser(part.columns)
    told = {"symbol": part.columns.symbol, "own": part.columns.interval, "interval": interval, **columns}
    if (entry := _still_open(part)) is not None:
        told["still"] = [entry.time_ms // 1000, float(entry.price), int(entry.side is Side.BUY)]
    return told


def _trades(run: Run) -> Mapping[str, Any]:
    """Give round trips as columns, newest last; times in s, amounts in quote."""
    owned = [(number, trade) for number, part in enumerate(run.parts) for trade in part.trades]
    owned.sort(key=lambda each: each[1].closed_ms)
    shown = [trade for _, trade in owned[:TRADES_MOST]]
    reasons = list(dict.fromkeys(trade.reason for trade in shown))
    place = {reason: number for number, reason in enumerate(reasons)}
    return {
        "all": len(owned),
        "reasons": reasons,
        "part": [number for number, _ in owned[:TRADES_MOST]],
        "opened": [trade.opened_ms // 1000 for trade in shown],
        "closed": [trade.closed_ms // 1000 for trade in shown],
        "long": [int(trade.side is Side.BUY) for trade in shown],
        "quantity": [float(trade.quantity) for trade in shown],
        "entry": [round(float(trade.entry_price), 8) for trade in shown],
        "exit": [round(float(trade.exit_price), 8) for trade in shown],
        "fees": [round(float(trade.fees), 4) for trade in shown],
        "pnl": [round(float(trade.pnl), 4) for trade in shown],
        "reason": [place[trade.reason] for trade in shown],
    }
