"""What a draft is asked for: its kind, channel, addressee and purpose."""

from dataclasses import dataclass
from enum import StrEnum

from tools.language import Language


class DraftKind(StrEnum):
    """What a letter or message is for."""

    COLD_OUTREACH = "cold_outreach"
    FOLLOW_UP = "follow_up"
    REPLY = "reply"
    NUDGE = "nudge"
    MEETING_REQUEST = "meeting_request"
    RE_ENGAGEMENT = "re_engagement"
    RENEWAL = "renewal"
    PROPOSAL_COVER = "proposal_cover"


class Channel(StrEnum):
    """Where it goes: chat messages are shorter and have neither subject nor signature."""

    EMAIL = "email"
    SLACK = "slack"
    WECHAT = "wechat"


@dataclass(frozen=True)
class DraftRequest:
    """One wish for a draft, all ids resolved; at least one of deal, account, contact, mail is set.

    `reply_to` is the id of the conversation (mail or chat) to be answered. Without `kind`, code
    takes the one that the evidence suggests; without `language`, the customer's.
    """

    kind: DraftKind | None = None
    channel: Channel = Channel.EMAIL
    opportunity_id: int | None = None
    account_id: int | None = None
    contact_id: int | None = None
    reply_to: int | None = None
    purpose: str = ""
    language: Language | None = None
