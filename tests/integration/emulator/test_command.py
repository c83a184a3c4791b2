"""`bot emulator` as a process: its options, the line it says when ready, and how it ends."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).parents[3]
SAVED = ROOT / "../shared/data/exchange_info/spot_testnet_20240908.json.gz"


async def start(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.cli", "emulator", "--spot-port", "0", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip


async def ready(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    assert line, (await process.communicate())[1]
    return dict(json.loads(line))


async def test_accounts_faults_rules_and_control_come_from_the_command_line(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    accounts, faults = tmp_path / "accounts.json", tmp_path / "faults.json"
    accounts.write_text(json.dumps({"name": "alice", "balances": {"USDT": "5"}, "keys": [{"key": "a", "secret": "b"}]}))
    faults.write_text(json.dumps({"kind": "error", "path": "/api/v3/time", "code": -1000, "count": 1}))
    process = await start(
        "--control-port", "0", "--account", str(accounts), "--faults", str(faults), "--exchange-info", str(SAVED),
        "--symbols", "BTCUSDT", "--speed", "0", "--spread-ticks", "2",
    )  # fmt: skip
    said = await ready(process)
    assert said["symbols"] == ["BTCUSDT"]
    statuses = []
    for _ in range(2):
        async with session.get(said["spot"] + "/api/v3/time") as reply:
            statuses.append(reply.status)
    assert statuses == [503, 200]
    async with session.get(said["control"] + "/_truth?account=alice") as reply:
        assert [row["free"] for row in (await reply.json())["rows"]] == ["5"]
    async with session.get(said["spot"] + "/api/v3/exchangeInfo") as reply:
        (symbol,) = (await reply.json())["symbols"]
    assert symbol["permissionSets"] == [["SPOT"]]
    assert symbol["orderTypes"] == ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"]
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, b"Traceback" in errors) == (0, False)


async def test_a_wrong_file_is_named_in_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"kind": "storm"}')
    for option in ("--faults", "--account", "--exchange-info"):
        process = await start(option, str(wrong))
        _, errors = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 3
        assert b"wrong.json" in errors
        assert b"Traceback" not in errors
