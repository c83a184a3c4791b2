"""The real pages, guard and login over an invented world."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query
from fastapi.responses import StreamingResponse
from fastapi.staticfiles import StaticFiles
from tests.browser.fake_world import Strategy, make_world, overview
from tests.fakes.people import FakePeople

from bot.api import schemas
from bot.api.pages import STATIC
from bot.api.routers import auth, pages
from bot.api.security import protect
from bot.api.sessions import Doorman
from bot.security.passwords import Passwords
from bot.security.tokens import token_hash

SETUP_TOKEN = "one-time-token-of-the-console"
Limit = Annotated[int, Query(ge=1, le=5000)]


class FakeServer:
    """A dashboard over a world that a test may change; `emit` pushes a live event to every page."""

    def __init__(self, people: FakePeople | None = None) -> None:
        self.world: dict[int, Strategy] = make_world(_now())
        self.people = people or FakePeople()
        self.asked: list[str] = []
        self.is_down = False
        self._queues: set[asyncio.Queue[tuple[str, Any] | None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        doorman = Doorman(self.people, _now, token_hash(SETUP_TOKEN), Passwords(memory_kib=64, rounds=1))
        app = FastAPI()
        app.include_router(self._api())
        app.include_router(auth.router)
        app.include_router(pages.router)
        app.mount("/static", StaticFiles(directory=STATIC))
        protect(app, doorman, {"localhost", "127.0.0.1"})
        self.app = app
        self.url = ""

    def emit(self, name: str, payload: object) -> None:
        """Push an event to every page."""
        self._tell((name, payload))

    def hang_up(self) -> None:
        """End every live stream, as a restart of the server would."""
        self._tell(None)

    def _tell(self, message: tuple[str, Any] | None) -> None:
        def put() -> None:
            for queue in self._queues:
                queue.put_nowait(message)

        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(put)

    def _strategy(self, strategy_id: int) -> Strategy:
        if strategy_id not in self.world:
            raise HTTPException(404, f"there is no strategy {strategy_id}")
        return self.world[strategy_id]

    def _api(self) -> APIRouter:
        api = APIRouter(prefix="/api/v1")
        one = "/strategies/{strategy_id}"

        @api.get("/overview", response_model=schemas.Overview)
        async def get_overview() -> dict[str, Any]:
            return overview(self.world, _now())

        @api.get("/accounts", response_model=list[schemas.Account])
        async def accounts() -> list[dict[str, Any]]:
            if self.is_down:
                raise HTTPException(503, "the database does not answer")
            return overview(self.world, _now())["accounts"]  # type: ignore[no-any-return]

        @api.get(one, response_model=schemas.StrategyDetail)
        async def detail(strategy_id: int) -> dict[str, Any]:
            strategy = self._strategy(strategy_id)
            return {**strategy.row, "config": strategy.config}

        @api.get(one + "/candles", response_model=schemas.CandleSeries)
        async def candles(strategy_id: int, limit: Limit = 500) -> dict[str, Any]:
            strategy = self._strategy(strategy_id)
            row = strategy.row
            return {"symbol": row["symbol"], "interval": row["interval"], "candles": strategy.candles[-limit:]}

        @api.get(one + "/equity", response_model=list[schemas.EquityPoint])
        async def equity(strategy_id: int, points: Limit = 500) -> list[dict[str, Any]]:
            return self._strategy(strategy_id).equity[-points:]

        def listing(kind: str, row: type[schemas.Answer]) -> None:
            @api.get(f"{one}/{kind}", response_model=schemas.Page[row])  # type: ignore[valid-type]
            async def page(strategy_id: int, limit: Limit = 100, before: int | None = None) -> dict[str, Any]:
                items: list[dict[str, Any]] = getattr(self._strategy(strategy_id), kind)
                older = [item for item in reversed(items) if before is None or item["id"] < before]
                more = older[limit - 1]["id"] if len(older) > limit else None
                return {"items": older[:limit], "next_before": more}

        listing("orders", schemas.OrderRow)
        listing("fills", schemas.FillRow)
        listing("trades", schemas.TradeRow)
        listing("decisions", schemas.DecisionRow)

        @api.post(one + "/{switch}", response_model=schemas.Switched)
        async def switch(strategy_id: int, switch: str) -> dict[str, Any]:
            row = self._strategy(strategy_id).row
            row["enabled"] = switch == "enable"
            row["state"] = "running" if row["enabled"] else "disabled"
            self.asked.append(f"{switch} {strategy_id}")
            return {"id": strategy_id, "enabled": row["enabled"]}

        @api.get("/events")
        async def events() -> StreamingResponse:
            if self.is_down:
                raise HTTPException(503, "the database does not answer")
            return StreamingResponse(self._stream(), media_type="text/event-stream")

        return api

    async def _stream(self) -> AsyncIterator[str]:
        self._loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[str, Any] | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield _event("overview", overview(self.world, _now()))
            while (message := await queue.get()) is not None:
                yield _event(*message)
        finally:
            self._queues.discard(queue)


def _event(name: str, payload: object) -> str:
    return f"event: {name}\ndata: {json.dumps(payload)}\n\n"


def _now() -> int:
    return time.time_ns() // 1_000_000
