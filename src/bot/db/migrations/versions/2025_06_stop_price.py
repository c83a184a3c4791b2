"""Keep at which price a stop order is set off: stops rest on the exchange now.

Revision: 2025_06
"""

from alembic import op

revision = "2025_06"
down_revision: str | None = "2025_05"
branch_labels: str | None = None
depends_on: str | None = None

LEDGERS = ("public", "rehearsal", "live")


def upgrade() -> None:
    """Add the column to each ledger."""
    for schema in LEDGERS:
        op.execute(f"ALTER TABLE {schema}.orders ADD COLUMN stop_price numeric(38, 18)")


def downgrade() -> None:
    """Remove it."""
    for schema in LEDGERS:
        op.execute(f"ALTER TABLE {schema}.orders DROP COLUMN stop_price")
