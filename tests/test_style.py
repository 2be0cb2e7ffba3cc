"""The style of the next draft: who set what, what was learned, and in which order it counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.pack.model import DraftEvidence, Party
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.learning.learned import learned_style
from copilot.writers.learning.setting import Entry, Subject, forget_style, set_style
from copilot.writers.style import Style, Swap
from crm.errors import BadInput, NotAllowed
from crm.models import Conversation, Participant, StyleAspect
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import add_conversation
from tests.draft_seed import ANNA, BEN, NOW, add_people, decide, make_draft
from tools.profile.model import WritingStyle

GUIDE = CompanyGuide.model_validate(
    {
        "house": {"greeting": {"en": "Good day {first},"}, "most_words": 150},
        "banned": [{"phrase": "utilize", "instead": "use"}],
    }
)
EVIDENCE = DraftEvidence(
    kind=DraftKind.FOLLOW_UP,
    channel=Channel.EMAIL,
    language="en",
    as_of=NOW,
    purpose="",
    subject_of="Pilot",
    sender=Party("Anna Lind", user_id=1),
    recipient=Party("Priya Shah", contact_id=1),
    pieces=(),
    account_id=1,
)
WRITTEN = WritingStyle(
    who="Priya Shah", contact_id=1, language="en", formality="formal", words=40,
    greeting="Dear Anna,", sign_off="Regards,", mails=4, confidence=0.8, facts=(),
)  # fmt: skip


def style(
    session: Session,
    evidence: DraftEvidence = EVIDENCE,
    guide: CompanyGuide = GUIDE,
    principal: Principal = ANNA,
) -> Style:
    return learned_style(session, evidence, guide=guide, principal=principal)


def edit_greetings(session: Session, word: str, *contacts: int, after_days: int = 0) -> None:
    for turn, contact in enumerate(contacts):
        draft = make_draft("All is ready.", contact=contact, subject=f"{word} {turn} {after_days}")
        body = draft.body.replace("Hi ", f"{word} ")
        decide(session, draft, body, after_days=after_days + turn)


def send_mails(session: Session, greeting: str, count: int) -> None:
    first = 100 + session.query(Conversation).count()
    for number in range(first, first + count):
        said = [("Anna Lind", greeting), ("Anna Lind", "The offer is ready for you.")]
        add_conversation(
            session, number, said, kind="email", language="en", owner_id=1,
            started_at=datetime(2026, 10, 1, tzinfo=UTC),
            sides={"Anna Lind": "ours", "Rosa Diaz": "customer"},
        )  # fmt: skip
        for one in session.query(Participant).filter_by(conversation_id=number):
            is_ours = one.side == "ours"
            one.role, one.user_id = ("from", 1) if is_ours else ("to", None)
    session.flush()


def pin(session: Session, subject: Subject, aspect: StyleAspect, value: str, **more: str) -> None:
    entry = Entry(subject, "en", aspect, more.get("phrase", ""))
    set_style(session, entry, value, principal=ANNA, now=NOW)


@pytest.fixture
def world(store: Store) -> Store:
    with store.session() as session:
        add_people(session)
    return store


def test_of_nothing_known_nothing_is_said(world: Store) -> None:
    with world.session() as session:
        assert style(session, guide=CompanyGuide()) == Style()


def test_each_origin_stands_above_the_next(world: Store) -> None:
    anna, written = Subject(user_id=1), replace(EVIDENCE, style=WRITTEN)
    with world.session() as session:
        found = [style(session).greeting, style(session, written).greeting]
        send_mails(session, "Morning Rosa,", 5)
        found.append(style(session, written).greeting)
        edit_greetings(session, "Hello", 2, 3, 4)
        found.append(style(session, written).greeting)
        edit_greetings(session, "Hey", 1, 1, after_days=-5)
        found.append(style(session, written).greeting)
        pin(session, anna, StyleAspect.GREETING, "Hallo {first},")
        found.append(style(session, written).greeting)
        pin(session, Subject(contact_id=1), StyleAspect.GREETING, "Dear Professor {surname},")
        found.append(style(session, written).greeting)
    assert found == [
        "Good day {first},", "Dear {first},", "Morning {first},", "Hello {first},",
        "Hey {first},", "Hallo {first},", "Dear Professor {surname},",
    ]  # fmt: skip


def test_sources_say_where_each_part_comes_from(world: Store) -> None:
    with world.session() as session:
        edit_greetings(session, "Hello", 2, 3, 4)
        found = style(session)
    assert found.most_words == 150
    assert found.swaps == (Swap("utilize", "use"),)
    assert any("Hello {first}," in one and "3 of your last 3" in one for one in found.sources)
    assert sum("company guide" in one for one in found.sources) == 2


def test_sources_are_told_in_the_language_of_the_draft(world: Store) -> None:
    chinese = replace(EVIDENCE, language="zh", recipient=Party("王建国", contact_id=5))
    with world.session() as session:
        for contact in (5, 6, 7):
            draft = make_draft("报价已更新。", contact=contact)
            decide(session, draft, draft.body.replace("，您好：", "："), after_days=contact)
        found = style(session, chinese)
    assert found.greeting == "{name}："
    assert any("称呼" in one and "3 份" in one for one in found.sources)


def test_the_company_bans_for_everybody(world: Store) -> None:
    with world.session() as session:
        pin(session, Subject(user_id=1), StyleAspect.AVOID, "utilise", phrase="utilize")
        assert style(session).swaps == (Swap("utilize", "use"),)


def test_languages_and_channels_are_learned_apart(world: Store) -> None:
    chat = replace(EVIDENCE, channel=Channel.SLACK)
    with world.session() as session:
        edit_greetings(session, "Hello", 2, 3, 4)
        empty = CompanyGuide()
        assert style(session, replace(EVIDENCE, language="zh"), empty) == Style()
        assert style(session, chat, empty) == Style()


def test_one_rep_does_not_learn_from_another(world: Store) -> None:
    with world.session() as session:
        edit_greetings(session, "Hello", 2, 3, 4)
        bens = replace(EVIDENCE, sender=Party("Ben Carver", user_id=2))
        assert style(session, bens, CompanyGuide(), BEN) == Style()


def test_the_owner_writes_in_the_voice_of_who_signs(world: Store, owner: Principal) -> None:
    with world.session() as session:
        edit_greetings(session, "Hello", 2, 3, 4)
        set_style(
            session, Entry(Subject(), "en", StyleAspect.LENGTH), "60", principal=owner, now=NOW
        )
        found = style(session, principal=owner)
    assert (found.greeting, found.most_words) == ("Hello {first},", 60)


def test_what_was_forgotten_counts_no_more_until_it_is_done_again(world: Store) -> None:
    greeting = Entry(Subject(user_id=1), "en", StyleAspect.GREETING)
    with world.session() as session:
        edit_greetings(session, "Hello", 2, 3, 4)
        then = NOW + timedelta(days=10)
        forget_style(session, greeting, principal=ANNA, now=then)
        assert style(session, guide=CompanyGuide()).greeting is None
        edit_greetings(session, "Hello", 2, 3, after_days=11)
        assert style(session, guide=CompanyGuide()).greeting == "Hello {first},"


def test_forgetting_one_phrase_leaves_the_others(world: Store) -> None:
    with world.session() as session:
        for contact in (2, 3, 4):
            draft = make_draft("We leverage it. Kindly answer soon.", contact=contact)
            body = draft.body.replace("leverage", "use").replace("Kindly", "Please")
            decide(session, draft, body, after_days=contact)
        empty = CompanyGuide()
        assert {one.phrase for one in style(session, guide=empty).swaps} == {"leverage", "kindly"}
        entry = Entry(Subject(user_id=1), "en", StyleAspect.AVOID, "leverage")
        forget_style(session, entry, principal=ANNA, now=NOW + timedelta(days=9))
        assert {one.phrase for one in style(session, guide=empty).swaps} == {"kindly"}


def test_a_set_thing_is_replaced_not_doubled(world: Store) -> None:
    with world.session() as session:
        for value in ("90", "70"):
            pin(session, Subject(user_id=1), StyleAspect.LENGTH, value)
        assert style(session).most_words == 70


@pytest.mark.parametrize(
    ("aspect", "value"),
    [
        (StyleAspect.GREETING, "Hi {nam},"),
        (StyleAspect.GREETING, "Hi {first"),
        (StyleAspect.GREETING, "Hi {first} {first},"),
        (StyleAspect.SIGN_OFF, "Cheers,\n{first}"),
        (StyleAspect.LENGTH, "5"),
        (StyleAspect.LENGTH, "many"),
        (StyleAspect.FORMALITY, "posh"),
        (StyleAspect.GREETING, ""),
        (StyleAspect.GREETING, "x" * 200),
        (StyleAspect.AVOID, "no phrase"),
    ],
)
def test_what_cannot_be_a_style_is_refused(world: Store, aspect: StyleAspect, value: str) -> None:
    with world.session() as session, pytest.raises(BadInput):
        pin(session, Subject(user_id=1), aspect, value)


def test_nobody_sets_another_reps_style(world: Store, owner: Principal) -> None:
    entry = Entry(Subject(user_id=1), "en", StyleAspect.LENGTH)
    with world.session() as session:
        for change in (
            lambda: set_style(session, entry, "90", principal=BEN, now=NOW),
            lambda: forget_style(session, entry, principal=BEN, now=NOW),
        ):
            with pytest.raises(NotAllowed, match="user:1"):
                change()
        assert set_style(session, entry, "90", principal=owner, now=NOW).value == "90"


def test_a_customers_greeting_of_somebody_else_is_not_mirrored(world: Store) -> None:
    written = replace(EVIDENCE, style=replace(WRITTEN, greeting="Dear Tom,"))
    with world.session() as session:
        found = style(session, written, CompanyGuide())
    assert (found.greeting, found.formality) == (None, "formal")
