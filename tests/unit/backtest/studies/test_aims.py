"""Objectives and bounds: what words mean, and who is chosen."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from bot.backtest.studies.aims import aims
from bot.backtest.studies.figures import Figures
from bot.domain.errors import Misconfigured


@dataclass
class Made:
    """Makes figures of which all but some are of no account."""

    def __call__(self, **known: Any) -> Figures:
        shared: dict[str, Any] = {
            "bars": 100, "trades": 10, "net_pnl": Decimal(1), "fees": Decimal(1), "unrealised": 0.0,
            "total_return": 0.1, "max_drawdown": 0.1, "win_rate": 0.5, "profit_factor": None, "expectancy": 0.1,
            "sharpe": 1.0, "sortino": 1.0, "calmar": 1.0, "period_ms": 1, "periods": 10, "period_sharpe": 0.1,
            "skew": 0.0, "kurtosis": 3.0,
        }  # fmt: skip
        return Figures(**{**shared, **known})


made = Made()


def test_one_objective_ranks_by_it() -> None:
    trials = [(name, made(net_pnl=Decimal(worth))) for name, worth in (("a", 1), ("b", 3), ("c", 2))]
    assert aims(["net_pnl"], []).ranked(trials) == ["b", "c", "a"]
    assert aims(["net_pnl:min"], []).ranked(trials) == ["a", "c", "b"]
    assert aims(["net_pnl"], []).front(trials) == ["b"]


def test_a_drawdown_is_better_when_it_is_smaller() -> None:
    trials = [("deep", made(max_drawdown=0.5)), ("flat", made(max_drawdown=0.1))]
    assert aims(["max_drawdown"], []).ranked(trials) == ["flat", "deep"]
    assert aims(["max_drawdown:max"], []).ranked(trials) == ["deep", "flat"]


def test_a_broken_bound_is_never_chosen() -> None:
    trials = [("few", made(trades=29, net_pnl=Decimal(9))), ("enough", made(trades=30))]
    assert aims(["net_pnl"], ["trades>=30"]).ranked(trials) == ["enough"]
    assert aims(["net_pnl"], ["trades > 30"]).ranked(trials) == []
    assert aims(["net_pnl"], ["trades<30", "net_pnl<=9"]).ranked(trials) == ["few"]


def test_a_figure_that_is_not_known_is_no_reason_to_choose() -> None:
    trials = [("unknown", made(profit_factor=None)), ("known", made(profit_factor=0.2))]
    assert aims(["profit_factor"], []).ranked(trials) == ["known"]
    assert aims(["net_pnl"], ["profit_factor>0"]).ranked(trials) == ["known"]


def test_several_objectives_give_those_that_nothing_beats() -> None:
    worths = {"rich": (5, 0.5), "calm": (1, 0.1), "both": (4, 0.2), "beaten": (3, 0.3), "worst": (0, 0.6)}
    trials = [(name, made(net_pnl=Decimal(pnl), max_drawdown=fall)) for name, (pnl, fall) in worths.items()]
    wished = aims(["net_pnl", "max_drawdown"], [])
    assert wished.front(trials) == ["rich", "calm", "both"]
    assert wished.ranked(trials) == ["rich", "both", "calm", "beaten", "worst"]


@pytest.mark.parametrize(
    ("objectives", "bounds", "complaint"),
    [
        (["profit"], [], "no figure of a trial; there are: trades, net_pnl"),
        (["net_pnl:up"], [], "write net_pnl:min or net_pnl:max"),
        (["net_pnl", "net_pnl:min"], [], "named twice"),
        (["net_pnl"], ["trades"], "is not like trades>=30"),
        (["net_pnl"], ["trades>=many"], "no number"),
        (["net_pnl"], ["wins>=3"], "no figure of a trial"),
    ],
)
def test_words_that_mean_nothing_are_refused(objectives: list[str], bounds: list[str], complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint):
        aims(objectives, bounds)


@pytest.mark.parametrize("limit", ["nan", "inf", "-inf", "1e999", "much"])
def test_a_bound_that_is_no_amount_is_refused(limit: str) -> None:
    with pytest.raises(Misconfigured, match="which is no number"):
        aims(["net_pnl"], [f"trades>={limit}"])
