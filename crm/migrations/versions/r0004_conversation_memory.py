"""Conversation memory: sources, voices, words, identities, notes, and rows gone at the source."""

import sqlalchemy as sa
from alembic import op

from crm.models import UtcDateTime

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

SOURCED = (
    'accounts',
    'activities',
    'amount_changes',
    'cases',
    'close_date_changes',
    'contacts',
    'conversations',
    'leads',
    'opportunities',
    'opportunity_contacts',
    'opportunity_lines',
    'price_book_entries',
    'price_books',
    'products',
    'quotas',
    'quotes',
    'stage_changes',
    'stages',
    'teams',
    'territories',
    'users',
)
NEW_TABLES = ('heard_parts', 'identity_decisions', 'source_states', 'field_proposals', 'identity_questions', 'note_sets', 'notes', 'voice_names', 'pending_recordings')


def upgrade() -> None:
    for table in SOURCED:
        op.add_column(table, sa.Column('deleted_at', UtcDateTime(), nullable=True))
    op.add_column('participants', sa.Column('phone', sa.String(), nullable=True))
    op.add_column('segments', sa.Column('voice', sa.String(), nullable=True))
    op.add_column('segments', sa.Column('confidence', sa.Double(), nullable=True))
    op.add_column('segments', sa.Column('words', sa.JSON(none_as_null=True), nullable=True))
    op.create_table('heard_parts',
    sa.Column('recording', sa.String(), nullable=False),
    sa.Column('part', sa.Integer(), nullable=False),
    sa.Column('heard', sa.JSON(), nullable=False),
    sa.Column('stored_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('recording', 'part', name=op.f('pk_heard_parts'))
    )
    op.create_table('identity_decisions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('entity', sa.String(), nullable=False),
    sa.Column('entity_id', sa.Integer(), nullable=True),
    sa.Column('basis', sa.String(), nullable=False),
    sa.Column('confidence', sa.Double(), nullable=False),
    sa.Column('decided_by', sa.String(), nullable=False),
    sa.Column('decided_at', UtcDateTime(), nullable=False),
    sa.Column('undone_by', sa.String(), nullable=True),
    sa.Column('undone_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_identity_decisions'))
    )
    op.create_index('ix_identity_decisions_key', 'identity_decisions', ['key'], unique=False)
    op.create_table('source_states',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('cursor', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('started_at', UtcDateTime(), nullable=True),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.Column('succeeded_at', UtcDateTime(), nullable=True),
    sa.Column('newest_at', UtcDateTime(), nullable=True),
    sa.Column('read', sa.Integer(), nullable=False),
    sa.Column('created', sa.Integer(), nullable=False),
    sa.Column('updated', sa.Integer(), nullable=False),
    sa.Column('unchanged', sa.Integer(), nullable=False),
    sa.Column('deleted', sa.Integer(), nullable=False),
    sa.Column('rejected', sa.Integer(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('error', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_source_states'))
    )
    op.create_table('field_proposals',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('conversation_id', sa.Integer(), nullable=False),
    sa.Column('entity', sa.String(), nullable=False),
    sa.Column('entity_id', sa.Integer(), nullable=False),
    sa.Column('field', sa.String(), nullable=False),
    sa.Column('old_value', sa.String(), nullable=True),
    sa.Column('new_value', sa.String(), nullable=False),
    sa.Column('detail', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('segments', sa.JSON(), nullable=False),
    sa.Column('confidence', sa.Double(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('made_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_field_proposals_conversation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_field_proposals'))
    )
    op.create_index('ix_field_proposals_conversation_id', 'field_proposals', ['conversation_id'], unique=False)
    op.create_index('ix_field_proposals_entity', 'field_proposals', ['entity', 'entity_id'], unique=False)
    op.create_index('ix_field_proposals_status', 'field_proposals', ['status'], unique=False)
    op.create_table('identity_questions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('email', sa.String(), nullable=True),
    sa.Column('phone', sa.String(), nullable=True),
    sa.Column('conversation_id', sa.Integer(), nullable=False),
    sa.Column('candidates', sa.JSON(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('asked_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_identity_questions_conversation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_identity_questions')),
    sa.UniqueConstraint('key', name=op.f('uq_identity_questions_key'))
    )
    op.create_index('ix_identity_questions_conversation_id', 'identity_questions', ['conversation_id'], unique=False)
    op.create_index('ix_identity_questions_status', 'identity_questions', ['status'], unique=False)
    op.create_table('note_sets',
    sa.Column('conversation_id', sa.Integer(), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.Column('maker', sa.String(), nullable=False),
    sa.Column('language', sa.String(), nullable=True),
    sa.Column('made_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_note_sets_conversation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('conversation_id', name=op.f('pk_note_sets'))
    )
    op.create_table('notes',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('conversation_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('text', sa.String(), nullable=False),
    sa.Column('speaker', sa.String(), nullable=True),
    sa.Column('side', sa.String(), nullable=True),
    sa.Column('due_on', sa.Date(), nullable=True),
    sa.Column('start_ms', sa.Integer(), nullable=True),
    sa.Column('end_ms', sa.Integer(), nullable=True),
    sa.Column('segments', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_notes_conversation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notes'))
    )
    op.create_index('ix_notes_conversation', 'notes', ['conversation_id', 'position'], unique=False)
    op.create_table('voice_names',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('conversation_id', sa.Integer(), nullable=False),
    sa.Column('voice', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('confidence', sa.Double(), nullable=False),
    sa.Column('basis', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_voice_names_conversation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_voice_names')),
    sa.UniqueConstraint('conversation_id', 'voice', name=op.f('uq_voice_names_conversation_id_voice'))
    )
    op.create_table('pending_recordings',
    sa.Column('path', sa.String(), nullable=False),
    sa.Column('sidecar', sa.String(), nullable=True),
    sa.Column('key', sa.String(), nullable=True),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('found_at', UtcDateTime(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('error', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('path', name=op.f('pk_pending_recordings'))
    )
    op.create_index('ix_pending_recordings_source', 'pending_recordings', ['source'], unique=False)


def downgrade() -> None:
    for table in reversed(NEW_TABLES):
        op.drop_table(table)
    for column in ('words', 'confidence', 'voice'):
        op.drop_column('segments', column)
    op.drop_column('participants', 'phone')
    for table in SOURCED:
        op.drop_column(table, 'deleted_at')
