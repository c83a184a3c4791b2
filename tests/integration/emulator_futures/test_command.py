import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

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
