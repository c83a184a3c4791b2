import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.reporting.runs.conftest import BEGIN_MS, walk

from bot.domain.market import next_open
from bot.reporting.runs import document
from bot.reporting.runs.costs import NAMES
from bot.reporting.runs.document import describe, fingerprint, result_of
from bot.reporting.runs.record import Run


def test_what_it_was_before_costs_less_costs_is_the_result(run: Run) -> None:
    told = describe(run)
    costs = told["costs"]
    assert min(costs["fees"], costs["slippage"]) > 0
    assert costs["before"] - sum(costs[name] for name in NAMES) == pytest.approx(costs["result"])
    assert costs["result"] == pytest.approx(told["figures"]["net_pnl"] + told["figures"]["unrealised"], abs=1e-7)
    assert sum(each["result"] for each in told["months"]) == pytest.approx(costs["result"])


def test_the_result_is_plain_json_and_carries_no_pictures(run: Run) -> None:
    told = describe(run)
    again = json.loads(json.dumps(result_of(told), allow_nan=False))
    assert again == result_of(told)
    assert "pictures" not in again
    assert len(told["pictures"]["trades"]["opened"]) == told["figures"]["trades"] == len(run.parts[0].trades)


def test_the_curve_ends_at_the_result_and_starts_at_the_capital(run: Run) -> None:
    told = describe(run)
    assert told["curve"]["equity"][0] == told["curve"]["equity"][1] == 10_000
    assert told["curve"]["equity"][-1] == pytest.approx(10_000 + told["figures"]["result"], abs=1e-3)


def test_holding_the_same_stake_pays_one_fee_and_follows_the_price(run: Run) -> None:
    hold = describe(run)["hold"]
    closes = run.parts[0].columns.close
    assert hold["stake"] == pytest.approx(50, rel=0.02)
    assert hold["result"] == pytest.approx(hold["stake"] * (0.999 * closes[-1] / 60_000 - 1))


def test_what_round_trips_leave_over_is_told_and_counted_nowhere(run: Run) -> None:
    told, (part,) = describe(run), run.parts
    *settled, still_open = part.fills
    assert still_open.fill.time_ms > part.trades[-1].closed_ms
    moment, price, is_long = told["pictures"]["candles"][0]["still"]
    assert (moment, price, is_long) == (still_open.fill.time_ms // 1000, float(still_open.fill.price), 1)
    bought = sum(float(each.fill.signed) for each in settled)
    in_base = sum(float(each.fill.fee) for each in settled if each.fill.fee_asset == "BTC")
    assert told["left_over"]["amounts"]["BTC"] == pytest.approx(bought - in_base)
    assert told["left_over"]["value"] > 1
    assert told["left_over"]["value"] == pytest.approx((bought - in_base) * part.columns.close[-1])


def test_a_run_that_traded_nothing_is_told_as_one(played: Callable[..., Run]) -> None:
    told = describe(played(walk(60), order_value=2.0))
    assert told["headline"] == "sma_cross traded nothing on BTCUSDT 1m"
    assert told["figures"]["trades"] == 0
    assert any("denied" in each for each in told["story"])


def test_strategies_with_candles_of_their_own_are_added_up(run: Run, played: Callable[..., Run]) -> None:
    hours = played(walk(50, 3_600_000, "1h", "ETHUSDT")).parts[0]
    both = describe(run._replace(parts=[*run.parts, hours]))
    alone = [describe(run._replace(parts=[part])) for part in (*run.parts, hours)]
    assert both["figures"]["result"] == pytest.approx(sum(each["figures"]["result"] for each in alone))
    assert both["figures"]["trades"] == sum(each["figures"]["trades"] for each in alone)
    assert [part["symbol"] for part in both["parts"]] == ["BTCUSDT", "ETHUSDT"]


def test_equal_candles_have_equal_fingerprints_and_others_have_not() -> None:
    columns = walk(50)
    changed = np.array(columns.close)
    changed[30] += 0.01
    assert fingerprint(columns) == fingerprint(walk(50))
    assert fingerprint(columns) != fingerprint(replace(columns, close=changed))


def test_a_page_carries_some_round_trips_and_says_how_many_there_are(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "TRADES_MOST", 5)
    trades = describe(run)["pictures"]["trades"]
    assert len(trades["pnl"]) == len(trades["part"]) == 5
    assert trades["all"] == len(run.parts[0].trades)


def test_holes_of_the_candles_are_told(played: Callable[..., Run]) -> None:
    whole = walk(400)
    holed = replace(whole, **{name: np.delete(array, slice(200, 210)) for name, array in whole.arrays().items()})
    told = describe(played(holed))
    assert told["parts"][0]["candles"]["missing"] == 10
    assert any("10 candles are missing" in each for each in told["story"])


def test_assumptions_say_how_orders_filled_and_what_was_charged(run: Run) -> None:
    said = dict(map(tuple, describe(run._replace(notes=[("Mark price", "The last price.")]))["assumptions"]))
    assert "open of the candle after" in said["Market orders"]
    assert "5.0 bps" in said["Slippage"]
    assert "0.100 %" in said["Fees"]
    assert "the loss" in said["Inside a candle"]
    assert "walk.csv" in said["Candles"]
    assert said["Mark price"] == "The last price."


def test_strategies_with_titles_are_told_apart(run: Run) -> None:
    (part,) = run.parts
    told = describe(run._replace(parts=[part._replace(title="quick"), part._replace(title="slow")]))
    assert [each["title"] for each in told["parts"]] == ["quick", "slow"]
    assert told["headline"].startswith("2 strategies ")
    assert describe(run)["parts"][0]["title"] == "sma_cross"


def test_a_single_candle_can_be_described(played: Callable[..., Run]) -> None:
    told = describe(played(walk(1)))
    assert (told["bars"], told["figures"]["days"], told["figures"]["exposure"]) == (1, 0, 0)
    assert told["figures"]["max_drawdown"] == 0


@pytest.mark.parametrize("interval", ["1M", "1w", "3d"])
def test_long_candles_can_be_described(played: Callable[..., Run], interval: str) -> None:
    opened = [BEGIN_MS]
    while len(opened) < 200:
        opened.append(next_open(opened[-1], interval))
    columns = replace(walk(200, interval=interval), open_time=np.array(opened, np.int64))
    told = describe(played(columns, order_value=500.0))
    assert told["pictures"]["candles"][0]["interval"] == interval
    assert told["parts"][0]["candles"]["missing"] == 0
    assert told["figures"]["trades"] > 3
