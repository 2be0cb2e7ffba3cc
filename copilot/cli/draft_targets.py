"""Finds what a draft is asked for on the command line: the deal, account, person or mail."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rapidfuzz import fuzz
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from copilot.agent.recipients import WRITTEN, Scope, find_person, newest_mail
from copilot.grounding.pack.hostile import name_and_address
from crm.access import visible
from crm.errors import Ambiguous, BadInput, NotFound
from crm.models import Conversation
from crm.principal import Principal
from tools.attributes import Entity
from tools.language import fold_script
from tools.names import NamedThing, NameIndex, find_names
from tools.records import GetRecord, get_record

LAST = "last"
_MOST_CANDIDATES = 10
_LONGEST_REFERENCE = 300
_LIKE = 86.0


@dataclass(frozen=True)
class References:
    """What was typed: ids, external ids, addresses, or names that only one record has."""

    to: str | None = None
    deal: str | None = None
    account: str | None = None
    reply_to: str | None = None


@dataclass(frozen=True)
class Target:
    """The ids of what was meant."""

    contact_id: int | None = None
    opportunity_id: int | None = None
    account_id: int | None = None
    reply_to: int | None = None


@dataclass(frozen=True)
class Finder:
    """Resolves references for one caller; `names` reads the names of the CRM when it has to."""

    session: Session
    names: Callable[[], NameIndex]
    principal: Principal
    as_of: datetime

    def target(self, given: References) -> Target:
        """Return what the references mean.

        Raises:
            BadInput: there is none, or one is empty or far too long.
            NotFound: nothing is called that.
            Ambiguous: several records are; the candidates carry their ids.
        """
        _check(given)
        account = self.record(Entity.ACCOUNT, given.account) if given.account else None
        deal = self.record(Entity.OPPORTUNITY, given.deal) if given.deal else None
        contact = self._addressee(given.to, account) if given.to else None
        if isinstance(contact, NamedThing):
            account, contact = contact.id, None
        mail = None
        if given.reply_to is not None:
            mail = self._mail(given.reply_to, contact=contact, deal=deal, account=account)
        return Target(contact, deal, account, mail)

    def record(self, entity: Entity, reference: str) -> int:
        """Return the id of the record: by id, external id, exact name, else the one most like it.

        Raises NotFound, or Ambiguous with candidates.
        """
        wanted = GetRecord(entity=entity, ref=reference)
        asked = {"principal": self.principal, "as_of": self.as_of}
        try:
            return get_record(self.session, wanted, **asked).id  # type: ignore[arg-type]
        except NotFound:
            like = self._like(entity.value, reference)
            if len(like) == 1 and like[0].id is not None:
                return like[0].id
            if like:
                raise _several(entity.value, reference, like) from None
            raise

    def _like(self, dimension: str, reference: str) -> list[NamedThing]:
        """Return the records of which the reference is a part of the name, or a misspelling."""
        wanted = fold_script(reference.strip()).casefold()
        things = self.names().things(dimension)
        folded = [(thing, fold_script(thing.name).casefold()) for thing in things]
        part = [thing for thing, name in folded if wanted in name]
        if part:
            return part
        linked = [one for mention in find_names(reference, self.names()).mentions
                  for one in mention.candidates if one.dimension == dimension]  # fmt: skip
        return linked or [thing for thing, name in folded if fuzz.ratio(wanted, name) >= _LIKE]

    def _addressee(self, said: str, account_id: int | None) -> int | NamedThing:
        """Return the contact's id, or the account that was named in its place."""
        if _is_reference(said):
            return self.record(Entity.CONTACT, said)
        scope = Scope(account_id=account_id, owner_id=self.principal.user_id)
        names = self.names()
        try:
            found = find_person(self.session, said, names, principal=self.principal, scope=scope)
        except NotFound:
            accounts = self._like("account", said)
            if len(accounts) == 1:
                return accounts[0]
            if accounts:
                raise _several("account", said, accounts) from None
            return self.record(Entity.CONTACT, said)
        return found.contact_id

    def _mail(
        self, said: str, *, contact: int | None, deal: int | None, account: int | None
    ) -> int:
        if said.strip().casefold() == LAST:
            found = newest_mail(
                self.session,
                principal=self.principal,
                as_of=self.as_of,
                contact_id=contact,
                account_id=account,
                opportunity_id=deal,
            )
            if found is None:
                raise NotFound(
                    "there is no mail of the customer's to reply to: name the person with --to, "
                    "or leave --reply-to out"
                )
            return found
        return self._named_mail(said.strip())

    def _named_mail(self, said: str) -> int:
        number = said.rpartition(":")[2]
        bare = said.strip("<>")
        tries = [
            or_(
                Conversation.external_id == said,
                Conversation.message_id.in_([bare, f"<{bare}>"]),
            ),
            func.lower(Conversation.title) == said.lower(),
        ]
        if number.isdecimal() and len(number) < _LONGEST_ID:
            tries.insert(0, Conversation.id == int(number))
        kinds = [kind.value for kind in WRITTEN]
        for condition in tries:
            statement = (
                select(Conversation.id, Conversation.title, Conversation.started_at)
                .where(condition, Conversation.kind.in_(kinds))
                .order_by(Conversation.started_at.desc(), Conversation.id)
                .limit(_MOST_CANDIDATES)
            )
            rows = self.session.execute(visible(statement, Conversation, self.principal)).all()
            if len(rows) == 1:
                return int(rows[0][0])
            if rows:
                shown = [f"{title}, {at:%Y-%m-%d} (conversation:{key})" for key, title, at in rows]
                raise Ambiguous(f"{len(rows)} mails fit {said!r}: give one of their ids", shown)
        raise NotFound(
            f"there is no mail {said!r}: give its id as `search` prints it, its Message-ID or "
            f"subject, or {LAST!r} for the newest of the person, deal or account"
        )


_LONGEST_ID = 10


def _check(given: References) -> None:
    named = {"--to": given.to, "--deal": given.deal, "--account": given.account,
             "--reply-to": given.reply_to}  # fmt: skip
    if not any(value is not None for value in named.values()):
        raise BadInput(
            "say for whom: --to 'Priya Nair', --deal D00001, --account Acme, or --reply-to a mail"
        )
    for option, value in named.items():
        if value is not None and not 0 < len(value.strip()) <= _LONGEST_REFERENCE:
            raise BadInput(f"{option} has {len(value)} characters: give 1 to {_LONGEST_REFERENCE}")


def _is_reference(said: str) -> bool:
    head, _, number = said.strip().rpartition(":")
    return number.isdecimal() and head in ("", "contact")


def _several(kind: str, said: str, things: list[NamedThing]) -> Ambiguous:
    shown = [name_and_address(one.dimension, one.id, one.name) for one in things[:_MOST_CANDIDATES]]
    return Ambiguous(f"{len(things)} records fit {kind} {said!r}: give one of their ids", shown)
