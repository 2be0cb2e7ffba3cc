"""Has letters, messages and proposals written: with what was learned, and kept for the decision."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from copilot.agent.desk import Desk
from copilot.grounding.pack.asked import DraftRequest
from copilot.grounding.pack.model import DraftEvidence
from copilot.writers.calls.storing import understand_conversation
from copilot.writers.draft import Draft
from copilot.writers.learning.keeping import save_draft
from copilot.writers.learning.learned import learned_style
from copilot.writers.letters.write import write_draft
from copilot.writers.proposals.proposal import Proposal, ProposalRequest
from copilot.writers.proposals.unread import unread_talks
from copilot.writers.proposals.write import write_proposal
from copilot.writers.style import Formality, Style
from crm.principal import Principal
from crm.tracing import span

Progress = Callable[[str, int, int], None]
"""Hears what is being done, how much of it, and out of how much."""

WRITING = "writing"
READING = "reading calls"


@dataclass(frozen=True)
class Wanted:
    """How the rep wants this one draft, over everything that was learned; None leaves it."""

    most_words: int | None = None
    formality: Formality | None = None

    def over(self, style: Style) -> Style:
        """Return the style with these wishes in place of what was learned."""
        return replace(
            style,
            most_words=self.most_words or style.most_words,
            formality=self.formality or style.formality,
            # A learned greeting has the tone that the rep just asked to change.
            greeting=None if self.formality else style.greeting,
            sign_off=None if self.formality else style.sign_off,
        )


@dataclass(frozen=True)
class Kept:
    """A draft and the number under which it is kept, None where it could not be."""

    draft: Draft
    draft_id: int | None


def silent(_what: str, _done: int, _total: int) -> None:
    """Tell nobody how far it is."""


def make_draft(
    desk: Desk,
    request: DraftRequest,
    *,
    principal: Principal,
    as_of: datetime,
    wanted: Wanted | None = None,
    progress: Progress = silent,
) -> Kept:
    """Write a letter or message as its caller may read the evidence; nothing is sent.

    Raises what `write_draft` raises; a draft that cannot be kept is returned all the same.
    """
    guide = desk.guide()
    own = wanted or Wanted()
    with span("draft", kind=request.kind or "any"), desk.store.session() as session:

        def style(evidence: DraftEvidence) -> Style:
            return own.over(learned_style(session, evidence, guide=guide, principal=principal))

        draft = write_draft(
            session,
            desk.model_for(principal),
            desk.index,
            request,
            guide=guide,
            style=style,
            principal=principal,
            as_of=as_of,
            progress=lambda done, total: progress(WRITING, done, total),
            entailment=desk.entailment(),
            words_all=desk.words_all,
        )
    return Kept(draft, _keep(desk, draft, principal, as_of))


def make_proposal(
    desk: Desk,
    request: ProposalRequest,
    *,
    principal: Principal,
    as_of: datetime,
    progress: Progress = silent,
) -> Proposal:
    """Write a proposal for one deal, after understanding its calls by rules; nothing is sent.

    Raises what `write_proposal` raises.
    """
    _read_calls(desk, request, principal=principal, as_of=as_of, progress=progress)
    with span("draft", kind="proposal"), desk.store.session() as session:
        return write_proposal(
            session,
            desk.model_for(principal),
            desk.index,
            request,
            guide=desk.guide(),
            principal=principal,
            as_of=as_of,
            progress=progress,
            entailment=desk.entailment(),
        )


def _read_calls(
    desk: Desk,
    request: ProposalRequest,
    *,
    principal: Principal,
    as_of: datetime,
    progress: Progress,
) -> None:
    with desk.store.session() as session:
        deal = request.opportunity_id
        unread = unread_talks(session, deal, principal=principal, as_of=as_of)
    for number, talk in enumerate(unread):
        progress(READING, number, len(unread))
        try:
            understand_conversation(
                desk.store, talk, model=None, principal=principal, now=as_of, any_maker=True
            )
        except DBAPIError:
            # Notes only help: where they cannot be kept, the proposal says what is unread.
            return


def _keep(desk: Desk, draft: Draft, principal: Principal, now: datetime) -> int | None:
    try:
        with desk.store.session() as session:
            return save_draft(session, draft, principal=principal, now=now)
    except DBAPIError:
        return None
