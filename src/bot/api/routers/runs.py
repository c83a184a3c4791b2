"""Pages of backtests that were kept: which there are, and each one's report as it was written."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.api.deps import SessionHere
from bot.api.pages import render
from bot.db.runs import Kept, Runs
from bot.reporting.runs import page, saying
from bot.reporting.runs.frame import POLICY

router = APIRouter(include_in_schema=False)

ALONE = f"sandbox allow-scripts allow-popups; {POLICY}; frame-ancestors 'none'"
"""A report has its scripts inside. It is shown as if it came from elsewhere: it reaches no session and no server."""


@router.get("/backtests")
async def listing(request: Request, session: SessionHere) -> Response:
    """Show every backtest that was kept, newest first."""
    return render(request, "backtests.html", {"rows": [_row(each) for each in await Runs(session).list()]})


@router.get("/backtests/{name}")
async def report(session: SessionHere, name: str) -> Response:
    """Show the report of a backtest."""
    whole = await Runs(session).whole(name)
    return HTMLResponse(await run_in_threadpool(page.report, whole), headers={"Content-Security-Policy": ALONE})


def _row(kept: Kept) -> Mapping[str, Any]:
    told = kept.result
    figures = told["figures"]
    return {
        "name": kept.name,
        "strategy": told["strategy"],
        "candles": ", ".join(f"{part['symbol']} {part['interval']}" for part in told["parts"][:3]),
        "time": f"{saying.day(told['first_ms'])} – {saying.day(told['last_ms'])}",
        "trades": f"{figures['trades']:,}",
        "result": saying.money(figures["result"], signed=True),
        "return": saying.percent(figures["return"], signed=True),
        "sign": "up" if figures["result"] > 0 else "down" if figures["result"] < 0 else "",
        "sharpe": saying.number(figures["sharpe"]),
        "drawdown": saying.percent(figures["max_drawdown"]),
        "kept_ms": int(kept.created_at.timestamp() * 1000),
        "kept": f"{kept.created_at:%Y-%m-%d %H:%M}",
    }
