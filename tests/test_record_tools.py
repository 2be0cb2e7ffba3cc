from collections.abc import Callable
from datetime import date, datetime

import pytest

from crm.errors import Ambiguous, BadInput, NotFound
from crm.models import (
    Account,
    Alias,
    Contact,
    Opportunity,
    PriceBook,
    PriceBookEntry,
    Product,
    Stage,
    StageStatus,
    Team,
    User,
)
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import add_conversation, sourced
from tests.statements import counted
from tools.attributes import Entity, attributes, attributes_in, find_attribute
from tools.records import (
    AttributeArguments,
    FindAccounts,
    FindContacts,
    FindOpportunities,
    GetRecord,
    find_accounts,
    find_contacts,
    find_opportunities,
    get_record,
    record_attribute,
)


@pytest.fixture
def crm(store: Store) -> Store:
    with store.session() as session:
        session.add(Team(**sourced(1), name="East"))
        session.flush()
        session.add(User(**sourced(1), name="Anna Berg", email="anna@us.example", team_id=1))
        session.flush()
        session.add(User(**sourced(2), name="Bo Lind", manager_id=1))
        session.add(Account(**sourced(2), name="Acme Holding"))
        session.flush()
        session.add(
            Account(
                **sourced(1),
                name="Acme",
                industry="software",
                country="Germany",
                employees=12_500,
                founded_year=1997,
                annual_revenue_minor=120_000_000_00,
                currency="EUR",
                owner_id=1,
                parent_id=2,
                domain="acme.example",
            )
        )
        session.add(Account(**sourced(3), name="华东制造", industry="制造"))
        session.flush()
        session.add(Alias(entity="account", entity_id=3, name="Huadong"))
        session.add(Contact(**sourced(1), name="李娜", title="CTO", account_id=3, email="li@hd.cn"))
        session.add(Stage(**sourced(1), name="Negotiation", position=2, status="open"))
        session.add(Stage(**sourced(2), name="Won", position=3, status="won"))
        session.add(Product(**sourced(1), name="Pump", family="Hydraulics"))
        session.add(Product(**sourced(2), name="Valve"))
        session.add(PriceBook(**sourced(1), name="Standard", currency="USD"))
        session.add(PriceBook(**sourced(2), name="China", currency="CNY"))
        session.flush()
        session.add(
            PriceBookEntry(**sourced(1), price_book_id=1, product_id=1, list_price_minor=55_000)
        )
        session.add(
            PriceBookEntry(**sourced(2), price_book_id=1, product_id=2, list_price_minor=9_950)
        )
        session.add(
            PriceBookEntry(**sourced(3), price_book_id=2, product_id=2, list_price_minor=70_000)
        )
        for number in range(1, 8):
            session.add(
                Opportunity(
                    **sourced(number),
                    name=f"Deal {number}",
                    account_id=1,
                    owner_id=1 + number % 2,
                    stage_id=2 if number == 7 else 1,
                    currency="USD",
                    amount_minor=None if number == 3 else number * 100_000,
                    opened_on=date(2026, number, 1),
                    expected_close_on=date(2026, 12, number),
                    closed_on=date(2026, 11, 2) if number == 7 else None,
                    next_step="send quote" if number == 1 else None,
                )
            )
        session.flush()
        add_conversation(session, 1, [("Anna Berg", "Hello")], title="Kick-off", account_id=1)
    return store


@pytest.fixture
def run(crm: Store, owner: Principal, as_of: datetime) -> Callable[..., object]:
    def call(tool, arguments, language="en"):  # type: ignore[no-untyped-def]
        with crm.session() as session:
            return tool(session, arguments, principal=owner, as_of=as_of, language=language)

    return call


def test_accounts_are_found_by_part_of_the_name_domain_or_alias(run) -> None:
    def names(text: str) -> list[str]:
        return [record.name for record in run(find_accounts, FindAccounts(text=text)).records]

    assert names("ACME") == ["Acme", "Acme Holding"]
    assert names("acme.ex") == ["Acme"]
    assert names("huadong") == names("华东") == ["华东制造"]
    assert names("%") == names("_") == []


