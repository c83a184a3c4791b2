"""Makes the environment in which the bot runs with Ray, from its pins, with nothing but the standard library.

    python tests/cluster/environment.py

It lies under `var/cluster`, beside the bot's own: Ray is large, and few want it. A stamp lets a second run pass.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = Path(os.environ.get("CLUSTER_FOLDER", ROOT / "var" / "cluster"))
PINS = HERE / "pins.txt"
PYTHON = FOLDER / "environment" / "bin" / "python"


def make() -> Path:
    """Make the environment unless it is ready; gives its interpreter."""
    stamp = FOLDER / "stamp"
    fingerprint = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == fingerprint:
        return PYTHON
    uv = _uv()
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = str(FOLDER / "environment")
    subprocess.run([sys.executable, "-m", "venv", "--clear", *(["--without-pip"] if uv else []), folder], check=True)
    options = ["-q", "--require-hashes", "--only-binary", ":all:", "-r", str(PINS)]
    by_uv = [uv, "pip", "install", "--python", str(PYTHON), *options] if uv else []
    by_pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *options]
    subprocess.run(by_uv or by_pip, check=True)
    stamp.write_text(fingerprint)
    return PYTHON


def _uv() -> str | None:
    """Give uv from the path, or the one that the launcher keeps, or None."""
    kept = ROOT / ".venv" / "installer" / "bin" / "uv"
    return shutil.which("uv") or (str(kept) if kept.exists() else None)


if __name__ == "__main__":
    print(make())
