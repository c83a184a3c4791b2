"""Accounts from files, and the customers behind their keys."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from bot.domain.errors import Misconfigured
from bot.domain.money import number
from bot.emulator.config import AccountConfig, KeyConfig
from bot.emulator.keys import Customer, Permission, proof_of

_FIRST_UID = 1_000_001


class _Key(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    secret: str = ""
    public_key: str = ""
    permissions: tuple[Permission, ...] = ("read", "trade", "futures")
    ips: list[str] = []


class _Account(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[_Key]
    balances: dict[str, str] = {}
    futures: dict[str, str] | None = None
    name: str = ""
    maker_fee: str | None = None
    taker_fee: str | None = None
    pays_in_bnb: bool = False
    trade_group: int = -1
    permissions: tuple[str, ...] = ("SPOT", "MARGIN", "TRD_GRP_002")


def read_accounts(file: Path) -> tuple[AccountConfig, ...]:
    """Read one account or a list of them; Misconfigured names what is wrong.

    `{"name": …, "balances": {"USDT": "1000"}, "keys": [{"key": …, "secret": … or "public_key": …}]}`
    """
    try:
        raw = file.read_bytes()
        is_list = raw.lstrip()[:1] == b"["
        rows = msgspec.json.decode(raw, type=list[_Account]) if is_list else [msgspec.json.decode(raw, type=_Account)]
        return tuple(_config(row) for row in rows)
    except OSError as error:
        raise Misconfigured(f"{file}: {error.strerror}; give the path of a JSON file with accounts") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise Misconfigured(f"{file}: {error}; it has to hold accounts with keys and balances") from error


def customers_of(accounts: Sequence[AccountConfig], now_ms: int) -> dict[str, Customer]:
    """Give everybody by key."""
    found: dict[str, Customer] = {}
    for place, account in enumerate(accounts):
        for key in account.all_keys:
            proof = proof_of(key.secret, key.public_key)
            found[key.key] = Customer(
                account_name(account, place), key.key, _FIRST_UID + place, proof, key.permissions, key.addresses, now_ms
            )
    return found


def account_name(account: AccountConfig, place: int) -> str:
    """Give the name that the exchange and the truth book know an account by."""
    return account.name or f"account-{place + 1}"


def _config(row: _Account) -> AccountConfig:
    keys = tuple(
        KeyConfig(one.key, one.secret, one.public_key, frozenset(one.permissions), tuple(one.ips)) for one in row.keys
    )
    return AccountConfig(
        "", "", _amounts(row.balances), keys, row.name,
        None if row.futures is None else _amounts(row.futures),
        None if row.maker_fee is None else number(row.maker_fee),
        None if row.taker_fee is None else number(row.taker_fee),
        row.pays_in_bnb, row.trade_group, row.permissions,
    )  # fmt: skip


def _amounts(texts: dict[str, str]) -> dict[str, Decimal]:
    return {asset: number(amount) for asset, amount in texts.items()}
