"""A backtest: strategies, candles and money in; what came of it out."""

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from bot.backtest.dense import Dense
from bot.backtest.tally import Tally
from bot.backtest.tape import candles, frame_of
from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument
from bot.domain.ledger import OWNER
from bot.domain.market import Market, Stream
from bot.domain.messages import Event
from bot.engine.engine import Engine
from bot.engine.slot import Slot
from bot.history.columns import Columns
from bot.risk.rules import Limits
from bot.simulation.desk import Desk, terms_of
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig


class Part(NamedTuple):
    """One strategy of a backtest, with its settings."""

    strategy: type[Strategy]
    config: StrategyConfig


class Outcome(NamedTuple):
    """What came of a backtest: the tally, and each strategy's slot as it stood in the end."""

    tally: Tally
    slots: Sequence[Slot]
    bars: int


def backtest(
    parts: Sequence[Part],
    series: Sequence[Columns],
    instruments: Mapping[str, Instrument],
    funds: Mapping[str, Decimal],
    limits: Limits | None = None,
) -> Outcome:
    """Play these series to these strategies, which share one wallet. Raises Misconfigured for what cannot be."""
    _refuse_impossible(parts, series, funds)
    inbox: deque[Event] = deque()
    ids = range(1, len(parts) + 1)
    terms = {number: terms_of(part.config) for number, part in zip(ids, parts, strict=True)}
    desk = Desk(instruments, funds, terms, inbox.append)
    engine = Engine(limits)
    engine.restore_balances({(OWNER, asset): amount for asset, amount in funds.items() if amount > 0})
    slots = [
        engine.add(number, part.strategy, part.config, _rules(instruments, part.config))
        for number, part in zip(ids, parts, strict=True)
    ]
    by_stream = {Stream(each.market, each.symbol, each.interval): each for each in series}
    for slot in slots:
        if slot.strategy.has_signals():
            slot.strategy.know(frame_of(by_stream[slot.stream]))
    tally = Tally()
    Dense(engine, desk, inbox, tally).play(candles(series))
    return Outcome(tally, slots, sum(len(columns) for columns in series))


def _rules(instruments: Mapping[str, Instrument], config: StrategyConfig) -> Instrument:
    found = instruments.get(config.symbol)
    if found is None:
        raise Misconfigured(
            f"no rules (tick, step, smallest order) are known for {config.symbol}; "
            "give those of the exchange with --rules FILE, an answer of exchangeInfo"
        )
    return found


def _refuse_impossible(parts: Sequence[Part], series: Sequence[Columns], funds: Mapping[str, Decimal]) -> None:
    if not any(amount > 0 for amount in funds.values()):
        raise Misconfigured("the wallet is empty, so nothing could be bought; give it more than 0")
    if any(part.config.market_of is not Market.SPOT for part in parts):
        raise Misconfigured("backtests know spot alone; leave market at spot (rehearsal trades futures)")
    there = {(columns.market, columns.symbol, columns.interval) for columns in series}
    for part in parts:
        wanted = (part.config.market_of, part.config.symbol, part.config.candle)
        if wanted not in there:
            raise Misconfigured(f"{part.strategy.name} wants {' '.join(wanted)} candles, and there are none of those")
