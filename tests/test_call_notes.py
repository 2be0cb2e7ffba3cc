"""Notes say what was said: by whom, until when, and nothing that was only supposed or denied."""

from datetime import date

import pytest

from copilot.writers.calls.notes import Attendee, CallNotes, Talk
from copilot.writers.calls.understanding import understand
from crm.models import NoteKind, Side
from tests.call_talk import CUSTOMER, DAY, DEAL, REP, lines_of, understood


def commitments(notes: CallNotes) -> list[tuple[str, str, str | None]]:
    return [
        (note.side.value if note.side else "", note.text, note.due_on and str(note.due_on))
        for note in notes.of(NoteKind.COMMITMENT)
    ]


def test_each_side_is_held_to_its_own_promise_with_its_day() -> None:
    notes = understood(
        ("r", "I'll send you the revised quote by Friday."),
        ("c", "And we will share the machine list within a week."),
    )
    assert commitments(notes) == [
        ("ours", "I'll send you the revised quote by Friday.", "2026-03-13"),
        ("customer", "And we will share the machine list within a week.", "2026-03-18"),
    ]


def test_chinese_promises_have_their_day_too() -> None:
    notes = understood(
        ("r", "我这边周五之前把新报价发给您。"), ("c", "好，我月底前把设备清单整理好给你。")
    )
    assert [each[2] for each in commitments(notes)] == ["2026-03-13", "2026-03-31"]
    assert [each[0] for each in commitments(notes)] == ["ours", "customer"]


def test_it_is_told_what_it_is_that_will_be_sent() -> None:
    notes = understood(
        ("r", "I owe you the security report."),
        ("c", "Right, when can I have it?"),
        ("r", "You will have it by 20 March."),
    )
    [(side, text, due)] = commitments(notes)
    assert (side, due) == ("ours", "2026-03-20")
    assert "security report" in text
    assert notes.of(NoteKind.COMMITMENT)[0].segments == (0, 2)


@pytest.mark.parametrize(
    "said",
    [
        "If we bought it, I'd send you the list by Friday.",
        "I won't send you anything by Friday.",
        "Would you send me the list by Friday?",
        "I sent you the list last week.",
        "We might send it by Friday.",
        "I will never sign that by Friday.",
        "如果要买，我周五之前发给你。",
        "我不会在周五之前发给你。",
        "清单我上周已经发给你了。",
        "你周五之前能发给我吗？",
    ],
)
def test_what_is_supposed_denied_asked_or_done_is_no_promise(said: str) -> None:
    assert commitments(understood(("r", "Hello there."), ("c", said))) == []


def test_well_is_not_we_will() -> None:
    assert commitments(understood(("c", "well the report goes out by Friday"))) == []


def test_a_question_is_open_until_somebody_says_something() -> None:
    notes = understood(
        ("c", "Can it print labels in Polish?"),
        ("r", "It can, in any language."),
        ("c", "Who pays for the pump?"),
        ("r", "I don't know, I'll find out."),
        ("c", "Is there an app for the drivers?"),
    )
    asked = notes.of(NoteKind.QUESTION)
    assert [note.segments for note in asked] == [(0, 1), (2,), (4,)]


def test_greetings_are_no_questions() -> None:
    notes = understood(("r", "Can you hear me all right?"), ("c", "Yes, how are you?"))
    assert notes.of(NoteKind.QUESTION) == []


def test_only_the_customer_objects() -> None:
    notes = understood(
        ("c", "That is too expensive for us."), ("r", "Others said it is too expensive, too.")
    )
    assert [note.segments for note in notes.of(NoteKind.OBJECTION)] == [(0,)]


def test_a_worry_that_is_over_is_no_objection() -> None:
    notes = understood(
        ("c", "That was a worry of ours. All right, that is less work than I feared.")
    )
    assert notes.of(NoteKind.OBJECTION) == []


def test_a_known_competitor_is_found_in_any_mention() -> None:
    notes = understood(
        ("c", "The plantwise people were in our hall on Monday."), competitors=("Plantwise",)
    )
    assert [note.text.partition(":")[0] for note in notes.of(NoteKind.COMPETITOR)] == ["Plantwise"]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("We are also talking to Brightwater Labs.", "Brightwater Labs"),
        ("Compared to Ledgerly you are slow.", "Ledgerly"),
        ("yeah we're also looking at freightbase right now", "freightbase"),
        ("我们也在跟智维云谈。", "智维云"),
    ],
)
def test_an_unknown_competitor_is_told_by_what_is_said_around_it(said: str, name: str) -> None:
    notes = understood(("c", said))
    assert [note.text.partition(":")[0] for note in notes.of(NoteKind.COMPETITOR)] == [name]


