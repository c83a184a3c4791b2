"""Naive doors: a dashboard that trusts whoever comes, and a program that trades with any key it is given."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

KEYS = {"home": "canary-api-key"}


def naive_dashboard(*, admin_mode: bool = True) -> Starlette:
    """Give a dashboard whose default mode skips the login, shows keys as they are, and runs strategies sent to it."""

    async def accounts(_: Request) -> JSONResponse:
        return JSONResponse({"api_keys": KEYS} if admin_mode else {}, status_code=200 if admin_mode else 401)

    async def upload(request: Request) -> JSONResponse:
        exec(compile(await request.body(), "strategy", "exec"), {})
        return JSONResponse({"installed": True})

    return Starlette(routes=[Route("/accounts", accounts), Route("/strategies", upload, methods=["POST", "PUT"])])


def naive_look_at_rights(told: Mapping[str, Any]) -> str:
    """Object to no key that can trade."""
    return "" if told["enableSpotAndMarginTrading"] else f"it cannot trade: {json.dumps(told)}"
