"""The journal in memory, under the name that the tests know it by, and one in PostgreSQL that may be written to."""

from bot.db.base import Mode
from bot.db.journal import PostgresJournal
from bot.db.leases import PostgresLease
from bot.proof.journal import MemoryJournal

__all__ = ["MemoryJournal", "next_turn"]


async def next_turn(url: str, account_id: int, mode: Mode) -> PostgresJournal:
    """Give a journal of the newest turn at an account: those of former turns write nothing more."""
    lease = PostgresLease(url, account_id, mode)
    epoch = (await lease.acquire()).epoch
    await lease.release(epoch)
    await lease.close()
    return PostgresJournal(url, account_id, mode, epoch)
