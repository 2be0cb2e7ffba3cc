"""Names of records that are not the caller's, and fields that policies keep back."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access.bindings import Bindings
from crm.access.fields import withheld, withhold
from crm.access.policy import Policy, load_policy
from crm.access.scope import Scope
from crm.errors import NotAllowed, NotFound
from crm.metrics.query import Filter, FilterOp, MetricQuery
from crm.metrics.run import run_metric
from crm.models import Account, Contact, Opportunity, Participant, Quote, Stage, User
from crm.principal import Principal, Role
from crm.store import Store
from evals.access_company import build_world
from evals.access_world import NOW
from tools.attributes import Entity
from tools.language import Language
from tools.records import (
    AttributeArguments,
    FindContacts,
    GetRecord,
    find_contacts,
    get_record,
    record_attribute,
)
from tools.timeline import TimelineArguments, opportunity_timeline

ALL = 'permit (principal, action == Action::"read", resource);'
DEALS_ONLY = """
permit (principal, action == Action::"read", resource is Opportunity);
permit (principal, action == Action::"read_field", resource is Field);
"""


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        build_world(session, seed=2, size=4)
        yield session


def caller(policy: str | Policy, role: Role = Role.REP) -> Principal:
    rules = Policy(policy) if isinstance(policy, str) else policy
    return Principal(1, "anna", role, scopes=(Scope(rules, role, Bindings(1)),))


def contact(session: Session) -> Contact:
    living = select(Account.id).where(Account.deleted_at.is_(None))
    found = session.scalars(select(Contact).where(Contact.account_id.in_(living))).first()
    assert found is not None
    return found


def deal(session: Session) -> Opportunity:
    statement = select(Opportunity).where(
        Opportunity.deleted_at.is_(None),
        Opportunity.account_id.is_not(None),
        Opportunity.owner_id.is_not(None),
    )
    found = session.scalars(statement).first()
    assert found is not None
    return found


@pytest.mark.parametrize(("language", "shown"), [("en", "(not for you)"), ("zh", "（无权查看）")])
def test_a_kept_back_field_says_so_in_the_record_and_stands_in_no_fact(
    session: Session, language: Language, shown: str
) -> None:
    row = contact(session)
    wanted = GetRecord(entity=Entity.CONTACT, ref=str(row.id))

    record = get_record(session, wanted, principal=caller(ALL), as_of=NOW, language=language)

    fields = {field.name: field.text for field in record.fields}
    assert fields["email"] == fields["phone"] == shown
    assert fields["title"] == row.title
    told = " ".join(fact.text for fact in record.facts)
    assert row.title
    assert row.title in told
    assert shown not in told
    assert str(row.email) not in record.model_dump_json()


def test_a_field_that_a_rule_permits_is_shown(session: Session) -> None:
    row = contact(session)
    rule = ALL + 'permit (principal, action == Action::"read_field", resource is Field) when '
    email_only = rule + '{ resource.kind == "Contact" && resource.name == "email" };'
    wanted = GetRecord(entity=Entity.CONTACT, ref=str(row.id))

    record = get_record(session, wanted, principal=caller(email_only), as_of=NOW)

    fields = {field.name: field.text for field in record.fields}
    assert (fields["email"], fields["phone"]) == (row.email, "(not for you)")


def test_asking_for_a_kept_back_field_does_not_say_that_there_is_none(session: Session) -> None:
    wanted = AttributeArguments(entity=Entity.CONTACT, id=contact(session).id, attribute="email")

    found = record_attribute(session, wanted, principal=caller(ALL), as_of=NOW)

    assert found.field.text == "(not for you)"
    assert found.facts[0].text.endswith("(not for you)")
    assert found.facts[0].value is None


def test_nobody_finds_people_by_an_address_that_is_kept_back(session: Session) -> None:
    row = contact(session)
    by_email = FindContacts(text=str(row.email)[:8])
    owner = Principal.local_owner()

    assert find_contacts(session, by_email, principal=owner, as_of=NOW).total == 1
    assert find_contacts(session, by_email, principal=caller(ALL), as_of=NOW).total == 0


def test_the_product_keeps_personal_data_and_margins_from_partners_only() -> None:
    for role in Role:
        if role in (Role.OWNER, Role.CUSTOMER):
            continue
        principal = caller(load_policy(), role)
        is_partner = role is Role.PARTNER
        assert withheld(Contact, principal) == ({"email", "phone"} if is_partner else set())
        assert withheld(Participant, principal) == ({"email", "phone"} if is_partner else set())
        assert withheld(User, principal) == ({"email"} if is_partner else set())
        assert withheld(Quote, principal) == ({"discount"} if is_partner else set())


def test_a_policy_without_rules_on_fields_keeps_them_all_back() -> None:
    assert withheld(Quote, caller(ALL)) == {"discount"}
    assert withheld(Contact, Principal.local_owner()) == frozenset()


def test_what_is_withheld_stays_in_the_database(store: Store, session: Session) -> None:
    row = contact(session)
    email, number = row.email, row.id

    assert withhold([row], caller(ALL))[0].email is None
    session.commit()

    with store.session() as again:
        assert again.get_one(Contact, number).email == email


def test_a_quote_is_told_without_a_discount_that_is_kept_back(session: Session) -> None:
    quoted = select(Quote.opportunity_id)
    row = session.scalars(
        select(Opportunity).where(Opportunity.id.in_(quoted), Opportunity.deleted_at.is_(None))
    ).first()
    assert row is not None
    wanted = TimelineArguments(opportunity_id=row.id)

    told = {
        name: [
            event.text
            for event in opportunity_timeline(
                session, wanted, principal=principal, as_of=NOW
            ).events
            if event.kind == "quote"
        ]
        for name, principal in (("open", Principal.local_owner()), ("kept", caller(ALL)))
    }

    assert len(told["open"]) == len(told["kept"]) == 1
    assert "discount" in told["open"][0]
    assert "discount" not in told["kept"][0]
    assert "%" not in told["kept"][0]


@pytest.mark.parametrize(
    "query",
    [
        MetricQuery(measure="average_discount"),
        MetricQuery(
            measure="pipeline",
            filters=(Filter(dimension="discount", op=FilterOp.AT_LEAST, values=(0.1,)),),
        ),
    ],
)
def test_no_number_is_made_of_a_kept_back_field(session: Session, query: MetricQuery) -> None:
    with pytest.raises(NotAllowed, match="'discount' of quotes is not for 'anna'"):
        run_metric(session, query, principal=caller(ALL), as_of=NOW)

    assert run_metric(session, query, principal=Principal.local_owner(), as_of=NOW).totals


@pytest.mark.parametrize(("language", "shown"), [("en", "(not visible)"), ("zh", "（不可见）")])
def test_a_deal_does_not_tell_the_names_of_records_that_are_not_the_callers(
    session: Session, language: Language, shown: str
) -> None:
    row = deal(session)
    account = session.get_one(Account, row.account_id)
    stage = session.get_one(Stage, row.stage_id)
    wanted = GetRecord(entity=Entity.OPPORTUNITY, ref=str(row.id))

    record = get_record(session, wanted, principal=caller(DEALS_ONLY), as_of=NOW, language=language)

    fields = {field.name: field.text for field in record.fields}
    assert fields["account"] == fields["owner"] == fields["stage"] == shown
    assert fields["next_step"] == row.next_step
    document = record.model_dump_json()
    assert account.name not in document
    assert stage.name not in document
    assert not any(shown in fact.text for fact in record.facts)


def test_numbers_by_customer_do_not_name_customers_that_are_not_the_callers(
    session: Session,
) -> None:
    by_account = MetricQuery(measure="opportunities", by=("account",))

    seen = run_metric(session, by_account, principal=caller(DEALS_ONLY), as_of=NOW)
    whole = run_metric(session, by_account, principal=Principal.local_owner(), as_of=NOW)

    assert {cell.keys for cell in seen.cells} == {("—",)}
    assert seen.totals == whole.totals
    assert len(whole.cells) > 1


def test_a_filter_by_a_name_that_is_not_the_callers_knows_no_such_name(session: Session) -> None:
    account = session.get_one(Account, deal(session).account_id)
    named = MetricQuery(
        measure="opportunities", filters=(Filter(dimension="account", values=(account.name,)),)
    )

    with pytest.raises(NotFound, match="check the spelling"):
        run_metric(session, named, principal=caller(DEALS_ONLY), as_of=NOW)


def test_quotes_of_a_deleted_deal_count_for_nobody(session: Session) -> None:
    row = session.scalars(select(Quote)).first()
    assert row is not None
    session.get_one(Opportunity, row.opportunity_id).deleted_at = None
    session.flush()
    everybody = (Principal.local_owner(), caller(load_policy()))
    asked = MetricQuery(measure="average_discount")

    before = [run_metric(session, asked, principal=one, as_of=NOW).rows for one in everybody]
    session.get_one(Opportunity, row.opportunity_id).deleted_at = NOW
    session.flush()
    after = [run_metric(session, asked, principal=one, as_of=NOW).rows for one in everybody]

    assert after == [count - 1 for count in before]
