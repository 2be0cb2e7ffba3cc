"""A customer's profile: what is in it, what contradicts, what is open, and who may read it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from crm.errors import BadInput, NotFound
from crm.models import (
    Account,
    Activity,
    AmountChange,
    Case,
    CloseDateChange,
    Contact,
    Conversation,
    NoteKind,
    NoteSet,
    Opportunity,
    ProposalStatus,
    Quote,
    Side,
)
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import sourced
from tests.profile_seed import (
    LOST,
    WON,
    add_customer,
    add_deal,
    add_note,
    add_proposal,
    add_role,
    add_talk,
    at,
)
from tests.statements import counted
from tools.profile import CustomerProfile, build_opportunity_profile, build_profile
from tools.profile.model import Basis, Stance, Topic, Urgency

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
OWNER = Principal.local_owner()


def profile_of(store: Store, **columns: object) -> CustomerProfile:
    with store.session() as session:
        return build_profile(session, 1, **{"principal": OWNER, "as_of": NOW, **columns})


def contradictions(profile: CustomerProfile) -> dict[str, list[tuple[str, date | None]]]:
    return {
        one.field: [(known.text, known.known_on) for known in one.values]
        for one in profile.contradictions
    }


def test_company_money_and_deals_come_from_the_crm(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_deal(session, 2, WON, amount_minor=500, closed_on=date(2026, 3, 1))
        add_deal(session, 3, LOST, amount_minor=700, currency="USD", closed_on=date(2026, 4, 1))
        moved = CloseDateChange(
            **sourced(1), opportunity_id=1, from_on=date(2026, 11, 15), to_on=date(2026, 12, 15),
            changed_at=at(10, 1),
        )  # fmt: skip
        quote = Quote(
            **sourced(1), opportunity_id=1, number="Q-7", status="sent", total_minor=9_600_000,
            currency="EUR", created_on=date(2026, 10, 2), valid_until=date(2026, 11, 30),
        )  # fmt: skip
        session.add_all([moved, quote])
    profile = profile_of(store)
    fields = {field.name: field.known.text for field in profile.company}
    assert (fields["industry"], fields["employees"], fields["owner"]) == (
        "Food", "1,400", "Anna Lind",
    )  # fmt: skip
    money = {each.currency: each for each in profile.money}
    assert (money["EUR"].open_minor, money["EUR"].won_minor, money["EUR"].won_deals) == (
        9_600_000, 500, 1,
    )  # fmt: skip
    assert (money["USD"].lost_deals, money["USD"].open_minor) == (1, 0)
    deal = profile.deals[0]
    assert (deal.opportunity_id, deal.pushes, deal.pushed_days) == (1, 1, 30)
    assert "Q-7" in deal.quotes[0].text
    assert deal.quotes[0].facts[0].source == "quote:1"


def test_budgets_that_differ_are_shown_the_newest_first(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "80 it is")], started_at=at(5, 10))
        add_talk(session, 2, [("Priya Shah", "96 it is")], started_at=at(6, 20))
        add_proposal(session, 1, "bant.budget", "80000 EUR")
        add_proposal(session, 2, "bant.budget", "96000 EUR")
    profile = profile_of(store)
    shown = [("€96,000", date(2026, 6, 20)), ("€80,000", date(2026, 5, 10))]
    assert contradictions(profile) == {"budget": shown}
    newest = profile.contradictions[0].values[0]
    assert (newest.who, newest.facts[0].source) == ("Priya Shah", "conversation:2#0@00:00")
    assert [known.text for known in profile.told[Topic.BUDGET]] == ["€96,000", "€80,000"]


def test_a_budget_below_the_price_is_shown_beside_it(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "We have 80.")])
        add_proposal(session, 1, "bant.budget", "80000 EUR")
    [one] = profile_of(store).contradictions
    assert (one.field, [known.text for known in one.values]) == (
        "budget_gap", ["budget: €80,000", "amount: €96,000"],
    )  # fmt: skip


def test_a_day_said_after_the_crm_was_set_contradicts_it(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "March, rather.")], started_at=at(11, 2))
        add_proposal(session, 1, "expected_close_on", "2027-03-01")
    [one] = profile_of(store).contradictions
    assert one.field == "close_date"
    assert [(known.value, known.basis) for known in one.values] == [
        ("2027-03-01", Basis.SAID),
        ("2026-12-15", Basis.RECORDED),
    ]


def test_what_the_crm_was_changed_after_is_settled(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "March, rather.")], started_at=at(10, 2))
        add_proposal(session, 1, "expected_close_on", "2027-03-01")
        add_proposal(session, 1, "amount", "50000 EUR")
        session.add(
            CloseDateChange(
                **sourced(1), opportunity_id=1, from_on=date(2026, 11, 15),
                to_on=date(2026, 12, 15), changed_at=at(10, 5),
            )
        )  # fmt: skip
        session.add(
            AmountChange(
                **sourced(1), opportunity_id=1, from_minor=1, to_minor=9_600_000,
                changed_at=at(10, 5),
            )
        )  # fmt: skip
    assert profile_of(store).contradictions == ()


@pytest.mark.parametrize(("said", "fields"), [("96300 EUR", []), ("90000 EUR", ["amount"])])
def test_an_amount_rounded_in_speech_is_the_amount(
    store: Store, said: str, fields: list[str]
) -> None:
    with store.session() as session:
        add_customer(session)
        session.get_one(Opportunity, 1).amount_minor = 9_629_800
        add_talk(session, 1, [("Anna Lind", "About that.")])
        add_proposal(session, 1, "amount", said)
    assert list(contradictions(profile_of(store))) == fields


def test_closed_deals_contradict_nothing(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        session.get_one(Opportunity, 1).stage_id = LOST
        session.get_one(Opportunity, 1).closed_on = date(2026, 11, 3)
        add_talk(session, 1, [("Priya Shah", "March, rather.")])
        add_proposal(session, 1, "expected_close_on", "2027-03-01")
        add_note(session, 1, NoteKind.COMMITMENT, "I will sign", due_on=date(2026, 11, 9))
    profile = profile_of(store)
    assert profile.contradictions == ()
    assert profile.commitments == ()


def test_another_buyer_than_the_crm_names_contradicts_but_a_part_of_the_name_does_not(
    store: Store,
) -> None:
    with store.session() as session:
        add_customer(session)
        add_role(session, 1, 1, "Economic Buyer")
        add_talk(session, 1, [("Marcus Bell", "Priya decides."), ("Marcus Bell", "I do.")])
        add_proposal(session, 1, "meddicc.economic_buyer", "Priya")
        assert contradictions(build_profile(session, 1, principal=OWNER, as_of=NOW)) == {}
        add_proposal(session, 1, "meddicc.economic_buyer", "Marcus Bell", segments=[1])
    shown = contradictions(profile_of(store))["economic_buyer"]
    assert [name for name, _ in shown] == ["Marcus Bell", "Priya Shah"]


def test_the_same_finding_stands_once_with_all_its_sources(store: Store) -> None:
    pain = "The compressor fails every quarter."
    with store.session() as session:
        add_customer(session)
        for number, day in ((1, 1), (2, 9)):
            add_talk(session, number, [("Priya Shah", pain)], started_at=at(10, day))
            add_proposal(session, number, "meddicc.identify_pain", pain)
            add_proposal(session, number, "bant.need", pain)
    told = profile_of(store).told
    [known] = told[Topic.PAIN]
    assert (known.known_on, known.who) == (date(2026, 10, 9), "Priya Shah")
    assert [fact.source for fact in known.facts] == [
        "conversation:2#0@00:00",
        "conversation:1#0@00:00",
    ]
    assert told[Topic.NEED] == ()


def test_joined_quotes_come_apart_with_their_own_speakers(store: Store) -> None:
    said = [("Priya Shah", "Legal reads it."), ("Marcus Bell", "Then we sign.")]
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, said)
        add_proposal(
            session, 1, "meddicc.decision_process", "Legal reads it. / Then we sign.",
            segments=[0, 1],
        )  # fmt: skip
    found = profile_of(store).told[Topic.PROCESS]
    assert [(known.who, known.text) for known in found] == said


def test_rivals_stand_once_under_their_name(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        session.get_one(Opportunity, 1).competitor = "vibrosense"
        add_talk(session, 1, [("Priya Shah", "Vibrosense is cheaper.")])
        add_note(session, 1, NoteKind.COMPETITOR, "Vibrosense: Vibrosense is cheaper.")
    [rival] = profile_of(store).told[Topic.COMPETITOR]
    assert rival.value == "Vibrosense"
    assert [fact.source for fact in rival.facts] == ["conversation:1#0", "opportunity:1"]


def test_what_a_person_rejected_or_was_read_anew_is_not_told(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "It hurts.")])
        for number, status in enumerate((ProposalStatus.REJECTED, ProposalStatus.SUPERSEDED)):
            field = "meddicc.identify_pain"
            add_proposal(session, 1, field, f"Pain {number}", status=status.value)
        assert build_profile(session, 1, principal=OWNER, as_of=NOW).told[Topic.PAIN] == ()
        accepted = ProposalStatus.ACCEPTED.value
        add_proposal(session, 1, "meddicc.identify_pain", "Pain 3", status=accepted)
    [known] = profile_of(store).told[Topic.PAIN]
    assert known.confidence == 0.95


def test_notes_on_words_that_changed_are_left_out_and_counted(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "Too expensive.")])
        add_note(session, 1, NoteKind.OBJECTION, "Too expensive.")
        assert build_profile(session, 1, principal=OWNER, as_of=NOW).coverage.unread == 0
        session.get_one(NoteSet, 1).content_digest = "other words"
    profile = profile_of(store)
    assert profile.told[Topic.OBJECTION] == ()
    assert (profile.coverage.conversations, profile.coverage.unread) == (1, 1)


def test_what_happens_after_the_moment_is_unknown(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "Too expensive.")], started_at=NOW + timedelta(1))
        add_note(session, 1, NoteKind.OBJECTION, "Too expensive.")
    profile = profile_of(store)
    assert profile.told[Topic.OBJECTION] == ()
    assert profile.contact.last is None
    later = profile_of(store, as_of=NOW + timedelta(2))
    assert [known.text for known in later.told[Topic.OBJECTION]] == ["Too expensive."]


@pytest.mark.parametrize("model", [Opportunity, Contact, Conversation, Activity, Case])
def test_what_its_source_deleted_is_not_shown(store: Store, model: type) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "Secret words.")])
        add_note(session, 1, NoteKind.OBJECTION, "Secret words.")
        add_role(session, 1, 1, "champion")
        task = {"kind": "task", "subject": "Secret task", "due_on": date(2026, 12, 1)}
        session.add(Activity(**sourced(1), account_id=1, **task))
        session.add(
            Case(
                **sourced(1), account_id=1, subject="Secret case", status="open",
                opened_at=at(11, 1),
            )
        )  # fmt: skip
    shown = {
        Opportunity: "Deal 1", Contact: "Priya Shah, Head", Conversation: "Secret words",
        Activity: "Secret task", Case: "Secret case",
    }[model]  # fmt: skip
    assert any(shown in fact.text for fact in profile_of(store).facts)
    with store.session() as session:
        session.query(model).update({"deleted_at": NOW})
    assert not [fact.text for fact in profile_of(store).facts if shown in fact.text]


def test_an_account_that_is_gone_is_not_found(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        session.get_one(Account, 1).deleted_at = NOW
    with pytest.raises(NotFound, match="no account with the id 1"):
        profile_of(store)
    with store.session() as session, pytest.raises(NotFound, match="no opportunity"):
        build_opportunity_profile(session, 99, principal=OWNER, as_of=NOW)


def test_reading_takes_a_caller_and_a_sane_limit(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
    with pytest.raises(TypeError, match="needs a Principal"):
        profile_of(store, principal=None)
    with pytest.raises(BadInput, match="limit 0"):
        profile_of(store, limit=0)


def test_a_deals_profile_holds_that_deal_alone(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_deal(session, 2)
        for deal in (1, 2):
            add_talk(session, deal, [("Priya Shah", f"No to {deal}.")], opportunity_id=deal)
            add_note(session, deal, NoteKind.OBJECTION, f"No to {deal}.")
        profile = build_opportunity_profile(session, 2, principal=OWNER, as_of=NOW)
    assert (profile.name, profile.account_id) == ("Deal 2", 1)
    assert [known.text for known in profile.told[Topic.OBJECTION]] == ["No to 2."]
    assert [deal.opportunity_id for deal in profile.deals] == [2]
    assert len(profile_of(store).told[Topic.OBJECTION]) == 2


def test_support_counts_open_cases_and_the_years_scores(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        cases: list[dict[str, object]] = [
            {"subject": "Gateway down", "status": "open", "priority": "urgent"},
            {"subject": "Old", "status": "Closed", "closed_at": at(11, 2), "satisfaction": 4},
            {"subject": "Odd", "status": "new", "closed_at": at(11, 2), "satisfaction": 1},
        ]
        for number, case in enumerate(cases, 1):
            session.add(Case(**sourced(number), account_id=1, opened_at=at(11, 1), **case))
    service = profile_of(store).service
    assert [known.text for known in service.open_cases] == [
        "Gateway down (urgent, open, since 2026-11-01)"
    ]
    assert (service.open_total, service.recent_total, service.satisfaction) == (1, 3, 2.5)


def test_statements_do_not_grow_with_the_account(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "No.")])
        with counted(store) as few:
            build_profile(session, 1, principal=OWNER, as_of=NOW)
    with store.session() as session:
        for number in range(2, 60):
            add_deal(session, number, WON if number % 2 else 1, closed_on=date(2026, 1, 1))
            add_talk(session, number, [("Priya Shah", "No.")], opportunity_id=number)
            add_note(session, number, NoteKind.OBJECTION, f"No, {number}.")
            add_proposal(session, number, "bant.budget", f"{number}000 EUR", entity_id=number)
            session.add(Contact(**sourced(number + 10), name=f"P {number}", account_id=1))
    with store.session() as session:
        with counted(store) as many:
            profile = build_profile(session, 1, principal=OWNER, as_of=NOW, limit=5)
        with counted(store) as deal:
            build_opportunity_profile(session, 1, principal=OWNER, as_of=NOW)
    assert len(few) == len(many) <= 20
    assert len(deal) <= 20
    assert (len(profile.told[Topic.OBJECTION]), profile.totals["objections"]) == (5, 58)
    assert (len(profile.people), profile.totals["people"]) == (5, 60)


def test_stances_and_urgencies_are_those_of_this_customer(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_role(session, 1, 2, "Detractor")
    people = {person.name: person.stance for person in profile_of(store).people}
    assert people == {"Marcus Bell": Stance.BLOCKER, "Priya Shah": None}


def test_every_fact_has_an_address_and_every_part_has_facts(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_role(session, 1, 1, "champion")
        add_talk(session, 1, [("Priya Shah", "No."), ("Anna Lind", "I will send it.")])
        add_note(session, 1, NoteKind.OBJECTION, "No.")
        add_note(session, 1, NoteKind.COMMITMENT, "I will send it.", side="ours", segments=[1])
    profile = profile_of(store)
    assert all(fact.source and fact.text for fact in profile.facts)
    assert {fact.source for fact in profile.facts} >= {"contact:1", "conversation:1#1", "account:1"}
    [promise] = profile.commitments
    assert (promise.urgency, promise.known.side) == (Urgency.UNDATED, Side.OURS)
    assert promise.known.facts[0].as_of == at(11, 2)
