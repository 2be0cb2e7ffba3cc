"""Private sources: which sources brought a conversation, and what people decided on it."""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('conversation_origins',
    sa.Column('conversation_id', sa.Integer(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_conversation_origins_conversation_id_conversations'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('conversation_id', 'source', name=op.f('pk_conversation_origins'))
    )
    op.create_index('ix_conversation_origins_source', 'conversation_origins', ['source'])
    op.add_column('conversations', sa.Column('kept_private', sa.Boolean(), nullable=True))
    op.add_column('source_states', sa.Column('is_private', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('source_states', sa.Column('owner_id', sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column('source_states', 'owner_id')
    op.drop_column('source_states', 'is_private')
    op.drop_column('conversations', 'kept_private')
    op.drop_table('conversation_origins')
