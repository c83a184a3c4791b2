"""Short work on the database for commands: open, do, commit, let go."""

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.bootstrap import Roof


def with_session[T](roof: "Roof", work: "Callable[[AsyncSession], Awaitable[T]]") -> T:
    """Run one unit of work; Unavailable when the database does not answer."""
    from bot.db.base import unit_of_work  # noqa: PLC0415

    async def run() -> T:
        try:
            async with unit_of_work(roof.sessions) as session:
                return await work(session)
        finally:
            await roof.close()

    return asyncio.run(run())


async def note(session: "AsyncSession", action: str, subject: str, detail: Mapping[str, Any] | None = None) -> None:
    """Put on record who did what from the command line."""
    from bot.db.repositories import Audit  # noqa: PLC0415
    from bot.security.audit import link  # noqa: PLC0415

    await Audit(session, link).append(actor(), action, subject, detail)


def actor() -> str:
    """Name whoever types, as well as the system can: in a container there may be no name for a number."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError, ImportError):
        return f"cli:{os.getuid()}"
