"""The web application: routers, guard and live events joined into one.

Way in: create_app(). `uvicorn bot.api.main:app` works too: the roof is asked for its settings when `app` is looked up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.api import security
from bot.api.deps import CandleDesk, Deps
from bot.api.pages import STATIC
from bot.api.routers import accounts, auth, events, health, kill, metrics, pages, prometheus, runs, strategies
from bot.api.sse import Hub, closed_by_signals
from bot.db.repositories import NotFound
from bot.domain.errors import BotError, Unavailable
from bot.reporting.board import Boards

log = structlog.get_logger()


def create_app(deps: Deps) -> FastAPI:
    """Make the application. Nothing is opened before the server starts it."""
    app = FastAPI(
        title="binance-bot",
        version=deps.version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=_lifespan,
    )
    app.state.deps = deps
    app.state.boards = Boards(deps.sessions, deps.now_ms, deps.runner_age_s)
    app.state.hub = Hub(deps.sessions, app.state.boards)
    app.state.candles = CandleDesk(deps.candles) if deps.candles else None
    app.include_router(health.router, prefix="/health")
    app.include_router(metrics.router, prefix="/metrics")
    app.include_router(prometheus.router)
    for router in (accounts.router, strategies.router, events.router, kill.router):
        app.include_router(router, prefix="/api/v1")
    app.include_router(auth.router)
    app.include_router(pages.router)
    app.include_router(runs.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for family, answer in ((BotError, _refused), (SQLAlchemyError, _database_away), (OSError, _database_away)):
        app.add_exception_handler(family, answer)
    security.install(app, deps)
    return app


def __getattr__(name: str) -> FastAPI:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from bot.bootstrap import dashboard_app  # noqa: PLC0415  the roof is asked only when we are the program

    app: FastAPI = dashboard_app()
    globals()["app"] = app
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    hub: Hub = app.state.hub
    deps: Deps = app.state.deps
    polling = asyncio.create_task(hub.run())
    try:
        with closed_by_signals(hub):
            yield
    finally:
        hub.close()
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling
        if deps.close is not None:
            await deps.close()


async def _refused(_: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, NotFound) else 503 if isinstance(error, Unavailable) else 409
    return JSONResponse({"detail": str(error)}, status)


async def _database_away(request: Request, error: Exception) -> Response:
    is_ours = isinstance(error, SQLAlchemyError) and not _is_away(error)
    log.error("request.failed", path=request.url.path, reason=type(error).__name__, exc_info=error if is_ours else None)
    detail = "something went wrong here; the log says what" if is_ours else "the database does not answer; try again"
    return JSONResponse({"detail": detail}, 500 if is_ours else 503)


def _is_away(error: SQLAlchemyError) -> bool:
    """Say whether the database could not be asked at all, as opposed to having been asked nonsense."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, TimeoutError) or type(error).__name__ == "TimeoutError"
    return error.connection_invalidated or type(error).__name__ in {"OperationalError", "InterfaceError"}
