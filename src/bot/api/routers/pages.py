"""The pages: a shell from the server, filled and kept alive by static/app.js from the JSON API."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from bot.api.pages import render

router = APIRouter(include_in_schema=False)


@router.get("/")
async def overview(request: Request) -> Response:
    """Show every account and strategy at a glance."""
    return render(request, "index.html", {})


@router.get("/strategies/{strategy_id}")
async def strategy(request: Request, strategy_id: int) -> Response:
    """Show one strategy: chart, figures, orders, round trips, and why it did what it did."""
    return render(request, "strategy.html", {"strategy_id": strategy_id})
