import json
import os
import subprocess
import sys
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.commands.emulator import configure
from bot.domain.errors import Misconfigured

SOURCES = Path(__file__).parents[3] / "src"


def test_the_command_says_where_futures_are_and_ends_when_told() -> None:
    command = [sys.executable, "-m", "bot.cli", "emulator", "--spot-port", "0", "--um-port", "0", "--synthetic", "3"]
    places = {"PYTHONPATH": str(SOURCES)}
    with subprocess.Popen(
        command, env=os.environ | places, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            with urllib.request.urlopen(f"{ready['um']}/fapi/v1/exchangeInfo", timeout=30) as reply:
                shown = json.load(reply)
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert [row["symbol"] for row in shown["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert ready["um_streams"].startswith("ws://127.0.0.1:")
    assert process.returncode == 0


def test_the_insurance_fund_is_bounded_by_an_option_and_a_wrong_one_is_named() -> None:
    words: dict[str, Any] = {
        "port": 0, "customers": (), "balances": (), "seed": 3, "files": (), "symbols": "", "speed": 0.0, "ticks": 4,
        "warmup": 5, "loop": False, "waits": False,
    }  # fmt: skip
    assert configure(**words).insurance_fund is None
    assert configure(**words, insurance=["usdt=500", "USDC=0"]).insurance_fund == {"USDT": Decimal(500), "USDC": 0}
    with pytest.raises(Misconfigured, match="--insurance-fund 'USDT' is not like USDT=100000"):
        configure(**words, insurance=["USDT"])
