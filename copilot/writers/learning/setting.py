"""What people set or forget about a style themselves: it stands above everything learned."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.writers.learning.templates import places_of
from crm.access import visible
from crm.audit.trail import Deed, record
from crm.errors import BadInput, NotAllowed
from crm.models import StyleAspect, StyleFact
from crm.principal import Principal
from tools.language import Language

OWNER = "owner"
_LONGEST = 120
_FORMALITIES = ("formal", "neutral", "casual")
_PLACES = {
    StyleAspect.GREETING: frozenset({"name", "first", "surname", "title"}),
    StyleAspect.SIGN_OFF: frozenset({"sender"}),
}
_FEWEST_WORDS, _MOST_WORDS = 20, 1_000


@dataclass(frozen=True)
class Subject:
    """Whose style it is: a rep (or the local owner), or a customer's person or company."""

    user_id: int | None = None
    contact_id: int | None = None
    account_id: int | None = None

    @property
    def key(self) -> str:
        """How the subject stands in the table."""
        if self.contact_id is not None:
            return f"contact:{self.contact_id}"
        if self.account_id is not None:
            return f"account:{self.account_id}"
        return OWNER if self.user_id is None else f"user:{self.user_id}"

    @property
    def is_customer(self) -> bool:
        """Say whether this is a customer."""
        return self.contact_id is not None or self.account_id is not None


@dataclass(frozen=True)
class Entry:
    """The place of one set thing; `phrase` is what AVOID avoids, folded, else empty."""

    subject: Subject
    language: Language
    aspect: StyleAspect
    phrase: str = ""


def set_style(
    session: Session, entry: Entry, value: str, *, principal: Principal, now: datetime
) -> StyleFact:
    """Pin one thing about a style; for AVOID `value` is what stands instead of the phrase.

    Raises BadInput for a value that cannot be used, NotAllowed for another rep's style.
    """
    plain = _checked(entry.aspect, value)
    phrase = _phrase_key(entry.phrase) if entry.aspect is StyleAspect.AVOID else ""
    kept = replace(entry, phrase=phrase)
    fact = _claimed(session, kept, principal=principal)
    return _written(session, fact, plain, principal=principal, now=now)


def forget_style(
    session: Session, entry: Entry, *, principal: Principal, now: datetime
) -> StyleFact:
    """Forget what was set or learned of an aspect until now; for AVOID of one phrase, or of all.

    What is decided later is learned again. Raises NotAllowed for another rep's style.
    """
    _check_may(entry.subject, principal)
    if entry.aspect is StyleAspect.AVOID and not entry.phrase:
        for fact in set_facts(session, [entry.subject], entry.language, principal=principal):
            if fact.aspect == entry.aspect:
                session.delete(fact)
        session.flush()
    phrase = _phrase_key(entry.phrase) if entry.phrase else ""
    fact = _claimed(session, replace(entry, phrase=phrase), principal=principal)
    return _written(session, fact, None, principal=principal, now=now)


def set_facts(
    session: Session, subjects: Sequence[Subject], language: Language, *, principal: Principal
) -> list[StyleFact]:
    """Return what people set or removed for these subjects, in the order of the subjects."""
    keys = [subject.key for subject in subjects]
    statement = (
        visible(select(StyleFact), StyleFact, principal)
        .where(StyleFact.subject.in_(keys), StyleFact.language == language)
        .order_by(StyleFact.set_at, StyleFact.id)
    )
    found = list(session.scalars(statement))
    return sorted(found, key=lambda fact: keys.index(fact.subject))


def _claimed(session: Session, entry: Entry, *, principal: Principal) -> StyleFact:
    """Return the row of this entry, locked, made if it is missing."""
    _check_may(entry.subject, principal)
    statement = visible(select(StyleFact), StyleFact, principal).where(
        StyleFact.subject == entry.subject.key,
        StyleFact.language == entry.language,
        StyleFact.aspect == entry.aspect.value,
        StyleFact.key == entry.phrase,
    )
    fact = session.scalar(statement.with_for_update())
    if fact is None:
        fact = StyleFact(
            subject=entry.subject.key,
            language=entry.language,
            aspect=entry.aspect.value,
            key=entry.phrase,
        )
        session.add(fact)
    return fact


def _written(
    session: Session,
    fact: StyleFact,
    value: str | None,
    *,
    principal: Principal,
    now: datetime,
) -> StyleFact:
    before = _shown(fact) if fact.set_at else None
    fact.value, fact.is_removed = value or "", value is None
    fact.set_at, fact.set_by = now, principal.name
    session.flush()
    is_person = fact.subject.startswith("contact:")
    deed = Deed(
        action="style.forget" if value is None else "style.set",
        object=f"style:{fact.subject}",
        before=before,
        after=_shown(fact),
        subjects=[fact.subject] if is_person else [],
    )
    record(session, deed, principal=principal, now=now)
    return fact


def _shown(fact: StyleFact) -> dict[str, object]:
    """Return what the audit trail keeps of an entry."""
    shown = ("language", "aspect", "key", "value", "is_removed")
    return {name: getattr(fact, name) for name in shown}


def _check_may(subject: Subject, principal: Principal) -> None:
    is_own = subject.is_customer or subject.user_id == principal.user_id
    if not is_own and not principal.is_local_owner:
        raise NotAllowed(
            f"the style of {subject.key!r} is another rep's: change your own, or ask the owner"
        )


def _checked(aspect: StyleAspect, value: str) -> str:
    plain = "\n".join(line.strip() for line in value.replace("\\n", "\n").splitlines()).strip()
    if len(plain) > _LONGEST or any(ord(char) < 32 and char != "\n" for char in plain):
        raise BadInput(f"{aspect.value} {plain[:60]!r}: give at most {_LONGEST} characters")
    if aspect is StyleAspect.AVOID:
        return plain
    if not plain:
        raise BadInput(f"{aspect.value} '': say what it is, or forget it with `style forget`")
    if aspect in _PLACES:
        _check_places(aspect, plain)
    elif aspect is StyleAspect.LENGTH:
        is_number = plain.isascii() and plain.isdigit()
        if not is_number or not _FEWEST_WORDS <= int(plain) <= _MOST_WORDS:
            raise BadInput(
                f"length {plain!r}: give a number of words from {_FEWEST_WORDS} to {_MOST_WORDS:,}"
            )
    elif aspect is StyleAspect.FORMALITY and plain not in _FORMALITIES:
        raise BadInput(f"formality {plain!r}: use one of {', '.join(_FORMALITIES)}")
    return plain


def _check_places(aspect: StyleAspect, value: str) -> None:
    known, places = _PLACES[aspect], places_of(value)
    is_broken = value.count("{") != len(places) or value.count("}") != len(places)
    if is_broken or len(set(places)) < len(places) or not set(places) <= known:
        shown = ", ".join(f"{{{place}}}" for place in sorted(known))
        raise BadInput(f"{aspect.value} {value!r}: the places for people are {shown}, each once")


def _phrase_key(phrase: str) -> str:
    key = " ".join(phrase.split()).casefold()
    if not 1 < len(key) <= _LONGEST:
        raise BadInput(f"phrase {key[:60]!r}: give the words to avoid, 2 to {_LONGEST} characters")
    return key
