"""What is open with a customer, how contact stands, who they are and how they write."""

from datetime import UTC, date, datetime, timedelta

import pytest

from copilot.writers.calls.storing import understand_conversation
from crm.models import Activity, Contact, Conversation, NoteKind, Side
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import sourced
from tests.profile_seed import (
    LOST,
    add_customer,
    add_deal,
    add_note,
    add_proposal,
    add_role,
    add_talk,
    at,
)
from tools.profile import CustomerProfile, build_profile
from tools.profile.model import Basis, Stance, Topic, Urgency

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
OWNER = Principal.local_owner()
MAIL = {"Priya Shah": "customer", "Anna Lind": "ours"}
ANSWER = {"Anna Lind": "ours", "Priya Shah": "customer"}


def profile_of(store: Store, **columns: object) -> CustomerProfile:
    with store.session() as session:
        return build_profile(session, 1, **{"principal": OWNER, "as_of": NOW, **columns})


def test_commitments_are_ordered_by_urgency_and_count_days(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Anna Lind", "…")])
        due = {"quote": 13, "plan": 10, "demo": 19, "list": None}
        for what, day in due.items():
            add_note(
                session, 1, NoteKind.COMMITMENT, f"I will send the {what}.",
                due_on=date(2026, 11, day) if day else None, side="ours", speaker="Anna Lind",
            )  # fmt: skip
        session.add(
            Activity(
                **sourced(1), account_id=1, kind="task", subject="Call legal",
                due_on=date(2026, 11, 16),
            )
        )  # fmt: skip
    found = profile_of(store).commitments
    assert [(one.known.text, one.urgency, one.days) for one in found] == [
        ("I will send the quote.", Urgency.OVERDUE, -3),
        ("I will send the plan.", Urgency.OVERDUE, -6),
        ("Call legal", Urgency.DUE, 0),
        ("I will send the demo.", Urgency.DUE, 3),
        ("I will send the list.", Urgency.UNDATED, None),
    ]
    assert found[2].known.facts[0].source == "activity:1"


def test_done_tasks_and_old_promises_are_not_open(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Anna Lind", "…")], started_at=at(2, 1))
        add_note(session, 1, NoteKind.COMMITMENT, "I will send it.", due_on=date(2026, 2, 9))
        task = {"kind": "task", "subject": "Done", "account_id": 1, "due_on": date(2026, 11, 1)}
        session.add(Activity(**sourced(1), **task, done_at=at(11, 2)))
    assert profile_of(store).commitments == ()


def test_a_mail_that_delivers_what_was_promised_likely_settles_it(store: Store) -> None:
    promise = "I will send you the security questionnaire by Friday."
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Anna Lind", promise)], started_at=at(11, 2))
        note = {"side": "ours", "speaker": "Anna Lind", "due_on": date(2026, 11, 6)}
        add_note(session, 1, NoteKind.COMMITMENT, promise, **note)
        planned = "The security questionnaire is still with our lawyers."
        mail = {"kind": "email", "people": ANSWER}
        add_talk(session, 2, [("Anna Lind", planned)], started_at=at(11, 4), **mail)
        [before] = build_profile(session, 1, principal=OWNER, as_of=NOW).commitments
        sent = "Attached is the security questionnaire, all answered."
        add_talk(session, 3, [("Anna Lind", sent)], started_at=at(11, 5), **mail)
    [after] = profile_of(store).commitments
    assert (before.urgency, before.settled_by) == (Urgency.OVERDUE, ())
    assert after.urgency is Urgency.LIKELY_DONE
    assert [fact.source for fact in after.settled_by] == ["conversation:3#0"]


@pytest.mark.parametrize(
    ("thread", "people", "days", "open_"),
    [
        ("a", ANSWER, 1, False),
        ("b", ANSWER, 1, True),
        ("a", ANSWER, -1, True),
        ("a", MAIL, 1, True),
    ],
)
def test_a_mailed_question_is_answered_in_its_thread(
    store: Store, thread: str, people: dict[str, str], days: int, open_: bool
) -> None:
    mail = {"kind": "email"}
    with store.session() as session:
        add_customer(session)
        asked = [("Priya Shah", "Does it run in Docker?")]
        add_talk(session, 1, asked, started_at=at(11, 5), people=MAIL, thread_key="a", **mail)
        add_note(session, 1, NoteKind.QUESTION, "Does it run in Docker?")
        when, said = at(11, 5) + timedelta(days), [(next(iter(people)), "Well.")]
        add_talk(session, 2, said, started_at=when, people=people, thread_key=thread, **mail)
    found = profile_of(store).questions
    assert [one.known.text for one in found] == (["Does it run in Docker?"] if open_ else [])


def test_open_questions_of_a_call_stand_the_customers_first(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Anna Lind", "Who signs?"), ("Priya Shah", "Which port?")])
        ours = {"side": "ours", "speaker": "Anna Lind"}
        add_note(session, 1, NoteKind.QUESTION, "Who signs?", **ours)
        add_note(session, 1, NoteKind.QUESTION, "Which port?", segments=[1])
        add_note(session, 1, NoteKind.QUESTION, "Answered?", segments=[0, 1])
    found = profile_of(store).questions
    assert [(one.known.text, one.known.side) for one in found] == [
        ("Which port?", Side.CUSTOMER),
        ("Who signs?", Side.OURS),
    ]
    assert found[0].days == 14


@pytest.mark.parametrize(("people", "waiting"), [(MAIL, Side.OURS), (ANSWER, Side.CUSTOMER)])
def test_contact_tells_silence_and_whose_turn_it_is(
    store: Store, people: dict[str, str], waiting: Side
) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "Hello.")], started_at=at(11, 2))
        mail = [(next(iter(people)), "Any news?")]
        add_talk(session, 2, mail, started_at=at(11, 9), kind="email", people=people)
    contact = profile_of(store).contact
    assert (contact.days_of_silence, contact.waiting) == (7, waiting)
    assert contact.last is not None
    assert contact.last.facts[0].source == "conversation:2"
    sides = {"ours": contact.last_heard, "customer": contact.last_sent}
    written, other = sides.pop(waiting.value), sides.popitem()[1]
    assert written is not None
    assert other is not None
    assert (written.happened_at, other.happened_at) == (at(11, 9), at(11, 2))


