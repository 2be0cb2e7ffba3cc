"""Indexes over lower-cased names and addresses, by which imports look up who is who."""

from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

# Index, table, column. SQLite and PostgreSQL share the syntax of an index over an expression.
LOOKUPS = (
    ("ix_contacts_email_lower", "contacts", "email"),
    ("ix_users_email_lower", "users", "email"),
    ("ix_accounts_name_lower", "accounts", "name"),
    ("ix_accounts_domain_lower", "accounts", "domain"),
    ("ix_aliases_name_lower", "aliases", "name"),
)


def upgrade() -> None:
    for index, table, column in LOOKUPS:
        op.execute(f"CREATE INDEX {index} ON {table} (lower({column}))")


def downgrade() -> None:
    for index, _, _ in LOOKUPS:
        op.execute(f"DROP INDEX {index}")
