"""Live events for the pages, as server-sent events: see `api.schemas` for names and payloads."""

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import APIRouter, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from bot.api.sse import Hub

router = APIRouter(tags=["events"])


@router.get("/events", response_class=EventSourceResponse)
async def events(
    request: Request, last_event_id: Annotated[str, Header(max_length=64)] = ""
) -> AsyncIterator[ServerSentEvent]:
    """Tell the whole picture, then everything that happens; a comment each 15 s keeps the line open."""
    hub = cast("Hub", request.app.state.hub)
    async for frame in hub.listen(last_event_id):
        yield ServerSentEvent(raw_data=frame.data, event=frame.event, id=hub.event_id(frame))
