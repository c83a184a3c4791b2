"""People and sessions as the database keeps them."""

from datetime import UTC, datetime

from bot.api.sessions import ABSOLUTE_MS, Person, Session
from bot.db.base import SessionFactory, unit_of_work
from bot.db.repositories import Audit, Sessions, Tokens, Users
from bot.security.audit import link


class DatabasePeople:
    """Implements `sessions.People`; each call is one transaction, and coming and going leaves an audit row."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    async def any_person(self) -> bool:
        """Say whether anybody can sign in yet."""
        async with unit_of_work(self._sessions) as work:
            return await Users(work).any()

    async def find(self, name: str) -> Person | None:
        """Give the person of that name."""
        if "\0" in name:  # PostgreSQL has no such text, so nobody has such a name.
            return None
        async with unit_of_work(self._sessions) as work:
            user = await Users(work).by_name(name)
            return None if user is None else Person(user.id, user.name, user.password_hash)

    async def add(self, name: str, password_hash: str) -> Person:
        """Add a person; AlreadyThere when the name is taken."""
        async with unit_of_work(self._sessions) as work:
            user = await Users(work).create(name, password_hash)
            await Audit(work, link).append(name, "user.created", f"user:{name}")
            return Person(user.id, user.name, user.password_hash)

    async def open_session(self, session: Session) -> None:
        """Keep a new session, and forget those past their end."""
        now, end = moment(session.created_ms), moment(session.created_ms + ABSOLUTE_MS)
        async with unit_of_work(self._sessions) as work:
            await Sessions(work).expire(now=now)
            await Sessions(work).create(session.token_hash, session.person_id, now=now, expires_at=end)
            await Audit(work, link).append(session.person, "session.opened", f"user:{session.person}", at=now)

    async def session(self, token_hash: str) -> Session | None:
        """Give the session with this hash, however old."""
        async with unit_of_work(self._sessions) as work:
            found = await Sessions(work).find(token_hash, now=moment(0))
            if found is None:
                return None
            login, user = found
            return Session(token_hash, user.id, user.name, millis(login.created_at), millis(login.seen_at))

    async def touch(self, token_hash: str, seen_ms: int) -> None:
        """Note the time of the last visit."""
        async with unit_of_work(self._sessions) as work:
            await Sessions(work).touch(token_hash, now=moment(seen_ms))

    async def close_session(self, token_hash: str) -> None:
        """Forget a session; harmless when it is gone."""
        async with unit_of_work(self._sessions) as work:
            await Sessions(work).delete(token_hash)

    async def scraper(self, token_hash: str, now_ms: int) -> bool:
        """Say whether a token for reading figures has this hash, and note that it was used."""
        async with unit_of_work(self._sessions) as work:
            return await Tokens(work).use(token_hash, now=moment(now_ms))


def moment(time_ms: int) -> datetime:
    """Give the aware time of ms UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def millis(when: datetime) -> int:
    """Give ms UTC of an aware time."""
    return round(when.timestamp() * 1000)
