"""Who is linked by rule, who is asked about, and who stays unknown."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crm.models import Account, Alias, Contact, Side
from crm.store import Store
from ingest.identity import NO_HINTS, Directory, Hints, KnownPerson, Link, Person
from tests.identity_seed import AT, OWNER, SOURCED, add_contact, fill_crm

ACME, ANKE = Hints(account="Acme"), Hints(account="A3")


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        fill_crm(session)
        yield session


def _link(session: Session, *people: Person, hints: Hints = NO_HINTS, title: str = "x") -> Link:
    return Directory(session, OWNER).resolve(people, title, AT, hints)


def _first(session: Session, person: Person, hints: Hints = NO_HINTS) -> KnownPerson:
    return _link(session, person, hints=hints).people[0]


@pytest.mark.parametrize(
    ("person", "hints", "contact_id"),
    [
        (Person("x", "robert.ray+offers@ACME.example"), NO_HINTS, 1),
        (Person("Robert Ray", "rray@acme.example"), NO_HINTS, 1),
        (Person("Bob Ray", "bob@mail.example"), NO_HINTS, None),
        (Person("Bob Ray"), ACME, 1),
        (Person("Ray, Robert"), ACME, 1),
        (Person("Joerg Mueller"), ACME, 7),
        (Person("Mueller Jörg", "jmueller@acme.example"), NO_HINTS, 7),
        (Person("Priya Nair", "priya.nair@gmail.com"), ACME, 2),
        (Person("Chen Siyuan"), ANKE, 4),
        (Person("思远 陈"), ANKE, 4),
        (Person("陳思遠"), ANKE, 4),
        (Person("Wang Fang", "wangfang@anke.example"), NO_HINTS, 5),
        (Person("+86 138 0013 8000"), NO_HINTS, 4),
        (Person("", phone="13800138000"), NO_HINTS, 4),
        (Person("Priya", phone="+1 (415) 555-2671"), NO_HINTS, 6),
        (Person("王经理", role="采购经理"), ANKE, None),
        (Person("Priya Nair"), NO_HINTS, None),
        (Person("Priya Nair", "priya@gamma.example"), NO_HINTS, None),
        (Person("Robert Ray", "robert@gamma.example"), ACME, None),
        (Person("Chen Wei", "chenwei2@anke.example"), NO_HINTS, None),
        (Person("Robert Ray", side=Side.OURS), ACME, None),
        (Person("Robert Ray", "info@acme.example"), NO_HINTS, None),
        (Person("Speaker 1"), ACME, None),
    ],
)
def test_linked_only_where_it_is_sure(
    session: Session, person: Person, hints: Hints, contact_id: int | None
) -> None:
    assert _first(session, person, hints).contact_id == contact_id


@pytest.mark.parametrize(
    ("person", "hints", "candidates"),
    [
        (Person("Priya Nair"), NO_HINTS, [2, 6]),
        (Person("王总"), ANKE, [5]),
        (Person("陈总"), ANKE, [4, 3]),
        (Person("小陈"), ANKE, [3, 4]),
        (Person("P. Nair"), ACME, [2]),
        (Person("Chen Wei", "chenwei2@anke.example"), NO_HINTS, [3]),
        (Person("Robert Ray", "robert@gamma.example"), ACME, [1]),
        (Person("Ralph Moor", phone="030 90182012"), NO_HINTS, [1]),
        (Person("Zed Zulu"), ACME, []),
        (Person("Priya Nair", "priya@gamma.example"), NO_HINTS, []),
    ],
)
def test_what_stays_unsure_is_asked_with_candidates(
    session: Session, person: Person, hints: Hints, candidates: list[int]
) -> None:
    doubts = _link(session, person, hints=hints).doubts
    assert [one.id for doubt in doubts for one in doubt.candidates] == candidates
    for doubt in doubts:
        scores = [one.score for one in doubt.candidates]
        assert scores == sorted(scores, reverse=True)
        assert all(one.reasons and one.company for one in doubt.candidates)


def test_a_rules_link_tells_its_reasons(session: Session) -> None:
    (ruling,) = _link(session, Person("Bob Ray"), hints=ACME).rulings
    assert (ruling.candidate.id, ruling.candidate.score) == (1, 0.93)
    assert ruling.candidate.reasons == (
        "short form of the first name",
        "the conversation is with this company: Acme",
    )


def test_two_namesakes_at_one_company_are_asked_about(session: Session) -> None:
    add_contact(session, 20, "Robert Ray", None, account_id=1)
    link = _link(session, Person("Robert Ray"), hints=ACME)
    assert link.people[0].contact_id is None
    assert {one.id for one in link.doubts[0].candidates} == {1, 20}


def test_domain_kept_as_another_name_of_the_account_speaks_for_it(session: Session) -> None:
    person = Person("Robert Ray", "robert.ray@acme-works.test")
    assert _first(session, person).account_id is None
    session.add(Alias(entity="account", entity_id=1, name="acme-works.test"))
    session.flush()
    assert (_first(session, person).contact_id, _first(session, person).account_id) == (1, 1)


def test_domain_from_which_two_colleagues_write_speaks_for_their_company(
    session: Session,
) -> None:
    newcomer = Person("New Comer", "new@acme-group.test")
    add_contact(session, 20, "Ann One", "ann@acme-group.test", account_id=1)
    assert _first(session, newcomer).account_id is None
    add_contact(session, 21, "Ben Two", "ben@acme-group.test", account_id=1)
    assert _first(session, newcomer).account_id == 1


def test_similar_domain_is_asked_about_and_not_linked(session: Session) -> None:
    link = _link(session, Person("Robert Ray", "rob@acme.test"))
    assert link.people[0].contact_id is None
    assert [one.id for one in link.doubts[0].candidates] == [1]


def test_subsidiary_is_of_the_same_group(session: Session) -> None:
    session.add(
        Account(id=9, name="Acme Italia", domain="acme-it.test", parent_id=1,
                external_id="A9", **SOURCED)
    )  # fmt: skip
    session.flush()
    link = _link(session, Person("Bob Ray", "bob@acme-it.test"))
    assert link.account_id == 9
    assert [one.id for one in link.doubts[0].candidates] == [1]


def test_other_script_kept_as_alias_is_a_name_too(session: Session) -> None:
    session.add(Alias(entity="contact", entity_id=1, name="罗伯特"))
    session.flush()
    assert _first(session, Person("罗伯特"), ACME).contact_id == 1


def test_the_deleted_are_no_candidates(session: Session) -> None:
    session.get_one(Contact, 1).deleted_at = AT
    session.flush()
    link = _link(session, Person("Robert Ray", "robert.ray@acme.example"), hints=ACME)
    assert (link.people[0].contact_id, link.doubts) == (None, ())
    session.get_one(Account, 1).deleted_at = AT
    session.flush()
    assert _link(session, Person("x", "y@acme.example")).account_id is None


def test_somebody_in_the_talk_already_is_nobody_else_in_it(session: Session) -> None:
    link = _link(session, Person("RR", "robert.ray@acme.example"), Person("Robert"))
    assert [one.contact_id for one in link.people] == [1, None]
    assert link.doubts == ()


@pytest.mark.parametrize(
    "name",
    [
        "A" * 100_000,
        "'; DROP TABLE contacts; --",
        "%_%",
        "<b>Priya</b> [red]Nair[/]",
        "\x00\x1b[31mPriya\u202eriaN\u2066",
        "\ud800Priya",
        "́" * 5_000,
        "王" * 9_000,
        "😀 🚀",
    ],
)
def test_hostile_names_do_no_harm(session: Session, name: str) -> None:
    person: Any = Person(name, f"x{len(name)}@acme.example")
    assert _first(session, person).account_id == 1
    assert _first(session, Person(name)).contact_id is None
    assert session.get_one(Contact, 1).name == "Robert Ray"
