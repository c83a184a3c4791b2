"""The seed's metrics, read from the SQLite cache: cheap, as old as the last aggregation, floats for charts."""

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Response

from bot.api import schemas
from bot.api.deps import DepsHere, SessionHere
from bot.db.repositories import Strategies
from bot.reporting.cache import sqlite

router = APIRouter(tags=["metrics"])

BIGINT = 2**63 - 1
StrategyId = Annotated[int, Path(ge=1, le=BIGINT)]


@router.get("/strategies", response_model=list[schemas.Snapshot])
async def latest_snapshots(deps: DepsHere, limit: Annotated[int, Query(ge=1, le=5_000)] = 1_000) -> Response:
    """Give the newest snapshot of each strategy."""
    rows = await asyncio.to_thread(sqlite.latest, deps.sqlite_path, limit)
    return _answer(rows)


@router.get("/strategy/{strategy_id}/series", response_model=list[schemas.Snapshot])
async def series(
    deps: DepsHere,
    session: SessionHere,
    strategy_id: StrategyId,
    since_ts: Annotated[int, Query(ge=0, le=BIGINT)] = 0,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 1_440,
    points: Annotated[int, Query(ge=2, le=5_000)] = 5_000,
) -> Response:
    """Give the newest `limit` snapshots since a second, oldest first, thinned to `points`; 404 when unknown."""
    rows = await asyncio.to_thread(sqlite.series, deps.sqlite_path, strategy_id, since_ts, limit)
    if not rows and not await asyncio.to_thread(sqlite.series, deps.sqlite_path, strategy_id, 0, 1):
        await Strategies(session).get(strategy_id)
    step = -(-len(rows) // points) or 1
    return _answer(rows[::-1][::step][::-1])


def _answer(rows: list[sqlite.Snapshot]) -> Response:
    # Hundreds of rows many times a second: written straight from the records, in the shape of `schemas.Snapshot`.
    return Response(msgspec.json.encode(rows), media_type="application/json")
