"""Findings become proposals: one a field, old value beside new, with a reason that quotes."""

from collections.abc import Iterator, Sequence
from datetime import date

from copilot.writers.calls.notes import DealContext, NoteDraft, ProposalDraft
from copilot.writers.calls.qualification import Element
from copilot.writers.calls.rivals import Rival
from crm.money import exponent
from tools.language import Language
from tools.spoken import shorten

_SINGLE = frozenset(
    {
        "expected_close_on",
        "amount",
        "stage",
        "bant.budget",
        "meddicc.economic_buyer",
        "meddicc.champion",
    }
)
_TWINS = {
    "meddicc.economic_buyer": "bant.authority",
    "meddicc.identify_pain": "bant.need",
    "expected_close_on": "bant.timeline",
}
_MOST_QUOTES = 3
_QUOTE = 28.0
_REASON = 40.0
_SURE_AGAIN = 0.1
_WORDS = {
    "en": {"said": '{who}: "{quote}"', "between": " / ", "call": "Next talk on {day}: {text}"},
    "zh": {"said": "{who}：“{quote}”", "between": " / ", "call": "{day}再沟通：{text}"},
}


def propose(
    elements: Sequence[Element],
    rivals: Sequence[Rival],
    next_step: NoteDraft | None,
    *,
    deal: DealContext | None,
    language: Language,
) -> list[ProposalDraft]:
    """Return the proposals by field; what the CRM holds already is not proposed again."""
    if deal is None:
        return []
    groups: dict[str, list[Element]] = {}
    for element in elements:
        groups.setdefault(element.key, []).append(element)
    found: list[ProposalDraft] = []
    for key, group in groups.items():
        chosen = [_latest(group)] if key in _SINGLE else _strongest(group)
        found += _of_field(key, chosen, deal, language)
    found += _competition(rivals, deal, language)
    found += _step(next_step, deal, language)
    kept = [each for each in found if not _is_known(each)]
    return sorted(kept, key=lambda each: (_ORDER.get(each.field, 99), each.field, each.entity_id))


def _latest(group: Sequence[Element]) -> Element:
    """Return what was said last, unless it was said with clearly less certainty."""
    best = group[0]
    for element in group[1:]:
        if element.confidence >= best.confidence - _SURE_AGAIN:
            best = element
    return best


def _strongest(group: Sequence[Element]) -> list[Element]:
    ranked = sorted(group, key=lambda each: (-each.confidence, each.statement.line.place))
    return sorted(
        ranked[:_MOST_QUOTES], key=lambda each: (each.statement.line.place, each.statement.index)
    )


def _of_field(
    key: str, chosen: Sequence[Element], deal: DealContext, language: Language
) -> Iterator[ProposalDraft]:
    value = chosen[-1].value or _WORDS[language]["between"].join(
        dict.fromkeys(shorten(each.statement.text, (), _QUOTE) for each in chosen)
    )
    names = [key, _TWINS[key]] if key in _TWINS else [key]
    for name in names:
        yield _proposal(name, value, chosen, deal, language)
    person = chosen[-1].person
    role = {"meddicc.economic_buyer": "economic_buyer", "meddicc.champion": "champion"}.get(key)
    if role and person and person.contact_id is not None:
        yield _role(role, person.contact_id, chosen, deal, language)


def _proposal(
    name: str, value: str, chosen: Sequence[Element], deal: DealContext, language: Language
) -> ProposalDraft:
    return ProposalDraft(
        entity="opportunity",
        entity_id=deal.opportunity_id,
        field=name,
        old_value=_old(name, deal),
        new_value=value,
        reason=_reason(chosen, language),
        segments=tuple(dict.fromkeys(each.statement.line.position for each in chosen)),
        confidence=round(max(each.confidence for each in chosen), 2),
    )


def _role(
    role: str, contact_id: int, chosen: Sequence[Element], deal: DealContext, language: Language
) -> ProposalDraft:
    known = next((one for one in deal.contacts if one.contact_id == contact_id), None)
    return ProposalDraft(
        entity="contact",
        entity_id=contact_id,
        field="role",
        old_value=known.role if known else None,
        new_value=role,
        reason=_reason(chosen, language),
        segments=tuple(dict.fromkeys(each.statement.line.position for each in chosen)),
        confidence=round(chosen[-1].confidence - 0.1, 2),
        detail={"opportunity_id": deal.opportunity_id, "name": known.name if known else ""},
    )


def _competition(
    rivals: Sequence[Rival], deal: DealContext, language: Language
) -> Iterator[ProposalDraft]:
    if not rivals:
        return
    names = list(dict.fromkeys(rival.name for rival in rivals))
    said = [Element("meddicc.competition", rival.statement, 0.8) for rival in rivals]
    first = list({each.statement.line.place: each for each in said}.values())[:_MOST_QUOTES]
    yield _proposal("meddicc.competition", ", ".join(names), first, deal, language)
    if not deal.competitor:
        yield _proposal("competitor", names[0], first[:1], deal, language)


def _step(step: NoteDraft | None, deal: DealContext, language: Language) -> Iterator[ProposalDraft]:
    if step is None or step.due_on is None:
        return
    words = _WORDS[language]
    quote = shorten(step.text, (), _QUOTE)
    yield ProposalDraft(
        entity="opportunity",
        entity_id=deal.opportunity_id,
        field="next_step",
        old_value=deal.next_step,
        new_value=words["call"].format(day=step.due_on.isoformat(), text=quote),
        reason=words["said"].format(who=step.speaker or "", quote=quote),
        segments=step.segments,
        confidence=0.7,
    )


def _reason(chosen: Sequence[Element], language: Language) -> str:
    words = _WORDS[language]
    quotes = [
        words["said"].format(
            who=each.statement.line.speaker, quote=shorten(each.statement.text, (), _REASON)
        )
        for each in chosen
    ]
    return words["between"].join(dict.fromkeys(quotes))


def _old(name: str, deal: DealContext) -> str | None:
    close: date | None = deal.expected_close_on
    held = {
        "expected_close_on": close.isoformat() if close else None,
        "amount": amount_text(deal),
        "stage": deal.stage,
        "competitor": deal.competitor,
        "next_step": deal.next_step,
    }
    return held[name] if name in held else deal.settled.get(name)


def amount_text(deal: DealContext) -> str | None:
    """Return the deal's amount as proposals write it: `15000 EUR`, None if it has none."""
    if deal.amount is None:
        return None
    plain = round(deal.amount, exponent(deal.currency)).normalize()
    return f"{plain:f} {deal.currency}"


def _is_known(proposal: ProposalDraft) -> bool:
    old, new = proposal.old_value, proposal.new_value
    return old is not None and old.strip().casefold() == new.strip().casefold()


_FIELDS = (
    "stage",
    "expected_close_on",
    "amount",
    "competitor",
    "next_step",
    "role",
    "meddicc.metrics",
    "meddicc.economic_buyer",
    "meddicc.decision_criteria",
    "meddicc.decision_process",
    "meddicc.paper_process",
    "meddicc.identify_pain",
    "meddicc.champion",
    "meddicc.competition",
    "bant.budget",
    "bant.authority",
    "bant.need",
    "bant.timeline",
)
_ORDER = {name: place for place, name in enumerate(_FIELDS)}
