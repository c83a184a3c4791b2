"""Reads and writes of the configuration: accounts, strategies, people, sessions, the audit trail.

Each class works on a session that its caller opens and commits: `async with unit_of_work(factory) as session`.
What strategies did (orders, fills, trades) is written by the journal alone.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import Mode, schema_of
from bot.db.models import Account, ApiToken, AuditEntry, LoginSession, Strategy, User
from bot.domain.errors import Misconfigured

Environment = Literal["production", "testnet", "demo", "emulator"]
Link = Callable[[str, Mapping[str, object]], str]
"""Makes an audit row's hash of the hash before it and the row's values."""

PAPER_FUNDS: Mapping[str, str] = {"USDT": "10000"}
USED_AGAIN = timedelta(minutes=1)
"""How stale the time of a token's last use may get before it is written again."""
_AUDIT_TURN = 7265460174


class NotFound(Misconfigured):
    """There is no such thing."""


class AlreadyThere(Misconfigured):
    """The name is taken."""


class InUse(Misconfigured):
    """It has a history or something depends on it, so it stays."""


class Accounts:
    """Binance accounts. Keys arrive sealed; nothing here can read them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(
        self,
        name: str,
        *,
        environment: Environment = "testnet",
        api_key_enc: str | None = None,
        api_secret_enc: str | None = None,
        paper_funds: Mapping[str, str] = PAPER_FUNDS,
    ) -> Account:
        """Add an account; AlreadyThere when the name is taken."""
        account = Account(
            name=name,
            environment=environment,
            testnet=environment != "production",
            api_key_enc=api_key_enc,
            api_secret_enc=api_secret_enc,
            paper_funds=dict(paper_funds),
        )
        await _add(self._session, account, f"an account named {name!r} exists already; choose another name")
        return account

    async def list(self) -> Sequence[Account]:
        """Give all accounts, oldest first."""
        return (await self._session.scalars(select(Account).order_by(Account.id))).all()

    async def get(self, account_id: int) -> Account:
        """Give an account by id."""
        account = await self._session.get(Account, account_id)
        if account is None:
            raise NotFound(f"there is no account with id {account_id}; see: bot account list")
        return account

    async def by_name(self, name: str) -> Account:
        """Give an account by name."""
        account = await self._session.scalar(select(Account).where(Account.name == name))
        if account is None:
            raise NotFound(f"there is no account named {name!r}; see: bot account list")
        return account

    async def rekey(self, account_id: int, *, api_key_enc: str, api_secret_enc: str) -> None:
        """Keep another sealed key and secret in place of those that were there."""
        account = await self.get(account_id)
        account.api_key_enc, account.api_secret_enc = api_key_enc, api_secret_enc
        await self._session.flush()

    async def approve_live(self, account_id: int, sealed: str | None) -> None:
        """Keep the sealed approval of live trading, or take it back with None."""
        account = await self.get(account_id)
        account.live_approval_enc = sealed
        await self._session.flush()

    async def remove(self, account_id: int) -> None:
        """Remove an account that never had a strategy or an order; InUse otherwise."""
        account = await self.get(account_id)
        await _remove(
            self._session, account, f"account {account.name!r} has strategies or a history; remove its strategies first"
        )


class Strategies:
    """Strategies of accounts. A new one is off."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(
        self,
        account_id: int,
        name: str,
        config: Mapping[str, Any],
        *,
        title: str | None = None,
        market: Literal["spot", "futures"] = "spot",
        enabled: bool = False,
    ) -> Strategy:
        """Add a strategy of class `name`; its title (else: name and symbol) is unique within the account."""
        label = title or f"{name} {config.get('symbol', '')}".strip()
        strategy = Strategy(
            account_id=account_id, name=name, title=label, market=market, config=dict(config), enabled=enabled
        )
        await _add(
            self._session, strategy, f"the account has a strategy titled {label!r} already; give another --title"
        )
        return strategy

    async def list(self, *, account_id: int | None = None, enabled: bool | None = None) -> Sequence[Strategy]:
        """Give strategies, oldest first."""
        wanted = select(Strategy).order_by(Strategy.id)
        if account_id is not None:
            wanted = wanted.where(Strategy.account_id == account_id)
        if enabled is not None:
            wanted = wanted.where(Strategy.enabled.is_(enabled))
        return (await self._session.scalars(wanted)).all()

    async def get(self, strategy_id: int) -> Strategy:
        """Give a strategy by id."""
        strategy = await self._session.get(Strategy, strategy_id)
        if strategy is None:
            raise NotFound(f"there is no strategy with id {strategy_id}; see: bot strategy list")
        return strategy

    async def find(self, words: str) -> Strategy:
        """Give a strategy by what a person types: its id, its title, or `account/title`."""
        if words.isdecimal():
            return await self.get(int(words))
        account, _, title = words.rpartition("/")
        wanted = select(Strategy).where(Strategy.title == title)
        if account:
            wanted = wanted.join(Account, Account.id == Strategy.account_id).where(Account.name == account)
        found = (await self._session.scalars(wanted.limit(2))).all()
        if not found:
            raise NotFound(f"there is no strategy {words!r}; see: bot strategy list")
        if len(found) > 1:
            raise NotFound(f"several accounts have a strategy {title!r}; write account/{title}, or its id")
        return found[0]

    async def configure(self, strategy_id: int, config: Mapping[str, Any]) -> None:
        """Replace a strategy's configuration."""
        (await self.get(strategy_id)).config = dict(config)
        await self._session.flush()

    async def enable(self, strategy_id: int) -> None:
        """Let a strategy trade. One that had been stopped starts anew: its drawdown is measured from now on."""
        strategy = await self.get(strategy_id)
        strategy.enabled = True
        strategy.stopped_reason = ""
        await self._session.flush()
        for mode in Mode:
            await self._session.execute(
                text(
                    f"UPDATE {schema_of(mode)}.risk_state SET stopped = '', stopped_ms = NULL, peak_equity = NULL "  # noqa: S608
                    "WHERE strategy_id = :id AND stopped <> ''"
                ),
                {"id": strategy_id},
            )

    async def disable(self, strategy_id: int) -> None:
        """Switch a strategy off."""
        (await self.get(strategy_id)).enabled = False
        await self._session.flush()

    async def remove(self, strategy_id: int) -> None:
        """Remove a strategy that never ran; InUse otherwise, because its history is money's history."""
        strategy = await self.get(strategy_id)
        await _remove(
            self._session, strategy, f"strategy {strategy.title!r} has a history, which is kept; disable it instead"
        )


