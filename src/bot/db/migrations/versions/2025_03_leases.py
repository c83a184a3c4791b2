"""Let one process at a time send the orders of an account.

Revision: 2025_03
"""

from alembic import op

revision = "2025_03"
down_revision: str | None = "2025_02"
branch_labels: str | None = None
depends_on: str | None = None

LEASES = """
CREATE TABLE public.leases (
    account_id bigint NOT NULL REFERENCES public.accounts (id) ON DELETE CASCADE,
    mode text NOT NULL CHECK (mode IN ('paper', 'rehearsal', 'live')),
    epoch bigint NOT NULL CHECK (epoch >= first_epoch),
    first_epoch bigint NOT NULL CHECK (first_epoch > 0),
    holder text NOT NULL,
    host text NOT NULL,
    renewed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, mode)
);
COMMENT ON TABLE public.leases IS 'Who may send the orders of an account; each acquisition has an epoch of its own.';
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(LEASES)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE public.leases")
