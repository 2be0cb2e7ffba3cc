"""Understanding one conversation: code finds and checks, a model may word the summary."""

from collections import Counter
from collections.abc import Sequence

from copilot.llm.client import LanguageModel, Usage
from copilot.writers.calls.checking import Checker
from copilot.writers.calls.cues import cue_book
from copilot.writers.calls.deal_fields import find_deal_fields
from copilot.writers.calls.notes import (
    RULES_VERSION,
    Attendee,
    CallNotes,
    DealContext,
    Line,
    NoteDraft,
    Talk,
    settle_sides,
)
from copilot.writers.calls.objections import find_objections
from copilot.writers.calls.people import People
from copilot.writers.calls.promises import find_commitments, find_next_step
from copilot.writers.calls.proposals import propose
from copilot.writers.calls.qualification import Scene, find_elements
from copilot.writers.calls.questions import find_questions
from copilot.writers.calls.rivals import Rival, find_rivals, rival_notes
from copilot.writers.calls.statements import cut_lines
from copilot.writers.calls.summary import summarise
from copilot.writers.calls.topics import find_topics
from copilot.writers.calls.wording import ModelWording, QuotesOnly
from crm.models import ConversationKind, NoteKind
from tools.language import Language, detect_language


def maker_of(model: LanguageModel | None) -> str:
    """Return what names the rules and model, so that a change of either makes notes anew."""
    return f"{RULES_VERSION}+{model.name}" if model else RULES_VERSION


def understand(
    talk: Talk,
    lines: Sequence[Line],
    attendees: Sequence[Attendee],
    deal: DealContext | None,
    *,
    model: LanguageModel | None,
) -> CallNotes:
    """Return summary, topics, questions, objections, competitors, commitments and proposals.

    The same words give the same notes. Time grows with the length of the talk; the model is asked
    at most four times, about one quote each, whatever the length. Each note cites the positions of
    its segments, and is left out if it does not stand in them.

    Raises:
        TransientError, PermanentError: the model failed; without one there are quotes only.
    """
    lines = settle_sides([line for line in lines if line.text.strip()], attendees)
    language = _language(talk, lines)
    book = cue_book(language)
    checker = Checker(lines, talk, language)
    people = People(attendees, deal, book)
    scene = Scene(cut_lines(lines, book), lines, talk, deal, people, book)
    rivals = find_rivals(scene.statements, talk, book)
    elements = [*find_elements(scene), *find_deal_fields(scene)]
    notes = checker.keep_notes(_notes(scene, rivals))
    step = next((note for note in notes if note.kind is NoteKind.NEXT_STEP), None)
    proposals = propose(elements, rivals, step, deal=deal, language=language)
    wording = ModelWording(model, language) if model else QuotesOnly()
    summary = summarise(
        lines, notes, elements, talk, language=language, checker=checker, wording=wording
    )
    usage: Usage = wording.usage
    return CallNotes(
        language=language,
        maker=maker_of(model),
        notes=(*summary, *notes),
        proposals=tuple(checker.keep_proposals(proposals)),
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
    )


def _notes(scene: Scene, rivals: Sequence[Rival]) -> list[NoteDraft]:
    """Return the notes but for the summary; written words have no topics and no meeting."""
    statements, lines, talk, book = scene.statements, scene.lines, scene.talk, scene.book
    is_spoken = talk.kind != ConversationKind.EMAIL
    step = find_next_step(statements, lines, book, talk.day) if is_spoken else None
    return [
        *(find_topics(lines) if is_spoken else []),
        *find_questions(statements, lines, book),
        *find_objections(statements, book),
        *rival_notes(rivals),
        *find_commitments(statements, book, talk.day),
        *([step] if step else []),
    ]


def _language(talk: Talk, lines: Sequence[Line]) -> Language:
    """Return the language most lines are in: what is stored may be a guess for the whole file."""
    votes = Counter(detect_language(line.text) for line in lines[:400] if len(line.text) > 3)
    if votes:
        return "zh" if votes["zh"] * 2 > sum(votes.values()) else "en"
    return "zh" if (talk.language or "").startswith("zh") else "en"
