"""Usage: questions and tokens of each person, by day and model."""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('usage',
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('model', sa.String(), nullable=False),
    sa.Column('questions', sa.Integer(), nullable=False),
    sa.Column('calls', sa.Integer(), nullable=False),
    sa.Column('failed', sa.Integer(), nullable=False),
    sa.Column('tokens_in', sa.BigInteger(), nullable=False),
    sa.Column('tokens_out', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('person', 'day', 'model', name=op.f('pk_usage'))
    )
    op.create_index('ix_usage_day', 'usage', ['day'])


def downgrade() -> None:
    op.drop_table('usage')
