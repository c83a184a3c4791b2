"""Find the newest facts of a kind without reading all the others, however long the history is.

Revision: 2025_08
"""

from alembic import op

revision = "2025_08"
down_revision: str | None = "2025_07"
branch_labels: str | None = None
depends_on: str | None = None

LEDGERS = ("public", "rehearsal", "live")

# What recovery asks for, and no more: an order's own facts would pay for the rest at every intent.
INDEXES = """
CREATE INDEX facts_of_income_and_trips ON {schema}.facts (account_id, kind, id) WHERE kind IN ('income', 'trip');
CREATE INDEX facts_of_protection ON {schema}.facts (account_id, (body->>'strategy_id'), id) WHERE kind = 'protection';
"""

BACK = """
DROP INDEX {schema}.facts_of_protection;
DROP INDEX {schema}.facts_of_income_and_trips;
"""


def upgrade() -> None:
    """Index the kinds that recovery asks for, in each ledger."""
    for schema in LEDGERS:
        op.execute(INDEXES.format(schema=schema))


def downgrade() -> None:
    """Remove the indexes."""
    for schema in LEDGERS:
        op.execute(BACK.format(schema=schema))
