"""The tables of a run's page: costs, figures, months, strategies, settings."""

from collections.abc import Mapping
from html import escape
from typing import Any

from bot.reporting.runs import bars
from bot.reporting.runs.costs import NAMES
from bot.reporting.runs.document import Document
from bot.reporting.runs.frame import pairs, tone, wide
from bot.reporting.runs.saying import day, length, minute, money, number, percent

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def costs(document: Document) -> str:
    """Show how the result comes about: what it was before costs, and what each of them took."""
    told, fills = document["costs"], document["figures"]["fills"]
    kinds = [(key, name.capitalize()) for key, name in NAMES.items() if told[key] or key != "liquidation"]
    steps = [("Before costs", told["before"], True)]
    steps += [(name, -told[key], False) for key, name in kinds]
    steps.append(("Result", told["result"], True))
    rows = "".join(
        f"<tr><td>{name}</td><td>{money(told[key])} {escape(document['quote'])}</td>"
        f"<td>{money(told[key] / fills) if fills else '–'}</td></tr>"
        for key, name in kinds
    )
    return (
        bars.steps(steps)
        + wide(f"<table><tr><th>Taken by</th><th>Amount</th><th>Each fill</th></tr>{rows}</table>")
        + f'<p class="note">{fills:,} fills. What is below zero was received.</p>'
    )


def figures(document: Document) -> str:
    """List every figure."""
    told, quote = document["figures"], document["quote"]
    until = told["drawdown_until_ms"]

    def signed(name: str) -> str:
        return money(told[name], signed=True)

    rows = [
        ("Result, open positions included", f"{signed('result')} {quote}"),
        ("Net P&L of round trips", f"{signed('net_pnl')} {quote}"),
        ("Open at the end", f"{signed('unrealised')} {quote}"),
        ("Return", percent(told["return"], signed=True)),
        ("CAGR", percent(told["cagr"], signed=True)),
        ("Volatility, yearly", percent(told["volatility"])),
        ("Sharpe / Sortino / Calmar", " / ".join(number(told[key]) for key in ("sharpe", "sortino", "calmar"))),
        ("Deepest drawdown", f"{percent(told['max_drawdown'])}, {length(told['drawdown_ms'])}"),
        ("… from, bottom", f"{day(told['drawdown_from_ms'])}, {day(told['drawdown_bottom_ms'])}"),
        ("… made good", day(until) if until is not None else "not by the end"),
        ("Longest time below a peak", length(told["longest_drawdown_ms"])),
        ("Round trips, fills", f"{told['trades']:,}, {told['fills']:,}"),
        ("Win rate, profit factor", f"{percent(told['win_rate'], 1)}, {number(told['profit_factor'])}"),
        ("Expectancy", f"{signed('expectancy')} {quote}"),
        ("Average win, loss", f"{signed('average_win')}, {signed('average_loss')}"),
        ("Best, worst trade", f"{signed('best_trade')}, {signed('worst_trade')}"),
        ("Most losers in a row", f"{told['loss_streak']:,}"),
        ("Average duration, longest", f"{length(told['average_duration_ms'])}, {length(told['longest_duration_ms'])}"),
        ("Time in the market", percent(told["exposure"], 1)),
        ("The symbol's price", percent(document["hold"]["price_return"], signed=True)),
        ("Denied wishes", f"{told['denied']:,}"),
    ]
    if told["liquidations"]:
        rows.append(("Liquidations", f"{told['liquidations']:,}"))
    return pairs(rows)


def months(document: Document) -> str:
    """Show the return of each month and year, shaded by size."""
    years: dict[str, dict[int, Mapping[str, Any]]] = {}
    for each in document["months"]:
        year, month = each["month"].split("-")
        years.setdefault(year, {})[int(month)] = each
    head = "".join(f"<th>{name}</th>" for name in (*_MONTHS, "Year"))
    quote = escape(document["quote"])
    largest = max((abs(each["return"] or 0) for each in document["months"]), default=0) or 1
    rows = "".join(
        f"<tr><th>{year}</th>{''.join(_cell(found.get(month), quote, largest) for month in range(1, 13))}"
        f"{_cell(_year(list(found.values())), quote, largest * 12, 'whole')}</tr>"
        for year, found in years.items()
    )
    return wide(f'<table class="months"><tr><th></th>{head}</tr>{rows}</table>')


def _year(found: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    gained = 1.0
    for each in found:
        if each["return"] is None:
            return {"return": None, "result": sum(one["result"] for one in found)}
        gained *= 1 + each["return"]
    return {"return": gained - 1, "result": sum(one["result"] for one in found)}


def _cell(each: Mapping[str, Any] | None, quote: str, largest: float, kind: str = "") -> str:
    if each is None:
        return '<td class="none">·</td>'
    amount = f"{money(each['result'], signed=True)} {quote}"
    if not each["return"]:
        return f'<td class="{kind}" title="{amount}">{"–" if each["return"] is None else "0.00"}</td>'
    strength = min(1.0, abs(each["return"]) / largest) * 0.42 + 0.06
    colour = "gain" if each["return"] > 0 else "loss"
    return (
        f'<td class="{colour} {kind}" style="--strength:{strength:.2f}" title="{amount}">'
        f"{number(each['return'] * 100, signed=True)}</td>"
    )


def strategies(document: Document) -> str:
    """Compare the strategies of a run that had several."""
    rows = "".join(
        f"<tr><td>{escape(part['title'])}</td><td>{escape(part['symbol'])} {escape(part['interval'])}</td>"
        f"<td>{part['trades']:,}</td><td>{money(part['fees'])}</td><td>{money(part['slippage'])}</td>"
        f"<td>{money(part['funding'])}</td>"
        f'<td class="{tone(part["result"])}">{money(part["result"], signed=True)}</td></tr>'
        for part in document["parts"]
    )
    names = ("Strategy", "Candles", "Round trips", "Fees", "Slippage", "Funding", "Result")
    return wide(f"<table><tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>{rows}</table>")


def sources(document: Document) -> str:
    """Say with which settings, candles and rules it was run, so that it can be run again."""
    return "".join(
        f"<h3>{escape(part['title'])} on {escape(part['symbol'])}</h3>{pairs(_facts(part), 'settings')}"
        for part in document["parts"]
    )


def _facts(part: Mapping[str, Any]) -> list[tuple[str, str]]:
    told, rules = part["candles"], part["rules"]
    return [
        ("Candles", f"{told['rows']:,}, {minute(told['first_ms'])} to {minute(told['last_ms'])}"),
        ("Holes", f"{told['missing']:,} missing{_holes(told['gaps'])}" if told["missing"] else "none"),
        ("Fingerprint", f"sha256 {told['sha256'][:16]}…"),
        ("Rules", f"tick {rules['tick']}, step {rules['step']}, from {rules['smallest_notional']}"),
        *((name, str(value)) for name, value in sorted(part["settings"].items()) if value is not None),
    ]


def _holes(gaps: list[list[int]]) -> str:
    told = "; ".join(f"{amount:,} from {minute(first)}" for first, _, amount in gaps[:5])
    return f": {told}{' …' if len(gaps) > 5 else ''}"
