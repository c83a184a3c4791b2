"""Signing in and out, and the first run, in which the console's one-time token opens the door once."""

from http import HTTPStatus
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.api.pages import render
from bot.api.security import cookie_name, is_private, set_cookie
from bot.api.sessions import Doorman, Patience, Person
from bot.domain.errors import Misconfigured, Unavailable
from bot.security import tokens

router = APIRouter(include_in_schema=False)

WRONG = "That name and password do not belong together."
STALE = "This form was too old. Please try again."
TOO_LATE = "That address was good for a day, which is over. Start the program again: it prints a new one."
NOT_PRIVATE = (
    "Signing in needs https, or an address of this machine such as http://localhost: "
    "anybody on the way could read your password."
)
Text = Annotated[str, Form(max_length=1024)]


@router.get("/login")
async def login_page(request: Request) -> Response:
    """Show the form, or the first-run page when nobody can sign in yet."""
    doorman: Doorman = request.app.state.doorman
    try:
        if await doorman.needs_first_person():
            return RedirectResponse("/setup", HTTPStatus.SEE_OTHER)
    except Unavailable as error:
        return _form(request, "login.html", HTTPStatus.SERVICE_UNAVAILABLE, problem=str(error))
    if request.state.session is not None:
        return RedirectResponse(_local(request.query_params.get("next")), HTTPStatus.SEE_OTHER)
    return _form(request, "login.html", problem="" if is_private(request) else NOT_PRIVATE)


@router.post("/login")
async def login(
    request: Request,
    name: Text = "",
    password: Text = "",
    csrf: Text = "",
    next: Text = "",  # noqa: A002  the field's name in the form and in the address
) -> Response:
    """Sign in. Wrong names and wrong passwords get the same answer after the same time."""
    doorman: Doorman = request.app.state.doorman
    typed = {"name": name, "next": _local(next)}
    if not is_private(request):
        return _form(request, "login.html", HTTPStatus.FORBIDDEN, problem=NOT_PRIVATE, **typed)
    if not _form_is_ours(request, csrf):
        return _form(request, "login.html", HTTPStatus.FORBIDDEN, problem=STALE, **typed)
    patience: Patience = request.app.state.patience
    keys = (f"name:{name.casefold()}", f"from:{request.client.host if request.client else ''}")
    wait_s = ceil(patience.wait_s(*keys))
    if wait_s:
        problem = f"Too many attempts. Please wait {wait_s} s."
        answer = _form(request, "login.html", HTTPStatus.TOO_MANY_REQUESTS, problem=problem, **typed)
        answer.headers["Retry-After"] = str(wait_s)
        return answer
    patience.note_attempt(*keys)
    try:
        person = await doorman.recognise(name, password)
        if person is None:
            return _form(request, "login.html", HTTPStatus.UNAUTHORIZED, problem=WRONG, **typed)
        patience.forgive(*keys)
        return await _signed_in(request, person, typed["next"])
    except Unavailable as error:
        return _form(request, "login.html", HTTPStatus.SERVICE_UNAVAILABLE, problem=str(error), **typed)


@router.post("/logout")
async def logout(request: Request, csrf: Text = "") -> Response:
    """End the session, here and on the server."""
    cookie = cookie_name(request, "session")
    token = request.cookies[cookie]
    if not tokens.is_csrf_token(csrf, token):
        return RedirectResponse("/", HTTPStatus.SEE_OTHER)
    await request.app.state.doorman.sign_out(token)
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(cookie, secure=request.url.scheme == "https", httponly=True, samesite="strict")
    return answer


@router.get("/setup")
async def setup_page(request: Request, token: str = "") -> Response:
    """Show the first-run form to whoever brings the console's token."""
    return await _setup(request, token) or _form(request, "setup.html", token=token)


@router.post("/setup")
async def setup(
    request: Request,
    token: Text = "",
    name: Text = "",
    password: Text = "",
    again: Text = "",
    csrf: Text = "",
) -> Response:
    """Create the first person and sign them in. The token works once."""
    refusal = await _setup(request, token)
    if refusal is not None:
        return refusal
    problem = _first_problem(name, password, again) if _form_is_ours(request, csrf) else STALE
    if not problem:
        try:
            person = await request.app.state.doorman.add_first_person(name.strip(), password)
            if person is None:
                return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
            return await _signed_in(request, person, "/")
        except (Misconfigured, Unavailable) as error:
            problem = str(error)
    return _form(request, "setup.html", HTTPStatus.BAD_REQUEST, problem=problem, token=token, name=name)


def _first_problem(name: str, password: str, again: str) -> str:
    if not name.strip():
        return "Please choose a user name."
    if len(name.strip()) > 64 or not name.isprintable():
        return "A user name has 64 characters at most, all of them visible."
    return "" if password == again else "The two passwords differ."


async def _setup(request: Request, token: str) -> Response | None:
    """Say why the first-run form may not be shown, or None when it may."""
    doorman: Doorman = request.app.state.doorman
    try:
        if not await doorman.needs_first_person():
            return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    except Unavailable as error:
        return _form(request, "setup.html", HTTPStatus.SERVICE_UNAVAILABLE, problem=str(error), closed=True)
    if not is_private(request):
        return _form(request, "setup.html", HTTPStatus.FORBIDDEN, problem=NOT_PRIVATE, closed=True)
    if not doorman.opens_first_run(token):
        if not token:
            return _form(request, "setup.html", closed=True)
        problem = TOO_LATE if doorman.missed_first_run(token) else "That token is not the one on the console."
        return _form(request, "setup.html", HTTPStatus.FORBIDDEN, problem=problem, closed=True)
    return None


async def _signed_in(request: Request, person: Person, target: str) -> Response:
    old = request.cookies.get(cookie_name(request, "session"))
    token = await request.app.state.doorman.sign_in(person, old)
    answer = RedirectResponse(target, HTTPStatus.SEE_OTHER)
    set_cookie(request, answer, "session", token)
    return answer


def _form(request: Request, template: str, status: int = 200, **values: object) -> Response:
    """Show a form of somebody not signed in: its CSRF token hangs on a cookie made for this visit."""
    visit = request.cookies.get(cookie_name(request, "visit")) or tokens.new_token()
    target = _local(request.query_params.get("next"))
    answer = render(request, template, {"csrf": tokens.csrf_token(visit), "next": target, **values}, status)
    set_cookie(request, answer, "visit", visit)
    return answer


def _form_is_ours(request: Request, csrf: str) -> bool:
    visit = request.cookies.get(cookie_name(request, "visit"))
    return visit is not None and tokens.is_csrf_token(csrf, visit)


def _local(target: str | None) -> str:
    """Keep a target inside this site."""
    is_local = target is not None and target.startswith("/") and target[1:2] not in {"/", "\\"}
    return target if target and is_local and target.isprintable() else "/"
