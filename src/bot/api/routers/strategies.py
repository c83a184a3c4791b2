"""One strategy: figures, chart data, what it did and why; and its switch."""

from collections.abc import Sequence
from typing import Annotated, cast

import structlog
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from bot.api import present, schemas
from bot.api.deps import BoardsHere, CandleDesk, SessionHere
from bot.db.repositories import Audit, Strategies
from bot.domain.errors import BotError
from bot.domain.market import INTERVAL_MS, Market, Stream
from bot.reporting import queries
from bot.reporting.board import Row
from bot.reporting.queries import Mark
from bot.security.audit import link

router = APIRouter(prefix="/strategies", tags=["strategies"])
log = structlog.get_logger()

BIGINT = 2**63 - 1
PageSize = Annotated[int, Query(ge=1, le=500)]
Before = Annotated[int | None, Query(ge=1, le=BIGINT)]


async def known_row(boards: BoardsHere, strategy_id: Annotated[int, Path(ge=1, le=BIGINT)]) -> Row:
    """Give the strategy's row, or answer 404."""
    for is_second_look in (False, True):
        board = await boards.get(fresh=is_second_look)
        for row in board.rows:
            if row.facts.id == strategy_id:
                return row
    raise HTTPException(404, f"there is no strategy {strategy_id}")


RowHere = Annotated[Row, Depends(known_row)]


@router.get("/{strategy_id}")
async def strategy(row: RowHere) -> schemas.StrategyDetail:
    """Give configuration, state and KPIs."""
    return present.strategy(row)


@router.get("/{strategy_id}/equity")
async def equity(
    row: RowHere, session: SessionHere, points: Annotated[int, Query(ge=2, le=5_000)] = 1_000
) -> list[schemas.EquityPoint]:
    """Give the equity history thinned to about `points`, oldest first, ending with the newest mark."""

    def read(reading: Session) -> list[Mark]:
        queries.use_ledger(reading, row.facts.mode)
        return queries.equity_series(reading, row.facts.id, points)

    return [schemas.EquityPoint.model_validate(mark) for mark in await session.run_sync(read)]


@router.get("/{strategy_id}/candles")
async def candles(
    request: Request, row: RowHere, limit: Annotated[int, Query(ge=1, le=1_000)] = 500
) -> schemas.CandleSeries:
    """Give the newest closed candles of the strategy's series, oldest first; empty with a reason without a source."""
    facts = row.facts
    series = schemas.CandleSeries(symbol=facts.symbol, interval=facts.interval, candles=[])
    desk = cast("CandleDesk | None", request.app.state.candles)
    if desk is None:
        return series.model_copy(update={"reason": "this dashboard has no source of candles"})
    if not facts.symbol or facts.interval not in INTERVAL_MS:
        return series.model_copy(update={"reason": "the configuration names no valid symbol and interval"})
    try:
        found = await desk.get(Stream(Market(facts.market), facts.symbol, facts.interval), limit)
    except (BotError, OSError) as error:
        log.warning("candles.unavailable", symbol=facts.symbol, reason=type(error).__name__)
        return series.model_copy(update={"reason": "the exchange's candles cannot be had just now"})
    points = [
        schemas.CandlePoint(
            time_ms=candle.open_time,
            open=candle.open,
            high=candle.high,
            low=candle.low,
            close=candle.close,
            volume=candle.volume,
        )
        for candle in found
    ]
    return series.model_copy(update={"candles": points})


@router.get("/{strategy_id}/orders")
async def orders(
    row: RowHere, session: SessionHere, before: Before = None, limit: PageSize = 100
) -> schemas.Page[schemas.OrderRow]:
    """Give orders, newest first."""
    return await _page(row, session, queries.ORDERS, schemas.OrderRow, before, limit)


@router.get("/{strategy_id}/fills")
async def fills(
    row: RowHere, session: SessionHere, before: Before = None, limit: PageSize = 100
) -> schemas.Page[schemas.FillRow]:
    """Give fills, newest first."""
    return await _page(row, session, queries.FILLS, schemas.FillRow, before, limit)


@router.get("/{strategy_id}/trades")
async def trades(
    row: RowHere, session: SessionHere, before: Before = None, limit: PageSize = 100
) -> schemas.Page[schemas.TradeRow]:
    """Give closed round trips, newest first."""
    return await _page(row, session, queries.TRADES, schemas.TradeRow, before, limit)


@router.get("/{strategy_id}/decisions")
async def decisions(
    row: RowHere, session: SessionHere, before: Before = None, limit: PageSize = 100
) -> schemas.Page[schemas.DecisionRow]:
    """Give what the strategy wanted and what became of it, newest first."""
    return await _page(row, session, queries.DECISIONS, schemas.DecisionRow, before, limit)


@router.post("/{strategy_id}/enable")
async def enable(request: Request, row: RowHere, boards: BoardsHere, session: SessionHere) -> schemas.Switched:
    """Let the strategy trade; one that was stopped starts anew. Who did it is written to the audit trail."""
    return await _switch(request, row, boards, session, enabled=True)


@router.post("/{strategy_id}/disable")
async def disable(request: Request, row: RowHere, boards: BoardsHere, session: SessionHere) -> schemas.Switched:
    """Switch the strategy off. Who did it is written to the audit trail."""
    return await _switch(request, row, boards, session, enabled=False)


async def _switch(
    request: Request, row: Row, boards: BoardsHere, session: SessionHere, *, enabled: bool
) -> schemas.Switched:
    facts = row.facts
    known = Strategies(session)
    await (known.enable(facts.id) if enabled else known.disable(facts.id))
    signed_in = getattr(request.state, "session", None)
    await Audit(session, link).append(
        actor=signed_in.person if signed_in else "dashboard",
        action="strategy.enabled" if enabled else "strategy.disabled",
        subject=f"strategy:{facts.id}",
        detail={"account": facts.account, "title": facts.title, "mode": facts.mode.value},
    )
    await session.commit()
    await boards.get(fresh=True)
    return schemas.Switched(id=facts.id, enabled=enabled)


async def _page[Shape: schemas.Answer](
    row: Row, session: SessionHere, rows_of: str, shape: type[Shape], before: int | None, limit: int
) -> schemas.Page[Shape]:
    def read(reading: Session) -> Sequence[RowMapping]:
        queries.use_ledger(reading, row.facts.mode)
        return queries.page(reading, rows_of, row.facts.id, before, limit)

    found = await session.run_sync(read)
    return schemas.Page(
        items=[shape.model_validate(dict(one)) for one in found],
        next_before=found[-1]["id"] if len(found) == limit else None,
    )
