"""The turn in which a draft is wished for, changed, or a name is given that was asked back."""

import re
from typing import Any

from sqlalchemy import select

from copilot.agent.desk import Desk, Request
from copilot.agent.draft_planning import PICKED, Ordering, Unresolved, draft_plan
from copilot.agent.plan import DraftOrder, Plan, Route
from copilot.agent.wish_changes import read_change
from copilot.agent.wishes import Wish, may_be_wish, read_wish
from copilot.grounding.pack.hostile import is_title
from crm.access import visible
from crm.models import Account, Contact, Opportunity
from tools.language import Language, detect_language
from tools.names import NameIndex, find_names
from tools.periods import find_periods

_ENTITIES: dict[str, Any] = {"contact": Contact, "account": Account, "opportunity": Opportunity}
_LONGEST_NAME = 120


def plan_of_wish(
    desk: Desk,
    request: Request,
    index: NameIndex,
    question: str,
    previous: dict[str, Any],
) -> dict[str, Any] | None:
    """Return the state's changes if a draft is wished for: a plan or a question back; else None."""
    language = detect_language(question)
    changed = _changed(question, previous)
    if changed is not None:
        return _planned(changed, language)
    pending = previous.get("pending")
    asked = _with_the_name(desk, request, index, question, pending) if pending else question
    if asked != question:
        language = detect_language(asked)
    wish = _read(desk, request, index, asked, language)
    if wish is None:
        return None
    with desk.store.session() as session:
        focus = previous.get("focus") or {}
        ordering = Ordering(session, index, request, language, focus)
        try:
            return _planned(ordering.order(wish), language)
        except Unresolved as back:
            return _asked_back(back, asked, language, previous)


def _read(
    desk: Desk, request: Request, index: NameIndex, question: str, language: Language
) -> Wish | None:
    if not may_be_wish(question):
        return None
    found = find_periods(
        question, today=request.as_of.date(), calendar=desk.calendar, language=language
    )
    return read_wish(question, index, periods=[(one.start_char, one.end_char) for one in found])


def _planned(order: DraftOrder, language: Language) -> dict[str, Any]:
    return {"language": language, "plan": draft_plan(order).model_dump(mode="json")}


def _asked_back(
    back: Unresolved, question: str, language: Language, previous: dict[str, Any]
) -> dict[str, Any]:
    return {
        "language": language,
        "status": back.status.value,
        "sentences": [{"text": back.text, "facts": []}],
        "candidates": back.candidates,
        "previous": {**previous, "pending": {"question": question, "said": back.said}},
    }


def _changed(question: str, previous: dict[str, Any]) -> DraftOrder | None:
    if not previous.get("plan"):
        return None
    last = Plan.model_validate(previous["plan"])
    change = read_change(question) if last.route is Route.DRAFT else None
    if change is None or last.draft is None:
        return None
    words = (previous.get("focus") or {}).get("draft_words")
    return change.applied(last.draft, words=words)


def _with_the_name(
    desk: Desk, request: Request, index: NameIndex, answer: str, pending: dict[str, str]
) -> str:
    """Return the wish with the name that was asked for, if the answer is only a name or an id."""
    question, said = pending["question"], pending["said"]
    name = _picked(desk, request, answer) or _only_a_name(answer, index)
    if not name:
        return answer
    if said and said in question:
        return question.replace(said, name, 1)
    joiner = "，给" if detect_language(question) == "zh" else " to "
    return f"{question.rstrip(' .。?？!！')}{joiner}{name}"


def _picked(desk: Desk, request: Request, answer: str) -> str:
    found = PICKED.search(answer.strip()) if len(answer) <= _LONGEST_NAME else None
    if found is None:
        return ""
    entity = _ENTITIES[found[1]]
    if entity is Contact:
        return f"contact:{found[2]}"
    statement = select(entity.name).where(entity.id == int(found[2]))
    with desk.store.session() as session:
        name = session.scalar(visible(statement, entity, request.principal)) or ""
    # It becomes a part of the request, and whoever named the record asks for nothing.
    return name if is_title(name) else ""


def _only_a_name(answer: str, index: NameIndex) -> str:
    text = answer.strip().strip(".。!！?？")
    if not text or len(text) > _LONGEST_NAME:
        return ""
    spans = [one.span for one in find_names(text, index).mentions]
    left = "".join(char for at, char in enumerate(text) if not any(a <= at < b for a, b in spans))
    only = re.sub(r"[\s,，()（）]|\bat\b|\bof\b|\bfrom\b|的", "", left)
    return text if spans and not only else ""
