"""A run as one HTML file that needs nothing else: no network, no server, no other file beside it."""

from html import escape
from typing import Any

from bot.reporting.runs import bars, sheets
from bot.reporting.runs.costs import NAMES
from bot.reporting.runs.document import Document
from bot.reporting.runs.frame import card, data, frame, hint, pairs, tone
from bot.reporting.runs.saying import count, day, length, minute, money, number, percent

_LIBRARIES = ("uPlot.iife.min.js", "lightweight-charts.standalone.production.js")
_SCRIPTS = ("shared.js", "curves.js", "prices.js", "trades.js")
_CURVES = '<div id="equity" class="chart"></div><div id="fall" class="chart"></div>'
_PRICES = '<div id="prices" class="chart tall"></div><p id="prices-note" class="note"></p>'


def report(document: Document) -> str:
    """Write the page of a run."""
    pictures = document["pictures"]
    body = [
        _head(document),
        _tiles(document),
        card("Equity and drawdown", _CURVES, note="equity-note", extra=_key(document)),
        card("Price and trades", _PRICES, extra=_controls(document)),
        card("Month by month", sheets.months(document), extra=hint("Return in % of the equity at its begin.")),
        _two(
            card("What it cost", sheets.costs(document)) + _spread(pictures["distribution"], document["quote"]),
            card("Figures", sheets.figures(document)) + _hours(pictures["distribution"], document["quote"]),
        ),
        card("Strategies", sheets.strategies(document)) if len(document["parts"]) > 1 else "",
        _trades(pictures["trades"]),
        card("What was assumed", pairs(document["assumptions"], "words")),
        card("Settings and sources", sheets.sources(document)),
        _foot(document),
    ]
    shown = {name: document[name] for name in ("quote", "capital", "curve")}
    shown |= {name: pictures[name] for name in ("candles", "trades")}
    return frame(document["headline"], "".join(body), data("run", shown), _LIBRARIES, _SCRIPTS)


def _head(document: Document) -> str:
    figures, parts = document["figures"], document["parts"]
    chips = [f"{part['symbol']} {part['interval']}" for part in parts[:3]]
    chips += [parts[0]["market"], f"{day(document['first_ms'])} – {day(document['last_ms'])}"]
    chips += [count(document["bars"], "candle"), f"mode {document['mode']}"]
    colour = tone(figures["result"])
    return (
        f'<header class="top"><p class="kind">Backtest</p><h1>{escape(document["headline"])}</h1>'
        f'<p class="chips">{"".join(f"<span>{escape(chip)}</span>" for chip in chips)}</p>'
        f'<p class="result"><strong class="{colour}">{money(figures["result"], signed=True)}'
        f" <small>{escape(document['quote'])}</small></strong>"
        f'<em class="{colour}">{percent(figures["return"], signed=True)}</em></p>'
        f'<ul class="story">{"".join(f"<li>{escape(each)}</li>" for each in document["story"])}</ul></header>'
    )


def _tiles(document: Document) -> str:
    figures, costs = document["figures"], document["costs"]
    taken = sum(costs[key] for key in NAMES)
    is_open = abs(figures["unrealised"]) > 1e-6
    tiles = [
        ("Net P&L of round trips", money(figures["net_pnl"], signed=True), tone(figures["net_pnl"]),
         f"{money(figures['unrealised'], signed=True)} open" if is_open else "nothing open"),
        ("Max drawdown", percent(figures["max_drawdown"]), tone(-figures["max_drawdown"]),
         f"{money(figures['max_drawdown_quote'])} · {length(figures['drawdown_ms'])}"),
        ("Sharpe", number(figures["sharpe"]), "", f"Sortino {number(figures['sortino'])}"),
        ("CAGR", percent(figures["cagr"], signed=True), tone(figures["cagr"] or 0),
         f"Calmar {number(figures['calmar'])}"),
        ("Profit factor", number(figures["profit_factor"]), "", f"{money(figures['expectancy'], signed=True)} a trade"),
        ("Win rate", percent(figures["win_rate"], 1), "", count(figures["trades"], "round trip")),
        ("Costs", money(taken), "", f"{money(costs['before'], signed=True)} before them"),
        ("In the market", percent(figures["exposure"], 1), "", f"{length(figures['average_duration_ms'])} a trade"),
    ]  # fmt: skip
    cells = "".join(
        f'<div><dt>{escape(name)}</dt><dd class="{colour}">{value}</dd><p>{escape(below)}</p></div>'
        for name, value, colour, below in tiles
    )
    return f'<dl class="tiles">{cells}</dl>'


def _key(document: Document) -> str:
    stake = document["hold"]["stake"]
    hold = (
        '<button type="button" id="hold" aria-pressed="true"><i class="held"></i>'
        f"Buy and hold of the same stake ({money(stake)})</button>"
    )
    return f'<p class="key"><span><i class="own"></i>Equity</span>{hold if stake else ""}</p>'


def _controls(document: Document) -> str:
    pictures = document["pictures"]["candles"]
    options = "".join(
        f'<option value="{at}">{escape(each["symbol"])} · {escape(part["title"])}</option>'
        for at, (each, part) in enumerate(zip(pictures, document["parts"], strict=True))
    )
    choice = f'<select id="which" aria-label="Which symbol">{options}</select>' if len(pictures) > 1 else ""
    buttons = (("earlier", "‹ Trade"), ("later", "Trade ›"), ("all", "All"))
    pressed = "".join(f'<button type="button" id="{name}">{text}</button>' for name, text in buttons)
    return f'<p class="key">{choice}{pressed}</p>'


def _spread(spread: Any, quote: str) -> str:
    if not spread:
        return ""
    returns, lengths = bars.histogram(spread["edges"], spread["counts"]), bars.columns(spread["lengths"], quote)
    return card("Results of round trips", returns, extra=hint("Net return on what was put in.")) + card(
        "P&L by length", lengths, extra=hint("How long something was held.")
    )


def _hours(spread: Any, quote: str) -> str:
    if not spread:
        return ""
    drawn = bars.columns(spread["hours"], quote)
    return card("P&L by hour of entry", drawn, extra=hint("UTC."))


def _trades(trades: Any) -> str:
    if not trades["all"]:
        return card("Round trips", '<p class="note">None was closed.</p>')
    shown = len(trades["opened"])
    rest = f" The first {shown:,} of {trades['all']:,}: trades.csv (--out) has all." if shown < trades["all"] else ""
    return card(
        "Round trips",
        '<div class="wide"><table id="trades"></table></div><p id="pages" class="key"></p>',
        extra=hint(f"Press a heading to sort, a row to see it on the chart. UTC.{rest}"),
    )


def _foot(document: Document) -> str:
    timing = document["timing"]
    speed = f" {document['bars']:,} candles in {timing['run_s']:.2f} s." if timing.get("run_s") else ""
    return (
        f"<footer>Made {minute(document['made_ms'])} UTC by binance-bot {escape(document['version'])}.{speed}"
        " Charts: lightweight-charts by TradingView (Apache-2.0), uPlot (MIT); type: Inter (OFL-1.1).</footer>"
    )


def _two(one: str, other: str) -> str:
    return f'<div class="two"><div>{one}</div><div>{other}</div></div>'
