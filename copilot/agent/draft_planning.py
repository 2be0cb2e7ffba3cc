"""Turns a wish for a draft into an order with every name resolved, or asks back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.contract import Status
from copilot.agent.desk import Request
from copilot.agent.plan import DraftOrder, Plan, Route
from copilot.agent.recipients import Scope, Somebody, find_person, newest_mail, read_people
from copilot.agent.wishes import Named, Wish
from copilot.agent.wording import phrase
from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.pack.hostile import name_and_address, told_name
from crm.access import visible
from crm.errors import Ambiguous, CopilotError, NotFound
from crm.models import Account, Conversation, Opportunity, StageStatus
from tools.language import Language
from tools.names import NamedThing, NameIndex
from tools.record_facts import RecordBrief
from tools.records import FindOpportunities, find_opportunities

PICKED = re.compile(r"\(?\b(contact|account|opportunity):(\d{1,9})\)?\s*[.。]?\s*$")
_MOST_DEALS = 100
_MOST_CANDIDATES = 10


class Unresolved(CopilotError):
    """The wish cannot become an order yet: what to say, how it ends, and what may be meant.

    `said` are the words in the wish that another name can take the place of.
    """

    def __init__(
        self, status: Status, text: str, candidates: list[str] | None = None, *, said: str = ""
    ) -> None:
        super().__init__(text)
        self.status, self.text, self.said = status, text, said
        self.candidates = candidates or []


@dataclass
class _Target:
    """Whom and what the draft is about, as far as it is known."""

    person: Somebody | None = None
    account: NamedThing | None = None
    deal: NamedThing | None = None
    from_focus: Mapping[str, int | None] | None = None

    def of(self, key: str) -> int | None:
        return (self.from_focus or {}).get(key)

    @property
    def contact_id(self) -> int | None:
        return self.person.contact_id if self.person else self.of("contact_id")

    @property
    def account_id(self) -> int | None:
        if self.account is not None:
            return self.account.id
        return self.of("account_id")

    @property
    def opportunity_id(self) -> int | None:
        return self.deal.id if self.deal is not None else self.of("opportunity_id")

    @property
    def is_known(self) -> bool:
        return any((self.contact_id, self.account_id, self.opportunity_id))


@dataclass(frozen=True)
class Ordering:
    """One wish being resolved for one caller."""

    session: Session
    index: NameIndex
    request: Request
    language: Language
    focus: Mapping[str, int | None]

    def order(self, wish: Wish) -> DraftOrder:
        """Return the order.

        Raises:
            Unresolved: nobody, several people, a colleague, no mail to answer, no deal.
        """
        try:
            return self._ordered(wish)
        except Unresolved as back:
            back.said = back.said or next((one.text for one in wish.names[:1]), "")
            raise

    def _ordered(self, wish: Wish) -> DraftOrder:
        target = self._target(wish)
        if wish.is_proposal:
            return self._proposal(wish, target)
        order = DraftOrder(
            kind=wish.kind,
            channel=wish.channel,
            contact_id=target.contact_id,
            account_id=target.account_id,
            opportunity_id=target.opportunity_id,
            purpose=wish.purpose,
            language=wish.language,
            to=self._shown(target),
        )
        return self._replying(order) if wish.kind is DraftKind.REPLY else order

    def _target(self, wish: Wish) -> _Target:
        if wish.is_joint:
            people = [one.text for one in wish.names if one.is_contact]
            raise self._unresolved(Status.AMBIGUOUS, "draft_one_addressee", people)
        target = _Target()
        for number, named in enumerate(wish.names):
            self._take(target, named, wish, is_first=number == 0)
        if not target.is_known and self.focus:
            target.from_focus = self.focus
        if not target.is_known and wish.kind is not DraftKind.REPLY:
            raise self._unresolved(Status.NOT_FOUND, "draft_to_whom")
        return target

    def _take(self, target: _Target, named: Named, wish: Wish, *, is_first: bool) -> None:
        if not named.is_known:
            if is_first:
                names = f"“{named.text}”"
                raise self._unresolved(Status.NOT_FOUND, "unknown_name", names=names)
        elif named.is_colleague:
            if is_first:
                raise self._unresolved(Status.NOT_FOUND, "draft_colleague", who=named.text)
        elif _means_person(named):
            target.person = target.person or self._person(named, wish)
        else:
            self._take_record(target, named)

    def _take_record(self, target: _Target, named: Named) -> None:
        thing = named.things[0]
        same = [one for one in named.things if one.dimension == thing.dimension]
        starting = self._starting_like(named, thing)
        if (named.is_ambiguous and len(same) > 1) or len(starting) > 1:
            shown = [
                name_and_address(one.dimension, one.id, one.name) for one in (starting or same)
            ]
            raise self._ambiguous(named.text, shown[:_MOST_CANDIDATES])
        if thing.dimension == "opportunity":
            target.deal = target.deal or thing
        elif thing.dimension == "account":
            target.account = target.account or thing

    def _starting_like(self, named: Named, thing: NamedThing) -> list[NamedThing]:
        """Return the accounts that all begin with what was said, if it was only a beginning."""
        said = named.text.lower()
        if thing.dimension != "account" or thing.name.lower() == said or " " in said:
            return []
        return [one for one in self.index.things("account") if one.name.lower().startswith(said)]

    def _person(self, named: Named, wish: Wish) -> Somebody:
        accounts = [
            one.things[0].id
            for one in wish.names
            if one.things and one.things[0].dimension == "account"
        ]
        scope = Scope(
            account_id=accounts[0] if accounts else None,
            owner_id=self.request.principal.user_id,
            writes=wish.kind is DraftKind.REPLY,
        )
        known = self.focus.get("contact_id")
        try:
            return find_person(
                self.session,
                named.text,
                self.index,
                principal=self.request.principal,
                scope=scope,
                rather=known,
            )
        except NotFound:
            names = f"“{named.text}”"
            raise self._unresolved(Status.NOT_FOUND, "unknown_name", names=names) from None
        except Ambiguous as error:
            raise self._ambiguous(named.text, error.candidates) from None

    def _replying(self, order: DraftOrder) -> DraftOrder:
        caller = self.request.principal
        is_anybody = not (order.contact_id or order.account_id or order.opportunity_id)
        if is_anybody and caller.user_id is None:
            raise self._unresolved(Status.NOT_FOUND, "draft_to_whom")
        mail = newest_mail(
            self.session,
            principal=caller,
            as_of=self.request.as_of,
            contact_id=order.contact_id,
            account_id=order.account_id,
            opportunity_id=order.opportunity_id,
        )
        if mail is None:
            who = order.to or phrase("draft_you", self.language)
            raise self._unresolved(Status.NOT_FOUND, "draft_no_mail", who=who)
        statement = select(Conversation.title, Conversation.started_at).where(
            Conversation.id == mail
        )
        title, at = self.session.execute(visible(statement, Conversation, caller)).one()
        answers = phrase(
            "draft_answers",
            self.language,
            title=told_name("conversation", mail, title),
            day=f"{at:%Y-%m-%d}",
        )
        return order.model_copy(update={"reply_to": mail, "answers": answers})

    def _proposal(self, wish: Wish, target: _Target) -> DraftOrder:
        deal_id, name = target.opportunity_id, ""
        if target.deal is not None:
            name = told_name("opportunity", target.deal.id, target.deal.name)
        if deal_id is None:
            deal = self._open_deal(target)
            deal_id, name = deal.id, told_name("opportunity", deal.id, deal.name)
        return DraftOrder(
            is_proposal=True,
            channel=Channel.EMAIL,
            contact_id=target.contact_id,
            opportunity_id=deal_id,
            purpose=wish.purpose,
            language=wish.language,
            to=name or self._shown(target),
        )

    def _open_deal(self, target: _Target) -> RecordBrief:
        account_id = target.person.account_id if target.person else target.account_id
        if account_id is None and target.contact_id is not None:
            people = read_people(
                self.session, [target.contact_id], principal=self.request.principal
            )
            account_id = people[0].account_id if people else None
        if account_id is None:
            raise self._unresolved(Status.NOT_FOUND, "draft_which_deal")
        wanted = FindOpportunities(
            account_id=account_id, status=StageStatus.OPEN, order="opened", limit=_MOST_DEALS
        )
        caller = self.request.principal
        found = find_opportunities(
            self.session, wanted, principal=caller, as_of=self.request.as_of
        ).records
        if len(found) == 1:
            return found[0]
        if not found:
            raise self._unresolved(Status.NOT_FOUND, "draft_no_deal", who=self._shown(target))
        shown = [name_and_address("opportunity", deal.id, deal.name) for deal in found]
        text = phrase("ambiguous", self.language, called=f"“{self._shown(target)}”")
        raise Unresolved(Status.AMBIGUOUS, text, shown[:_MOST_CANDIDATES])

    def _shown(self, target: _Target) -> str:
        """Return in words who is addressed, or what the draft is about."""
        session, caller = self.session, self.request.principal
        person = target.person
        if person is None and target.contact_id is not None:
            people = read_people(session, [target.contact_id], principal=caller)
            person = people[0] if people else None
        if person is not None:
            name = told_name("contact", person.contact_id, person.name)
            account = told_name("account", person.account_id, person.account)
            return f"{name}, {account}" if person.account else name
        for entity, kind, key in (
            (Opportunity, "opportunity", target.opportunity_id),
            (Account, "account", target.account_id),
        ):
            if key is not None:
                statement = select(entity.name).where(entity.id == key)
                named = session.scalar(visible(statement, entity, caller))
                return told_name(kind, key, named) if named else ""
        return ""

    def _ambiguous(self, called: str, candidates: list[str]) -> Unresolved:
        text = phrase("ambiguous", self.language, called=f"“{called}”")
        return Unresolved(Status.AMBIGUOUS, text, candidates, said=called)

    def _unresolved(
        self, status: Status, name: str, candidates: list[str] | None = None, **slots: str
    ) -> Unresolved:
        return Unresolved(status, phrase(name, self.language, **slots), candidates)


def draft_plan(order: DraftOrder) -> Plan:
    """Return the plan that has the order written."""
    return Plan(route=Route.DRAFT, draft=order)


def _means_person(named: Named) -> bool:
    if named.is_person or named.things[0].dimension == "contact":
        return True
    return named.is_contact and named.things[0].dimension in {"owner", "manager"}