def test_accounts_are_limited_by_industry_country_and_owner(run) -> None:
    arguments = FindAccounts(industry="Software", country="germany", owner_id=1)
    [fact] = run(find_accounts, arguments).facts
    assert fact.source == "account:1"
    assert fact.text == (
        'Account "Acme": industry software, country Germany, number of employees 12,500, '
        "annual revenue €120,000,000, owner Anna Berg"
    )
    assert run(find_accounts, FindAccounts(industry="Software", owner_id=2)).total == 0


def test_contacts_are_found_with_what_the_crm_knows_of_them(run) -> None:
    found = run(find_contacts, FindContacts(account_id=3, text="cto"), "zh")
    [fact] = found.facts
    assert fact.text == "联系人《李娜》：职务CTO，所在公司华东制造，邮箱li@hd.cn"
    assert run(find_contacts, FindContacts(account_id=1)).total == 0


def test_deals_are_listed_with_the_total_beyond_the_limit(run) -> None:
    found = run(find_opportunities, FindOpportunities(order="amount", limit=2))
    assert [record.id for record in found.records] == [7, 6]
    assert found.total == 7
    assert found.facts[0].text == (
        'Opportunity "Deal 7": account Acme, owner Bo Lind, stage Won, amount $7,000, '
        "date opened 2026-07-01, date closed 2026-11-02"
    )
    assert (found.facts[0].value, found.facts[0].currency) == (7000.0, "USD")


def test_given_ids_keep_their_order_or_are_ordered_and_unknown_ones_do_not_count(run) -> None:
    given = run(find_opportunities, FindOpportunities(ids=(5, 2, 3, 99, 2), limit=2))
    assert ([record.id for record in given.records], given.total) == ([5, 2], 3)
    ordered = run(find_opportunities, FindOpportunities(ids=(3, 2, 5), order="amount"))
    assert [record.id for record in ordered.records] == [5, 2, 3]
    assert run(find_opportunities, FindOpportunities(ids=())).total == 0


def test_a_hundred_thousand_ids_are_no_problem(run) -> None:
    found = run(find_opportunities, FindOpportunities(ids=tuple(range(100_000, 0, -1)), limit=3))
    assert ([record.id for record in found.records], found.total) == ([7, 6, 5], 7)


def test_deals_are_limited_by_owner_account_status_and_name(run) -> None:
    def ids(**limits: object) -> list[int]:
        arguments = FindOpportunities(order="name", **limits)
        return [record.id for record in run(find_opportunities, arguments).records]

    assert ids(owner_id=1) == [2, 4, 6]
    assert ids(status=StageStatus.WON) == [7]
    assert ids(account_id=2) == []
    assert ids(text="deal 3") == [3]


@pytest.mark.parametrize("ref", ["1", "account:1", "x1", "acme", " ACME "])
def test_a_record_is_shown_by_id_address_external_id_or_name(run, ref: str) -> None:
    record = run(get_record, GetRecord(entity=Entity.ACCOUNT, ref=ref))
    assert record.id == 1
    texts = {field.name: field.text for field in record.fields}
    assert texts["parent"] == "Acme Holding"
    assert texts["city"] is None
    assert "Founding year of Acme: 1997" in [fact.text for fact in record.facts]


@pytest.mark.parametrize("entity", list(Entity))
def test_every_kind_of_record_shows_all_its_attributes(run, entity: Entity) -> None:
    record = run(get_record, GetRecord(entity=entity, ref="1"))
    assert len(record.fields) == len([a for a in attributes() if a.entity == entity])
    assert record.facts


def test_a_name_that_fits_two_records_is_ambiguous(run, crm: Store) -> None:
    with crm.session() as session:
        session.add(Account(**sourced(9), name="ACME"))
    with pytest.raises(Ambiguous) as caught:
        run(get_record, GetRecord(entity=Entity.ACCOUNT, ref="acme"))
    assert caught.value.candidates == ["Acme (account:1)", "ACME (account:9)"]


