"""Runs an order for a draft, and says truthfully what became of it: nothing is ever sent."""

from langgraph.config import get_stream_writer

from copilot.agent.contract import DraftedText, OpenPlace
from copilot.agent.desk import Desk, Request
from copilot.agent.drafting import Kept, Wanted, make_draft, make_proposal
from copilot.agent.outcome import Outcome
from copilot.agent.plan import DraftOrder, Plan
from copilot.agent.wishes import PROPOSAL
from copilot.agent.wording import phrase
from copilot.grounding.pack.asked import DraftRequest
from copilot.writers.documents.markdown_text import render_markdown
from copilot.writers.draft import Approval
from copilot.writers.proposals.proposal import Proposal, ProposalRequest
from crm.index.passages import length_of
from tools.language import Language


def write_order(
    desk: Desk, request: Request, plan: Plan, outcome: Outcome, *, language: Language
) -> None:
    """Write what the plan orders and put it into the outcome, with its facts and what was cut.

    Raises what the writers raise: NotFound where there is nothing to say, BadInput, model errors.
    """
    order = plan.draft or DraftOrder()
    outcome.interpretation = _interpretation(order, language)
    if order.is_proposal:
        _tell_proposal(_proposal(desk, request, order), outcome, language)
    else:
        _tell_draft(_letter(desk, request, order), outcome, language)


def _letter(desk: Desk, request: Request, order: DraftOrder) -> Kept:
    wish = DraftRequest(
        kind=order.kind,
        channel=order.channel,
        opportunity_id=order.opportunity_id,
        account_id=order.account_id,
        contact_id=order.contact_id,
        reply_to=order.reply_to,
        purpose=order.purpose,
        language=order.language,
    )
    return make_draft(
        desk,
        wish,
        principal=request.principal,
        as_of=request.as_of,
        wanted=Wanted(order.most_words, order.formality),
        progress=_progress,
    )


def _proposal(desk: Desk, request: Request, order: DraftOrder) -> Proposal:
    wish = ProposalRequest(
        opportunity_id=order.opportunity_id or 0,
        language=order.language,
        purpose=order.purpose,
        contact_id=order.contact_id,
    )
    return make_proposal(
        desk, wish, principal=request.principal, as_of=request.as_of, progress=_progress
    )


def _progress(what: str, done: int, total: int) -> None:
    get_stream_writer()({"step": f"{what} {done}/{total}"})


def _tell_draft(kept: Kept, outcome: Outcome, language: Language) -> None:
    draft = kept.draft
    outcome.sentences += draft.sentences
    outcome.draft_facts = draft.facts
    outcome.dropped = list(draft.dropped)
    outcome.tokens_in, outcome.tokens_out = draft.tokens_in, draft.tokens_out
    outcome.draft = DraftedText(
        draft_id=kept.draft_id,
        kind=draft.kind.value,
        channel=draft.channel.value,
        language=draft.language,
        to=[f"{one.name} <{one.email}>" if one.email else one.name for one in draft.to],
        subject=draft.subject,
        body=draft.body,
        approval=draft.approval.value,
        open_points=[
            OpenPlace(where=one.placeholder, what=one.reason) for one in draft.open_points
        ],
        open_questions=list(draft.open_questions),
        style_sources=list(draft.style_sources),
        without_model=draft.without_model,
        opportunity_id=draft.opportunity_id,
        account_id=draft.account_id,
        contact_id=draft.contact_id,
    )
    text = " ".join(one.text for one in draft.sentences)
    outcome.focus = {
        "contact_id": draft.contact_id,
        "account_id": draft.account_id,
        "opportunity_id": draft.opportunity_id,
        "draft_words": round(length_of(text)),
        "draft_id": kept.draft_id,
    }
    fate = "draft_is_not_kept" if kept.draft_id is None else "draft_is_kept"
    outcome.say(_remark(outcome.draft, phrase(fate, language, id=kept.draft_id), language))


def _tell_proposal(made: Proposal, outcome: Outcome, language: Language) -> None:
    outcome.sentences += made.sentences
    outcome.draft_facts = made.facts
    outcome.dropped = list(made.dropped)
    outcome.tokens_in, outcome.tokens_out = made.tokens_in, made.tokens_out
    outcome.draft = DraftedText(
        kind=PROPOSAL,
        language=made.language,
        to=[person.name for person in made.content.prepared_for],
        subject=made.content.title,
        body=render_markdown(made.content, with_notes=False),
        approval=made.approval.value,
        open_points=[OpenPlace(where=one.where, what=one.what) for one in made.open_points],
        without_model=made.without_model,
        opportunity_id=made.opportunity_id,
    )
    outcome.focus = {"opportunity_id": made.opportunity_id}
    command = (
        f"`sales-copilot draft proposal --deal {made.opportunity_id} --format pdf "
        f"--out {made.file_stem}.pdf`"
    )
    fate = phrase("draft_proposal", language, command=command)
    outcome.say(_remark(outcome.draft, fate, language))


def _remark(draft: DraftedText, fate: str, language: Language) -> str:
    """Return what is said below a draft: what it lacks and what is open, who agrees, its fate."""
    parts = []
    if draft.without_model is not None:
        parts.append(phrase("draft_without_model", language, why=draft.without_model))
    if draft.open_points:
        key = "draft_open_listed" if draft.kind == PROPOSAL else "draft_open"
        parts.append(phrase(key, language, count=len(draft.open_points)))
    if draft.approval == Approval.ELEVATED.value:
        parts.append(phrase("draft_elevated", language))
    joiner = "" if language == "zh" else " "
    return joiner.join([*parts, fate])


def _interpretation(order: DraftOrder, language: Language) -> str:
    what = "proposal" if order.is_proposal else order.channel.value
    shown = phrase("draft_for", language, what=phrase(f"draft_what_{what}", language), to=order.to)
    if not order.to:
        shown = phrase(f"draft_what_{what}", language)
    return phrase("separator", language).join(part for part in (shown, order.answers) if part)
