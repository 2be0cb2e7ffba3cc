"""A plan: which tool runs with which arguments, all of them from closed sets."""

from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.writers.style import Formality
from crm.metrics.query import MetricQuery
from tools.language import Language


class Route(StrEnum):
    """What kind of work answers the question."""

    METRIC = "metric"
    LOOKUP = "lookup"
    CONVERSATION = "conversation"
    HISTORY = "history"
    CONTACT_GAP = "contact_gap"
    DRAFT = "draft"
    PROPOSE = "propose"
    ACTIONS = "actions"
    OWN = "own"
    NONE = "none"


class Comparison(StrEnum):
    """What two values are set against each other."""

    GROUPS = "groups"
    PERIODS = "periods"


class DraftOrder(BaseModel):
    """What is to be drafted for whom, all ids resolved; `answers` says in words which mail.

    `to` names the addressee for people; `most_words` and `formality` are what the rep wants of
    this one draft, None what was learned.
    """

    model_config = ConfigDict(frozen=True)

    is_proposal: bool = False
    kind: DraftKind | None = None
    channel: Channel = Channel.EMAIL
    contact_id: int | None = None
    account_id: int | None = None
    opportunity_id: int | None = None
    reply_to: int | None = None
    purpose: str = ""
    language: Language | None = None
    most_words: int | None = None
    formality: Formality | None = None
    to: str = ""
    answers: str = ""


class OwnThing(StrEnum):
    """What somebody outside the company may ask about."""

    CASES = "cases"
    TALKS = "talks"
    DETAILS = "details"
    COMPANY = "company"
    PRODUCTS = "products"
    REACH = "reach"
    HELP = "help"
    DEAL = "deal"
    CUSTOMER = "customer"


TOLD_OF_COMPANY = ("industry", "city", "country", "domain")
"""What a contact is told of his company."""


class OwnQuestion(BaseModel):
    """A question of somebody outside about what is his own, or told to everybody.

    `since` and `until` are whole days; `words` are of the subject; `attributes` are fields of the
    record asked about, all of them where none is named; `ids` are products, or a partner's deal or
    customer. Where `is_loose`, words
    that no subject holds are mere talk. Where `is_guess`, only the thing is known, by likeness: the
    answer is wider, and says what the question was taken for.
    """

    model_config = ConfigDict(frozen=True)

    thing: OwnThing
    state: Literal["open", "closed"] | None = None
    since: date | None = None
    until: date | None = None
    words: str = ""
    attributes: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    family: str = ""
    kind: Literal["call", "meeting", "email", ""] = ""
    is_loose: bool = False
    is_guess: bool = False


class Plan(BaseModel):
    """One plan. Only the fields of its route are set.

    `queries` run one after the other (two where a question asks for two measures, or where two
    periods are compared); `lists_rows` also names the records behind the first one, `row_limit`
    of them. `asks_extreme` wants the best or worst group (the `ordinal`-th), not the whole
    table; `ordinal` picks the n-th group of a ranking; `lists_missing` asks for the groups without
    any record ("never won").
    """

    model_config = ConfigDict(frozen=True)

    route: Route
    queries: tuple[MetricQuery, ...] = ()
    comparison: Comparison | None = None
    mean_over_groups: bool = False
    counts_groups: bool = False
    asks_extreme: bool = False
    ordinal: int = 1
    lists_missing: bool = False
    lists_rows: bool = False
    row_limit: int = 10
    entity: str = ""
    record_id: int | None = None
    attribute: str = ""
    topic: str = ""
    account_id: int | None = None
    opportunity_id: int | None = None
    owner_id: int | None = None
    kind: Literal["call", "email", ""] = ""
    only_last: bool = False
    side: Literal["customer", "ours", ""] = ""
    speaker: str = ""
    draft: DraftOrder | None = None
    own: OwnQuestion | None = None
