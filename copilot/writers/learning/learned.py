"""The style of the next draft: what the rep set or does, the customer's way, the house's."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from copilot.grounding.pack.model import DraftEvidence
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.learning.keeping import author_of
from copilot.writers.learning.origin import RANK, Origin, Trait
from copilot.writers.learning.phrasing import ASPECTS, FORMALITY, ORIGINS, PHRASE_EDITS
from copilot.writers.learning.setting import Subject
from copilot.writers.learning.traits import customer_traits, name_of, rep_traits
from copilot.writers.style import Formality, Style, Swap
from crm.models import StyleAspect
from crm.principal import Principal
from tools.language import Language

_FORMALITIES: dict[str, Formality] = {
    "formal": "formal",
    "neutral": "neutral",
    "casual": "casual",
}


def learned_style(
    session: Session,
    evidence: DraftEvidence,
    *,
    guide: CompanyGuide,
    principal: Principal,
) -> Style:
    """Return how this draft should sound, each part with where it comes from, in words.

    What was set for the customer or by the rep stands above what was learned of her edits, that
    above her sent mails, then the customer's own way of writing, then the house style. What the
    company bans is banned for everybody.
    """
    language = evidence.language
    author = evidence.sender.user_id if principal.is_local_owner else principal.user_id
    if author is None:
        author = author_of(session, evidence.sender.name, principal=principal)
    names = [evidence.sender.name]
    if author is not None and (name := name_of(session, author, principal=principal)):
        names.append(name)
    traits = customer_traits(
        session,
        customer_subjects(evidence.recipient.contact_id, evidence.account_id),
        language,
        style=evidence.style,
        our_names=names,
        principal=principal,
    )
    traits += rep_traits(
        session,
        Subject(user_id=author),
        language,
        principal=principal,
        channel=evidence.channel,
        contact_id=evidence.recipient.contact_id,
    )
    return style_of_traits([*traits, *house_traits(guide, language)], language)


def customer_subjects(contact_id: int | None, account_id: int | None) -> list[Subject]:
    """Return under whom something can be set for a customer, the person before the company."""
    found = [Subject(contact_id=contact_id)] if contact_id is not None else []
    return found + ([Subject(account_id=account_id)] if account_id is not None else [])


def house_traits(guide: CompanyGuide, language: Language) -> list[Trait]:
    """Return what the company's guide says about writing."""
    house = guide.house
    values = {
        StyleAspect.GREETING: house.greeting.in_language(language),
        StyleAspect.SIGN_OFF: house.sign_off.in_language(language),
        StyleAspect.LENGTH: str(house.most_words) if house.most_words else None,
        StyleAspect.FORMALITY: house.formality,
    }
    found = [
        Trait(aspect, language, value, Origin.HOUSE) for aspect, value in values.items() if value
    ]
    banned = [
        Trait(StyleAspect.AVOID, language, one.instead, Origin.HOUSE, key=one.phrase)
        for one in guide.banned
    ]
    return found + banned


def strongest(traits: Iterable[Trait]) -> list[Trait]:
    """Return the traits that count: of each aspect, and of each phrase, the strongest origin.

    What the company bans is banned for everybody.
    """
    best: dict[tuple[StyleAspect, str], Trait] = {}
    for trait in sorted(traits, key=lambda trait: RANK[trait.origin]):
        place = (trait.aspect, trait.key.casefold())
        is_ban = trait.aspect is StyleAspect.AVOID and trait.origin is Origin.HOUSE
        if is_ban or place not in best:
            best[place] = trait
    return list(best.values())


def style_of_traits(traits: Iterable[Trait], language: Language) -> Style:
    """Return the style that these traits give, the strongest origin of each winning."""
    chosen = strongest(traits)
    values = {
        trait.aspect: trait.value for trait in chosen if trait.aspect is not StyleAspect.AVOID
    }
    length = values.get(StyleAspect.LENGTH)
    return Style(
        greeting=values.get(StyleAspect.GREETING),
        sign_off=values.get(StyleAspect.SIGN_OFF),
        most_words=int(length) if length else None,
        formality=_FORMALITIES.get(values.get(StyleAspect.FORMALITY, "")),
        swaps=tuple(
            Swap(trait.key, trait.value) for trait in chosen if trait.aspect is StyleAspect.AVOID
        ),
        sources=tuple(describe(trait, language) for trait in chosen),
    )


def describe(trait: Trait, language: Language) -> str:
    """Return one trait with its origin, in words: "greeting from 6 of your last 7 …"."""
    mark = "：" if language == "zh" else ": "
    return f"{shown(trait, language)}{mark}{origin_in_words(trait, language)}"


def shown(trait: Trait, language: Language) -> str:
    """Return what a trait says, in words."""
    name = ASPECTS[language][trait.aspect]
    value = " / ".join(trait.value.split("\n"))
    if trait.aspect is StyleAspect.AVOID:
        arrow = f"“{trait.key}” → “{value}”" if value else f"“{trait.key}” → —"
        return f"{name} {arrow}"
    if trait.aspect is StyleAspect.LENGTH:
        return f"{name} ≤ {value}" + (" 字" if language == "zh" else " words")
    if trait.aspect is StyleAspect.FORMALITY:
        value = FORMALITY[language].get(value, value)
    return f"{name} “{value}”"


def origin_in_words(trait: Trait, language: Language) -> str:
    """Return where a trait comes from, in words."""
    day = f"{trait.last_seen_at:%Y-%m-%d}" if trait.last_seen_at else "?"
    is_replaced = trait.aspect is StyleAspect.AVOID and trait.origin is Origin.EDITS
    words = PHRASE_EDITS[language] if is_replaced else ORIGINS[language][trait.origin]
    return words.format(evidence=trait.evidence, of=trait.of, who=trait.set_by or "?", day=day)
