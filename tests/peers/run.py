"""Lets other clients trade on an emulator, compares what they believe with its truth book, and writes the table.

    python tests/peers/run.py [--write] [ccxt python_binance binance_sdk binance_connector]

`--write` renews docs/reference/peers.md, for which all clients have to run.
"""

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from make_environments import CLIENTS, FOLDER, make, python_of  # noqa: E402
from table import page  # noqa: E402

ACCOUNT = "peer"
KEY, SECRET = "peer-key-not-real-0001", "peer-secret-not-real-0001"
SESSION_KEY = "peer-session-key-not-real-0001"
SESSION_SEED = bytes(range(32))
"""The private half of the session key: a published example, worth nothing."""
SESSION_PUBLIC = "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
RSA_KEY = "peer-rsa-key-not-real-0001"
SYMBOLS = "BTCUSDT,ETHUSDT,BTCUSDC"
OWNED = {"USDT": "100000", "BTC": "2", "BNB": "5"}
SCRIPT_S = 420.0


@dataclass
class Result:
    """What a client did, and how its beliefs compare with the truth."""

    client: str
    steps: list[dict[str, Any]]
    facts: list[dict[str, Any]]
    compared: dict[str, int] = field(default_factory=dict)
    lies: list[str] = field(default_factory=list)
    broke: str = ""

    @property
    def failed(self) -> list[dict[str, Any]]:
        """Give the steps that failed."""
        return [step for step in self.steps if step["outcome"] == "failed"]


def rsa_pair() -> tuple[str, str]:
    """Make a key pair: the private half for a client, the public one for the account."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return (
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


@contextlib.contextmanager
def emulator(rsa_public: str) -> Iterator[dict[str, Any]]:
    """Run `bot emulator` with a made-up market and no faults; gives its ready line."""
    keys = [{"key": KEY, "secret": SECRET}, {"key": SESSION_KEY, "public_key": SESSION_PUBLIC}]
    keys.append({"key": RSA_KEY, "public_key": rsa_public})
    account = FOLDER / "account.json"
    account.write_text(json.dumps({"name": ACCOUNT, "balances": OWNED, "keys": keys}))
    command = [sys.executable, "-m", "bot.cli", "emulator", "--spot-port", "0", "--um-port", "0", "--control-port", "0"]
    command += ["--account", str(account), "--synthetic", "7", "--symbols", SYMBOLS, "--speed", "60"]
    command += ["--sor", "BTCUSDT,BTCUSDC"]
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                _, told = process.communicate()
                raise RuntimeError(f"the emulator did not start: {told.strip()[-500:]}")
            yield json.loads(line)
        finally:
            process.terminate()
            process.communicate()


def run(client: str) -> Result:
    """Play one client's script against an emulator of its own."""
    make(client)
    rsa_private, rsa_public = rsa_pair()
    with emulator(rsa_public) as ready:
        variables = {
            "EMU_SPOT": _host(ready["spot"]), "EMU_UM": _host(ready.get("um") or ""), "EMU_KEY": KEY, "EMU_CONTROL": ready["control"],
            "EMU_RSA_KEY": RSA_KEY, "EMU_RSA_PEM": rsa_private,
            "EMU_SESSION_KEY": SESSION_KEY, "EMU_SESSION_SEED": SESSION_SEED.hex(),
            "EMU_SECRET": SECRET, "PYTHONUNBUFFERED": "1", "NO_PROXY": "127.0.0.1,localhost",
        }  # fmt: skip
        done = subprocess.run(
            [str(python_of(client)), str(HERE / f"{client}_script.py")], env=os.environ | variables,
            capture_output=True, text=True, timeout=SCRIPT_S, check=False,
        )  # fmt: skip
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        result = Result(client, [row for row in lines if "step" in row], [row for row in lines if "fact" in row])
        if done.returncode:
            result.broke = done.stderr.strip()[-800:]
        compare(result, truth(ready["control"]))
    return result


def truth(control: str) -> list[dict[str, Any]]:
    """Read the truth book."""
    with urllib.request.urlopen(f"{control}/_truth", timeout=30) as reply:
        rows: list[dict[str, Any]] = json.load(reply)["rows"]
    return rows


