"""The tables; importing this package registers them all on `Base.metadata`."""

from crm.models.accounts import Account, Alias, Contact, Lead
from crm.models.approvals import ActionStatus, ActionVote, EffectKind, ProposedAction, Vote
from crm.models.audit import AuditDetail, AuditEvent, AuditHead, AuditSubject
from crm.models.base import Base, UtcDateTime
from crm.models.conversations import (
    Conversation,
    ConversationKind,
    ConversationOrigin,
    NameBasis,
    Participant,
    Passage,
    Segment,
    Side,
    VoiceName,
)
from crm.models.drafts import DraftStatus, SavedDraft, StyleAspect, StyleFact
from crm.models.grants import AccessGrant, GrantKind
from crm.models.identities import (
    IdentityDecision,
    IdentityEntity,
    IdentityQuestion,
    QuestionStatus,
)
from crm.models.imports import ImportRun
from crm.models.notes import FieldProposal, Note, NoteKind, NoteSet, ProposalStatus
from crm.models.opportunities import (
    AmountChange,
    CloseDateChange,
    Opportunity,
    OpportunityContact,
    OpportunityLine,
    Quote,
    Stage,
    StageChange,
    StageStatus,
)
from crm.models.people import Quota, Team, Territory, User
from crm.models.products import PriceBook, PriceBookEntry, Product
from crm.models.service import Activity, ActivityKind, Case
from crm.models.sources import HeardPart, PendingRecording, SourceState
from crm.models.usage import Usage

__all__ = [
    "AccessGrant",
    "Account",
    "ActionStatus",
    "ActionVote",
    "Activity",
    "ActivityKind",
    "Alias",
    "AmountChange",
    "AuditDetail",
    "AuditEvent",
    "AuditHead",
    "AuditSubject",
    "Base",
    "Case",
    "CloseDateChange",
    "Contact",
    "Conversation",
    "ConversationKind",
    "ConversationOrigin",
    "DraftStatus",
    "EffectKind",
    "FieldProposal",
    "GrantKind",
    "HeardPart",
    "IdentityDecision",
    "IdentityEntity",
    "IdentityQuestion",
    "ImportRun",
    "Lead",
    "NameBasis",
    "Note",
    "NoteKind",
    "NoteSet",
    "Opportunity",
    "OpportunityContact",
    "OpportunityLine",
    "Participant",
    "Passage",
    "PendingRecording",
    "PriceBook",
    "PriceBookEntry",
    "Product",
    "ProposalStatus",
    "ProposedAction",
    "QuestionStatus",
    "Quota",
    "Quote",
    "SavedDraft",
    "Segment",
    "Side",
    "SourceState",
    "Stage",
    "StageChange",
    "StageStatus",
    "StyleAspect",
    "StyleFact",
    "Team",
    "Territory",
    "Usage",
    "User",
    "UtcDateTime",
    "VoiceName",
    "Vote",
]
