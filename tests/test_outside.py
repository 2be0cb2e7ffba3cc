"""People outside the company read their own and what is public, and nothing tells them of more."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copilot.callers import principal_of, visitor
from crm.access import visible
from crm.access.actions import Deciding, ProposalFacts, may_decide
from crm.access.anchors import ANCHORS, PARENTS
from crm.access.explaining import explain_access
from crm.access.fields import withheld
from crm.access.policy import Policy, load_policy
from crm.access.threads import thread_key
from crm.audit.trail import address_of
from crm.errors import Ambiguous, NotFound
from crm.models import (
    Account,
    Case,
    Contact,
    Conversation,
    Note,
    NoteSet,
    Participant,
    Product,
    Quote,
    User,
)
from crm.principal import Principal, Role
from crm.store import Store
from evals.confidentiality_company import NOW, build_company
from tests.test_cli_errors import document, filled, home, run
from tools.notes import FindCommitments, ReadNotes, find_commitments, read_notes

__all__ = ["filled", "home"]

FREE = """
permit (principal, action == Action::"read", resource);
permit (principal, action == Action::"read_field", resource);
permit (principal, action == Action::"approve", resource);
permit (principal, action == Action::"aggregate", resource);
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.sqlite(tmp_path / "crm.db")
    store.migrate()
    with store.session() as session:
        build_company(session, seed=3, accounts=6)
    yield store
    store.close()


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        yield session


def contact_in_a_talk(session: Session) -> Contact:
    found = session.scalar(
        select(Contact).join(Participant, Participant.contact_id == Contact.id).limit(1)
    )
    assert found is not None
    return found


def outside(store: Store, who: str | None, policy: Policy | None = None) -> Principal:
    rules = policy or load_policy()
    return principal_of(store, str(who), policy=rules, at=NOW, admits_outside=True)


def readable(session: Session, principal: Principal) -> dict[str, set[int]]:
    found = {}
    for model in (*ANCHORS, *PARENTS):
        key = model.__table__.c.id
        found[model.__name__] = set(session.scalars(visible(select(key), model, principal)))
    return found


def test_a_contact_reads_himself_his_company_its_cases_his_talks_and_products(
    store: Store, session: Session
) -> None:
    me = contact_in_a_talk(session)
    talks = select(Participant.conversation_id).where(Participant.contact_id == me.id)
    wanted = {
        "Contact": {me.id},
        "Account": {me.account_id},
        "Case": set(session.scalars(select(Case.id).where(Case.account_id == me.account_id))),
        "Conversation": set(session.scalars(talks)),
        "Product": set(session.scalars(select(Product.id))),
    }
    found = readable(session, outside(store, me.email))

    assert {name: ids for name, ids in found.items() if ids} == wanted
    assert all(wanted.values())


def test_a_visitor_reads_products_alone(session: Session) -> None:
    found = readable(session, visitor(load_policy()))

    assert {name for name, ids in found.items() if ids} == {"Product"}


def test_rules_for_colleagues_open_nothing_to_people_outside(
    store: Store, session: Session
) -> None:
    me = contact_in_a_talk(session)
    principal = outside(store, me.email, Policy(FREE))

    assert not any(readable(session, principal).values())
    assert withheld(Contact, principal) == {"email", "phone"}
    assert withheld(Quote, principal) == {"discount"}
    facts = ProposalFacts("create_task", own=True)
    assert not may_decide(Policy(FREE), Role.CUSTOMER, Deciding.APPROVE, facts).is_allowed


def test_no_rule_opens_colleagues_at_his_company_to_a_contact(
    store: Store, session: Session
) -> None:
    me = contact_in_a_talk(session)
    everything = Policy('permit (principal, action == Action::"read_outside", resource);')
    found = readable(session, outside(store, me.email, everything))

    assert found["Contact"] == {me.id}
    assert len(found["Account"]) == 6


def test_an_explanation_says_what_a_read_does(store: Store, session: Session) -> None:
    me = contact_in_a_talk(session)
    scope = outside(store, me.email).scopes[0]
    allowed = {
        number
        for number in session.scalars(select(Contact.id))
        if explain_access(session, scope, Contact, number).is_allowed
    }

    assert allowed == {me.id}
    assert explain_access(session, scope, Product, 1).is_allowed
    assert not explain_access(session, scope, User, 1).is_allowed


def test_a_user_comes_before_a_contact_of_the_same_address(store: Store, session: Session) -> None:
    user, me = session.scalars(select(User)).first(), contact_in_a_talk(session)
    assert user is not None
    user.email = me.email
    session.commit()

    assert outside(store, me.email).role is Role(user.role)


