"""Side effects that wait for people, and the votes on them."""

import sqlalchemy as sa
from alembic import op

from crm.models import UtcDateTime

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('proposed_actions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('payload', sa.JSON(), nullable=False),
    sa.Column('payload_sha256', sa.String(), nullable=False),
    sa.Column('evidence', sa.JSON(), nullable=False),
    sa.Column('risk', sa.String(), nullable=False),
    sa.Column('rule', sa.String(), nullable=False),
    sa.Column('agent', sa.String(), nullable=True),
    sa.Column('proposer_id', sa.Integer(), nullable=True),
    sa.Column('assignee_id', sa.Integer(), nullable=True),
    sa.Column('account_id', sa.Integer(), nullable=True),
    sa.Column('opportunity_id', sa.Integer(), nullable=True),
    sa.Column('thread_id', sa.String(), nullable=True),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('decided_at', UtcDateTime(), nullable=True),
    sa.Column('claimed_until', UtcDateTime(), nullable=True),
    sa.Column('applied_at', UtcDateTime(), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('result', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('error', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_proposed_actions_account_id')),
    sa.ForeignKeyConstraint(['assignee_id'], ['users.id'], name=op.f('fk_proposed_actions_assignee_id')),
    sa.ForeignKeyConstraint(['opportunity_id'], ['opportunities.id'], name=op.f('fk_proposed_actions_opportunity_id')),
    sa.ForeignKeyConstraint(['proposer_id'], ['users.id'], name=op.f('fk_proposed_actions_proposer_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_proposed_actions')),
    sa.UniqueConstraint('key', name=op.f('uq_proposed_actions_key'))
    )
    op.create_index('ix_proposed_actions_status_expires_at', 'proposed_actions', ['status', 'expires_at'])
    op.create_index(op.f('ix_proposed_actions_assignee_id'), 'proposed_actions', ['assignee_id'])
    op.create_index(op.f('ix_proposed_actions_proposer_id'), 'proposed_actions', ['proposer_id'])
    op.create_table('action_votes',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('action_id', sa.Integer(), nullable=False),
    sa.Column('payload_sha256', sa.String(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('role', sa.String(), nullable=False),
    sa.Column('vote', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['action_id'], ['proposed_actions.id'], name=op.f('fk_action_votes_action_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_action_votes')),
    sa.UniqueConstraint('action_id', 'payload_sha256', 'person', name=op.f('uq_action_votes_action_id_payload_sha256_person'))
    )


def downgrade() -> None:
    op.drop_table('action_votes')
    op.drop_table('proposed_actions')
