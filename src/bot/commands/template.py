"""What `bot strategy new` writes: a strategy that works as it stands, and its test."""

from pathlib import Path

from bot.domain.errors import Misconfigured

STRATEGY = '''"""{title}: say here in one sentence when it buys and when it leaves."""

from pydantic import Field

from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig
from bot.strategies.indicators import EMA


class {cls}(Strategy):
    """Buys when the fast average is above the slow one, leaves when it falls below."""

    name = "{name}"

    class Config(StrategyConfig):
        fast: int = Field(10, ge=2, le=1_000, description="candles of the fast average")
        slow: int = Field(40, ge=3, le=1_000, description="candles of the slow average")

    def on_start(self):
        self.fast = self.indicator(EMA(self.config.fast))
        self.slow = self.indicator(EMA(self.config.slow))

    def on_tick(self, candle):
        is_rising = self.fast.value > self.slow.value
        if self.position.is_flat and is_rising:
            self.buy(reason="fast average above slow")
        elif self.position.is_long and not is_rising:
            self.close(reason="fast average below slow")
'''

COLUMNS = '''"""{title}: say here in one sentence when it buys and when it leaves."""

from pydantic import Field

from bot.strategies.base import Strategy
from bot.strategies.columns import Signals, crossed_above
from bot.strategies.config import StrategyConfig


class {cls}(Strategy):
    """Buys when the close crosses above its average, leaves with a gain at a new high, or below the lowest low."""

    name = "{name}"

    class Config(StrategyConfig):
        average: int = Field(40, ge=2, le=5_000, description="candles of the average")
        channel: int = Field(20, ge=2, le=5_000, description="candles before whose high and low are looked at")

    @property
    def lookback(self):
        """How many candles a row is made of: the average of the row before, or the channel and the row itself."""
        return max(self.config.average, self.config.channel) + 1

    def signals(self, frame):
        average = frame.sma(self.config.average)
        return Signals(
            entries=crossed_above(frame.close, average),
            exits=frame.close > frame.highest(self.config.channel),
            stops=frame.close < frame.lowest(self.config.channel),
            why_enter="crossed above the average",
            why_exit="new high",
            why_stop="below the lowest low",
            seen={{"average": average}},
        )
'''

TEST = '''"""Tests of the strategy {name}: run them with `python -m pytest {folder}`."""

from pathlib import Path

from bot.backtest.checking import check
from bot.backtest.made_up import made_up
from bot.backtest.run import Part
from bot.domain.instrument import Instrument
from bot.domain.market import Candle, Market
from bot.domain.messages import FundsSeen, PlaceOrder
from bot.domain.money import number
from bot.engine.engine import Engine
from bot.strategies.registry import discover

INSTRUMENT = Instrument("BTCUSDT", "BTC", "USDT")


def decisions(closes):
    strategy = discover(Path(__file__).parent).find("{name}")
    engine = Engine()
    engine.handle(FundsSeen({{"USDT": number(10_000)}}, 0))
    engine.add(1, strategy, strategy.Config(symbol="BTCUSDT", {settings}), INSTRUMENT)
    found = []
    for n, close in enumerate(closes):
        opened = n * 60_000
        candle = Candle("BTCUSDT", "1m", opened, close, close, close, close, 1.0, opened + 59_999)
        found += [each.order.reason for each in engine.handle(candle) if isinstance(each, PlaceOrder)]
    return found


{cases}
def test_it_follows_from_past_candles_alone():
    strategy = discover(Path(__file__).parent).find("{name}")
    part = Part(strategy, strategy.Config(symbol="BTCUSDT"))
    candles = made_up(Market.SPOT, "BTCUSDT", "1m", 3_000)
    assert check(part, candles, {{"BTCUSDT": INSTRUMENT}}).findings == []
'''

TICK_CASES = """def test_it_buys_when_the_price_rises():
    assert decisions([100.0] * 40 + [101.0, 102.0])[:1] == ["fast average above slow"]


def test_it_does_nothing_in_a_falling_market():
    assert decisions([100.0 - n * 0.1 for n in range(60)]) == []

"""

COLUMN_CASES = """def test_it_buys_when_the_price_crosses_its_average():
    assert decisions([100.0] * 40 + [101.0, 102.0])[:1] == ["crossed above the average"]


def test_it_does_nothing_in_a_falling_market():
    assert decisions([100.0 - n * 0.1 for n in range(60)]) == []

"""


def write(name: str, folder: Path, *, columns: bool = False) -> list[Path]:
    """Write the strategy and its test; Misconfigured when a file of that name is there already."""
    strategy, cases = (COLUMNS, COLUMN_CASES) if columns else (STRATEGY, TICK_CASES)
    files = {
        folder / f"{name}.py": strategy,
        folder / f"_test_{name}.py": TEST,
    }
    for path in files:
        if path.exists():
            raise Misconfigured(f"{path} exists already; choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "title": name.replace("_", " ").capitalize(),
        "cls": "".join(part.capitalize() for part in name.split("_")),
        "name": name,
        "folder": folder.name,
        "settings": "average=3, channel=2" if columns else "fast=2, slow=3",
        "cases": cases,
    }
    for path, text in files.items():
        path.write_text(text.format(**told), encoding="utf-8")
    return list(files)