def test_an_address_that_several_contacts_share_is_ambiguous(
    store: Store, session: Session
) -> None:
    one, other = session.scalars(select(Contact).limit(2)).all()
    other.email = str(one.email).upper()
    session.commit()

    with pytest.raises(Ambiguous) as caught:
        outside(store, one.email)
    assert caught.value.candidates == [f"contact:{one.id}", f"contact:{other.id}"]


def test_who_left_the_crm_or_never_was_in_it_is_not_found(store: Store, session: Session) -> None:
    gone = contact_in_a_talk(session)
    gone.deleted_at = NOW
    session.commit()

    for who in (gone.email, "nobody@nowhere.example"):
        with pytest.raises(NotFound):
            outside(store, who)


def test_an_address_that_nobody_has_is_told_no_colleagues(store: Store, session: Session) -> None:
    ours = session.scalar(select(User.email).where(User.email.is_not(None)).limit(1))
    assert ours is not None
    name, _, domain = ours.partition("@")

    with pytest.raises(NotFound, match="did you mean .*" + ours):
        outside(store, f"{name[:-1]}@{domain}")
    with pytest.raises(NotFound) as told:
        outside(store, f"{name}@nowhere.example")
    everybody = [one for row in session.execute(select(User.name, User.email)) for one in row]
    assert not [one for one in everybody if one and one in str(told.value)]


def test_contacts_are_no_callers_where_people_outside_are_not_admitted(
    store: Store, session: Session
) -> None:
    me = contact_in_a_talk(session)

    with pytest.raises(NotFound):
        principal_of(store, str(me.email), policy=load_policy(), at=NOW)


def test_notes_on_a_talk_are_not_told_to_the_customer_in_it(store: Store, session: Session) -> None:
    me = contact_in_a_talk(session)
    talk = session.scalar(
        select(Participant.conversation_id).where(Participant.contact_id == me.id)
    )
    assert talk is not None
    session.add(NoteSet(conversation_id=talk, content_digest="d", maker="test", made_at=NOW))
    note = {"kind": "commitment", "text": "They will buy anyway", "segments": [0]}
    session.add(Note(conversation_id=talk, position=0, **note))
    session.flush()
    customer, owner = outside(store, me.email), Principal.local_owner()
    promised, wanted = FindCommitments(), ReadNotes(conversation_id=talk)

    assert find_commitments(session, promised, principal=owner, as_of=NOW).total == 1
    assert find_commitments(session, promised, principal=customer, as_of=NOW).total == 0
    assert read_notes(session, wanted, principal=owner, as_of=NOW).notes
    assert session.scalar(visible(select(func.count(Conversation.id)), Conversation, customer))
    with pytest.raises(NotFound):
        read_notes(session, wanted, principal=customer, as_of=NOW)


def test_people_outside_have_threads_and_addresses_of_their_own(
    store: Store, session: Session
) -> None:
    first, second = session.scalars(select(Contact).limit(2)).all()
    callers = [outside(store, first.email), outside(store, second.email), visitor(load_policy())]

    assert len({thread_key(one, "talk") for one in callers}) == 3
    assert [address_of(one) for one in callers] == [
        f"contact:{first.id}", f"contact:{second.id}", "visitor",
    ]  # fmt: skip


def test_ask_takes_a_contact_or_a_visitor_and_other_commands_do_not(filled: Path) -> None:
    with Store.sqlite(filled / "crm.db").session() as session:
        account = session.scalars(select(Account)).first()
        assert account is not None
        common = {"source": "crm", "synced_at": NOW}
        session.add(
            Contact(
                external_id="c1", name="Ada Quill", email="ada@them.example", phone="+1 555 0199",
                account_id=account.id, **common,
            )
        )  # fmt: skip
        session.add(Product(external_id="p1", name="Lumo", description="Lights up", **common))
        session.commit()
        company = account.name
    asked = "What phone number do you have for me?"
    mine = run("ask", asked, "--as", "ada@them.example", "--json")
    nobody = run("ask", asked, "--outside", "--json")
    public = run("ask", "What is Lumo?", "--outside", "--json")
    shown = run("show", "accounts", "--as", "ada@them.example", "--json")
    why = run("access", "explain", "--as", "ada@them.example", "--object", "account:1", "--json")

    assert (mine.exit_code, "+1 555 0199" in mine.stdout) == (0, True)
    assert (nobody.exit_code, document(nobody)["status"]) == (5, "declined")
    assert (public.exit_code, "Lights up" in public.stdout) == (0, True)
    assert (shown.exit_code, company in shown.stdout) == (3, False)
    assert document(why)["role"] == "customer"
    assert run("ask", "hello", "--outside", "--as", "ada@them.example").exit_code == 2
