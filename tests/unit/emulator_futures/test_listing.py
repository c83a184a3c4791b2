import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument, LotRule, PriceRule
from bot.emulator.futures.listing import list_contracts, read_brackets, row_of
from bot.simulation.futures.contracts import bundled, read_contract

DATA = Path(__file__).parents[3] / "../shared/data"
INFO = DATA / "exchange_info/um_mainnet_20250811.json.gz"
BRACKETS = DATA / "leverage/um_leverage_brackets_2026-09.json.gz"
BTC = Instrument("BTCUSDT", "BTC", "USDT")


def test_a_saved_exchange_info_stands_in_for_the_bundled_rules() -> None:
    listed = list_contracts({"BTCUSDT": BTC}, exchange_info=INFO)
    assert listed.rows[0]["underlyingSubType"] == ["PoW"]
    assert listed.contracts["BTCUSDT"].rules.notional.smallest == 100
    assert {row["asset"] for row in listed.assets} >= {"USDT", "BTC"}


def test_saved_brackets_stand_in_for_the_bundled_ones() -> None:
    ladder = list_contracts({"BTCUSDT": BTC}, brackets=BRACKETS).ladders["BTCUSDT"]
    assert ladder == read_brackets(BRACKETS)["BTCUSDT"]
    assert ladder.rungs[0].floor == 0
    # The quarterly contracts of the same pair have ladders of their own.
    assert (ladder.largest_leverage, read_brackets(BRACKETS)["BTCUSDT_261225"].largest_leverage) == (150, 50)


def test_what_is_shown_of_a_contract_reads_back_as_the_same_contract() -> None:
    for listing in bundled().values():
        assert read_contract(row_of(listing.contract)) == listing.contract


def test_a_pair_that_no_table_knows_gets_plain_rules_on_its_own_grid() -> None:
    odd = Instrument("ODDUSDT", "ODD", "USDT", price=PriceRule(tick=Decimal("0.001")), lot=LotRule(step=Decimal(1)))
    listed = list_contracts({"ODDUSDT": odd})
    assert (listed.contracts["ODDUSDT"].rules.quote_precision, listed.contracts["ODDUSDT"].rules.base_precision) == (
        3,
        0,
    )
    assert listed.ladders["ODDUSDT"].largest_leverage == 50


def test_a_pair_against_a_coin_has_no_contract() -> None:
    assert list_contracts({"ETHBTC": Instrument("ETHBTC", "ETH", "BTC")}).contracts == {}


@pytest.mark.parametrize("content", [b"nonsense", gzip.compress(b"{", mtime=0), b'[{"symbol": "BTCUSDT"}]'])
def test_a_file_that_holds_something_else_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / ("brackets.json.gz" if content[:2] == b"\x1f\x8b" else "brackets.json")
    file.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"brackets\.json"):
        read_brackets(file)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(Misconfigured, match="no-such-file"):
        list_contracts({"BTCUSDT": BTC}, exchange_info=Path("no-such-file.json"))
