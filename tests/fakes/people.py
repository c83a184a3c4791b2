"""People and sessions in memory."""

from dataclasses import replace

from bot.api.sessions import Person, Session
from bot.domain.errors import Unavailable


class FakePeople:
    """Implements `bot.api.sessions.People` in memory; `is_away` plays a database that does not answer."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.sessions: dict[str, Session] = {}
        self.scrapers: set[str] = set()
        self.questions = 0
        self.is_away = False

    async def any_person(self) -> bool:
        self._answer()
        return bool(self.people)

    async def find(self, name: str) -> Person | None:
        self._answer()
        return self.people.get(name)

    async def add(self, name: str, password_hash: str) -> Person:
        self._answer()
        self.people[name] = Person(len(self.people) + 1, name, password_hash)
        return self.people[name]

    async def open_session(self, session: Session) -> None:
        self.sessions[session.token_hash] = session

    async def session(self, token_hash: str) -> Session | None:
        self._answer()
        return self.sessions.get(token_hash)

    async def scraper(self, token_hash: str, now_ms: int) -> bool:
        self._answer()
        return token_hash in self.scrapers

    async def touch(self, token_hash: str, seen_ms: int) -> None:
        self.sessions[token_hash] = replace(self.sessions[token_hash], seen_ms=seen_ms)

    async def close_session(self, token_hash: str) -> None:
        self.sessions.pop(token_hash, None)

    def _answer(self) -> None:
        self.questions += 1
        if self.is_away:
            raise Unavailable("the database does not answer; is it running?")
