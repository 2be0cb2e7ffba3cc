"""Where one trait of a style comes from, the strongest origin first."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from crm.models import StyleAspect
from tools.language import Language


class Origin(StrEnum):
    """What a trait rests on; an earlier one stands above a later one."""

    SET_CUSTOMER = "set_for_customer"
    SET = "set"
    EDITS_CONTACT = "edits_to_contact"
    EDITS = "edits"
    MAILS = "sent_mails"
    CUSTOMER = "customer"
    HOUSE = "house"


RANK = {origin: place for place, origin in enumerate(Origin)}


@dataclass(frozen=True)
class Trait:
    """One thing known about how to write: the value, its origin, and the evidence counted.

    `key` is the phrase of an avoided one, whose `value` is what stands instead. `set_by` names
    the person where somebody set it; otherwise `evidence` of `of` cases show it.
    """

    aspect: StyleAspect
    language: Language
    value: str
    origin: Origin
    key: str = ""
    evidence: int = 0
    of: int = 0
    last_seen_at: datetime | None = None
    draft_ids: tuple[int, ...] = ()
    set_by: str | None = None
