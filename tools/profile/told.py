"""What the customer told: pains, needs, objections, competitors, process, budget, timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from crm.models import FieldProposal, NoteKind, Side
from tools.language import Language
from tools.profile.evidence import fold, from_note, from_proposal, merge_same, recorded
from tools.profile.model import Known, Topic
from tools.profile.rows import Asked, Rows
from tools.profile.words import WORDS

_JOINT = " / "
_FIELDS: Final[Mapping[str, Topic]] = {
    "meddicc.identify_pain": Topic.PAIN,
    "bant.need": Topic.NEED,
    "meddicc.decision_criteria": Topic.NEED,
    "meddicc.metrics": Topic.IMPACT,
    "meddicc.decision_process": Topic.PROCESS,
    "meddicc.paper_process": Topic.PROCESS,
    "meddicc.economic_buyer": Topic.PROCESS,
    "bant.authority": Topic.PROCESS,
    "bant.budget": Topic.BUDGET,
    "bant.timeline": Topic.TIMELINE,
    "expected_close_on": Topic.TIMELINE,
}
# The same finding is proposed for a field of MEDDICC or the deal and for its BANT twin.
_TWINS = {
    "bant.need": "meddicc.identify_pain",
    "bant.authority": "meddicc.economic_buyer",
    "bant.timeline": "expected_close_on",
}
_LABELS: dict[Language, dict[str, str]] = {
    "en": {
        "meddicc.identify_pain": "pain", "bant.need": "need",
        "meddicc.decision_criteria": "criterion", "meddicc.metrics": "numbers",
        "meddicc.decision_process": "decision", "meddicc.paper_process": "paperwork",
        "meddicc.economic_buyer": "decides", "bant.authority": "decides",
        "bant.budget": "budget", "bant.timeline": "signature",
        "expected_close_on": "signature",
    },
    "zh": {
        "meddicc.identify_pain": "痛点", "bant.need": "需求",
        "meddicc.decision_criteria": "决策标准", "meddicc.metrics": "数据",
        "meddicc.decision_process": "决策流程", "meddicc.paper_process": "签约流程",
        "meddicc.economic_buyer": "拍板人", "bant.authority": "拍板人",
        "bant.budget": "预算", "bant.timeline": "签约时间",
        "expected_close_on": "签约时间",
    },
}  # fmt: skip
# Values that say little without what they are a value of.
_LABELLED = frozenset(
    {"meddicc.economic_buyer", "bant.authority", "bant.timeline", "expected_close_on"}
)


def told_by_topic(rows: Rows, asked: Asked) -> dict[Topic, list[Known]]:
    """Return what was told of each topic, the same thing once, the newest first."""
    found: dict[Topic, list[Known]] = {topic: [] for topic in Topic}
    _add_fields(found, rows, asked)
    for note, talk in rows.notes_of(NoteKind.OBJECTION):
        if note.side != Side.OURS:
            found[Topic.OBJECTION].append(from_note(note, talk, asked.language))
    merged = {topic: merge_same(known) for topic, known in found.items()}
    merged[Topic.COMPETITOR] = _competitors(rows, asked)
    return merged


def label_of(field: str, language: Language) -> str:
    """Return the name of a field for people."""
    return _LABELS[language].get(field, field.rpartition(".")[2].replace("_", " "))


def _add_fields(found: dict[Topic, list[Known]], rows: Rows, asked: Asked) -> None:
    held = {
        (row.conversation_id, row.field, tuple(row.segments), row.new_value)
        for row, _ in rows.proposals
    }
    for row, talk in rows.proposals:
        topic = _FIELDS.get(row.field)
        twin = _TWINS.get(row.field)
        same = (row.conversation_id, twin, tuple(row.segments), row.new_value)
        if topic is None or row.entity != "opportunity" or (twin and same in held):
            continue
        label = label_of(row.field, asked.language)
        for part in _parts(row):
            known = from_proposal(row, talk, rows, label=label, language=asked.language, part=part)
            found[topic].append(_labelled(known, row.field, label, asked.language))


def _parts(row: FieldProposal) -> list[tuple[str, Sequence[int]]]:
    """Return the quotes that a value joins, each with its own segment where there are as many."""
    quotes = row.new_value.split(_JOINT)
    if len(quotes) == len(row.segments) > 1:
        return [(quote, [place]) for quote, place in zip(quotes, row.segments, strict=True)]
    return [(quote, row.segments) for quote in quotes]


def _labelled(known: Known, field: str, label: str, language: Language) -> Known:
    if field not in _LABELLED:
        return known
    mark = "：" if language == "zh" else ": "
    return replace(known, text=f"{label}{mark}{known.text}")


def _competitors(rows: Rows, asked: Asked) -> list[Known]:
    """Return each rival once under its name, with the words in which it was last named."""
    named: list[Known] = []
    for note, talk in rows.notes_of(NoteKind.COMPETITOR):
        known = from_note(note, talk, asked.language)
        name, mark, _ = note.text.partition(": ")
        named.append(replace(known, value=name if mark else note.text))
    words = WORDS[asked.language]
    for deal in rows.deals:
        rival = (deal.row.competitor or "").strip()
        if rival:
            named.append(
                recorded(
                    rival,
                    f"opportunity:{deal.row.id}",
                    as_of=asked.as_of,
                    fact_text=words["competitor_crm"].format(deal=deal.row.name, value=rival),
                    known_on=deal.row.closed_on or deal.row.opened_on,
                    value=rival,
                    opportunity_id=deal.row.id,
                )
            )
    return merge_same(named, key=lambda known: fold(known.value or known.text))
