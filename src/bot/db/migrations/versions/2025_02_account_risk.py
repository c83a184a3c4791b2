"""Remember where an account stands, so that its drawdown and its day outlive a restart.

Revision: 2025_02
"""

from alembic import op

revision = "2025_02"
down_revision: str | None = "2025_01"
branch_labels: str | None = None
depends_on: str | None = None

LEDGERS = ("public", "rehearsal", "live")

ACCOUNT_RISK = """
CREATE TABLE {schema}.account_risk (
    account_id bigint NOT NULL REFERENCES public.accounts (id),
    quote text NOT NULL,
    peak_equity double precision NOT NULL CHECK (peak_equity > '-Infinity' AND peak_equity < 'Infinity'),
    day_equity double precision NOT NULL CHECK (day_equity > '-Infinity' AND day_equity < 'Infinity'),
    marked_ms bigint NOT NULL,
    PRIMARY KEY (account_id, quote)
)
"""


def upgrade() -> None:
    """Make the table in each ledger."""
    for schema in LEDGERS:
        op.execute(ACCOUNT_RISK.format(schema=schema))


def downgrade() -> None:
    """Remove it."""
    for schema in LEDGERS:
        op.execute(f"DROP TABLE {schema}.account_risk")
