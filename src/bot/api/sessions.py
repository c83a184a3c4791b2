"""Who is at the door: people, their sessions, and how fast somebody may guess.

Sessions live on the server; the browser holds 256 random bits, we keep their hash. Times are ms UTC.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from bot.domain.errors import Misconfigured, Unavailable
from bot.security import tokens
from bot.security.passwords import Passwords, objection

FIRST_RUN_MS = 24 * 3_600_000
"""How long the console's one-time link opens the first login."""
IDLE_MS = 30 * 60_000
ABSOLUTE_MS = 12 * 3_600_000
TOUCH_MS = 60_000
"""How stale the time of the last visit may get before it is written again."""
REMEMBER_MS = 3_000
"""How long an answer about a session or a scraper's token is believed without asking the database again."""
REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in."""

    id: int
    name: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser."""

    token_hash: str
    person_id: int
    person: str
    created_ms: int
    seen_ms: int

    def is_over(self, now_ms: int) -> bool:
        """True after 30 idle minutes or 12 hours."""
        return now_ms - self.seen_ms > IDLE_MS or now_ms - self.created_ms > ABSOLUTE_MS


class People(Protocol):
    """Where people and sessions are kept. Raises Unavailable when that place is away."""

    async def any_person(self) -> bool:
        """Say whether anybody can sign in yet."""
        ...

    async def find(self, name: str) -> Person | None:
        """Give the person of that name."""
        ...

    async def add(self, name: str, password_hash: str) -> Person:
        """Add a person."""
        ...

    async def open_session(self, session: Session) -> None:
        """Keep a new session."""
        ...

    async def session(self, token_hash: str) -> Session | None:
        """Give the session with this hash."""
        ...

    async def touch(self, token_hash: str, seen_ms: int) -> None:
        """Note the time of the last visit."""
        ...

    async def close_session(self, token_hash: str) -> None:
        """Forget a session; harmless when it is gone."""
        ...

    async def scraper(self, token_hash: str, now_ms: int) -> bool:
        """Say whether a token for reading figures has this hash, and note that it was used."""
        ...


