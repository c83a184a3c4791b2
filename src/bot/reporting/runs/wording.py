"""A run in words: what came of it, and what was assumed on the way."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.market import Market
from bot.reporting.runs.costs import NAMES
from bot.reporting.runs.record import Part, Run
from bot.reporting.runs.saying import count, day, length, money, number, percent

FEW_TRADES = 30
_INSIDE = (
    "A price that is touched counts as traded, limits at their own price. What lies between open and close is played"
    " against the account: a candle that reaches both a stop and a target ends as the loss, and no sale pays for a"
    " purchase in the same candle."
)
_FILLS = {
    "next": "at the open of the candle after the decision",
    "last": "at the close of the candle on which it was decided",
    "midpoint": "at the middle of high and low of the candle on which it was decided",
}


def headline(run: Run, figures: Mapping[str, Any]) -> str:
    """Say in one line what came of it."""
    names = run.parts[0].name if len(run.parts) == 1 else f"{len(run.parts)} strategies"
    symbols = _list([f"{part.columns.symbol} {part.columns.interval}" for part in run.parts])
    result = float(figures["result"])
    if not figures["trades"] and not result:
        return f"{names} traded nothing on {symbols}"
    verb = "made" if result > 0 else "lost" if result < 0 else "ended even, with"
    return f"{names} {verb} {money(abs(result))} {run.quote} on {symbols}"


def story(run: Run, document: Mapping[str, Any]) -> list[str]:
    """Say what matters of a run, a sentence or two each, the most important first."""
    figures, costs, quote = document["figures"], document["costs"], run.quote
    told = []
    if figures["trades"]:
        told.append(
            f"{count(figures['trades'], 'round trip')} in {number(figures['days'], 0)} days, "
            f"{percent(figures['win_rate'], 1)} of them won; something was held {percent(figures['exposure'], 0)} "
            f"of the time, {length(figures['average_duration_ms'])} at a time."
        )
    told += _costs(costs, quote)
    if figures["max_drawdown"]:
        until = figures["drawdown_until_ms"]
        after = f"made good on {day(until)}" if until is not None else "not made good by the end"
        told.append(
            f"At worst, on {day(figures['drawdown_bottom_ms'])}, it stood {percent(figures['max_drawdown'])} below its"
            f" peak of {day(figures['drawdown_from_ms'])}, {after}."
        )
    hold = document["hold"]
    if hold["stake"]:
        told.append(
            f"The same stake ({money(hold['stake'])} {quote}, the most it held) bought at the first open and kept "
            f"would have {'made' if hold['result'] >= 0 else 'lost'} {money(abs(hold['result']))} {quote}."
        )
    told += _cautions(run, document)
    return told


def _costs(costs: Mapping[str, float], quote: str) -> list[str]:
    taken = sum(costs[key] for key in NAMES)
    if not any(costs[key] for key in NAMES):
        return []
    before = costs["before"]
    named = [
        f"{name} {'took' if costs[key] >= 0 else 'gave'} {money(abs(costs[key]))}"
        for key, name in NAMES.items()
        if costs[key]
    ]
    start = f"Before costs it {'made' if before >= 0 else 'lost'} {money(abs(before))} {quote}; {_list(named)}."
    if before > 0 > before - taken:
        start += " Costs ate more than all of it."
    return [start]


def _cautions(run: Run, document: Mapping[str, Any]) -> list[str]:
    told = []
    for part in run.parts:
        if part.stopped:
            told.append(f"{part.name} was stopped on the way: {part.stopped}.")
        if part.denied:
            told.append(
                f"{count(part.denied, 'wish', 'wishes')} of {part.name} were denied by risk or the rules"
                " (the same one in a row counts once)."
            )
    if 0 < document["figures"]["trades"] < FEW_TRADES:
        told.append(f"{count(document['figures']['trades'], 'round trip')}: too few for the ratios to mean much.")
    if missing := sum(each["candles"]["missing"] for each in document["parts"]):
        told.append(f"{count(missing, 'candle')} are missing in the data.")
    left = document["left_over"]
    if left["value"] > document["capital"] * 0.01:
        told.append(
            f"Remainders too small to be sold stayed in the wallet, worth {money(left['value'])} {run.quote} at the"
            " last price; no figure here counts them."
        )
    return told


def assumptions(run: Run, document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say what was assumed, as (about what, in words)."""
    first = run.parts[0]
    told = [
        ("Decisions", _decisions(run)),
        ("Market orders", _market_orders(first)),
        (
            "Inside a candle",
            _INSIDE,
        ),
        ("Fees", _fees(first)),
        ("Slippage", _slippage(first)),
        ("Liquidity", "Candles show no depth: an order is filled whole, and moves no price."),
        ("Rules of symbols", f"{run.rules_from}. Orders are cut to tick and step, and refused as the exchange would."),
        ("Candles", _candles(run, document)),
        ("Warm-up", _warm_up(run)),
        ("Looking ahead", run.look_ahead),
        (
            "What is measured",
            _measured(run),
        ),
    ]
    if any(part.columns.market is Market.FUTURES for part in run.parts):
        paid = sum(part.funding for part in run.parts)
        told.append(("Funding", f"{money(abs(paid))} {run.quote} {'paid' if paid < 0 else 'received'}."))
    return [*(each for each in told if each[1]), *run.notes]


