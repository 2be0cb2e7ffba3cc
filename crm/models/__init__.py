"""The tables; importing this package registers them all on `Base.metadata`."""

from crm.models.accounts import Account, Alias, Contact, Lead
from crm.models.base import Base, UtcDateTime
from crm.models.conversations import (
    Conversation,
    ConversationKind,
    Participant,
    Passage,
    Segment,
    Side,
)
from crm.models.imports import ImportRun
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

__all__ = [
    "Account",
    "Activity",
    "ActivityKind",
    "Alias",
    "AmountChange",
    "Base",
    "Case",
    "CloseDateChange",
    "Contact",
    "Conversation",
    "ConversationKind",
    "ImportRun",
    "Lead",
    "Opportunity",
    "OpportunityContact",
    "OpportunityLine",
    "Participant",
    "Passage",
    "PriceBook",
    "PriceBookEntry",
    "Product",
    "Quota",
    "Quote",
    "Segment",
    "Side",
    "Stage",
    "StageChange",
    "StageStatus",
    "Team",
    "Territory",
    "User",
    "UtcDateTime",
]