class Remembered[T]:
    """What the database said some seconds ago at most, by hash of a token."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._kept: dict[str, tuple[int, T]] = {}

    def get(self, token_hash: str) -> T | None:
        """Give what is remembered, None when that is nothing, or too old."""
        at_ms, value = self._kept.get(token_hash, (0, None))
        return value if 0 <= self._now_ms() - at_ms < REMEMBER_MS else None

    def keep(self, token_hash: str, value: T) -> None:
        """Remember an answer; one that is remembered already keeps its age."""
        if self.get(token_hash) is None:
            self._kept.pop(token_hash, None)
            self._kept[token_hash] = (self._now_ms(), value)
            while len(self._kept) > REMEMBERED:
                del self._kept[next(iter(self._kept))]

    def forget(self, token_hash: str) -> None:
        """Ask again next time."""
        self._kept.pop(token_hash, None)


class Doorman:
    """Signs people in and out, and knows who is in.

    A page asks many times a second; the database is asked at most once in `REMEMBER_MS`. Signing out here counts at
    once, a session that ended in another process may live on for that long.
    """

    def __init__(
        self,
        people: People,
        now_ms: Callable[[], int],
        first_run_token_hash: str | None = None,
        passwords: Passwords | None = None,
    ) -> None:
        self._people = people
        self._now_ms = now_ms
        self._passwords = passwords or Passwords()
        self._first_run_token_hash = first_run_token_hash
        self._first_run_ends_ms = now_ms() + FIRST_RUN_MS
        self._first_run = asyncio.Lock()
        self._sessions: Remembered[Session] = Remembered(now_ms)
        self._ended: Remembered[bool] = Remembered(now_ms)
        self._scrapers: Remembered[bool] = Remembered(now_ms)
        # One hash keeps a core busy for a third of a second: a flood of guesses must not take the trading's cores.
        self._hashing = asyncio.Semaphore(2)
        self._waiting = 0

    async def needs_first_person(self) -> bool:
        """True until somebody has set a password."""
        return not await self._people.any_person()

    def opens_first_run(self, token: str) -> bool:
        """Say whether this is the one-time token that the console printed, and not too old."""
        return self._is_first_run_token(token) and not self._is_first_run_over()

    def missed_first_run(self, token: str) -> bool:
        """Say whether this is the console's token, but too late."""
        return self._is_first_run_token(token) and self._is_first_run_over()

    async def add_first_person(self, name: str, password: str) -> Person | None:
        """Create the first person, or None when somebody was faster. Misconfigured when the password is too weak."""
        if problem := objection(password, name):
            raise Misconfigured(problem)
        async with self._first_run:
            if await self._people.any_person():
                return None
            hashed = await self._in_thread(self._passwords.hash, password)
            person = await self._people.add(name, hashed)
            self._first_run_token_hash = None
            return person

    async def recognise(self, name: str, password: str) -> Person | None:
        """Give the person whose password this is. An unknown name takes as long as a wrong password."""
        person = await self._people.find(name)
        stored = person.password_hash if person else None
        verdict = await self._in_thread(self._passwords.verify, password, stored)
        return person if verdict.is_right else None

    async def sign_in(self, person: Person, old_token: str | None) -> str:
        """Open a fresh session and give its token; the browser's earlier session ends."""
        if old_token:
            await self.sign_out(old_token)
        token, now = tokens.new_token(), self._now_ms()
        await self._people.open_session(Session(tokens.token_hash(token), person.id, person.name, now, now))
        return token

    async def sign_out(self, token: str) -> None:
        """End a session."""
        hashed = tokens.token_hash(token)
        self._ended.keep(hashed, True)  # an answer that is under way now may still call it alive
        self._sessions.forget(hashed)
        await self._people.close_session(hashed)

    async def session(self, token: str, *, is_visit: bool) -> Session | None:
        """Give the live session of a token. Only a visit keeps it alive: a page that refreshes itself does not."""
        hashed = tokens.token_hash(token)
        session = self._sessions.get(hashed)
        if session is None:
            session = await self._people.session(hashed)
        now = self._now_ms()
        if session is None or self._ended.get(hashed):
            return None
        if session.is_over(now):
            self._sessions.forget(hashed)
            await self._people.close_session(hashed)
            return None
        if is_visit and now - session.seen_ms > TOUCH_MS:
            await self._people.touch(hashed, now)
            session = replace(session, seen_ms=now)
            self._sessions.forget(hashed)
        self._sessions.keep(hashed, session)
        return session

    async def is_scraper(self, token: str) -> bool:
        """Say whether this token may read the figures for Prometheus. A wrong one is asked about each time."""
        hashed = tokens.token_hash(token)
        if self._scrapers.get(hashed):
            return True
        if not await self._people.scraper(hashed, self._now_ms()):
            return False
        self._scrapers.keep(hashed, True)
        return True

    def _is_first_run_token(self, token: str) -> bool:
        known = self._first_run_token_hash
        return known is not None and tokens.is_token(token, known)

    def _is_first_run_over(self) -> bool:
        return self._now_ms() >= self._first_run_ends_ms

    async def _in_thread[**P, R](self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self._waiting >= 8:
            raise Unavailable("too many people are signing in at once; try again in a few seconds")
        self._waiting += 1
        try:
            async with self._hashing:
                return await asyncio.to_thread(work, *args, **kwargs)
        finally:
            self._waiting -= 1


class Patience:
    """Makes guessing slow: after three failures the wait doubles, per user name and per address, up to a minute."""

    FREE = 3
    LONGEST_S = 60.0
    FORGET_S = 900.0
    KEPT = 10_000

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failures: dict[str, tuple[int, float]] = {}

    def wait_s(self, *keys: str) -> float:
        """Give the seconds until the next attempt is looked at; 0 when now."""
        now = self._monotonic()
        return max(0.0, *(self._ready_at(key) - now for key in keys))

    def note_attempt(self, *keys: str) -> None:
        """Count an attempt before it is checked, so that parallel guesses count too."""
        now = self._monotonic()
        for key in keys:
            count, at = self._failures.pop(key, (0, now))
            self._failures[key] = (1 if now - at > self.FORGET_S else count + 1, now)
        while len(self._failures) > self.KEPT:
            del self._failures[next(iter(self._failures))]

    def forgive(self, *keys: str) -> None:
        """Forget the attempts: it was the right password."""
        for key in keys:
            self._failures.pop(key, None)

    def _ready_at(self, key: str) -> float:
        count, at = self._failures.get(key, (0, 0.0))
        if count < self.FREE:
            return 0.0
        return at + min(2.0 ** (count - self.FREE), self.LONGEST_S)