@pytest.mark.parametrize("ref", ["Nobody", "404", "opportunity:1", "9" * 40, "' OR 1=1 --"])
def test_a_record_that_is_not_there_is_a_clear_error(run, ref: str) -> None:
    with pytest.raises(NotFound, match="give an id"):
        run(get_record, GetRecord(entity=Entity.ACCOUNT, ref=ref))


@pytest.mark.parametrize(
    ("entity", "number", "asked", "text", "value"),
    [
        ("account", 1, "headcount", "Number of employees of Acme: 12,500", 12_500),
        ("account", 1, "who owns", "Owner of Acme: Anna Berg", "Anna Berg"),
        ("account", 1, "turnover", "Annual revenue of Acme: €120,000,000", 120_000_000.0),
        ("account", 1, "母公司", "Parent company of Acme: Acme Holding", "Acme Holding"),
        ("user", 2, "boss", "Manager of Bo Lind: Anna Berg", "Anna Berg"),
        ("user", 1, "team", "Team of Anna Berg: East", "East"),
        ("product", 1, "price", "List price of Pump: $550", 550.0),
        ("product", 2, "list_price", "List price of Valve: $99.50 (Standard), ¥700 (China)", None),
        ("opportunity", 1, "stage", "Stage of Deal 1: Negotiation (open)", "Negotiation"),
        ("opportunity", 1, "next steps", "Next step of Deal 1: send quote", "send quote"),
        ("opportunity", 2, "close date", "Expected close date of Deal 2: 2026-12-02", "2026-12-02"),
    ],
)
def test_an_attribute_is_looked_up_by_any_usual_word(
    run, entity: str, number: int, asked: str, text: str, value: object
) -> None:
    arguments = AttributeArguments(entity=Entity(entity), id=number, attribute=asked)
    [fact] = run(record_attribute, arguments).facts
    assert (fact.text, fact.value) == (text, value)


def test_an_empty_field_is_said_to_be_empty(run) -> None:
    arguments = AttributeArguments(entity=Entity.CONTACT, id=1, attribute="电话")
    result = run(record_attribute, arguments)
    assert result.facts[0].text == "The CRM holds no phone number for 李娜"
    assert (result.field.text, result.facts[0].value) == (None, None)
    assert run(record_attribute, arguments, "zh").facts[0].text == "CRM 中没有 李娜 的电话"


def test_an_unknown_attribute_or_record_is_a_clear_error(run) -> None:
    with pytest.raises(BadInput, match=r"'shoe size'.*industry"):
        run(record_attribute, AttributeArguments(entity="account", id=1, attribute="shoe size"))
    with pytest.raises(NotFound, match="404"):
        run(record_attribute, AttributeArguments(entity="account", id=404, attribute="owner"))


@pytest.mark.parametrize(
    ("question", "entity", "name"),
    [
        ("How many employees does Acme have?", "account", "employees"),
        ("which sector is Acme in", "account", "industry"),
        ("When was Acme founded?", "account", "founded_year"),
        ("华东制造的员工数是多少", "account", "employees"),
        ("华东制造什么时候成立的", "account", "founded_year"),
        ("李娜的手机号", "contact", "phone"),
        ("who does Bo report to / who is his manager", "user", "manager"),
        ("这个商机为什么丢了", "opportunity", "lost_reason"),
    ],
)
def test_a_question_names_its_attribute(question: str, entity: str, name: str) -> None:
    assert attributes_in(question, Entity(entity))[0].name == name


def test_an_alias_matches_whole_words_only() -> None:
    assert not attributes_in("the hqx-sectors of telly", Entity.ACCOUNT)
    assert find_attribute(Entity.ACCOUNT, "Founded Year").name == "founded_year"  # type: ignore[union-attr]


def test_listing_costs_the_same_for_one_deal_and_for_many(
    crm: Store, owner: Principal, as_of: datetime
) -> None:
    ran = []
    for limit in (1, 7):
        with crm.session() as session, counted(crm) as statements:
            arguments = FindOpportunities(limit=limit)
            found = find_opportunities(session, arguments, principal=owner, as_of=as_of)
        assert len(found.facts) == limit
        ran.append(len(statements))
    assert ran == [3, 3]
