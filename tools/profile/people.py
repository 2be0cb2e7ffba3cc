"""The people at the customer: roles, stance, how long since they were heard, how they write."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from crm.access.fields import withheld
from crm.facts import Fact, FactKind
from crm.models import (
    Contact,
    Conversation,
    ConversationKind,
    FieldProposal,
    Note,
    NoteKind,
    Participant,
    Side,
)
from tools.deal_events import ACTIVITY_WORDS, titled
from tools.notes import note_fact
from tools.profile.evidence import fold, from_proposal, merge_same, recorded
from tools.profile.model import Known, Person, Stance
from tools.profile.rows import Asked, Rows, Talked, by_key
from tools.profile.style import Letter, style_of
from tools.profile.words import WORDS, role_key, word_role

_CRITICAL = 2
_RECENT = timedelta(days=180)
_MOST_FACTS = 3
_ROLE_FIELDS = {"meddicc.champion": "champion", "meddicc.economic_buyer": "economic_buyer"}


_Named = dict[str, list[tuple[str, FieldProposal, Conversation]]]
_Objections = dict[str, list[tuple[Note, Conversation]]]


@dataclass(frozen=True)
class _Said:
    """What conversations tell of people, by folded name."""

    roles: _Named
    objections: _Objections


@dataclass
class _Seen:
    """One person while being put together: what the CRM holds, and where they took part."""

    name: str
    contact: Contact | None = None
    participant: Participant | None = None
    talks: list[Talked] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)


def people_of(rows: Rows, letters: Sequence[Letter], asked: Asked) -> list[Person]:
    """Return people with a role or heard from first, the latest heard first, then all others."""
    seen = _gather(rows, letters)
    said = _Said(_named_roles(rows), _objections(rows, asked))
    found = [_person(one, rows, asked, said) for one in seen]
    return sorted(found, key=_weight, reverse=True)


def _weight(person: Person) -> tuple[bool, bool, float, bool]:
    last = person.last_contact_at
    recency = last.timestamp() if last else 0.0
    return (person.conversations > 0, bool(person.roles), recency, person.stance is not None)


def _gather(rows: Rows, letters: Sequence[Letter]) -> list[_Seen]:
    seen: dict[str, _Seen] = {}
    for contact in rows.contacts:
        seen[f"contact:{contact.id}"] = _Seen(contact.name, contact=contact)
    for talk in rows.talks:
        for key, one in {_key(one): one for one in talk.people if _is_theirs(one)}.items():
            person = seen.setdefault(key, _Seen(one.name))
            person.participant = person.participant or one
            person.talks.append(talk)
    for letter in letters:
        if _key(letter.sender) in seen:
            seen[_key(letter.sender)].letters.append(letter)
    return list(seen.values())


def _is_theirs(one: Participant) -> bool:
    return one.side == Side.CUSTOMER


def _key(one: Participant) -> str:
    if one.contact_id is not None:
        return f"contact:{one.contact_id}"
    return f"email:{one.email.casefold()}" if one.email else f"name:{fold(one.name)}"


def _person(seen: _Seen, rows: Rows, asked: Asked, said: _Said) -> Person:
    contact, other = seen.contact, seen.participant
    roles = _roles(seen, rows, asked, said.roles)
    stance, why = _stance(seen, roles, asked, said.objections)
    heard = next((t.row.started_at for t in seen.talks if _speaks(t, seen)), None)
    last = seen.talks[0].row.started_at if seen.talks else None
    return Person(
        contact_id=contact.id if contact else None,
        name=seen.name,
        title=contact.title if contact else None,
        email=(contact.email if contact else None) or _own(other, "email", asked),
        phone=(contact.phone if contact else None) or _own(other, "phone", asked),
        language=contact.language if contact else None,
        roles=roles,
        stance=stance,
        stance_facts=why,
        last_contact_at=last,
        last_heard_at=heard,
        conversations=len(seen.talks),
        style=style_of(seen.letters, asked, who=seen.name),
        facts=_facts(seen, asked),
    )


def _own(other: Participant | None, column: str, asked: Asked) -> str | None:
    if other is None or column in withheld(Participant, asked.principal):
        return None
    found: str | None = getattr(other, column)
    return found


def _speaks(talk: Talked, seen: _Seen) -> bool:
    """Say whether the person wrote the mail, or took part in what was spoken."""
    if talk.row.kind != ConversationKind.EMAIL:
        return True
    sender = talk.sender
    return sender is not None and any(letter.talk is talk for letter in seen.letters)


def _roles(seen: _Seen, rows: Rows, asked: Asked, named: _Named) -> tuple[Known, ...]:
    """Return roles held by the CRM, open deals first, and roles that conversations suggest."""
    held = _held_roles(seen.contact, rows, asked) if seen.contact else []
    said = _said_roles(seen, rows, asked, named)
    found: dict[str, Known] = {}
    for known in merge_same([*held, *said], key=lambda one: one.value or one.text):
        found[known.value or known.text] = known
    # A role that the CRM holds stays recorded, whatever was said of it later.
    for known in reversed(held):
        key = known.value or known.text
        found[key] = replace(found[key], basis=known.basis, confidence=known.confidence)
    order = list(dict.fromkeys(known.value or known.text for known in [*held, *said]))
    return tuple(found[key] for key in order)


def _held_roles(contact: Contact, rows: Rows, asked: Asked) -> list[Known]:
    words = WORDS[asked.language]
    held = [one for one in rows.roles if one.contact_id == contact.id and one.role]
    found: list[Known] = []
    for one in sorted(held, key=lambda one: not rows.deal_of[one.opportunity_id].is_open):
        deal, role = rows.deal_of[one.opportunity_id], one.role or ""
        shown = word_role(role, asked.language)
        found.append(
            recorded(
                shown,
                f"opportunity:{one.opportunity_id}",
                as_of=asked.as_of,
                fact_text=words["role"].format(name=contact.name, role=shown, deal=deal.row.name),
                known_on=deal.row.opened_on,
                value=role_key(role),
                opportunity_id=one.opportunity_id,
            )
        )
    return found


def _said_roles(seen: _Seen, rows: Rows, asked: Asked, named: _Named) -> list[Known]:
    """Return roles proposed for the contact, or for the name of one whom the CRM does not know."""
    if seen.contact is not None:
        pairs = rows.proposals_on("contact", seen.contact.id, "role")
        said = [(row.new_value, row, talk) for row, talk in pairs]
    else:
        said = named.get(fold(seen.name), [])
    found: list[Known] = []
    for role, row, talk in said:
        known = from_proposal(row, talk, rows, label=seen.name, language=asked.language)
        shown = word_role(role, asked.language)
        found.append(replace(known, text=shown, value=role_key(role)))
    return found


def _named_roles(rows: Rows) -> _Named:
    """Return the roles that conversations give to names, by folded name."""
    found: _Named = {}
    for row, talk in rows.proposals:
        role = _ROLE_FIELDS.get(row.field)
        if role is not None:
            found.setdefault(fold(row.new_value), []).append((role, row, talk))
    return found


def _objections(rows: Rows, asked: Asked) -> _Objections:
    """Return the objections of the last 180 days by the folded name of who raised them."""
    since = asked.as_of - _RECENT
    recent = [
        (note, talk)
        for note, talk in rows.notes_of(NoteKind.OBJECTION)
        if note.speaker and talk.started_at >= since
    ]
    return by_key(recent, lambda pair: fold(pair[0].speaker or ""))


def _stance(
    seen: _Seen, roles: Sequence[Known], asked: Asked, objections: _Objections
) -> tuple[Stance | None, tuple[Fact, ...]]:
    """Return where a person stands: by role, else critical after two objections in 180 days."""
    for stance in (Stance.BLOCKER, Stance.CHAMPION):
        role = next((one for one in roles if one.value == stance.value), None)
        if role is not None:
            return stance, role.facts
    names = [seen.name, seen.participant.name if seen.participant else seen.name]
    raised = [pair for name in dict.fromkeys(map(fold, names)) for pair in objections.get(name, ())]
    if len(raised) < _CRITICAL:
        return None, ()
    newest = raised[:_MOST_FACTS]
    return Stance.CRITICAL, tuple(
        note_fact(note, talk, language=asked.language) for note, talk in newest
    )


def _facts(seen: _Seen, asked: Asked) -> tuple[Fact, ...]:
    words = WORDS[asked.language]
    found: list[Fact] = []
    if seen.contact is not None:
        contact = seen.contact
        mark = "，" if asked.language == "zh" else ", "
        parts = [contact.name, contact.title, contact.email, contact.phone]
        text = mark.join(part for part in parts if part)
        source = f"contact:{contact.id}"
        found.append(Fact(kind=FactKind.RECORD, text=text, as_of=asked.as_of, source=source))
    if seen.talks:
        row = seen.talks[0].row
        what = titled(
            ACTIVITY_WORDS[asked.language].get(row.kind, row.kind), row.title, asked.language
        )
        text = words["took_part"].format(
            name=seen.name, what=what, day=f"{row.started_at:%Y-%m-%d}"
        )
        source = f"conversation:{row.id}"
        found.append(Fact(kind=FactKind.ACTIVITY, text=text, as_of=row.started_at, source=source))
    return tuple(found)