def _measured(run: Run) -> str:
    basis = "the wallet" if run.capital == run.funds else "the capital set"
    return (
        f"Returns, drawdown and ratios are of {money(run.capital)} {run.quote} ({basis}): that, closed P&L and open P&L"
        " at each close. Sharpe and Sortino are from UTC days, on 365 of them a year, without a riskless rate."
    )


def _decisions(run: Run) -> str:
    how = {
        "dense": "Every candle went through the engine",
        "sparse": "The engine was called where something could happen",
    }
    columns = " Signals were looked up in columns made beforehand." if any(part.signals for part in run.parts) else ""
    return (
        f"{how.get(run.mode, run.mode)} (mode {run.mode}), the same that trades on paper and live; a strategy sees a"
        f" candle once it has closed.{columns}"
    )


def _market_orders(part: Part) -> str:
    return f"Filled {_FILLS[part.terms.fill]} (fill {part.terms.fill})."


def _fees(part: Part) -> str:
    maker, taker = (percent(float(fee), 3) for fee in (part.terms.maker_fee, part.terms.taker_fee))
    rate = f"{taker} of each fill" if maker == taker else f"{maker} as maker and {taker} as taker"
    where = "a buy's in base, a sell's in quote, as the exchange takes them"
    return f"{rate}, {where if part.columns.market is Market.SPOT else 'in quote'}."


def _slippage(part: Part) -> str:
    if not part.terms.slippage_bps:
        return "None: a taker gets the price that the candle shows."
    return (
        f"{number(float(part.terms.slippage_bps), 1)} bps against every taker, then to the tick, against him too. Its"
        " cost is each fill's price less the one that the candle shows, times the quantity."
    )


def _candles(run: Run, document: Mapping[str, Any]) -> str:
    told = []
    for each in document["parts"]:
        facts = each["candles"]
        holes = f"{count(facts['missing'], 'candle')} missing" if facts["missing"] else "none missing"
        told.append(
            f"{count(facts['rows'], 'candle')} of {each['market']} {each['symbol']} {each['interval']}, "
            f"{day(facts['first_ms'])} to {day(facts['last_ms'])}, {holes}"
        )
    return f"{'; '.join(told)}. From {run.candles_from}."


def _warm_up(run: Run) -> str:
    told = [f"{part.name} {count(part.warm_up, 'candle')}" for part in run.parts]
    return (
        f"Nothing is decided before every indicator is full: {', '.join(told)}, taken from the beginning of the data."
    )


def _list(names: Sequence[str]) -> str:
    unique = list(dict.fromkeys(names))
    if len(unique) > 4:
        unique = [*unique[:3], f"{len(unique) - 3} more"]
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} and {unique[-1]}"
