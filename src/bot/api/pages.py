"""Rendering: one place where templates meet their values."""

from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

STATIC = Path(__file__).parent / "static"
_templates = Jinja2Templates(Path(__file__).parent / "templates")


def render(request: Request, template: str, values: Mapping[str, object], status: int = 200) -> Response:
    """Answer with a page; it knows who is signed in and the token that its changes must carry."""
    session = request.state.session
    common = {"person": session.person if session else None, "csrf": request.state.csrf}
    return _templates.TemplateResponse(request, template, {**common, **values}, status)
