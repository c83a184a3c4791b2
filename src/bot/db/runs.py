"""Backtests that were kept, by name."""

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.models import Run
from bot.db.repositories import AlreadyThere, NotFound


class Kept(NamedTuple):
    """A run that was kept, without its curve and its pictures."""

    name: str
    created_at: datetime
    result: Mapping[str, Any]


class Runs:
    """Kept runs. What they say is what the report of a backtest says: a result, and pictures for its page."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, name: str, result: Mapping[str, Any], pictures: Mapping[str, Any]) -> None:
        """Keep a run; AlreadyThere when the name is taken."""
        packed = gzip.compress(json.dumps(pictures, separators=(",", ":")).encode(), mtime=0)
        row = Run(name=name, strategy=result["strategy"], result=dict(result), pictures=packed)
        try:
            async with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", "") != "23505":
                raise
            raise taken(name) from None

    async def has(self, name: str) -> bool:
        """Say whether a name is taken."""
        return await self._session.scalar(select(Run.id).where(Run.name == name)) is not None

    async def list(self) -> Sequence[Kept]:
        """Give all that are kept, newest first."""
        rows = await self._session.execute(
            select(Run.name, Run.created_at, Run.result.op("-")("curve")).order_by(Run.created_at.desc(), Run.id.desc())
        )
        return [Kept(*row) for row in rows]

    async def result(self, name: str) -> dict[str, Any]:
        """Give what a run came to, with its curve."""
        return dict((await self._row(name)).result)

    async def whole(self, name: str) -> dict[str, Any]:
        """Give a run with its pictures, as its page wants it."""
        row = await self._row(name)
        return {**row.result, "pictures": json.loads(gzip.decompress(row.pictures))}

    async def remove(self, name: str) -> None:
        """Remove a run."""
        await self._session.delete(await self._row(name))
        await self._session.flush()

    async def _row(self, name: str) -> Run:
        row = await self._session.scalar(select(Run).where(Run.name == name))
        if row is None:
            raise NotFound(f"no run named {name!r} is kept; see: bot backtest list")
        return row


def taken(name: str) -> AlreadyThere:
    """Give the refusal of a name that a run has already."""
    return AlreadyThere(f"a run named {name!r} is kept already; choose another name, or: bot backtest remove {name}")