class Users:
    """People who may log in."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def any(self) -> bool:
        """Say whether anybody may log in yet."""
        return await self._session.scalar(select(User.id).limit(1)) is not None

    async def create(self, name: str, password_hash: str) -> User:
        """Add a person; AlreadyThere when the name is taken."""
        user = User(name=name, password_hash=password_hash)
        await _add(self._session, user, f"a user named {name!r} exists already; choose another name")
        return user

    async def by_name(self, name: str) -> User | None:
        """Give a person, None when unknown: the caller must answer both alike."""
        return await self._session.scalar(select(User).where(User.name == name))

    async def set_password(self, name: str, password_hash: str) -> None:
        """Change a password and end all of that person's logins."""
        user = await self.by_name(name)
        if user is None:
            raise NotFound(f"there is no user named {name!r}")
        user.password_hash = password_hash
        await self._session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
        await self._session.flush()


class Sessions:
    """Logins, found by the hash of their token."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(self, token_hash: str, user_id: int, *, now: datetime, expires_at: datetime) -> LoginSession:
        """Begin a login."""
        login = LoginSession(token_hash=token_hash, user_id=user_id, created_at=now, seen_at=now, expires_at=expires_at)
        self._session.add(login)
        await self._session.flush()
        return login

    async def find(self, token_hash: str, *, now: datetime) -> tuple[LoginSession, User] | None:
        """Give a login that has not expired, with its person."""
        found = await self._session.execute(
            select(LoginSession, User)
            .join(User, User.id == LoginSession.user_id)
            .where(LoginSession.token_hash == token_hash, LoginSession.expires_at > now)
        )
        row = found.first()
        return None if row is None else (row[0], row[1])

    async def touch(self, token_hash: str, *, now: datetime) -> None:
        """Note the last visit."""
        await self._session.execute(
            update(LoginSession).where(LoginSession.token_hash == token_hash).values(seen_at=now)
        )

    async def delete(self, token_hash: str) -> None:
        """End a login; harmless when it is gone."""
        await self._session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash))

    async def expire(self, *, now: datetime) -> int:
        """Forget logins past their end, and say how many."""
        gone = await self._session.execute(
            delete(LoginSession).where(LoginSession.expires_at <= now).returning(LoginSession.id)
        )
        return len(gone.all())


class Tokens:
    """Tokens of programs that read the figures, found by their hash."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(self, name: str, token_hash: str) -> ApiToken:
        """Add a token; AlreadyThere when the name is taken."""
        token = ApiToken(name=name, token_hash=token_hash)
        await _add(self._session, token, f"a token named {name!r} exists already; choose another name")
        return token

    async def list(self) -> Sequence[ApiToken]:
        """Give all tokens, oldest first."""
        return (await self._session.scalars(select(ApiToken).order_by(ApiToken.id))).all()

    async def use(self, token_hash: str, *, now: datetime) -> bool:
        """Say whether there is such a token, and note the time, to the minute."""
        token = await self._session.scalar(select(ApiToken).where(ApiToken.token_hash == token_hash))
        if token is None:
            return False
        if token.used_at is None or now - token.used_at >= USED_AGAIN:
            token.used_at = now
            await self._session.flush()
        return True

    async def remove(self, name: str) -> None:
        """Take a token back."""
        token = await self._session.scalar(select(ApiToken).where(ApiToken.name == name))
        if token is None:
            raise NotFound(f"there is no token named {name!r}; see: bot token list")
        await self._session.delete(token)
        await self._session.flush()


