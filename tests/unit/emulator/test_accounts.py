import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import Misconfigured
from bot.emulator.accounts import account_name, customers_of, read_accounts
from bot.emulator.config import AccountConfig

ED25519 = "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
ALICE = {
    "name": "alice", "balances": {"USDT": "1000.5"}, "futures": {"USDT": "7"}, "taker_fee": "0.0004",
    "keys": [{"key": "h", "secret": "s", "ips": ["10.0.0.0/8"]}, {"key": "e", "public_key": ED25519, "permissions": ["read"]}],
}  # fmt: skip


def written(path: Path, content: Any) -> Path:
    file = path / "accounts.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def test_accounts_come_from_a_file_with_keys_of_their_own(tmp_path: Path) -> None:
    (alice,) = read_accounts(written(tmp_path, ALICE))
    assert (alice.name, alice.balances, alice.futures) == ("alice", {"USDT": Decimal("1000.5")}, {"USDT": Decimal(7)})
    assert (alice.taker_fee, alice.maker_fee) == (Decimal("0.0004"), None)
    customers = customers_of([AccountConfig("k", "x", {}), alice], now_ms=5)
    assert [(one.name, one.uid) for one in customers.values()] == [
        ("account-1", 1_000_001), ("alice", 1_000_002), ("alice", 1_000_002)
    ]  # fmt: skip
    assert customers["e"].proof.is_ed25519
    assert not customers["e"].may("trade", "127.0.0.1")
    assert customers["h"].may("trade", "10.1.2.3")
    assert not customers["h"].may("trade", "127.0.0.1")
    assert not customers["h"].may("trade", "nowhere")


def test_a_file_may_hold_several_accounts(tmp_path: Path) -> None:
    both = read_accounts(written(tmp_path, [ALICE, ALICE | {"name": ""}]))
    assert [account_name(one, place) for place, one in enumerate(both)] == ["alice", "account-2"]


@pytest.mark.parametrize(
    "content",
    ["{", "7", {"keys": []}, {"name": "x"}, ALICE | {"colour": "red"}, ALICE | {"balances": {"USDT": "much"}},
     ALICE | {"keys": [{"key": "k", "permissions": ["fly"]}]}],
)  # fmt: skip
def test_a_file_that_is_wrong_is_refused_in_one_line(tmp_path: Path, content: Any) -> None:
    if content == {"keys": []}:
        assert read_accounts(written(tmp_path, content))[0].all_keys == ()
        return
    with pytest.raises(Misconfigured) as refused:
        read_accounts(written(tmp_path, content))
    assert "accounts.json" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_and_a_broken_key_are_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="No such file"):
        read_accounts(tmp_path / "none.json")
    broken = read_accounts(written(tmp_path, ALICE | {"keys": [{"key": "k", "public_key": "MCow"}]}))
    with pytest.raises(Misconfigured, match="public_key"):
        customers_of(broken, 0)
