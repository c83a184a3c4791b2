"""Health: whether database, cache and runner work, and why not. Open to everybody, so it tells nothing else."""

import asyncio
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Response
from sqlalchemy.exc import SQLAlchemyError

from bot.api import present, schemas
from bot.api.deps import BoardsHere, Deps, DepsHere
from bot.domain.errors import Unavailable
from bot.reporting.board import Board
from bot.reporting.cache.sqlite import newest_ts

router = APIRouter(tags=["health"])
log = structlog.get_logger()

ANSWER_S = 3.0
CACHE_STALE_S = 300.0


async def board_or_none(boards: BoardsHere) -> Board | None:
    """Give the board, or None when the database does not answer in time."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await boards.get()
    except (SQLAlchemyError, OSError) as error:
        log.warning("database.unanswered", reason=type(error).__name__)
        return None


BoardOrNone = Annotated[Board | None, Depends(board_or_none)]


@router.get("", responses={503: {"model": schemas.Health}})
async def health(response: Response, deps: DepsHere, board: BoardOrNone) -> schemas.Health:
    """Say `ok`, or `degraded` with the reasons; 503 when the database is away."""
    checks = schemas.Checks(database=_database(board), cache=await _cache(deps), runner=_runner(board))
    is_well = checks.database.ok and checks.cache.ok and checks.runner.ok
    response.status_code = 200 if checks.database.ok else 503
    return schemas.Health(status="ok" if is_well else "degraded", checks=checks, version=deps.version)


async def cache_age_s(deps: Deps) -> float | None:
    """Give the age of the newest KPI snapshot, or None when there is none. Raises Unavailable."""
    newest = await asyncio.to_thread(newest_ts, deps.sqlite_path)
    return None if newest is None else max(0.0, round(deps.now_ms() / 1000 - newest, 1))


def _database(board: Board | None) -> schemas.Check:
    return schemas.Check(ok=board is not None, reason="" if board else "the database does not answer")


async def _cache(deps: Deps) -> schemas.CacheCheck:
    try:
        age_s = await cache_age_s(deps)
    except Unavailable:
        return schemas.CacheCheck(ok=False, reason="the KPI cache cannot be read; the aggregator will make it anew")
    if age_s is None:
        return schemas.CacheCheck(ok=False, reason="no KPI snapshot yet; is the aggregator running?")
    if age_s > CACHE_STALE_S:
        return schemas.CacheCheck(
            ok=False, reason="the newest KPI snapshot is old; is the aggregator running?", age_s=age_s
        )
    return schemas.CacheCheck(ok=True, age_s=age_s)


def _runner(board: Board | None) -> schemas.RunnerCheck:
    if board is None:
        return schemas.RunnerCheck(ok=False, reason="unknown while the database is away")
    state = present.runner(board)
    reason = "" if state.ok else "strategies are enabled, but nobody runs them; is `bot start` running?"
    return schemas.RunnerCheck(ok=state.ok, reason=reason, heartbeat_age_s=state.heartbeat_age_s)
