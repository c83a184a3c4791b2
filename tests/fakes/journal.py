"""The journal in memory, under the name that the tests know it by."""

from bot.proof.journal import MemoryJournal

__all__ = ["MemoryJournal"]
