"""Makes one private environment for each other client, from its pin file, with nothing but the standard library.

    python tests/peers/make_environments.py [ccxt python_binance binance_sdk binance_connector]

Two of the clients own the same package name, so each lives alone, under `var/peers/`. A stamp lets a second run pass.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = Path(os.environ.get("PEERS_FOLDER", ROOT / "var" / "peers"))
CLIENTS = ("ccxt", "python_binance", "binance_sdk", "binance_connector")


def python_of(client: str) -> Path:
    """Give the interpreter of a client's environment, made or not."""
    folder = FOLDER / client
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def is_ready(client: str) -> bool:
    """Say whether the environment is there and was filled from today's pins."""
    stamp = FOLDER / f"{client}.stamp"
    return python_of(client).exists() and stamp.exists() and stamp.read_text() == _fingerprint(client)


def make(client: str) -> None:
    """Make the environment of a client unless it is ready."""
    if is_ready(client):
        return
    pins = HERE / f"{client}.txt"
    folder = FOLDER / client
    uv = _uv()
    subprocess.run(
        [sys.executable, "-m", "venv", "--clear", *(["--without-pip"] if uv else []), str(folder)], check=True
    )
    # Every package is pinned, and the official client asks for a newer certifi than there is: hence --no-deps.
    options = ["-q", "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(pins)]
    python = str(python_of(client))
    by_uv = [uv, "pip", "install", "--python", python, *options] if uv else []
    by_pip = [python, "-m", "pip", "install", "--disable-pip-version-check", *options]
    subprocess.run(by_uv or by_pip, check=True)
    (FOLDER / f"{client}.stamp").write_text(_fingerprint(client))


def _fingerprint(client: str) -> str:
    return hashlib.sha256((HERE / f"{client}.txt").read_bytes() + sys.version.encode()).hexdigest()


def _uv() -> str | None:
    """Give uv from the path, or the one that the launcher keeps, or None."""
    kept = ROOT / ".venv" / "installer" / "bin" / "uv"
    return shutil.which("uv") or (str(kept) if kept.exists() else None)


def main(names: list[str]) -> int:
    """Make the environments asked for, or all."""
    if unknown := set(names) - set(CLIENTS):
        print(f"unknown client {', '.join(sorted(unknown))}; there are {', '.join(CLIENTS)}", file=sys.stderr)
        return 2
    for client in names or CLIENTS:
        print(f"{client}: {'ready' if is_ready(client) else 'installing'}", flush=True)
        make(client)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
