"""The drafting rubric: each criterion fails on the one thing that it is about."""

from dataclasses import replace
from typing import Any

import pytest

from copilot.grounding.pack.asked import Channel, DraftKind, DraftRequest
from copilot.grounding.sentences import CitedSentence
from copilot.writers.draft import Addressee, Draft, OpenPoint
from crm.facts import Fact, FactKind
from evals.drafting_rubric import grade, passes
from evals.drafting_tasks import Pool, Resolved, Task
from tests.drafting_claims_seed import TODAY

POOL = Pool("deals", "any deal", "deal", "SELECT 1")
FACTS = (
    Fact(
        id="F1", kind=FactKind.SEGMENT, text='"Our budget is $160,000."', source="conversation:1#4"
    ),
    Fact(
        id="F2",
        kind=FactKind.RECORD,
        text="Tidemark Gateway × 12: Edge gateway for up to 64 sensors.",
        source="product:3",
    ),
)
GOOD = {
    "en": (
        "Thank you for the open talk about the budget and the security review on 19 November.",
        "You told us that your budget for Beacon Insight is $160,000, and that the review of the"
        " contract needs three to four weeks.",
        "Could we go through the open points with your finance director on the phone?",
        "Please tell me which day suits you both best.",
    ),
    "zh": (
        "感谢您11月19日抽时间沟通报价和数据存放的问题。",
        "您提到今年的预算是80万元，并且数据必须存放在国内，这两点我都记下了，也会在新的报价里体现出来。",
        "您看本月哪天方便，我们一起把剩下的几个问题逐条过一遍？",
    ),
}


def _draft(language: str = "en", **changes: Any) -> Draft:
    sentences = changes.pop("sentences", GOOD[language])
    marcus, wang = ("Marcus Bell", "Hi Marcus,"), ("王建国", "王经理，您好：")
    name, greeting = marcus if language == "en" else wang
    paragraph = tuple(CitedSentence(text=one, facts=("F1",)) for one in sentences)
    made = Draft(
        kind=DraftKind.FOLLOW_UP,
        channel=Channel.EMAIL,
        language="zh" if language == "zh" else "en",
        to=(Addressee(name=name, email="person1@customer1.example"),),
        sender="Anna Lindqvist" if language == "en" else "陈思远",
        subject="Budget and review of Beacon Insight" if language == "en" else "预算与数据存放",
        greeting=greeting,
        paragraphs=(paragraph,),
        closing="Best regards," if language == "en" else "祝商祺",
        body=" ".join([greeting, *sentences]),
        facts=FACTS,
    )
    return made.model_copy(update=changes)


def _resolved(language: str = "en", **changes: Any) -> Resolved:
    task = Task(
        id="one",
        language="zh" if language == "zh" else "en",
        pool=POOL,
        evidence="rich",
        kind=DraftKind.FOLLOW_UP,
        **changes,
    )
    mention = (("$theirs", "Beacon Insight"),) if language == "en" else (("80万", "$theirs"),)
    return Resolved(
        task=task,
        request=DraftRequest(opportunity_id=1),
        rep="anna@harborline.example",
        must_mention=mention,
        recipients=frozenset({"person1@customer1.example"}),
    )


def _failed(draft: Draft, resolved: Resolved) -> set[str]:
    return {mark.criterion for mark in grade(draft, resolved, today=TODAY) if not mark.holds}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_good_draft_holds_every_criterion(language: str) -> None:
    marks = grade(_draft(language), _resolved(language), today=TODAY)
    assert [mark for mark in marks if not mark.holds] == []
    assert passes(marks)


SPOILED = [
    ("en", "language", "the security review", "安全审查和数据存放"),
    ("en", "must_not", "$160,000", "$90,000"),
    ("en", "third_person", "You told us that your budget", "Marcus said that his budget"),
    ("en", "third_person", "You told us that your", "The customer told us that their"),
    ("en", "internal", "the open talk", "the open talk in stage Negotiation of our sales stage"),
    ("en", "noise", "Thank you for", "Um, thank you for"),
    ("en", "markup", "the budget and", "the budget F3 and"),
    ("en", "markup", "$160,000", '"$160,000'),
    ("en", "word_kept", "Please tell me", "I will summarize later what we agreed; tell me"),
    ("en", "repeats", "Please tell me which day suits you both best.", GOOD["en"][1]),
    ("en", "filler", "Thank you for", "I hope this email finds you well. Thank you for"),
    ("en", "stale_days", "on 19 November", "yesterday"),
    ("en", "form", "suits you both best.", "suits you both both best."),
    ("en", "form", "suits you both best.", "suits you both"),
    ("en", "form", "You told us that your budget", "You mentioned that good news: your budget"),
    ("en", "dangling", "Thank you for the open talk", "You mentioned that it was an open talk"),
    ("en", "catalogue", "You told us that", "Tidemark Gateway: Edge gateway for up to 64 sensors"),
    ("en", "odd_question", "four weeks.", "four weeks. You asked how long it takes?"),
    ("zh", "language", "剩下的几个问题", "open points that are still left 的问题"),
    ("zh", "internal", "剩下的几个问题", "剩下的几个待办"),
    ("zh", "noise", "感谢您", "嗯，感谢您"),
    ("zh", "third_person", "您提到", "客户提到"),
    ("zh", "filler", "感谢您", "百忙之中感谢您"),
    ("zh", "odd_question", GOOD["zh"][2], "您提到数据存放在国内吗？"),
]


