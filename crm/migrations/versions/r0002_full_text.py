"""Full text over the passages' terms: FTS5 on SQLite, a tsvector column on PostgreSQL."""

from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

SQLITE_UP = (
    # External content: the terms are stored once, in passages; the triggers keep the index true.
    """CREATE VIRTUAL TABLE passage_terms USING fts5(
        terms, content='passages', content_rowid='id', tokenize="unicode61 remove_diacritics 0")""",
    """CREATE TRIGGER passages_after_insert AFTER INSERT ON passages BEGIN
        INSERT INTO passage_terms(rowid, terms) VALUES (new.id, new.terms);
    END""",
    """CREATE TRIGGER passages_after_delete AFTER DELETE ON passages BEGIN
        INSERT INTO passage_terms(passage_terms, rowid, terms)
        VALUES ('delete', old.id, old.terms);
    END""",
    """CREATE TRIGGER passages_after_update AFTER UPDATE OF id, terms ON passages BEGIN
        INSERT INTO passage_terms(passage_terms, rowid, terms)
        VALUES ('delete', old.id, old.terms);
        INSERT INTO passage_terms(rowid, terms) VALUES (new.id, new.terms);
    END""",
    "INSERT INTO passage_terms(passage_terms) VALUES ('rebuild')",
)
SQLITE_DOWN = (
    "DROP TRIGGER passages_after_update",
    "DROP TRIGGER passages_after_delete",
    "DROP TRIGGER passages_after_insert",
    "DROP TABLE passage_terms",
)
POSTGRES_UP = (
    """ALTER TABLE passages ADD COLUMN terms_vector tsvector
       GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, terms)) STORED""",
    "CREATE INDEX ix_passages_terms_vector ON passages USING gin (terms_vector)",
)
POSTGRES_DOWN = (
    "DROP INDEX ix_passages_terms_vector",
    "ALTER TABLE passages DROP COLUMN terms_vector",
)


def upgrade() -> None:
    for statement in SQLITE_UP if _is_sqlite() else POSTGRES_UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in SQLITE_DOWN if _is_sqlite() else POSTGRES_DOWN:
        op.execute(statement)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == 'sqlite'
