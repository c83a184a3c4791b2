"""A backtest: strategies, candles and money in; what came of it out."""

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from bot.backtest import dense, sparse
from bot.backtest.detail import Detail, refuse_unfit
from bot.backtest.replay import Replay
from bot.backtest.tally import Tally
from bot.backtest.tape import candles, frame_of
from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument
from bot.domain.ledger import OWNER
from bot.domain.market import Market
from bot.domain.messages import Event
from bot.engine.engine import Engine
from bot.engine.slot import Slot
from bot.history.columns import Columns
from bot.risk.rules import Limits
from bot.simulation.desk import Desk, terms_of
from bot.simulation.liquidity import Terms
from bot.strategies.base import Strategy
from bot.strategies.config import CONTRACT_STOPS_IN_REHEARSAL_ONLY, StrategyConfig

if TYPE_CHECKING:
    from bot.backtest.contracts import Futures
    from bot.simulation.futures_desk import FuturesDesk

Mode = Literal["auto", "dense", "sparse"]


class Part(NamedTuple):
    """One strategy of a backtest, with its settings."""

    strategy: type[Strategy]
    config: StrategyConfig


class Outcome(NamedTuple):
    """What came of a backtest: the tally, and each strategy's slot as it stood in the end."""

    tally: Tally
    slots: Sequence[Slot]
    bars: int
    mode: Mode
    """How it was replayed: dense or sparse. Both give the same."""


def backtest(
    parts: Sequence[Part],
    series: Sequence[Columns],
    instruments: Mapping[str, Instrument],
    funds: Mapping[str, Decimal],
    limits: Limits | None = None,
    futures: "Futures | None" = None,
    detail: Sequence[Columns] = (),
    mode: Mode = "auto",
    tally: Tally | None = None,
) -> Outcome:
    """Play these series to these strategies, which share one wallet. Raises Misconfigured for what cannot be.

    `auto` is sparse where that is possible, and dense where it is not.
    `futures` is what strategies of futures need beside their candles; `instruments` are those of their contracts then.
    `detail` are finer candles of some of the symbols, played inside the others while something is at stake. A `tally`
    of one's own may keep more than is asked for here.
    """
    _refuse_impossible(parts, series, funds, futures)
    _refuse_unfit(detail, parts, series)
    inbox: deque[Event] = deque()
    ids = range(1, len(parts) + 1)
    terms = {number: terms_of(part.config) for number, part in zip(ids, parts, strict=True)}
    desk: Desk | FuturesDesk
    if futures is None:
        desk = Desk(instruments, funds, terms, inbox.append)
    else:
        desk = _futures_desk(parts, series, futures, funds, terms, inbox)
    engine = Engine(limits)
    engine.restore_balances({(OWNER, asset): amount for asset, amount in funds.items() if amount > 0})
    slots = [
        engine.add(number, part.strategy, part.config, _rules(instruments, part.config))
        for number, part in zip(ids, parts, strict=True)
    ]
    by_stream = {columns.stream: columns for columns in series}
    for slot in slots:
        if slot.strategy.has_signals():
            slot.strategy.know(frame_of(by_stream[slot.stream]))
    tally = Tally() if tally is None else tally
    replay = Replay(engine, desk, inbox, tally)
    if detail:
        replay.see = Detail(desk, detail, inbox, replay.settle).see
    hindrance = (
        "finer candles are played inside the others" if detail else sparse.hindrance(slots, series, limits or Limits())
    )
    if mode == "sparse" and hindrance:
        raise Misconfigured(f"sparse replay is not possible: {hindrance}; leave --mode at auto, or take dense")
    if mode == "dense" or hindrance:
        dense.play(replay, candles(series))
    else:
        sparse.play(replay, slots, series)
    return Outcome(tally, slots, sum(map(len, series)), "dense" if mode == "dense" or hindrance else "sparse")


def _rules(instruments: Mapping[str, Instrument], config: StrategyConfig) -> Instrument:
    found = instruments.get(config.symbol)
    if found is None:
        raise Misconfigured(
            f"no rules (tick, step, smallest order) are known for {config.symbol}; "
            "give those of the exchange with --rules FILE, an answer of exchangeInfo"
        )
    return found


def _refuse_unfit(detail: Sequence[Columns], parts: Sequence[Part], series: Sequence[Columns]) -> None:
    for fine in detail:
        coarse = [columns for columns in series if (columns.market, columns.symbol) == (fine.market, fine.symbol)]
        if len(coarse) != 1:
            raise Misconfigured(f"detail is for one interval of a symbol, and {fine.symbol} is played in {len(coarse)}")
        refuse_unfit(fine, coarse[0])
    if detail and any(part.config.fill == "midpoint" for part in parts):
        raise Misconfigured("the midpoint of a candle is not that of its detail; choose fill next or last")


def _futures_desk(
    parts: Sequence[Part],
    series: Sequence[Columns],
    futures: "Futures",
    funds: Mapping[str, Decimal],
    terms: Mapping[int, Terms],
    inbox: deque[Event],
) -> "FuturesDesk":
    from bot.backtest.contracts import contracts_of  # noqa: PLC0415 (spot needs none of it)
    from bot.simulation.futures_desk import FuturesDesk  # noqa: PLC0415

    for part in parts:
        if part.config.symbol not in futures.listings:
            raise Misconfigured(
                f"no contract {part.config.symbol} is known with its leverage brackets; give those of the exchange with"
                " --rules FILE (an answer of exchangeInfo) and --brackets FILE (an answer of leverageBracket)"
            )
    contracts = contracts_of(futures, [part.config for part in parts], series)
    return FuturesDesk(contracts, funds, terms, inbox.append)


def _refuse_impossible(
    parts: Sequence[Part], series: Sequence[Columns], funds: Mapping[str, Decimal], futures: "Futures | None"
) -> None:
    if not any(amount > 0 for amount in funds.values()):
        raise Misconfigured("the wallet is empty, so nothing could be bought; give it more than 0")
    if any(part.config.has_contract_stops for part in parts):
        raise Misconfigured(CONTRACT_STOPS_IN_REHEARSAL_ONLY)
    markets = {part.config.market_of for part in parts}
    if len(markets) > 1:
        raise Misconfigured("spot and futures have wallets of their own on the exchange; play them one after the other")
    if markets == {Market.FUTURES} and futures is None:
        raise Misconfigured("futures need contracts, with their leverage brackets; none were given")
    there = {(columns.market, columns.symbol, columns.interval) for columns in series}
    for part in parts:
        wanted = (part.config.market_of, part.config.symbol, part.config.candle)
        if wanted not in there:
            raise Misconfigured(f"{part.strategy.name} wants {' '.join(wanted)} candles, and there are none of those")
