"""Who is who, and what a conversation is about."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.models import (
    Account,
    Activity,
    Alias,
    Contact,
    Opportunity,
    Side,
    Stage,
    User,
)
from crm.principal import Principal
from crm.store import Store
from ingest.deals import find_accounts_titled, names_within
from ingest.identity import NO_HINTS, Directory, Hints, Link, Person, domain_of

AT = datetime(2026, 5, 10, 12, tzinfo=UTC)
_SOURCED: dict[str, Any] = {"source": "test", "synced_at": AT}


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        _fill(session)
        yield session


def _fill(session: Session) -> None:
    session.add_all(
        [
            User(id=1, name="Anna Meyer", email="Anna@ours.example", external_id="1", **_SOURCED),
            User(id=2, name="李伟", email="liwei@ours.example", external_id="2", **_SOURCED),
            Account(id=1, name="Acme", domain="acme.example", external_id="A1", **_SOURCED),
            Account(id=2, name="Acme Group", domain=None, external_id="A2", **_SOURCED),
            Account(
                id=3, name="安科智能有限公司", domain="anke.example", external_id="A3", **_SOURCED
            ),
            Stage(id=1, name="Open", position=1, status="open", external_id="s1", **_SOURCED),
            Stage(id=2, name="Won", position=2, status="won", external_id="s2", **_SOURCED),
        ]
    )
    session.flush()
    session.add_all(
        [
            Contact(id=1, name="Bob Ray", email="Bob@acme.example", account_id=1,
                    external_id="c1", **_SOURCED),
            Contact(id=2, name="王芳", email=None, account_id=3, external_id="c2", **_SOURCED),
            Contact(id=3, name="Same Name", email=None, account_id=1, external_id="c3", **_SOURCED),
            Contact(id=4, name="Same Name", email=None, account_id=3, external_id="c4", **_SOURCED),
            Alias(entity="account", entity_id=3, name="安科"),
        ]
    )  # fmt: skip
    session.flush()


def _deal(
    session: Session, number: int, *, owner_id: int = 1, opened: date, closed: date | None = None
) -> None:
    session.add(
        Opportunity(id=number, name=f"Deal {number}", account_id=1, owner_id=owner_id,
                    stage_id=2 if closed else 1, currency="USD", opened_on=opened,
                    closed_on=closed, external_id=f"D{number}", **_SOURCED)
    )  # fmt: skip
    session.flush()


def _resolve(
    session: Session, *people: Person, title: str = "Call", hints: Hints = NO_HINTS
) -> Link:
    directory = Directory(session, Principal.local_owner())
    return directory.resolve(people, title, AT, hints)


def test_addresses_name_user_and_contact_whatever_their_case(session: Session) -> None:
    link = _resolve(session, Person("A. M.", "ANNA@ours.example"), Person("B", "bob@ACME.example"))
    assert [(p.user_id, p.contact_id, p.side) for p in link.people] == [
        (1, None, Side.OURS),
        (None, 1, Side.CUSTOMER),
    ]
    assert (link.account_id, link.owner_id) == (1, 1)


def test_unknown_person_at_a_known_domain_belongs_to_its_account(session: Session) -> None:
    link = _resolve(session, Person("New", "new@mail.acme.example"))
    assert link.account_id == 1
    assert link.people[0].side is Side.CUSTOMER
    assert link.people[0].contact_id is None


def test_colleague_without_a_user_is_on_our_side_and_no_customer(session: Session) -> None:
    link = _resolve(session, Person("Intern", "intern@ours.example"))
    assert link.people[0].side is Side.OURS
    assert link.account_id is None
    assert link.owner_id is None


def test_public_mail_domains_say_nothing(session: Session) -> None:
    session.add(Account(name="Odd", domain="gmail.com", external_id="A9", **_SOURCED))
    session.flush()
    assert _resolve(session, Person("X", "x@gmail.com")).account_id is None
    assert domain_of("x@qq.com") is None


def test_unique_names_resolve_where_our_participant_looks_after_the_company(
    session: Session,
) -> None:
    session.get_one(Account, 3).owner_id = 2
    session.flush()
    link = _resolve(session, Person("李伟"), Person("王芳"))
    assert link.people[0].user_id == 2
    assert link.people[1].contact_id == 2
    assert link.account_id == 3


def test_name_without_any_sign_of_its_company_is_asked_about(session: Session) -> None:
    link = _resolve(session, Person("Bob Ray"), Person("李伟"))
    assert (link.people[0].contact_id, link.account_id) == (None, None)
    assert [(one.id, one.company) for one in link.doubts[0].candidates] == [(1, "Acme")]


def test_name_shared_by_two_contacts_stays_open(session: Session) -> None:
    assert _resolve(session, Person("Same Name")).account_id is None


def test_shared_name_resolves_within_the_account(session: Session) -> None:
    link = _resolve(session, Person("Same Name"), Person("Bob", "bob@acme.example"))
    assert link.people[0].contact_id == 3


def test_namesake_at_a_customers_domain_is_not_our_user(session: Session) -> None:
    link = _resolve(session, Person("Anna Meyer", "anna.meyer@acme.example"))
    assert link.people[0].user_id is None
    assert link.people[0].side is Side.CUSTOMER


def test_stated_side_is_kept_for_strangers(session: Session) -> None:
    link = _resolve(session, Person("Zed", side=Side.CUSTOMER), Person("Yan"))
    assert [person.side for person in link.people] == [Side.CUSTOMER, None]


@pytest.mark.parametrize(
    ("title", "account_id"),
    [
        ("Intro call with ACME", 1),
        ("Acme Group kick-off", 2),
        ("Acmeology", None),
        ("安科智能有限公司报价讨论", 3),
        ("与安科的通话", 3),
        ("Acme and 安科", None),
        ("100% _ sure", None),
    ],
)
def test_title_names_the_account(session: Session, title: str, account_id: int | None) -> None:
    assert find_accounts_titled(session, Principal.local_owner(), [title]) == {title: account_id}


@pytest.mark.parametrize("hint", ["A3", "安科智能有限公司", "安科"])
def test_account_hint_beats_addresses(session: Session, hint: str) -> None:
    link = _resolve(session, Person("B", "bob@acme.example"), hints=Hints(account=hint))
    assert link.account_id == 3


def test_single_deal_open_at_the_time_is_taken(session: Session) -> None:
    _deal(session, 1, opened=date(2026, 1, 1), closed=date(2026, 5, 9))
    _deal(session, 2, opened=date(2026, 3, 1), closed=date(2026, 6, 1))
    _deal(session, 3, opened=date(2026, 5, 11))
    assert _resolve(session, Person("B", "bob@acme.example")).opportunity_id == 2


def test_of_several_deals_the_participants_most_active_one_is_taken(session: Session) -> None:
    for number in (1, 2):
        _deal(session, number, opened=date(2026, number, 1))
    _deal(session, 3, owner_id=2, opened=date(2026, 4, 1))
    people = (Person("B", "bob@acme.example"), Person("Anna", "anna@ours.example"))
    assert _resolve(session, *people).opportunity_id == 2
    session.add_all(
        Activity(kind="call", subject="s", opportunity_id=number, external_id=str(day),
                 occurred_at=datetime(2026, month, day, tzinfo=UTC), **_SOURCED)
        for number, month, day in ((1, 5, 2), (2, 4, 30), (2, 6, 20))
    )  # fmt: skip
    session.flush()
    assert _resolve(session, *people).opportunity_id == 1
    assert _resolve(session, people[0]).opportunity_id is None


@pytest.mark.parametrize("hint", ["D1", "Deal 1"])
def test_deal_hint_brings_its_account(session: Session, hint: str) -> None:
    _deal(session, 1, opened=date(2027, 1, 1))
    link = _resolve(session, Person("Nobody"), hints=Hints(opportunity=hint))
    assert (link.account_id, link.opportunity_id) == (1, 1)


def test_unknown_hint_is_no_error(session: Session) -> None:
    link = _resolve(session, Person("Nobody"), hints=Hints("Nowhere", "Nothing"))
    assert (link.account_id, link.opportunity_id) == (None, None)


def test_stretches_of_a_title_are_words_or_contain_han() -> None:
    assert names_within("Re: A&B") == ["a&b", "re:", "re: a", "re: a&b"]
    assert "华锐" in names_within("与华锐开会")
    assert len(names_within("华锐食品" * 75)) < 1_000


def test_account_in_a_title_is_found_by_index(session: Session) -> None:
    plan = session.execute(
        text("EXPLAIN QUERY PLAN SELECT id FROM accounts WHERE lower(name) IN ('acme', 'x')")
    )
    assert "ix_accounts_name_lower" in " ".join(row.detail for row in plan)