@pytest.mark.parametrize(
    "said",
    [
        "We are also talking to Priya Shah about it.",
        "Nobody is competing with us here, and we compare it with nothing.",
        "We use SAP for the work orders.",
        "上次的报价我看了，价格还是偏高。",
        "你下周三之前，把新的报价发给我。",
    ],
)
def test_colleagues_and_tools_are_no_competitors(said: str) -> None:
    notes = understood(("c", said), own_names=("Priya Shah",))
    assert notes.of(NoteKind.COMPETITOR) == []


def test_our_own_product_is_no_competitor() -> None:
    notes = understood(("c", "We are comparing Beacon with paper."), own_names=("Beacon",))
    assert notes.of(NoteKind.COMPETITOR) == []


def test_the_next_step_is_the_meeting_that_was_agreed() -> None:
    notes = understood(
        ("r", "Shall we talk again on 2 April?"),
        ("c", "No, I cannot promise that."),
        ("r", "Then let's speak again on 9 April."),
        ("c", "Works for me."),
    )
    [step] = notes.of(NoteKind.NEXT_STEP)
    assert (step.due_on, step.segments) == (date(2026, 4, 9), (2, 3))


def test_without_an_agreed_day_there_is_no_next_step() -> None:
    notes = understood(("r", "When should we talk again?"), ("c", "I'll call you."))
    assert notes.of(NoteKind.NEXT_STEP) == []
    assert any("No next meeting" in note.text for note in notes.of(NoteKind.SUMMARY))


def test_topics_cover_the_talk_and_change_where_the_words_do() -> None:
    pumps = "The pump in the boiler hall leaks, and every pump there vibrates since the repair."
    money = "The invoice for the licence goes to accounting, who pay every licence invoice late."
    notes = understood(*[("c", pumps)] * 12, *[("c", money)] * 12)
    topics = notes.of(NoteKind.TOPIC)
    assert [topic.segments for topic in topics] == [(0, 11), (12, 23)]
    assert "pump" in topics[0].text
    assert "invoice" in topics[1].text or "licence" in topics[1].text
    assert (topics[0].start_ms, topics[0].end_ms) == (0, 119_000)


def test_a_summary_has_three_to_six_sentences_that_cite_their_segments() -> None:
    notes = understood(
        ("c", "Our main problem is that we lose twelve hours a week to rework."),
        ("r", "I'll send you a plan by Friday."),
        ("c", "It is too expensive, though."),
        ("r", "Shall we speak again on 2 April?"),
        ("c", "Yes."),
    )
    summary = notes.of(NoteKind.SUMMARY)
    assert 3 <= len(summary) <= 6
    assert all(note.segments for note in summary)
    text = " ".join(note.text for note in summary)
    assert "twelve hours" in text
    assert "2026-03-13" in text
    assert "2026-04-02" in text


def test_the_same_words_give_the_same_notes() -> None:
    said = [
        ("c", "We also talk to Plantwise, it is cheaper."),
        ("r", "I'll send a plan by Friday."),
    ]
    assert understood(*said) == understood(*said)


def test_an_email_has_no_times_and_no_missing_meeting() -> None:
    notes = understood(("c", "Could you send the price list?"), kind="email")
    assert all("meeting" not in note.text for note in notes.of(NoteKind.SUMMARY))


def test_an_empty_conversation_gives_nothing() -> None:
    notes = understood(("c", "   "))
    assert (notes.notes, notes.proposals) == ((), ())


def test_with_one_side_known_strangers_are_the_other() -> None:
    lines = [
        line if line.side is Side.OURS else type(line)(**{**line.__dict__, "side": Side.UNKNOWN})
        for line in lines_of(("r", "Hello."), ("c", "That is too expensive."))
    ]
    talk = Talk("Call", "call", DAY)
    notes = understand(talk, lines, [Attendee(REP, Side.OURS)], DEAL, model=None)
    assert [note.speaker for note in notes.of(NoteKind.OBJECTION)] == [CUSTOMER]


def test_with_no_side_known_nobody_is_taken_for_the_customer() -> None:
    lines = [
        type(line)(**{**line.__dict__, "side": Side.UNKNOWN})
        for line in lines_of(("r", "Our budget is 35,000 dollars."), ("c", "It is too expensive."))
    ]
    notes = understand(Talk("Call", "call", DAY), lines, [], DEAL, model=None)
    assert notes.of(NoteKind.OBJECTION) == []
    assert notes.proposals == ()


@pytest.mark.parametrize("said", ["\x00" * 50, "a" * 20_000, "。" * 3_000, "?" * 500, "1" * 400])
def test_odd_text_does_no_harm(said: str) -> None:
    assert understood(("c", said), ("r", said)).maker == "rules-1"
