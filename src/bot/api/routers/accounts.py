"""Accounts and the first page's overview."""

from typing import cast

from fastapi import APIRouter, Request, Response

from bot.api import present, schemas
from bot.api.deps import BoardsHere, SessionHere
from bot.api.sse import Hub
from bot.reporting.metrics import account_kpis

router = APIRouter(tags=["accounts"])


@router.get("/overview", response_model=schemas.Overview)
async def overview(request: Request, boards: BoardsHere) -> Response:
    """Give everything the first page shows; at most a second old."""
    hub = cast("Hub", request.app.state.hub)
    return Response(hub.picture.json(await boards.get()), media_type="application/json")


@router.get("/accounts")
async def accounts(boards: BoardsHere, session: SessionHere) -> list[schemas.AccountKpis]:
    """Give every account with its KPIs by mode."""
    board = await boards.get()
    by_mode = {
        mode: await session.run_sync(account_kpis, mode) for mode in sorted({row.facts.mode for row in board.rows})
    }
    return [
        present.account(
            board,
            facts,
            {mode.value: measured[facts.id] for mode, measured in by_mode.items() if facts.id in measured},
        )
        for facts in board.accounts
    ]
