"""A strategy's own code, and how its failures are put into words."""

from decimal import Decimal

import pytest
from tests.fakes.outfit import START

from bot.domain.messages import FundsSeen
from bot.engine.callbacks import Fault, run
from bot.engine.engine import Engine


def test_code_that_raises_is_a_fault_that_names_it() -> None:
    def on_start() -> None:
        raise LookupError("no such file\nlook elsewhere")

    with pytest.raises(Fault, match=r"^on_start raised LookupError: no such file$"):
        run(on_start)


def test_code_that_gives_something_back_is_a_fault() -> None:
    def on_stop() -> int:
        return 7

    with pytest.raises(Fault, match=r"^on_stop returned int; it has to return nothing$"):
        run(on_stop)


def test_a_coroutine_that_never_waits_is_run_to_its_end() -> None:
    done = []

    async def on_start() -> None:
        done.append(1)

    run(on_start)
    assert done == [1]


@pytest.mark.parametrize(("took_s", "is_stopped"), [(1.5, True), (0.5, False)])
def test_a_candle_that_takes_longer_than_the_deadline_stops_its_strategy(
    bench, took_s: float, is_stopped: bool
) -> None:
    now = [0.0]

    def stopwatch() -> float:
        return now[0]

    def think(_strategy: object) -> None:
        now[0] += took_s

    bench.engine = Engine(stopwatch=stopwatch, tick_deadline_s=1.0)
    bench.engine.handle(FundsSeen({"USDT": Decimal(1000)}, START))
    slot = bench.add({0: think})
    bench.show(0, 100.0)
    assert slot.is_faulted is is_stopped
    assert slot.stopped == ("on_tick took 1.50 s, its deadline is 1 s" if is_stopped else "")
