"""Leverage brackets: boundaries, caps, maintenance margins, and the tables the real exchange gives."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from bot.simulation.futures.brackets import ladder, read_ladder
from bot.simulation.futures.contracts import bundled, read_contract

D = Decimal
DATA = Path(__file__).parents[3] / "../shared/data"
THREE = ladder([(50, D(10_000), D("0.01")), (20, D(50_000), D("0.02")), (10, D(200_000), D("0.05"))])


def test_cum_makes_the_maintenance_margin_continuous_at_every_boundary() -> None:
    # 10000 * 0.01 = 100; cum 2 = 10000 * (0.02 - 0.01) = 100; cum 3 = 100 + 50000 * (0.05 - 0.02) = 1600.
    assert [rung.cum for rung in THREE.rungs] == [D(0), D(100), D(1600)]
    assert THREE.maintenance(D(10_000)) == D(100) == D(10_000) * D("0.02") - D(100)
    assert THREE.maintenance(D(50_000)) == D(900) == D(50_000) * D("0.05") - D(1600)


@pytest.mark.parametrize(
    ("notional", "number"), [("0", 1), ("10000", 1), ("10000.01", 2), ("50000", 2), ("50000.01", 3), ("999999", 3)]
)
def test_a_notional_at_a_cap_still_belongs_to_the_lower_bracket(notional: str, number: int) -> None:
    assert THREE.at(D(notional)).number == number


@pytest.mark.parametrize(
    ("leverage", "cap"), [(50, 10_000), (21, 10_000), (20, 50_000), (11, 50_000), (10, 200_000), (1, 200_000), (51, 0)]
)
def test_lower_leverage_allows_larger_positions(leverage: int, cap: int) -> None:
    assert THREE.cap(leverage) == cap


def test_a_ladder_without_rungs_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ladder([])
    with pytest.raises(ValueError, match="at least one"):
        read_ladder([])


def test_bundled_brackets_are_those_of_the_real_exchange() -> None:
    with gzip.open(DATA / "leverage/um_leverage_brackets_2026-09.json.gz") as file:
        real = json.load(file)
    listings = bundled()
    assert len(listings) >= 20
    for listing in listings.values():
        rows = real[f"{listing.contract.rules.base}/USDT:USDT"]
        assert read_ladder(rows) == listing.ladder


def test_bundled_filters_are_those_of_the_real_exchange() -> None:
    with gzip.open(DATA / "exchange_info/um_mainnet_20250811.json.gz") as file:
        rows = {row["symbol"]: row for row in json.load(file)["symbols"]}
    for symbol, listing in bundled().items():
        assert read_contract(rows[symbol]) == listing.contract


def test_every_real_contract_and_ladder_can_be_read() -> None:
    with gzip.open(DATA / "exchange_info/um_mainnet_20250811.json.gz") as file:
        contracts = [read_contract(row) for row in json.load(file)["symbols"]]
    with gzip.open(DATA / "leverage/um_leverage_brackets_2026-09.json.gz") as file:
        ladders = [read_ladder(rows) for rows in json.load(file).values()]
    assert len(contracts) > 500
    assert all(one.rules.price.tick > 0 and one.margin_asset for one in contracts)
    assert len(ladders) > 900
    assert all(one.rungs[0].floor == 0 and one.largest_leverage >= one.rungs[-1].leverage for one in ladders)
