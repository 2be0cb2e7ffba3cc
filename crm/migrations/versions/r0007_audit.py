"""The audit trail: its head, its events, their details, and the people these are about."""

import sqlalchemy as sa
from alembic import op

from crm.models import UtcDateTime

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    head = op.create_table('audit_heads',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_heads'))
    )
    op.bulk_insert(head, [{'id': 1, 'seq': 0, 'digest': '0' * 64}])
    op.create_table('audit_events',
    sa.Column('seq', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('agent', sa.String(), nullable=True),
    sa.Column('action', sa.String(), nullable=False),
    sa.Column('object', sa.String(), nullable=False),
    sa.Column('read', sa.JSON(), nullable=False),
    sa.Column('saw', sa.JSON(), nullable=False),
    sa.Column('detail_digest', sa.String(), nullable=False),
    sa.Column('previous', sa.String(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_audit_events'))
    )
    for column in ('action', 'at', 'object', 'person'):
        op.create_index(op.f(f'ix_audit_events_{column}'), 'audit_events', [column])
    op.create_table('audit_details',
    sa.Column('seq', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('salt', sa.String(), nullable=False),
    sa.Column('body', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_audit_details'))
    )
    op.create_table('audit_subjects',
    sa.Column('seq', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('seq', 'address', name=op.f('pk_audit_subjects'))
    )
    op.create_index('ix_audit_subjects_address', 'audit_subjects', ['address'])
    for statement in _guards():
        op.execute(statement)


def _guards() -> list[str]:
    """Events are only ever added; the chain shows what gets past this."""
    if op.get_bind().dialect.name == 'sqlite':
        return [
            f"""CREATE TRIGGER audit_events_no_{what.lower()} BEFORE {what} ON audit_events BEGIN
                SELECT RAISE(ABORT, 'the audit trail is only added to'); END"""
            for what in ('UPDATE', 'DELETE')
        ]
    return [
        """CREATE FUNCTION audit_events_are_kept() RETURNS trigger AS $$
           BEGIN RAISE EXCEPTION 'the audit trail is only added to'; END $$ LANGUAGE plpgsql""",
        """CREATE TRIGGER audit_events_kept BEFORE UPDATE OR DELETE ON audit_events
           FOR EACH ROW EXECUTE FUNCTION audit_events_are_kept()""",
    ]


def downgrade() -> None:
    for table in ('audit_subjects', 'audit_details', 'audit_events', 'audit_heads'):
        op.drop_table(table)
    if op.get_bind().dialect.name != 'sqlite':
        op.execute('DROP FUNCTION audit_events_are_kept()')
