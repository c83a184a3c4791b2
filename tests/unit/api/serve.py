"""A real server over a database, on a free port that it prints: run by a test as its own process."""

import socket
import sys
from pathlib import Path

import uvicorn
from tests.unit.api.world import NOW_MS

from bot.api.deps import Deps
from bot.api.main import create_app
from bot.db.base import create_async, session_factory

if __name__ == "__main__":
    url, cache = sys.argv[1:]
    engine = create_async(url)
    deps = Deps(sessions=session_factory(engine), sqlite_path=Path(cache), now_ms=lambda: NOW_MS, close=engine.dispose)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(create_app(deps), log_level="error")).run(sockets=[listening])
