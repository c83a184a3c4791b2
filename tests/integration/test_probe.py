"""The probe against our emulator: it must see what the emulator's own switches say."""

from decimal import Decimal

import pytest

from bot.binance.clock import LocalClock
from bot.binance.hosts import hosts_for
from bot.binance.probe import Prober, Seen
from bot.binance.signing import Credentials
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.server import Emulator
from bot.emulator.unverified import Unverified


@pytest.fixture
async def seen() -> dict[str, Seen]:
    config = EmulatorConfig(
        source=Synthetic(1),
        symbols=("BTCUSDT",),
        speed=0,
        accounts=(AccountConfig("probe-key", "probe-secret", {"USDT": Decimal(1000)}),),
    )
    async with Emulator(config) as emulator:
        hosts = hosts_for("emulator", emulator_url=emulator.spot_url)
        rows = await Prober(hosts, LocalClock(), Credentials("probe-key", "probe-secret")).run()
    return {row.point: row for row in rows}


async def test_every_question_is_answered(seen: dict[str, Seen]) -> None:
    assert len(seen) == 7
    assert not [row for row in seen.values() if "could not be asked" in row.seen]


async def test_what_is_seen_is_what_the_switches_say(seen: dict[str, Seen]) -> None:
    table = Unverified()
    settled = {row.setting: row.value for row in seen.values() if row.value is not None}
    assert settled == {name: getattr(table, name) for name in ("parameters_before_key", "accepts_any_request_id")}
    assert str(table.bnb_discount) in seen["BNB discount"].seen


async def test_an_unknown_stream_is_acknowledged_and_silent(seen: dict[str, Seen]) -> None:
    assert "then silent" in seen["unknown stream"].seen


async def test_a_host_that_is_not_there_is_told_for_each_question() -> None:
    hosts = hosts_for("emulator", emulator_url="http://127.0.0.1:9")
    rows = await Prober(hosts, LocalClock()).run()
    assert {row.seen for row in rows} == {"could not be asked: ClientConnectorError"}
