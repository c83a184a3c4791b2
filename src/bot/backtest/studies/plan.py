"""What a study is: the strategy and its settings, the candles by their hash, the wallet, the search and its aims.

All that a worker on another host must agree on is in here, and the digest says whether it does.
"""

import hashlib
import inspect
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from bot.backtest.space import Params, Space, Value, parse
from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument
from bot.domain.market import Market, Stream
from bot.history.columns import NEEDED, Columns
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig, parse_config


class Tape(msgspec.Struct, frozen=True):
    """Which candles: how many, from which open time to which (ms UTC, both in), and the hash of every number."""

    market: Market
    symbol: str
    interval: str
    first_ms: int
    last_ms: int
    rows: int
    sha256: str

    @property
    def stream(self) -> Stream:
        """The series they are of."""
        return Stream(self.market, self.symbol, self.interval)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A study as it was asked for."""

    strategy: str
    code: str
    """Hash of the strategy's source."""
    settings: dict[str, Any]
    """Those that do not vary."""
    space: tuple[str, ...]
    funds: dict[str, Decimal]
    instrument: Instrument
    tape: Tape
    search: str = "grid"
    trials: int | None = None
    """How many to try; None is all of a grid."""
    seed: int = 1
    objectives: tuple[str, ...] = ("net_pnl",)
    bounds: tuple[str, ...] = ()
    split: dict[str, Value] = {}
    """How a walk-forward cuts the candles; empty for a study of the whole."""

    @property
    def where(self) -> Space:
        """The space it searches."""
        return parse(self.space)

    def text(self) -> str:
        """Write it as JSON, always in the same order."""
        return msgspec.json.encode(self, order="deterministic").decode()

    @property
    def digest(self) -> str:
        """A hash of all that decides what comes out."""
        return hashlib.sha256(self.text().encode()).hexdigest()


def read(text: str | bytes) -> Plan:
    """Read a plan; Misconfigured when a newer version wrote it."""
    try:
        return msgspec.json.decode(text, type=Plan)
    except msgspec.MsgspecError as error:
        raise Misconfigured(f"the study was written by another version ({error}); begin a new one") from None


def tape_of(columns: Columns) -> Tape:
    """Say which candles these are."""
    digest = hashlib.sha256()
    for name in NEEDED:
        digest.update(memoryview(columns.column(name)).cast("B"))
    first, last = int(columns.open_time[0]), int(columns.open_time[-1])
    return Tape(
        columns.market, columns.symbol, columns.interval, first, last, len(columns), digest.hexdigest()
    )  # fmt: skip


def refuse_other_candles(plan: Plan, columns: Columns) -> None:
    """Raise Misconfigured when these are not the candles of the study."""
    there, wanted = tape_of(columns), plan.tape
    if there == wanted:
        return
    if there.stream != wanted.stream:
        raise Misconfigured(f"the study is on {_named(wanted)} candles, and these are {_named(there)}")
    if (there.first_ms, there.last_ms, there.rows) != (wanted.first_ms, wanted.last_ms, wanted.rows):
        raise Misconfigured(
            f"the study has {wanted.rows} candles from {wanted.first_ms} to {wanted.last_ms} (ms), here are"
            f" {there.rows} from {there.first_ms} to {there.last_ms}; fetch the same ones with bot data download"
        )
    raise Misconfigured(
        "the candles here have other prices or volumes than those of the study; fetch them anew, from the same source"
    )


def _named(tape: Tape) -> str:
    return f"{tape.market} {tape.symbol} {tape.interval}"


def code_of(strategy: type[Strategy]) -> str:
    """Hash the file that a strategy stands in, so that nobody goes on with another one of the same name."""
    file = inspect.getsourcefile(strategy) or sys.modules[strategy.__module__].__file__ or ""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def refuse_other_code(plan: Plan, strategy: type[Strategy]) -> None:
    """Raise Misconfigured when the strategy is not the one that the study began with."""
    if code_of(strategy) != plan.code:
        raise Misconfigured(
            f"{plan.strategy} was changed since the study began; begin a new study, or put the file back"
        )


def config_of(strategy: type[Strategy], settings: Mapping[str, Any], params: Params) -> StrategyConfig:
    """Give the settings of one trial; Misconfigured when they do not fit together."""
    return parse_config(strategy.Config, {**settings, **params})


def is_fit(strategy: type[Strategy], settings: Mapping[str, Any], params: Params) -> bool:
    """Say whether these settings fit together: a quick average that is the slower one does not."""
    try:
        config_of(strategy, settings, params)
    except Misconfigured:
        return False
    return True


def refuse_unknown_names(strategy: type[Strategy], settings: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise Misconfigured for a varied setting that the strategy has not, or that is fixed as well."""
    known = strategy.Config.model_fields
    for name in names:
        if name not in known:
            parse_config(strategy.Config, {**settings, name: 0})
        if name in {"symbol", "candle", "market", "demo_mode"}:
            raise Misconfigured(f"{name} says which candles are played; a study varies what is done with them")
