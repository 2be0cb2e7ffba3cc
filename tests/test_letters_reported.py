"""Questions and requests that code reports exactly, and those that it leaves to others."""

import pytest

from copilot.writers.letters.reported import reported_question, reported_request
from tools.language import Language, has_han


def language_of(words: str) -> Language:
    return "zh" if has_han(words) else "en"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("Do we need an electrician?", "You asked whether you need an electrician."),
        ("Do you have a SOC 2 report?", "You asked whether we have a SOC 2 report."),
        ("When will we have the estimate?", "You asked when you will have the estimate."),
        ("How long does it take?", "You asked how long it takes."),
        ("Can I see it with our data?", "You asked whether you can see it with your data."),
        ("What happens if it stops?", "You asked what happens if it stops."),
        ("请问工时估算什么时候能给我们？", "您问到工时估算什么时候能给贵司。"),
        ("你们的数据能放在国内吗？", "您问到我们的数据能否放在国内。"),
    ],
)
def test_a_question_is_reported_in_the_order_of_a_statement(asked: str, told: str) -> None:
    assert reported_question(asked, language_of(asked)) == told


@pytest.mark.parametrize(
    "asked",
    [
        "How long do the batteries last?",
        "What is the price?",
        "Does your software run on your servers?",
        "Do you need what we sent you?",
    ],
)
def test_a_question_that_needs_grammar_is_left_to_the_model(asked: str) -> None:
    assert reported_question(asked, "en") is None


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("Please send me the contract.", "You asked us to send you the contract."),
        ("Could you also reserve a team for us?", "You asked us to reserve a team for you."),
        ("请抄送我们设备部的计划员。", "您请我们抄送贵司设备部的计划员。"),
        ("麻烦您把合同发我一份。", "您请我们把合同发您一份。"),
    ],
)
def test_a_request_is_told_as_one(asked: str, told: str) -> None:
    assert reported_request(asked, language_of(asked)) == told


@pytest.mark.parametrize(
    "asked",
    ["Can you run in two plants?", "We need it by May.", "Please have a nice day.", "请问价格？"],
)
def test_what_asks_for_no_favour_is_no_request(asked: str) -> None:
    assert reported_request(asked, language_of(asked)) is None
