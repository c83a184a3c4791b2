"""The kill switch by HTTP: stops one account or all. It is lifted at the command line alone."""

import asyncio
from typing import Annotated

import structlog
from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.api import schemas
from bot.api.deps import Deps, DepsHere, Kill, SessionHere
from bot.db.repositories import Accounts, Audit, NotFound
from bot.domain.errors import BotError
from bot.security.audit import link

router = APIRouter(prefix="/kill", tags=["kill switch"])
log = structlog.get_logger()

AUDIT_S = 2.0
"""How long the database may keep an answer back: what was asked for is done already."""


class Asked(BaseModel):
    """What to stop: one account by name, or all of them. `flatten` also closes what strategies hold, at market."""

    model_config = ConfigDict(extra="forbid", strict=True)

    why: Annotated[str, Field(max_length=500)] = "stopped on the dashboard"
    account: Annotated[str, Field(max_length=64)] = ""
    flatten: bool = False


@router.get("")
async def state(deps: DepsHere) -> list[schemas.KillNote]:
    """Give what is stopped, by whom and why; an empty list while nothing is."""
    return [schemas.KillNote.model_validate(note) for note in _switch(deps).notes()]


@router.post("")
async def engage(request: Request, deps: DepsHere, session: SessionHere, asked: Asked) -> schemas.KillNote:
    """Stop sending at once and cancel open orders. Who did it is written to the audit trail, if there is one."""
    switch = _switch(deps)
    if asked.account:
        await _refuse_unknown(session, asked.account)
    signed_in = getattr(request.state, "session", None)
    person = signed_in.person if signed_in else "dashboard"
    note = switch.engage(person, asked.why, asked.account, flatten=asked.flatten)
    await _note(session, person, asked)
    if not switch.is_written(note):
        raise HTTPException(503, "the switch holds in this process alone, its file cannot be written; try: bot panic")
    return schemas.KillNote.model_validate(note)


def _switch(deps: Deps) -> Kill:
    if deps.kill is None:
        raise HTTPException(503, "this dashboard has no kill switch; try: bot panic")
    return deps.kill


async def _refuse_unknown(session: AsyncSession, account: str) -> None:
    try:
        async with asyncio.timeout(AUDIT_S):
            await Accounts(session).by_name(account)
    except NotFound:
        raise
    except (SQLAlchemyError, BotError, OSError) as error:
        log.warning("kill_switch.unchecked", account=account, reason=type(error).__name__)


async def _note(session: AsyncSession, person: str, asked: Asked) -> None:
    detail = {"account": asked.account, "why": asked.why, "flatten": asked.flatten}
    try:
        async with asyncio.timeout(AUDIT_S):
            await Audit(session, link).append(person, "kill_switch.engaged", asked.account or "all", detail)
            await session.commit()
    except (SQLAlchemyError, BotError, OSError) as error:
        log.error("kill_switch.not_audited", person=person, reason=type(error).__name__, **detail)
