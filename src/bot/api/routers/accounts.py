"""Accounts and the first page's overview."""

from fastapi import APIRouter

from bot.api import present, schemas
from bot.api.deps import BoardsHere, SessionHere
from bot.reporting.metrics import account_kpis

router = APIRouter(tags=["accounts"])


@router.get("/overview")
async def overview(boards: BoardsHere) -> schemas.Overview:
    """Give everything the first page shows; at most a second old."""
    return present.overview(await boards.get())


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
