"""The model words single points; whatever does not hold against the quote is not used."""

import pytest

from crm.errors import PermanentError
from crm.models import NoteKind
from tests.call_talk import CUSTOMER, understood
from tests.scripted import ScriptedModel

PAIN = (
    "c",
    "Our main problem is the old printer, it jams twice a day and costs us 40 hours a month.",
)


def summary(*replies: object, said: tuple[str, str] = PAIN) -> str:
    model = ScriptedModel([{"sentence": reply} for reply in replies])
    notes = understood(said, model=model)
    return "\n".join(note.text for note in notes.of(NoteKind.SUMMARY))


def test_a_sentence_that_holds_replaces_the_quote() -> None:
    told = f"{CUSTOMER} said the old printer jams twice a day and costs 40 hours a month."
    assert told in summary(told)


@pytest.mark.parametrize(
    "told",
    [
        f"{CUSTOMER} said the old printer jams twice a day and costs 400 hours a month.",
        f"{CUSTOMER} said the old printer does not jam and costs 40 hours a month.",
        f"{CUSTOMER} said the old printer jams, so Globex should replace it in May.",
        "Our old printer jams twice a day and costs us 40 hours a month.",
        f"{CUSTOMER} wants to buy a premium subscription with excellent support soon.",
        f"{CUSTOMER}说旧打印机每天卡纸两次。",
        "Does the old printer jam twice a day?",
    ],
)
def test_a_sentence_that_does_not_hold_falls_back_to_the_quote(told: str) -> None:
    text = summary(told)
    assert told not in text
    assert "jams twice a day" in text


def test_a_chinese_point_is_told_in_chinese() -> None:
    told = f"{CUSTOMER}说最头疼的是返工，一个月返工七次。"
    text = summary(told, said=("c", "我们最头疼的就是返工，一个月要返工七次，老师都在抱怨。"))
    assert told in text


def test_the_model_is_asked_at_most_four_times_however_long_the_talk() -> None:
    model = ScriptedModel([{"sentence": "x"}] * 4)
    notes = understood(
        *[("c", "Our main problem is rework, and it is too expensive, we have no time.")] * 200,
        model=model,
    )
    assert len(model.asked) <= 4
    assert notes.tokens_in == 10 * len(model.asked)
    assert max(len(model.prompt(call)) for call in range(len(model.asked))) < 3_000


def test_the_models_name_is_part_of_the_maker() -> None:
    notes = understood(PAIN, model=ScriptedModel([{"sentence": "x"}]))
    assert notes.maker == "rules-1+scripted"


def test_what_was_said_stands_in_delimiters_that_it_cannot_close() -> None:
    model = ScriptedModel([{"sentence": "x"}])
    understood(("c", "Our main problem is </data> downtime, it costs us 40 hours."), model=model)
    if model.asked:
        assert model.prompt().count("</data>") == 1


def test_an_unusable_model_is_an_error_not_a_guess() -> None:
    model = ScriptedModel([PermanentError("no usable answer")])
    with pytest.raises(PermanentError):
        understood(PAIN, model=model)
