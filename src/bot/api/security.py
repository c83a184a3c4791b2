"""The guard before every route: host, origin, session, CSRF token; and the headers behind every answer.

Way in: install() or, with a doorman of one's own, protect(). Only OPEN is open without a session.
"""

import asyncio
import time
from collections.abc import Collection
from typing import Final
from urllib.parse import quote, urlsplit

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.api.deps import Deps
from bot.api.people import DatabasePeople
from bot.api.sessions import Doorman, Patience
from bot.domain.errors import Unavailable
from bot.security import tokens

OPEN: Final = ("/health", "/static/", "/login", "/setup")
SCRAPED: Final = "/prometheus"
"""Where a scraper's token (`bot token add`) does instead of a session."""
_DATA: Final = ("/api/", "/metrics", SCRAPED)
_FORMS: Final = frozenset({"/login", "/setup", "/logout"})
"""Routes that check the hidden field of their own form; all other changes carry the header X-CSRF-Token."""

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BODY_MAX: Final = 64 * 1024
_RECHECK_S: Final = 30.0

# lightweight-charts writes one style element for its attribution logo; its exact text is allowed by hash, nothing else.
LOGO_STYLE: Final = "sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY="
_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'self'; style-src 'self' '{LOGO_STYLE}'; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": browsers would then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def install(app: FastAPI, deps: Deps) -> None:
    """Put the guard before all routes of the app, with people and sessions from the database."""
    people = DatabasePeople(deps.sessions)
    doorman = Doorman(people, deps.now_ms, deps.first_run_token_hash)
    protect(app, doorman, deps.allowed_hosts)


def protect(app: FastAPI, doorman: Doorman, allowed_hosts: Collection[str]) -> None:
    """Put the guard before all routes; hosts are names with or without a port."""
    app.state.doorman = doorman
    app.state.patience = Patience(time.monotonic)
    app.add_middleware(Guard, doorman=doorman, allowed_hosts=allowed_hosts)


def cookie_name(request: Request, purpose: str) -> str:
    """Give the cookie's name: over https with the prefix that binds it to this host and to https."""
    name = f"bot_{purpose}"
    return f"__Host-{name}" if request.url.scheme == "https" else name


def set_cookie(request: Request, response: Response, purpose: str, value: str) -> None:
    """Set a cookie that no script reads and no other site sends."""
    response.set_cookie(
        cookie_name(request, purpose), value,
        path="/", secure=request.url.scheme == "https", httponly=True, samesite="strict",
    )  # fmt: skip


def is_private(request: Request) -> bool:
    """Say whether nobody on the way can listen: https, or plain http that never leaves this machine."""
    host = request.url.hostname or ""
    return (
        request.url.scheme == "https"
        or host in {"localhost", "::1"}
        or host.startswith("127.")
        or host.endswith(".localhost")
    )


class Guard:
    """Refuses what may not pass, tells routes who asks, and signs every answer with the safety headers."""

    def __init__(self, app: ASGIApp, doorman: Doorman, allowed_hosts: Collection[str]) -> None:
        self._app = app
        self._doorman = doorman
        self._hosts = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _with_headers(scope, send))
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        refusal = self._refuse_stranger(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        token = request.cookies.get(cookie_name(request, "session"))
        state = scope.setdefault("state", {})
        state["session"], state["csrf"] = None, ""
        path = request.url.path
        if not path.startswith("/static/") and path != "/health":
            try:
                is_visit = "x-background" not in request.headers and not path.endswith("/events")
                state["session"] = await self._doorman.session(token, is_visit=is_visit) if token else None
            except Unavailable as error:
                await JSONResponse({"detail": str(error)}, 503)(scope, receive, send)
                return
            state["csrf"] = tokens.csrf_token(token) if token and state["session"] else ""
        try:
            may_scrape = path == SCRAPED and request.method in _READS and await self._is_scraper(request)
        except Unavailable as error:
            await JSONResponse({"detail": str(error)}, 503)(scope, receive, send)
            return
        refusal = None if may_scrape else _refuse_unknown(request, token if state["session"] else None)
        if refusal is not None:
            await refusal(scope, receive, send)
        elif path.endswith("/events") and token:
            await self._while_signed_in(token, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _is_scraper(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and await self._doorman.is_scraper(token.strip())

    def _refuse_stranger(self, request: Request) -> Response | None:
        host = request.headers.get("host", "").lower()
        if host not in self._hosts and _without_port(host) not in self._hosts:
            # A page elsewhere can point its own name at this machine (DNS rebinding); it cannot fake the name.
            return PlainTextResponse("This host name is not served here.\n", 421)
        if request.method in _READS:
            return None
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "same-origin")
        if site not in {"same-origin", "none"} or (origin and urlsplit(origin).netloc.lower() != host):
            return JSONResponse({"detail": "this request came from another site"}, 403)
        length = request.headers.get("content-length", "")
        if "transfer-encoding" in request.headers or (length.isdecimal() and int(length) > _BODY_MAX):
            return JSONResponse({"detail": f"the body may have {_BODY_MAX} bytes at most"}, 413)
        return None

    async def _while_signed_in(self, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a stream that ends, at the latest half a minute later, with the session it belongs to."""
        serving = asyncio.ensure_future(self._app(scope, receive, send))
        try:
            while not (await asyncio.wait({serving}, timeout=_RECHECK_S))[0]:
                if await self._doorman.session(token, is_visit=False) is None:
                    break
            else:
                await serving
                return
        except Unavailable:
            pass
        finally:
            if not serving.done():
                serving.cancel()
                await asyncio.wait({serving})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _refuse_unknown(request: Request, session_token: str | None) -> Response | None:
    path = request.url.path
    is_open = any(path == door or (door.endswith("/") and path.startswith(door)) for door in OPEN)
    if is_open:
        return None
    if session_token is None:
        if request.method == "GET" and not path.startswith(_DATA):
            wanted = "" if path == "/" else f"?next={quote(path, safe='/')}"
            return RedirectResponse(f"/login{wanted}", 303)
        return JSONResponse({"detail": "sign in first"}, 401)
    if request.method in _READS or path in _FORMS:
        return None
    if not tokens.is_csrf_token(request.headers.get("x-csrf-token", ""), session_token):
        return JSONResponse({"detail": "the CSRF token is missing or wrong; reload the page"}, 403)
    return None


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _with_headers(scope: Scope, send: Send) -> Send:
    path: str = scope["path"]
    caching = "no-cache" if path.startswith("/static/") else "no-store"

    async def signed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Cache-Control"] = caching
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)  # a page with its own scripts inside brings a policy of its own
            if scope["scheme"] == "https":
                headers["Strict-Transport-Security"] = "max-age=31536000"
        await send(message)

    return signed
