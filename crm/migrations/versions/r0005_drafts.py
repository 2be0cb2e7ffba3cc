"""Drafts with what was decided on them, and the style that people set."""

import sqlalchemy as sa
from alembic import op

from crm.models import UtcDateTime

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('drafts',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('schema_version', sa.Integer(), nullable=False),
    sa.Column('payload', sa.JSON(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('author_id', sa.Integer(), nullable=True),
    sa.Column('recipient', sa.String(), nullable=False),
    sa.Column('contact_id', sa.Integer(), nullable=True),
    sa.Column('account_id', sa.Integer(), nullable=True),
    sa.Column('opportunity_id', sa.Integer(), nullable=True),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('decided_at', UtcDateTime(), nullable=True),
    sa.Column('decided_by', sa.String(), nullable=True),
    sa.Column('final_subject', sa.String(), nullable=True),
    sa.Column('final_body', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('difference', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('distance', sa.Double(), nullable=True),
    sa.Column('learned', sa.JSON(none_as_null=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_drafts_account_id')),
    sa.ForeignKeyConstraint(['author_id'], ['users.id'], name=op.f('fk_drafts_author_id')),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_drafts_contact_id')),
    sa.ForeignKeyConstraint(['opportunity_id'], ['opportunities.id'], name=op.f('fk_drafts_opportunity_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_drafts_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_drafts'))
    )
    op.create_index('ix_drafts_author', 'drafts', ['author_id', 'language', 'decided_at'], unique=False)
    op.create_index('ix_drafts_created_at', 'drafts', ['created_at'], unique=False)
    op.create_index('ix_drafts_user_id_status', 'drafts', ['user_id', 'status'], unique=False)
    op.create_table('style_facts',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('aspect', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('value', sa.String(), nullable=False),
    sa.Column('is_removed', sa.Boolean(), nullable=False),
    sa.Column('set_at', UtcDateTime(), nullable=False),
    sa.Column('set_by', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_style_facts')),
    sa.UniqueConstraint('subject', 'language', 'aspect', 'key', name=op.f('uq_style_facts_subject_language_aspect_key'))
    )


def downgrade() -> None:
    op.drop_table('style_facts')
    op.drop_table('drafts')
