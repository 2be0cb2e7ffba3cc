"""Keeps out of the store what people were in who were erased, and the names of such colleagues."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from crm.audit.marks import pseudonym_of
from crm.audit.suppressing import Suppressed, person_keys, row_key, text_key
from crm.models import Conversation
from ingest.conversations import ParsedConversation
from ingest.identity import Person


def without_erased(
    batch: Sequence[ParsedConversation], erased: Suppressed
) -> list[ParsedConversation]:
    """Return the conversations but those that were erased, or were led with somebody erased before.

    What somebody writes after they were erased is new, and comes in. A colleague who was erased
    stands in what comes under the pseudonym.
    """
    if not erased:
        return list(batch)
    return [_under_pseudonyms(one, erased) for one in batch if not _is_out(one, erased)]


def _is_out(parsed: ParsedConversation, erased: Suppressed) -> bool:
    if erased.find([row_key(Conversation.__tablename__, parsed.source, parsed.external_id)]):
        return True
    for person in parsed.participants:
        found = erased.find(_keys(person))
        if found and not _is_colleague(found.address) and parsed.started_at <= found.at:
            return True
    return False


def _under_pseudonyms(parsed: ParsedConversation, erased: Suppressed) -> ParsedConversation:
    names = _pseudonyms(parsed.participants, erased)
    if not names:
        return parsed
    people = tuple(
        Person(names[one.name], role=one.role, side=one.side) if one.name in names else one
        for one in parsed.participants
    )
    segments = tuple(
        replace(one, speaker=names.get(one.speaker, one.speaker)) for one in parsed.segments
    )
    voices = tuple(replace(one, name=names.get(one.name, one.name)) for one in parsed.voices)
    return replace(parsed, participants=people, segments=segments, voices=voices)


def _pseudonyms(people: Iterable[Person], erased: Suppressed) -> dict[str, str]:
    """Return what stands for the names of colleagues who were erased."""
    found: dict[str, str] = {}
    for person in people:
        keys = person_keys(None, person.email) if person.email else [text_key(person.name)]
        erasure = erased.find(keys)
        if erasure is not None and _is_colleague(erasure.address):
            found[person.name] = pseudonym_of(int(erasure.address.partition(":")[2]))
    return found


def _keys(person: Person) -> list[str]:
    return person_keys(person.name, person.email, phone=person.phone)


def _is_colleague(address: str) -> bool:
    return address.startswith("user:")
