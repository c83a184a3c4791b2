from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import Misconfigured
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"speed": -1}, "speed -1"),
        ({"speed": float("nan")}, "speed nan"),
        ({"speed": float("inf")}, "speed inf"),
        ({"ticks_per_candle": 0}, "0 ticks"),
        ({"warmup": -1}, "warm-up of -1"),
        ({"symbols": ("BTCUSDT", "ETH USDT")}, "'ETH USDT' is no name"),
        ({"accounts": (AccountConfig("k", "s", {}), AccountConfig("k", "t", {}))}, "share one key"),
        ({"accounts": (AccountConfig("", "s", {}),)}, "needs a key and a secret"),
        ({"accounts": (AccountConfig("k", "s", {"USDT": Decimal(-1)}),)}, "USDT=-1"),
        ({"accounts": (AccountConfig("k", "s", {"USDT": Decimal("NaN")}),)}, "USDT=NaN"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        EmulatorConfig(Synthetic(1), **wrong)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_secret_is_not_in_the_text_of_its_account() -> None:
    assert "hush" not in repr(AccountConfig("k", "hush", {}))