def compare(result: Result, rows: list[dict[str, Any]]) -> None:
    """Hold every fact of a client against the truth book, and the emulator against its own promise of no 5xx."""
    orders: dict[tuple[str, int], tuple[str, Decimal]] = {}
    moves: set[tuple[str, int, str, Decimal]] = set()
    owned: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    positions: dict[tuple[str, str], Decimal] = {}
    for row in rows:
        face, kind = row["face"], row["kind"]
        if kind == "request" and row["status"] >= 500:
            result.lies.append(f"the emulator answered {row['status']} to {row['method']} {row['path']}")
        if row["account"] != ACCOUNT:
            continue
        if kind in {"order", "move"}:
            order = row.get("order", row)
            state, filled = order.get("status") or order["state"], Decimal(order.get("filled", 0))
            orders[face, order["order_id"]] = state, filled
            moves.add((face, order["order_id"], state, filled))
        elif kind == "balance":
            free, locked = owned.get((face, row["asset"]), (Decimal(0), Decimal(0)))
            if face == "spot":
                owned[face, row["asset"]] = free + Decimal(row["free"]), locked + Decimal(row["locked"])
            else:
                owned[face, row["asset"]] = Decimal(row["wallet"]), Decimal(0)
        elif kind == "position":
            positions[face, f"{row['symbol']} {row['position_side']}"] = Decimal(row["quantity"])
    for fact in result.facts:
        believed, real = _believed(fact, orders, moves, owned, positions)
        if real is None:
            continue
        result.compared[fact["fact"]] = result.compared.get(fact["fact"], 0) + 1
        if believed != real:
            result.lies.append(f"{fact['market']} {fact['fact']}: believed {believed}, true is {real}; {fact}")


def _believed(
    fact: dict[str, Any],
    orders: dict[tuple[str, int], tuple[str, Decimal]],
    moves: set[tuple[str, int, str, Decimal]],
    owned: dict[tuple[str, str], tuple[Decimal, Decimal]],
    positions: dict[tuple[str, str], Decimal],
) -> tuple[Any, Any]:
    """Give what a client believes and what is true, in the same shape; None for true when it cannot be compared."""
    face = fact.get("market", "")
    untouched = Decimal(OWNED.get(fact.get("asset", ""), 0))
    match fact["fact"]:
        case "order":
            believed = (fact["status"], Decimal(fact["filled"]))
            return believed, orders.get((face, int(fact["order_id"])), "no such order")
        case "event":
            happened = (face, int(fact["order_id"]), fact["status"], Decimal(fact["filled"]))
            return happened, happened if happened in moves else "no such move"
        case "balance" if face == "spot":
            nothing = (Decimal(0), Decimal(0))
            return (Decimal(fact["free"]), Decimal(fact["locked"])), owned.get((face, fact["asset"]), nothing)
        case "balance":
            return Decimal(fact["wallet"]), owned.get((face, fact["asset"]), (untouched, Decimal(0)))[0]
        case "position":
            where = f"{fact['symbol']} {fact['position_side']}"
            return Decimal(fact["quantity"]), positions.get((face, where), Decimal(0))
        case _:
            return None, None


def _host(url: str) -> str:
    return url.partition("://")[2]


def main(arguments: list[str]) -> int:
    """Run the clients asked for; ends with 1 when anything failed or differs."""
    names = [name for name in arguments if not name.startswith("--")]
    if unknown := set(names) - set(CLIENTS):
        print(f"unknown client {', '.join(sorted(unknown))}; there are {', '.join(CLIENTS)}", file=sys.stderr)
        return 2
    results = []
    for client in names or CLIENTS:
        result = run(client)
        results.append(result)
        done = sum(step["ok"] for step in result.steps)
        print(f"{client}: {done} steps passed, {len(result.failed)} failed; compared {result.compared}", flush=True)
        for step in result.failed:
            print(f"  failed: {step['endpoint']} {step['step']}: {step['detail'][:220]}")
        for lie in result.lies:
            print(f"  differs: {lie[:300]}")
        if result.broke:
            print(f"  broke: {result.broke}")
    if "--write" in arguments and not names:
        (ROOT / "docs" / "reference" / "peers.md").write_text(page(results))
    return int(any(result.failed or result.lies or result.broke for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