class Audit:
    """The trail of what people did, each row linked to the one before by `link`."""

    def __init__(self, session: AsyncSession, link: Link) -> None:
        self._session = session
        self._link = link

    async def append(
        self,
        actor: str,
        action: str,
        subject: str = "",
        detail: Mapping[str, Any] | None = None,
        *,
        at: datetime | None = None,
    ) -> AuditEntry:
        """Write a row at the end of the chain; writers take turns until they commit."""
        await self._session.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _AUDIT_TURN})
        newest = select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
        previous = await self._session.scalar(newest) or ""
        entry = AuditEntry(
            at=at or datetime.now(UTC),
            actor=actor,
            action=action,
            subject=subject,
            detail=dict(detail or {}),
            previous_hash=previous,
        )
        entry.hash = self._link(previous, audit_record(entry))
        self._session.add(entry)
        await self._session.flush()
        return entry

    async def list(self) -> Sequence[AuditEntry]:
        """Give the whole trail, oldest first."""
        return (await self._session.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()


def audit_record(entry: AuditEntry) -> dict[str, object]:
    """Give the values of an audit row that its hash covers."""
    return {
        "at": entry.at.astimezone(UTC).isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
    }


async def _add(session: AsyncSession, row: object, taken: str) -> None:
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", "") != "23505":
            raise
        raise AlreadyThere(taken) from None
    await session.refresh(row)


async def _remove(session: AsyncSession, row: object, kept: str) -> None:
    try:
        async with session.begin_nested():
            await session.delete(row)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", "") not in {"23503", "23001"}:
            raise
        raise InUse(kept) from None
