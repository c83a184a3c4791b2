from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from bot.domain.errors import Misconfigured
from bot.domain.market import Candle
from bot.emulator.config import EmulatorConfig, Replay, Synthetic
from bot.emulator.sources import open_source

FLAT = (10, 10, 10, 10, 1)


def first_slots(config: EmulatorConfig, count: int) -> list[list[Candle]]:
    return list(islice(open_source(config).slots, count))


def test_the_same_seed_gives_the_same_market_and_another_seed_another() -> None:
    symbols = ("BTCUSDT", "ETHUSDT")
    one = first_slots(EmulatorConfig(Synthetic(7), symbols=symbols), 600)
    assert one == first_slots(EmulatorConfig(Synthetic(7), symbols=symbols), 600)
    assert one != first_slots(EmulatorConfig(Synthetic(8), symbols=symbols), 600)


def test_made_up_candles_follow_each_other_without_holes() -> None:
    slots = first_slots(EmulatorConfig(Synthetic(7), symbols=("BTCUSDT", "BTCUSDT")), 600)
    assert all(len(slot) == 1 for slot in slots)
    times = [slot[0].open_time for slot in slots]
    assert times == list(range(times[0], times[0] + 600 * 60_000, 60_000))


def test_the_market_starts_where_the_youngest_history_ends(candle_file: Callable[..., Path]) -> None:
    long = candle_file(*[FLAT] * 8)
    short = candle_file(None, None, *[FLAT] * 6, name="ETHUSDT_1m.csv")
    source = open_source(EmulatorConfig(Replay((long, short)), warmup=3))
    first = next(source.slots)
    assert (source.starts_ms - first[0].open_time) // 60_000 == 5
    assert [candle.symbol for candle in first] == ["BTCUSDT"]
    assert len(list(source.slots)) == 7


def test_a_hole_of_the_file_is_a_hole_of_the_market(candle_file: Callable[..., Path]) -> None:
    path = candle_file(FLAT, FLAT, None, FLAT)
    slots = list(open_source(EmulatorConfig(Replay((path,)), warmup=1)).slots)
    assert [(slot[0].open_time - slots[0][0].open_time) // 60_000 for slot in slots] == [0, 1, 3]


def test_a_looped_file_starts_over_with_later_times(candle_file: Callable[..., Path]) -> None:
    path = candle_file((10, 11, 9, 10, 1), (20, 21, 19, 20, 1))
    slots = first_slots(EmulatorConfig(Replay((path,), loop=True), warmup=1), 5)
    assert [slot[0].close for slot in slots] == [10, 20, 10, 20, 10]
    times = [slot[0].open_time for slot in slots]
    assert times == list(range(times[0], times[0] + 5 * 60_000, 60_000))


@pytest.mark.parametrize(
    ("counts", "warmup", "reason"),
    [((3,), 3, "nothing of BTCUSDT is left"), ((3, 9), 4, "nothing of BTCUSDT is left")],
)
def test_files_that_end_before_the_market_starts_are_refused(
    candle_file: Callable[..., Path], counts: tuple[int, ...], warmup: int, reason: str
) -> None:
    names = ("BTCUSDT_1m.csv", "ETHUSDT_1m.csv")
    files = tuple(candle_file(*[FLAT] * count, name=name) for count, name in zip(counts, names, strict=False))
    with pytest.raises(Misconfigured, match=reason):
        open_source(EmulatorConfig(Replay(files), warmup=warmup))


def test_an_unknown_symbol_gets_plain_rules_from_its_name_and_price(candle_file: Callable[..., Path]) -> None:
    path = candle_file((0.00001234, 0.00001235, 0.00001233, 0.00001234, 1), FLAT, name="ADABTC_1m.csv")
    (rules,) = open_source(EmulatorConfig(Replay((path,)), warmup=0)).instruments.values()
    assert (rules.base, rules.quote) == ("ADA", "BTC")
    assert rules.price.tick > 0
    assert rules.lot.step > 0


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (EmulatorConfig(Synthetic(1), symbols=("NOQUOTE",)), "NOQUOTE: no rules are known"),
        (EmulatorConfig(Synthetic(1, interval="7m")), "7m"),
    ],
)
def test_a_made_up_market_that_cannot_be_is_refused(config: EmulatorConfig, reason: str) -> None:
    with pytest.raises(Misconfigured, match=reason):
        open_source(config)