def test_a_logged_call_is_the_last_contact_and_ends_the_waiting(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "Hm?")], kind="email", people=MAIL)
        call = {"kind": "call", "subject": "Check-in", "occurred_at": at(11, 12)}
        session.add(Activity(**sourced(1), account_id=1, **call))
    contact = profile_of(store).contact
    assert (contact.days_of_silence, contact.waiting) == (4, None)
    assert contact.last is not None
    assert contact.last.facts[0].source == "activity:1"
    assert contact.last_sent is None


def test_a_meeting_agreed_for_a_day_ahead_is_planned(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Anna Lind", "Friday?")])
        for day in (12, 20, 18):
            step = {"due_on": date(2026, 11, day), "side": "ours"}
            add_note(session, 1, NoteKind.NEXT_STEP, f"On the {day}th?", **step)
    planned = profile_of(store).contact.planned
    assert [known.value for known in planned] == ["2026-11-18", "2026-11-20"]


def test_people_show_held_and_suggested_roles_and_strangers(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_deal(session, 2, LOST, closed_on=date(2026, 1, 1))
        add_role(session, 1, 1, "Decision Maker", deal=2)
        add_role(session, 2, 1, "Data Steward")
        people = {"Anna Lind": "ours", "Marcus Bell": "customer", "Jo Kim": "customer"}
        add_talk(session, 1, [("Jo Kim", "I push for it.")], people=people)
        role = {"entity": "contact", "entity_id": 2}
        add_proposal(session, 1, "role", "champion", **role)
        add_proposal(session, 1, "meddicc.economic_buyer", "Jo Kim")
    found = {person.name: person for person in profile_of(store).people}
    shown = {
        name: [(known.text, known.basis) for known in person.roles]
        for name, person in found.items()
    }
    assert shown == {
        "Priya Shah": [("Data Steward", Basis.RECORDED), ("economic buyer", Basis.RECORDED)],
        "Marcus Bell": [("champion", Basis.SAID)],
        "Jo Kim": [("economic buyer", Basis.SAID)],
    }
    assert (found["Jo Kim"].contact_id, found["Marcus Bell"].stance) == (None, Stance.CHAMPION)
    assert found["Priya Shah"].last_heard_at is None
    assert found["Marcus Bell"].last_heard_at == at(11, 2)


def test_two_objections_make_a_critic_and_a_said_blocker_contradicts_a_champion(
    store: Store,
) -> None:
    with store.session() as session:
        add_customer(session)
        add_role(session, 1, 1, "champion")
        people = dict.fromkeys(("Marcus Bell", "Priya Shah", "Jo Kim"), "customer")
        add_talk(session, 1, [("Marcus Bell", "No."), ("Marcus Bell", "No!")], people=people)
        for position in (0, 1):
            words = {"speaker": "Marcus Bell", "segments": [position]}
            add_note(session, 1, NoteKind.OBJECTION, f"No {position}.", **words)
        add_note(session, 1, NoteKind.OBJECTION, "Hm.", speaker="Jo Kim")
        add_proposal(session, 1, "role", "blocker", entity="contact", entity_id=1)
    profile = profile_of(store)
    stances = {person.name: person.stance for person in profile.people}
    assert stances == {
        "Marcus Bell": Stance.CRITICAL, "Priya Shah": Stance.BLOCKER, "Jo Kim": None,
    }  # fmt: skip
    [one] = [one for one in profile.contradictions if one.field == "stance"]
    assert [known.value for known in one.values] == ["blocker", "champion"]


def test_one_person_under_a_contact_and_a_mail_is_one(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(
            session, 1, [("Priya", "Hi.")], people={"Anna Lind": "ours", "Priya Shah": "customer"}
        )
        add_talk(session, 2, [("Priya Shah", "Hi.")], kind="email", people=MAIL)
        session.get_one(Contact, 1).name = "Shah, Priya"
    found = [person for person in profile_of(store).people if person.conversations]
    assert [(person.name, person.conversations) for person in found] == [("Shah, Priya", 2)]


@pytest.mark.parametrize(
    ("mails", "expected"),
    [
        (
            [["Dear Anna,", "We would be grateful for the terms.", "Yours sincerely"]] * 2,
            ("en", "formal", "Dear Anna,", "Yours sincerely"),
        ),
        (
            [["Hi Anna!", "Thanks, that's great, we'll have a look.", "Cheers"]] * 2,
            ("en", "casual", "Hi Anna!", "Cheers"),
        ),
        (
            [["尊敬的林经理：", "请贵公司提供报价。", "此致\n敬礼"]] * 2,
            ("zh", "formal", "尊敬的林经理：", "此致"),
        ),
        ([["The terms are on page two."]], ("en", "neutral", None, None)),
    ],
)
def test_style_is_read_from_the_customers_own_mails(
    store: Store, mails: list[list[str]], expected: tuple[str, str, str | None, str | None]
) -> None:
    with store.session() as session:
        add_customer(session)
        for number, lines in enumerate(mails, 1):
            said = [("Priya Shah", line) for line in lines]
            add_talk(session, number, said, kind="email", people=MAIL)
        ours = [("Anna Lind", "您好：")]
        add_talk(session, 9, ours, kind="email", people=ANSWER)
    style = profile_of(store).style
    assert style is not None
    assert (style.language, style.formality, style.greeting, style.sign_off) == expected
    assert (style.mails, style.confidence) == (len(mails), len(mails) / 5)
    priya = next(one for one in profile_of(store).people if one.name == "Priya Shah")
    assert priya.style is not None
    assert priya.style.contact_id == 1


def test_without_their_mails_there_is_no_style(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Anna Lind", "Hi Priya,")], kind="email", people=ANSWER)
        add_talk(session, 2, [("Priya Shah", "Hi Anna,")])
    assert profile_of(store).style is None


def test_a_chinese_profile_is_worded_in_chinese(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_role(session, 1, 1, "决策人")
        add_talk(session, 1, [("Priya Shah", "太贵了。")])
        add_note(session, 1, NoteKind.OBJECTION, "太贵了。")
    profile = profile_of(store, language="zh")
    [role] = next(one for one in profile.people if one.name == "Priya Shah").roles
    assert (role.text, role.value) == ("决策人", "economic_buyer")
    assert profile.told[Topic.OBJECTION][0].facts[0].text.startswith("异议")
    assert {field.name: field.label for field in profile.company}["industry"] == "行业"


def test_a_call_that_was_understood_fills_the_profile(store: Store) -> None:
    said = [
        ("Anna Lind", "How does a decision like this get made?"),
        ("Priya Shah", "We have a budget of 80,000 euros for this year."),
        ("Priya Shah", "Your price is too high for us."),
        ("Anna Lind", "I will send you the revised quote by November 6."),
        ("Anna Lind", "Shall we put the next call on November 20?"),
        ("Priya Shah", "Yes, that works."),
    ]
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, said)
    understand_conversation(store, 1, model=None, principal=OWNER, now=NOW)
    profile = profile_of(store)
    assert [known.text for known in profile.told[Topic.BUDGET]] == ["€80,000"]
    assert [known.text for known in profile.told[Topic.OBJECTION]] == [said[2][1]]
    [promise] = profile.commitments
    assert (promise.due_on, promise.urgency) == (date(2026, 11, 6), Urgency.OVERDUE)
    assert promise.known.facts[0].source == "conversation:1#3@00:30"
    assert [known.value for known in profile.contact.planned] == ["2026-11-20"]
    assert profile.coverage.unread == 0


def test_a_conversation_tied_to_a_deal_alone_counts_for_its_account(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Priya Shah", "Hello.")])
        session.get_one(Conversation, 1).account_id = None
    assert profile_of(store).coverage.conversations == 1
