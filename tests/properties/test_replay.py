"""Sparse replay equals dense replay: the same engine, called less often."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from bot.backtest.run import Outcome, Part, backtest
from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.market import Market
from bot.domain.order import Fill, Side
from bot.history.columns import Columns
from bot.risk.rules import Limits
from bot.strategies.base import Strategy
from bot.strategies.columns import Frame, Signals
from bot.strategies.config import StrategyConfig

BASES = ("AAA", "BBB")


def rules_of(base: str, average_minutes: int) -> Instrument:
    return Instrument(
        f"{base}USDT", base, "USDT",
        price=PriceRule(Decimal("0.01"), Decimal(0), Decimal("0.01")),
        lot=LotRule(Decimal("0.001"), Decimal(9_000), Decimal("0.001")),
        notional=NotionalRule(smallest=Decimal(5)),
        average_minutes=average_minutes,
    )  # fmt: skip


def series_of(base: str, seed: int, length: int, interval: str) -> Columns:
    draw = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(draw.normal(0, 0.01, length))), 2)
    opened = np.concatenate(([100.0], close[:-1]))
    high = np.round(np.maximum(opened, close) * 1.003, 2)
    low = np.round(np.minimum(opened, close) * 0.997, 2)
    step = {"1m": 60_000, "4h": 14_400_000}[interval]
    times = 1_700_000_000_000 // step * step + step * np.arange(length)
    return Columns(
        Market.SPOT, f"{base}USDT", interval, times, opened, high, low, close, np.round(draw.gamma(2, 5, length), 3)
    )


class Whims(Strategy):
    """Signals that look like noise, but are made of each row alone."""

    name = "whims"

    class Config(StrategyConfig):
        salt: float = 1.0
        often: float = Field(0.1, ge=0, le=1)

    def signals(self, frame: Frame) -> Signals:
        noise = np.modf(frame.close * 12.9898 * self.config.salt + frame.volume * 78.233)[0]
        often = self.config.often
        return Signals(
            noise < often, exits=noise > 1 - often, stops=abs(noise - 0.5) < often / 8, seen={"noise": noise}
        )


class Patient(Whims):
    """The same, but what it buys it offers at a limit."""

    name = "patient"

    def on_fill(self, fill: Fill) -> None:
        if fill.side is Side.BUY:
            self.sell("a little more", price=float(fill.price) * 1.004)


def state_of(outcome: Outcome) -> list[Any]:
    tally = outcome.tally
    return [
        tally.fills, tally.trades, tally.denied, tally.stopped, tally.net_pnl,
        [
            (
                slot.candles, slot.last_price, slot.last_open, slot.realised, slot.equity, slot.position.quantity,
                slot.exited_at, slot.sequence, slot.stopped, list(slot.live), slot.day_ends_ms,
            )
            for slot in outcome.slots
        ],
    ]  # fmt: skip


PARTS = st.fixed_dictionaries(
    {
        "salt": st.floats(0.5, 2.0),
        "often": st.sampled_from([0.0, 0.02, 0.1, 0.4]),
        "fill": st.sampled_from(["last", "next", "midpoint"]),
        "slippage_bps": st.sampled_from([0.0, 5.0]),
        "min_profit": st.sampled_from([0.0, 0.004]),
        "stop_loss": st.sampled_from([None, None, 0.01]),
        "trailing": st.sampled_from([None, None, 0.015]),
        "take_profit": st.sampled_from([None, None, 0.02]),
        "daily_loss": st.sampled_from([None, None, 0.3, 1.5]),
        "cooldown": st.sampled_from([0, 0, 7]),
        "order_value": st.sampled_from([4.0, 5.01, 5.03, 50.0, 700.0]),
        "warm_up": st.sampled_from([0, 30]),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    length=st.integers(1, 600),
    interval=st.sampled_from(["1m", "4h"]),
    average=st.sampled_from([0, 5]),
    parts=st.lists(st.tuples(st.sampled_from([Whims, Patient]), st.sampled_from(BASES), PARTS), min_size=1, max_size=3),
    limits=st.sampled_from(
        [None, Limits(max_drawdown=0.001), Limits(daily_loss=0.5), Limits(max_exposure=Decimal(120), max_open_orders=2)]
    ),
    funds=st.sampled_from([40, 1_000]),
)
def test_leaping_over_quiet_candles_changes_nothing(
    seed: int, length: int, interval: str, average: int,
    parts: Sequence[tuple[type[Whims], str, dict[str, Any]]], limits: Limits | None, funds: int,
) -> None:  # fmt: skip
    bases = sorted({base for _, base, _ in parts})
    if limits is not None:
        # (under limits of the account several symbols are played densely)
        bases = bases[:1]
        parts = [(kind, bases[0], values) for kind, _, values in parts]
    series = [series_of(base, seed + number, length, interval) for number, base in enumerate(bases)]
    rules = {f"{base}USDT": rules_of(base, average) for base in bases}
    chosen = [
        Part(kind, kind.Config(symbol=f"{base}USDT", candle=interval, **values)) for kind, base, values in parts
    ]  # fmt: skip
    dense, sparse = (
        backtest(chosen, series, rules, {"USDT": Decimal(funds)}, limits, mode=mode) for mode in ("dense", "sparse")
    )
    assert sparse.mode == "sparse"
    assert state_of(sparse) == state_of(dense)


@pytest.mark.parametrize(
    ("parts", "limits", "why"),
    [
        ([("AAA", {"max_drawdown": 0.05})], None, "max_drawdown"),
        ([("AAA", {}), ("BBB", {})], Limits(daily_loss=2.0), "limits of the account"),
    ],
)
def test_what_has_to_see_every_candle_is_played_densely(
    parts: list[tuple[str, dict[str, Any]]], limits: Limits | None, why: str
) -> None:
    series = [series_of(base, 1, 50, "1m") for base, _ in parts]
    rules = {f"{base}USDT": rules_of(base, 0) for base, _ in parts}
    chosen = [Part(Whims, Whims.Config(symbol=f"{base}USDT", **values)) for base, values in parts]
    assert backtest(chosen, series, rules, {"USDT": Decimal(100)}, limits).mode == "dense"
    with pytest.raises(Misconfigured, match=why):
        backtest(chosen, series, rules, {"USDT": Decimal(100)}, limits, mode="sparse")