@pytest.mark.parametrize(("language", "criterion", "old", "new"), SPOILED)
def test_each_criterion_fails_on_its_own_thing(
    language: str, criterion: str, old: str, new: str
) -> None:
    assert any(old in one for one in GOOD[language])
    sentences = tuple(one.replace(old, new) for one in GOOD[language])
    resolved = _resolved(language, must_not=("$90,000",))
    if criterion in {"word_kept"}:
        sentences = sentences[-1:]
    assert criterion in _failed(_draft(language, sentences=sentences), resolved)


def test_the_wrong_person_is_noticed() -> None:
    wrong = (Addressee(name="Tom Reyes", email="tom@rival.example"),)
    assert "recipient" in _failed(_draft(to=wrong), _resolved())
    assert "recipient" in _failed(_draft(greeting="Hi Priya,"), _resolved())
    assert "recipient" in _failed(_draft(to=()), _resolved())


def test_rich_evidence_has_to_show() -> None:
    vague = _draft(sentences=("Could we talk about the open points on the phone some time soon?",))
    vague = vague.model_copy(update={"subject": "Some open points of our project"})
    assert "specific" in _failed(vague, _resolved())
    thin = replace(_resolved(), task=replace(_resolved().task, evidence="thin"))
    assert "specific" not in _failed(vague, thin)


def test_many_gaps_are_not_a_draft() -> None:
    gaps = ("[amount]", "[date]")
    points = tuple(OpenPoint(placeholder=one, reason="unproved") for one in gaps)
    body = " ".join([*GOOD["en"], *gaps])
    assert "gaps" in _failed(_draft(open_points=points, body=body), _resolved())


@pytest.mark.parametrize(
    ("subject", "holds"), [("Follow-up", False), ("", False), ("A" * 95, False)]
)
def test_a_subject_says_something(subject: str, *, holds: bool) -> None:
    assert ("subject" not in _failed(_draft(subject=subject), _resolved())) is holds


def test_a_purpose_is_not_put_to_the_customer() -> None:
    purpose = "pick up contact again after a long silence"
    resolved = _resolved()
    asked = replace(resolved, request=replace(resolved.request, purpose=purpose))
    echo = (*GOOD["en"], "Could you please pick up contact again after a long silence?")
    assert "echo" in _failed(_draft(sentences=echo), asked)
    assert "echo" not in _failed(_draft(), asked)


def test_a_reply_takes_up_its_mail() -> None:
    resolved = _resolved()
    reply = replace(resolved, request=DraftRequest(reply_to=1))
    assert "answers" not in _failed(_draft(), reply)
    other = FACTS[0].model_copy(update={"id": "F9", "source": "conversation:1#7"})
    silent = tuple(CitedSentence(text=one) for one in GOOD["en"])
    assert "answers" in _failed(_draft(facts=(other,), paragraphs=(silent,)), reply)


def test_a_chat_message_is_shorter_than_a_mail_and_has_no_subject() -> None:
    chat = _resolved(channel=Channel.SLACK)
    long = (
        *GOOD["en"],
        *(f"And then there is point {one} on the long list." for one in "abcdefgh"),
    )
    assert "length" in _failed(_draft(subject="", sentences=long), chat)
    assert _failed(_draft(subject="", sentences=GOOD["en"][1:]), chat) == set()


def test_one_soft_fault_passes_and_a_hard_one_does_not() -> None:
    soft = _draft(subject="Follow-up")
    assert passes(grade(soft, _resolved(), today=TODAY))
    two = soft.model_copy(update={"body": f"Touch base. {soft.body}"})
    assert not passes(grade(two, _resolved(), today=TODAY))
    hard = _draft(greeting="Hi Priya,")
    assert not passes(grade(hard, _resolved(), today=TODAY))
