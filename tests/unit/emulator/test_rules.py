import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import Misconfigured
from bot.domain.order import StpMode
from bot.emulator.spot import rules
from bot.simulation.instruments import bundled

SAVED = Path(__file__).parents[3] / "../shared/data/exchange_info"


@pytest.mark.parametrize(
    ("name", "count"), [("spot_mainnet_20211012.json.gz", 1_695), ("spot_testnet_20240908.json.gz", 1_248)]
)
def test_every_symbol_of_a_real_exchange_info_is_understood(name: str, count: int) -> None:
    found, sets, _ = rules.load(SAVED / name)
    assert len(found) == len(sets) == count
    bitcoin = found["BTCUSDT"]
    assert (bitcoin.price.tick, bitcoin.lot.step) == (Decimal("0.01"), Decimal("0.00001"))
    assert (bitcoin.average_minutes, bitcoin.max_orders, bitcoin.max_algo_orders) == (5, 200, 5)
    assert "STOP_LOSS" not in bitcoin.order_types


def test_the_two_ages_of_filters_are_told_apart() -> None:
    old, _, _ = rules.load(SAVED / "spot_mainnet_20211012.json.gz")
    new, sets, _ = rules.load(SAVED / "spot_testnet_20240908.json.gz")
    assert (old["BTCUSDT"].notional_name, old["BTCUSDT"].notional.smallest) == ("MIN_NOTIONAL", 10)
    assert old["BTCUSDT"].percent_price is not None
    assert (new["BTCUSDT"].notional_name, new["BTCUSDT"].notional.largest) == ("NOTIONAL", 9_000_000)
    assert new["BTCUSDT"].band is not None
    assert new["BTCUSDT"].default_stp is StpMode.EXPIRE_MAKER
    assert sets["BTCUSDT"] == [["SPOT"]]


def test_what_is_read_and_shown_again_is_the_same() -> None:
    found, _, _ = rules.load(SAVED / "spot_testnet_20240908.json.gz")
    for instrument in [*list(found.values())[:200], *map(rules.equipped, bundled().values())]:
        again = rules.instrument_of(rules.symbol_info(instrument, None))
        assert rules.symbol_info(again, None) == rules.symbol_info(instrument, None)


def test_a_permission_of_every_inner_set_is_needed() -> None:
    sets = [["SPOT", "MARGIN"], ["TRD_GRP_004"]]
    assert rules.is_permitted(("SPOT", "TRD_GRP_004"), sets)
    assert not rules.is_permitted(("SPOT",), sets)
    assert rules.is_permitted((), [])


@pytest.mark.parametrize("content", ["{", "[]", {"symbols": [{"symbol": "X"}]}, {"symbols": 7}])
def test_a_file_that_is_no_exchange_info_is_refused_in_one_line(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "info.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(Misconfigured) as refused:
        rules.load(file)
    assert "\n" not in str(refused.value)
    with pytest.raises(Misconfigured, match="No such file"):
        rules.load(tmp_path / "none.json")
    (tmp_path / "bad.json.gz").write_bytes(b"no gzip")
    with pytest.raises(Misconfigured, match=r"bad\.json\.gz"):
        rules.load(tmp_path / "bad.json.gz")
