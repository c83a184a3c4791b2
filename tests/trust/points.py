"""Where the process may die, K01 to K30, and the names of those places."""

from typing import NamedTuple


class Death(NamedTuple):
    """Some rows of the catalogue, what has to hold after, and the kill points that stand there (or why there is none)."""

    rows: str
    where: str
    after: str
    points: tuple[str, ...]
    note: str = ""


DEATHS = (
    Death("K01–K06", "around the reservation, the intent and the attempt",
          "nothing was sent; the intent is void, or its outcome is asked for",
          ("callback.intents", "risk.reserved", "intent.tx_open", "intent.committed", "attempt.committed"),
          "intent, reservation and attempt are one transaction: K04 to K06 are one place, passed under two names"),
    Death("K07–K10", "around the first byte, the last byte and the reply", "UNKNOWN, fence, then adopted or proven absent",
          ("gate.checked", "wire.first_byte", "wire.last_byte", "reply.first_byte", "reply.parsed")),
    Death("K11–K14", "around the acknowledgement, events and folds", "a replay gives the same state; nothing is posted twice",
          ("ack.committed", "event.received", "event.journaled", "fold.positions", "fold.ledger")),
    Death("K15–K18", "in a strategy, around its state", "the candle is decided on once",
          ("callback.entered", "callback.intents", "strategy_state.committed")),
    Death("K19–K22", "around a cancel, and a cancel that races a fill", "`unknown order` is asked about, never assumed",
          ("cancel.intent", "cancel.wire", "cancel.ack", "stop.placed")),
    Death("K23–K26", "in a reconciliation", "it starts again and comes to the same",
          ("recon.started", "recon.page", "recon.repaired", "recon.ready")),
    Death("K27–K30", "while a file is replaced, a key rotated, the schema moved, at the end", "old or new, never half",
          ("snapshot.written", "snapshot.renamed", "migration.step", "shutdown.drain", "lease.renewed")),
)  # fmt: skip

ABSENT = {
    "keyring.row": "no command walks over the rows of the database to seal them anew: a key is added and retired in its "
    "file (`snapshot.written`, `snapshot.renamed`), and rows sealed by an older key stay as they are",
    "outbox.sent": "there are no notifications yet, so nothing waits to be told",
}
"""Names of the catalogue that do not exist in this product, and why."""
OWN_TEST = {"migration.step": "test_a_migration_that_was_killed_is_made_whole_by_the_next_one"}
"""Points that no life of a bot passes, with the test that kills there."""
SNAPSHOTS = "what is written and renamed are the sealed copy of the keys and the bot's sign of life"
