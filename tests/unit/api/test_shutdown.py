"""A server with open streams still stops when it is asked to."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from tests.unit.api.conftest import TOKEN
from tests.unit.api.world import World


@contextmanager
def server(url: str, cache: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a real server in a process of its own; give it and its port."""
    command = [sys.executable, str(Path(__file__).with_name("serve.py")), url, str(cache)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_open_streams_do_not_hold_the_server(database_url: str, world: World, tmp_path: Path, name: int) -> None:
    with (
        server(database_url, tmp_path / "cache.sqlite3") as (process, port),
        httpx2.Client(base_url=f"http://localhost:{port}", cookies={"bot_session": TOKEN}, timeout=20) as client,
        client.stream("GET", "/api/v1/events") as stream,
    ):
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: overview"
        process.send_signal(name)
        assert not any(line.startswith("never") for line in lines)
        assert process.wait(20) in {0, -name}
