"""Finds whom in the CRM a participant may be, and whether one of them is sure enough."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from crm.models import IdentityEntity
from crm.principal import Principal
from ingest.identity.addresses import canonical_address, domain_of
from ingest.identity.lookups import Lookups
from ingest.identity.people import Candidate, Evidence, Person
from ingest.identity.scoring import (
    AHEAD_BY,
    AUTOMATIC,
    WORTH_ASKING,
    Known,
    Said,
    Setting,
    read_person,
    weigh,
)
from ingest.identity.verdicts import Verdicts

_SHOWN = 5
_LEAST_SHOWN = 0.4
# So many people who fit equally are no question that anybody could answer.
_TOO_MANY = 12


@dataclass(frozen=True)
class Matched:
    """The one who is sure enough, else those worth asking about, best first."""

    sure: Candidate | None = None
    candidates: tuple[Candidate, ...] = ()


NOBODY = Matched()
# What ties a participant: the contact or the user they are.
Taken = set[tuple[int | None, int | None]]


class Matcher:
    """Candidates for participants whom no exact address names."""

    def __init__(
        self, session: Session, principal: Principal, lookups: Lookups, verdicts: Verdicts
    ) -> None:
        self._session, self._principal = session, principal
        self._lookups, self._verdicts = lookups, verdicts

    def prepare(self, many: Sequence[tuple[Evidence, Sequence[Setting]]]) -> None:
        """Load the candidates for all these conversations in a few statements."""
        open_ones = [
            (read_person(person), setting)
            for one, settings in many
            for person, setting in zip(one.people, settings, strict=True)
            if not self._is_plain(person)
        ]
        open_ones = [pair for pair in open_ones if pair[0].is_matchable]
        if not open_ones:
            return
        self._lookups.roster.build(self._session, self._principal)
        self._lookups.learn_accounts(
            {place for _, setting in open_ones if (place := _place(setting)) is not None}
        )
        self._lookups.learn_contacts(
            {number for said, setting in open_ones for number in self._found(said, setting)}
        )

    def likely_users(self, people: Iterable[Person], setting: Setting) -> set[int]:
        """Return those of our users whose names are called; for judging companies, no link."""
        found = set()
        for person in people:
            said = read_person(person)
            best = self._best_users(said, replace(setting, is_our_domain=False))
            if len(best) == 1 and best[0].score >= AUTOMATIC:
                found.add(best[0].id)
        return found

    def match(
        self, person: Person, keys: tuple[str, ...], setting: Setting, taken: Taken
    ) -> Matched:
        """Return who the participant surely is, or may be; `taken` are others' in the same talk."""
        said = read_person(person)
        if not said.is_matchable:
            return NOBODY
        self._lookups.roster.build(self._session, self._principal)
        place = _place(setting)
        if place is not None:
            self._lookups.learn_accounts([place])
        setting = replace(
            setting,
            group=self._lookups.group_of(place),
            answered=self._verdicts.answered_for(person.name),
            region=self._lookups.roster.region,
        )
        ranked = self._rank(said, setting)
        ranked = [one for one in ranked if not _is_another(one, taken)]
        if not ranked or ranked[0].score < WORTH_ASKING:
            return NOBODY
        best, rest = ranked[0], ranked[1:]
        is_ahead = not rest or best.score - rest[0].score >= AHEAD_BY
        is_refused = self._verdicts.is_refused(keys, best.entity.value, best.id)
        if best.score >= AUTOMATIC and is_ahead and not is_refused:
            return Matched(sure=best)
        if sum(one.score >= best.score - AHEAD_BY for one in ranked) > _TOO_MANY:
            return NOBODY
        return Matched(
            candidates=tuple(one for one in ranked if one.score >= _LEAST_SHOWN)[:_SHOWN]
        )

    def _rank(self, said: Said, setting: Setting) -> list[Candidate]:
        candidates = {
            (one.entity, one.id): one
            for known in self._candidates(said, setting)
            if (one := weigh(said, known, setting)) is not None
        }
        shown: dict[tuple[IdentityEntity, int], Candidate] = {}
        for one in sorted(candidates.values(), key=lambda c: (-c.score, c.entity, c.id)):
            merged = self._verdicts.shown_as(one.id)
            if one.entity is IdentityEntity.CONTACT and merged != one.id:
                other = self._lookups.contact(merged)
                if other is not None:
                    one = _renamed(one, other)  # noqa: PLW2901 — the same person under one id
            shown.setdefault((one.entity, one.id), one)
        return list(shown.values())

    def _candidates(self, said: Said, setting: Setting) -> list[Known]:
        place = _place(setting)
        ids = self._found(said, setting)
        self._lookups.learn_contacts(ids)
        known = {one.id: one for one in self._lookups.contacts(ids)}
        if place is not None and not setting.is_our_domain:
            known |= {one.id: one for one in self._lookups.contacts_of(place)}
        return [*self._lookups.roster.users.values(), *known.values()]

    def _found(self, said: Said, setting: Setting) -> set[int]:
        """Return contacts anywhere that share the number, the mailbox or, if told by it, the name.

        Where the company is known, names elsewhere are those of other people.
        """
        roster = self._lookups.roster
        found = roster.by_phone(said.phone)
        if mailbox := canonical_address(said.person.email):
            found |= roster.by_mailbox(mailbox)
            reached = self._lookups.contact_reached_by(mailbox)
            if reached is not None:
                found.add(reached)
        if setting.own_account_id is None and not setting.is_our_domain:
            is_alone = setting.account_id is None or domain_of(said.person.email) is not None
            found |= roster.by_name(said.form) if is_alone else set()
        return found

    def _best_users(self, said: Said, setting: Setting) -> list[Candidate]:
        if said.form.is_empty:
            return []
        weighed = [weigh(said, user, setting) for user in self._lookups.roster.users.values()]
        found = sorted((one for one in weighed if one), key=lambda one: -one.score)
        return [one for one in found if one.score > found[0].score - AHEAD_BY]

    def _is_plain(self, person: Person) -> bool:
        """Say whether the address alone names the participant."""
        email = person.email or ""
        return bool(email) and (
            self._lookups.user_at(email) is not None or self._lookups.contact_at(email) is not None
        )


def _place(setting: Setting) -> int | None:
    return setting.own_account_id or setting.account_id


def _is_another(one: Candidate, taken: Taken) -> bool:
    """Say whether somebody else in the same conversation is this person already."""
    is_user = one.entity is IdentityEntity.USER
    return ((None, one.id) if is_user else (one.id, None)) in taken


def _renamed(one: Candidate, other: Known) -> Candidate:
    return replace(
        one, id=other.id, name=other.name, company=other.company, account_id=other.account_id
    )
