"""What is kept back by policy stands in no proposal, names no addressee, and cannot be guessed."""

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.recipients import Somebody, find_person
from copilot.cli.draft_people import recipients_of, sender_of
from copilot.grounding.pack.history import people_of
from copilot.grounding.pack.scope import Asker
from copilot.writers.draft import Addressee, Draft
from copilot.writers.learning.keeping import get_draft, list_drafts
from copilot.writers.proposals.proposal import Proposal, ProposalRequest
from copilot.writers.proposals.write import write_proposal
from crm.access.bindings import Bindings
from crm.access.policy import Policy
from crm.access.scope import Scope
from crm.errors import NotFound
from crm.models import Account, Contact, Opportunity, SavedDraft, User
from crm.principal import Principal, Role
from crm.store import Store
from evals.access_company import build_world
from evals.access_world import NOW
from tests.proposal_seed import GUIDE, TODAY, add_line, add_offer, add_quote
from tests.scripted import ScriptedModel
from tools.names import NameIndex

ALL = 'permit (principal, action == Action::"read", resource);'
FIELDS = 'permit (principal, action == Action::"read_field", resource is Field)'
NO_ADDRESSES = f'{ALL}{FIELDS} when {{ resource.group == "margin" }};'
OPEN, NO_MARGIN = f"{ALL}{FIELDS};", f'{ALL}{FIELDS} when {{ resource.group == "personal" }};'


def caller(rules: str) -> Principal:
    scope = Scope(Policy(rules), Role.REP, Bindings(1))
    return Principal(1, "anna", Role.REP, scopes=(scope,))


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        yield session


def some_contact(session: Session) -> Contact:
    living = select(Account.id).where(Account.deleted_at.is_(None))
    wanted = select(Contact).where(Contact.account_id.in_(living), Contact.deleted_at.is_(None))
    found = session.scalars(wanted).first()
    assert found is not None
    return found


def propose(session: Session, rules: str) -> Proposal:
    request = ProposalRequest(1)
    asked = {"guide": GUIDE, "principal": caller(rules), "as_of": TODAY}
    return write_proposal(session, ScriptedModel([]), None, request, **asked)  # type: ignore[arg-type]


def test_a_proposal_rests_on_no_quote_whose_discount_is_kept_back(session: Session) -> None:
    add_offer(session)
    add_line(session, 1, 1, 40, 340_000)
    add_quote(session, 1, 340_000, discount=Decimal("0.15"))

    seen, kept = (str(propose(session, rules)) for rules in (OPEN, NO_MARGIN))

    assert "15 %" in seen or "15%" in seen
    assert "Q-1" in seen
    assert "15 %" not in kept
    assert "15%" not in kept
    assert "0.15" not in kept
    assert "Q-1" not in kept
    assert "a quote whose discount is not for you" in kept


def letter_to(contact: Contact, sender: User) -> Draft:
    return Draft.model_construct(
        contact_id=contact.id,
        to=(Addressee(name=contact.name, email=None),),
        sender=sender.name,
        language="en",
    )


def test_addresses_that_are_kept_back_are_on_no_letter(session: Session) -> None:
    build_world(session, seed=2, size=4)
    contact = some_contact(session)
    mail, number = contact.email, contact.phone
    sender = session.get_one(User, 1)
    theirs, draft = sender.email, letter_to(contact, sender)
    assert mail
    assert number
    assert theirs

    def heads(rules: str) -> str:
        principal = caller(rules)
        session.expire_all()
        people = recipients_of(session, draft, principal=principal)
        return f"{people} {sender_of(session, draft, guide=GUIDE, principal=principal)}"

    assert {mail, number, theirs} <= set(re.findall(r"'([^']+)'", heads(OPEN)))
    kept = heads(NO_ADDRESSES)
    assert contact.name in kept
    assert not any(one in kept for one in (mail, number, theirs))


def test_nobody_is_found_by_an_address_that_is_kept_back(session: Session) -> None:
    build_world(session, seed=2, size=4)
    contact = some_contact(session)
    name, mail = contact.name, str(contact.email)

    def found(said: str, rules: str) -> Somebody:
        principal = caller(rules)
        names = NameIndex.load(session, principal)
        return find_person(session, said, names, principal=principal)

    assert found(mail, OPEN).email == mail
    assert found(name, NO_ADDRESSES).email is None
    with pytest.raises(NotFound):
        found(mail, NO_ADDRESSES)


def test_the_people_of_a_talk_come_without_what_is_kept_back(session: Session) -> None:
    world = build_world(session, seed=2, size=4)
    ids = world.ids["Conversation"]

    def emails(rules: str) -> set[str | None]:
        session.expire_all()
        people = people_of(ids, Asker(session, caller(rules), NOW))
        return {one.email for some in people.values() for one in some}

    assert None not in emails(OPEN)
    assert emails(NO_ADDRESSES) == {None}


def test_a_draft_is_kept_back_with_its_deal_or_account(session: Session) -> None:
    world = build_world(session, seed=2, size=4)
    deals = {row.id: row for row in session.scalars(select(Opportunity))}
    deleted = next(one for one in deals.values() if one.deleted_at is None)
    for number, (deal, account) in enumerate(
        [
            (None, None),
            *((one, None) for one in deals),
            *((None, one) for one in world.ids["Account"]),
        ]
    ):
        row = saved(number, deal, account)
        session.add(row)
    session.flush()

    def shown(rules: str) -> set[tuple[int | None, int | None]]:
        found = list_drafts(session, principal=caller(rules), limit=100)
        return {(one.opportunity_id, one.account_id) for one in found if one.sha256.startswith("x")}

    everything = shown(OPEN)
    no_deals = shown('permit (principal, action == Action::"read", resource is Account);')
    assert len(everything) == 1 + len(deals) + len(world.ids["Account"])
    assert (None, None) in no_deals
    assert {(None, one) for one in world.ids["Account"]} <= no_deals
    assert (deleted.id, None) not in no_deals
    deleted.deleted_at = NOW
    session.flush()
    assert (deleted.id, None) in shown("permit (principal, action, resource is Account);")
    hidden = next(one for one in everything if one[0] not in {None, deleted.id})
    number = session.scalar(
        select(SavedDraft.id)
        .where(SavedDraft.opportunity_id == hidden[0])
        .where(SavedDraft.sha256.startswith("x"))
    )
    with pytest.raises(NotFound):
        get_draft(session, number or 0, principal=caller("forbid (principal, action, resource);"))


def saved(number: int, deal: int | None, account: int | None) -> SavedDraft:
    return SavedDraft(
        schema_version=1, payload={}, sha256=f"x{number}", user_id=1, recipient="", kind="reply",
        channel="email", language="en", created_at=NOW, status="open", opportunity_id=deal,
        account_id=account,
    )  # fmt: skip
