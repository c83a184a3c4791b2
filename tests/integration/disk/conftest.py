"""A private server on a disk that fails when told to."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.db import embedded

SOURCE = Path(__file__).with_name("faulty.c")


class Disk:
    """A server's disk."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "postgres"
        self._switches = folder / "switches"
        self._switches.mkdir(mode=0o755)

    def fail(self, how: str) -> None:
        """Fail from now on: `full` lets no file grow, `fsync` makes nothing durable."""
        (self._switches / how).touch()

    def mend(self) -> None:
        """Be a good disk again."""
        for switch in self._switches.iterdir():
            switch.unlink()

    def server(self) -> embedded.Server:
        """Give the server that lives there; one that died is started again."""
        return embedded.ensure(self.root)

    @property
    def words(self) -> str:
        """What the server wrote into its log."""
        return (self.server().place.home / "server.log").read_text()

    def environment(self) -> dict[str, str]:
        """What a server has to be started with."""
        return {"LD_PRELOAD": str(self._switches.parent / "faulty.so"), "FAULTY_DISK": str(self._switches)}


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """A good disk, and whoever starts a server starts it there."""
    folder = Path(tempfile.mkdtemp(prefix="bot-disk-"))
    folder.chmod(0o755)
    made = Disk(folder)
    shim = folder / "faulty.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(SOURCE), "-ldl"], check=True)
    shim.chmod(0o755)
    plain = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    monkeypatch.setattr(embedded, "_environment", lambda: plain | made.environment())
    yield made
    made.mend()
    embedded.erase(made.root)
    shutil.rmtree(folder)
