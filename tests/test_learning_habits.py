"""Habits: what a rep changes again and again is learned, content and whims are not."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from copilot.writers.draft import Draft
from copilot.writers.learning.habits import Habit, habits_of
from copilot.writers.learning.phrases import replaced_phrases, swap
from copilot.writers.learning.templates import greeting_template, sign_off_template
from copilot.writers.learning.traits import decided_drafts
from copilot.writers.learning.wording import edit_distance, paired_sentences
from crm.models import StyleAspect
from crm.store import Store
from tests.draft_seed import ANNA, add_people, decide, make_draft
from tools.language import Language
from tools.letter_parts import split_letter


def learned(
    store: Store,
    changed: Callable[[Draft, int], str | None],
    *sentences: str,
    contacts: tuple[int, ...] = (1, 2, 3, 4),
    rounds: int = 1,
) -> dict[tuple[StyleAspect, str], Habit]:
    """Decide a draft to each contact as `changed` says, and return the habits found."""
    language: Language = "zh" if contacts[0] > 4 else "en"
    with store.session() as session:
        add_people(session)
        for turn, contact in enumerate(contacts * rounds):
            draft = make_draft(*sentences, contact=contact, subject=f"Pilot {turn}")
            decide(session, draft, changed(draft, turn), after_days=turn)
        return habits(session, language)


def habits(session: Session, language: Language) -> dict[tuple[StyleAspect, str], Habit]:
    seen = decided_drafts(session, 1, language, principal=ANNA)
    return {(one.aspect, one.key): one for one in habits_of(seen, language)}


def test_a_changed_greeting_is_learned_with_its_evidence(store: Store) -> None:
    found = learned(store, lambda draft, _: draft.body.replace("Hi ", "Hello "), "All is ready.")
    greeting = found[StyleAspect.GREETING, ""]
    assert (greeting.value, greeting.evidence, greeting.of) == ("Hello {first},", 4, 4)
    assert len(greeting.draft_ids) == 4


def test_one_odd_edit_does_not_flip_a_habit(store: Store) -> None:
    def changed(draft: Draft, turn: int) -> str:
        word = "Hey" if turn == 7 else "Hello"
        return draft.body.replace("Hi ", f"{word} ")

    found = learned(store, changed, "All is ready.", rounds=2)
    greeting = found[StyleAspect.GREETING, ""]
    assert (greeting.value, greeting.evidence, greeting.of) == ("Hello {first},", 7, 8)


def test_a_new_habit_replaces_an_old_one_in_time(store: Store) -> None:
    def changed(draft: Draft, turn: int) -> str:
        return draft.body.replace("Hi ", "Hello " if turn < 8 else "Dear ")

    found = learned(store, changed, "All is ready.", rounds=6)
    assert found[StyleAspect.GREETING, ""].value == "Dear {first},"


def test_greetings_without_a_pattern_are_no_habit(store: Store) -> None:
    words = ("Hello", "Dear", "Hey", "Good morning")
    found = learned(
        store, lambda draft, turn: draft.body.replace("Hi", words[turn % 4]), "Ready.", rounds=2
    )
    assert (StyleAspect.GREETING, "") not in found


def test_a_changed_sign_off_is_learned_without_the_name(store: Store) -> None:
    def changed(draft: Draft, _: int) -> str:
        return draft.body.replace("Best regards,", "Cheers,")

    assert learned(store, changed, "All is ready.")[StyleAspect.SIGN_OFF, ""].value == "Cheers,"


def test_a_phrase_replaced_for_several_customers_is_learned(store: Store) -> None:
    def changed(draft: Draft, _: int) -> str:
        return draft.body.replace("Please do not hesitate to", "Feel free to")

    found = learned(store, changed, "Please do not hesitate to call me.")
    phrase = found[StyleAspect.AVOID, "please do not hesitate"]
    assert (phrase.value, phrase.evidence) == ("feel free", 4)


def test_a_phrase_that_is_often_kept_is_not_avoided(store: Store) -> None:
    def changed(draft: Draft, turn: int) -> str | None:
        return draft.body.replace("leverage", "use") if turn % 2 else None

    found = learned(store, changed, "We leverage sensors.", rounds=2)
    assert not [key for key in found if key[0] is StyleAspect.AVOID]


def test_a_phrase_changed_for_one_customer_only_is_not_learned(store: Store) -> None:
    def changed(draft: Draft, _: int) -> str:
        return draft.body.replace("machine", "press")

    found = learned(store, changed, "The machine runs.", contacts=(1,), rounds=4)
    assert not [key for key in found if key[0] is StyleAspect.AVOID]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("We offer 40 sensors.", "We offer 60 sensors."),
        ("We meet on Monday.", "We meet on Friday."),
        ("I spoke with Priya today.", "I spoke with Marcus today."),
        ("Priya confirmed it.", "Rosa Diaz confirmed it."),
        ("Beacon Insight is ready.", "Tidemark Meter is ready."),
        ("It costs €4,000 a year.", "It costs €5,000 a year."),
        ("Write to a@b.example please.", "Write to c@d.example please."),
        ("我们周一见面。", "我们周五见面。"),
        ("王经理已经确认。", "李总已经确认。"),
        ("请联系李明。", "请联系王芳。"),
        ("报价三十万元。", "报价五十万元。"),
    ],
)
def test_content_is_never_a_phrase(before: str, after: str) -> None:
    assert replaced_phrases([(before, after)], names=["Priya Shah", "Marcus Bell"]) == ()


def test_names_and_figures_beside_a_phrase_stay_out_of_it() -> None:
    pairs = paired_sentences(
        "Please do not hesitate to call Priya about the 40 sensors.",
        "Feel free to call Priya about the 60 sensors.",
    )
    found = replaced_phrases(pairs, names=["Priya Shah"])
    assert "please do not hesitate" in {one.phrase for one in found}
    text = " ".join(f"{one.phrase} {one.instead}" for one in found)
    assert not any(word in text.casefold() for word in ("priya", "40", "60"))


def test_chinese_phrases_are_learned_by_whole_words(store: Store) -> None:
    def changed(draft: Draft, _: int) -> str:
        return draft.body.replace("贵公司", "你们公司").replace("请随时与我联系", "随时找我")

    found = learned(
        store, changed, "附件是贵公司的报价单。", "如有疑问，请随时与我联系。", contacts=(5, 6, 7)
    )
    swaps = {key[1]: one.value for key, one in found.items() if key[0] is StyleAspect.AVOID}
    text = "附件是贵公司的报价单。如有疑问，请随时与我联系。"
    for phrase, instead in swaps.items():
        text = swap(text, phrase, instead)
    assert text == "附件是你们公司的报价单。如有疑问，随时找我。"


def test_plain_you_for_polite_you_is_learned(store: Store) -> None:
    def changed(draft: Draft, _: int) -> str:
        return draft.body.replace("您", "你")

    found = learned(store, changed, "感谢您的来信。", "我明天给您发报价。", contacts=(5, 6, 7))
    assert found[StyleAspect.AVOID, "您"].value == "你"
    assert found[StyleAspect.FORMALITY, ""].value == "casual"


def test_the_length_to_which_drafts_are_cut_is_learned(store: Store) -> None:
    long = ["This sentence has exactly seven words here."] * 6

    def changed(draft: Draft, _: int) -> str:
        return "\n\n".join([draft.greeting, *long[:4], draft.closing])

    found = learned(store, changed, *long)
    assert found[StyleAspect.LENGTH, ""].value == "28"


def test_drafts_accepted_as_they_are_set_no_length_or_register(store: Store) -> None:
    found = learned(store, lambda *_: None, "Thanks for the call! I'm glad, it's done.", rounds=2)
    assert {key[0] for key in found} == {StyleAspect.GREETING, StyleAspect.SIGN_OFF}


@pytest.mark.parametrize(
    ("greeting", "name", "template"),
    [
        ("Hi Priya,", "Priya Shah", "Hi {first},"),
        ("Dear Priya Shah,", "Shah, Priya", "Dear {name},"),
        ("Priya,", "Priya Shah", "{first},"),
        ("Hello all,", "Priya Shah", "Hello all,"),
        ("王总，您好：", "王建国", "{name}，您好："),
        ("尊敬的王建国：", "王建国", "尊敬的{name}："),
        ("Dear Ms. Shah,", "Priya Shah", None),
        ("Hi Bob,", "Robert Lee", None),
        ("Hi Priya and Tom,", "Priya Shah", None),
        ("老王，你好：", "王建国", None),
        ("Hi {first},", "Priya Shah", None),
    ],
)
def test_a_greeting_becomes_a_template_or_nothing(
    greeting: str, name: str, template: str | None
) -> None:
    assert greeting_template(greeting, name) == template


@pytest.mark.parametrize(
    ("letter", "sender", "template"),
    [
        ("x\n\nCheers,\nAnna", "Anna Lind", "Cheers,"),
        ("x\n\nOnwards,\nAnna Lind\n+49 30 1234", "Anna Lind", "Onwards,"),
        ("x\n\n此致\n敬礼\n陈思远", "陈思远", "此致\n敬礼"),
        ("x\n\nAnna Lind", "Anna Lind", None),
        ("x", "Anna Lind", None),
    ],
)
def test_words_of_leave_are_told_from_the_signature(
    letter: str, sender: str, template: str | None
) -> None:
    assert sign_off_template(split_letter(letter, sender=sender)) == template


@pytest.mark.parametrize(
    ("text", "phrase", "instead", "expected"),
    [
        ("Please call. I please.", "please call", "do call", "Do call. I please."),
        ("We utilize it; utilized.", "utilize", "use", "We use it; utilized."),
        ("Just to say, we can.", "just to say", "", "We can."),
        ("A world-class tool.", "world-class", "", "A tool."),
        ("Don’t wait.", "don't wait", "hurry", "Hurry."),
        ("如有疑问，请随时联系。", "如有疑问", "有问题", "有问题，请随时联系。"),
    ],
)
def test_a_swap_keeps_word_bounds_and_capitals(
    text: str, phrase: str, instead: str, expected: str
) -> None:
    assert swap(text, phrase, instead) == expected


def test_edit_distance_counts_words_and_chinese_characters() -> None:
    assert edit_distance("a b c d", "a b c d") == 0
    assert edit_distance("a b c d", "a x c d") == 0.25
    assert edit_distance("报价完成", "报价已完成") == 0.2
    assert edit_distance("", "a") == 1
