"""The verifier on contrasts, on who gives what, on rates and on parts of a whole."""

from datetime import UTC, date, datetime

import pytest

from copilot.grounding.sentences import CitedSentence
from copilot.grounding.verifier import Ground, check_sentence
from crm.facts import Fact, FactKind

MOVED = 'Ida Rask (customer), call 2027-02-03: "The audit was postponed from 4 March to 9 April."'
MOVED_ZH = "韩梅（客户），电话 2027-02-03：“审计从3月4日改到4月9日了。”"
LIMITS = 'Ida Rask (customer), call 2027-02-03: "I can defend $30,000, I cannot defend $37,412."'
BLAME = 'Ida Rask (customer), call 2027-02-03: "Not the price but the reports were the problem."'
OURS = 'Sam Vane (our side), call 2027-02-03: "I will send you the drawings by 12 February."'
OURS_ZH = "方宁（我方），电话 2027-02-03：“图纸2月12日之前给您。”"
FEE = "Price book: TideScan USD 2,400.00 per crane and year."
SHARE = 'Ida Rask (customer), call 2027-02-03: "Nine of our 16 cranes are older than my father."'
REFUSED = (
    'Ida Rask (customer), call 2027-02-03: "PortSoft offered us a trial, and we turned it down."'
)


def problems(text: str, fact: str, *, by: str = "theirs", language: str = "en") -> list[str]:
    kind = FactKind.RECORD if by == "record" else FactKind.SEGMENT
    cited = Fact(
        id="F1", kind=kind, text=fact, as_of=datetime(2027, 2, 3, 12, tzinfo=UTC), source="t#1"
    )
    ground = Ground(
        facts={"F1": cited},
        today=date(2027, 2, 4),
        language=language,
        known_names=frozenset({"TideScan", "PortSoft", "Ida Rask", "Sam Vane"}),
        free_names=frozenset({"Ida Rask", "Sam Vane", "韩梅", "方宁"}),
        outside=frozenset({"F1"} if by == "theirs" else ()),
        approved=frozenset({"F1"} if by == "record" else ()),
    )
    found = check_sentence(CitedSentence(text=text, facts=("F1",)), ground)
    return [problem.kind.value for problem in found]


@pytest.mark.parametrize(
    ("text", "fact", "by"),
    [
        ("The audit now takes place on 4 March rather than on 9 April.", MOVED, "theirs"),
        ("审计由4月9日改到了3月4日。", MOVED_ZH, "theirs"),
        ("You can defend $37,412.", LIMITS, "theirs"),
        ("The price was the problem, not the reports.", BLAME, "theirs"),
        ("You will send us the drawings by 12 February.", OURS, "ours"),
        ("您会在2月12日之前把图纸发给我们。", OURS_ZH, "ours"),
        ("TideScan is $2,400 a month for each crane.", FEE, "record"),
        ("Sixteen of your cranes are older than your father.", SHARE, "theirs"),
        ("You chose the trial of PortSoft.", REFUSED, "theirs"),
    ],
)
def test_what_is_on_the_wrong_side_fails(text: str, fact: str, by: str) -> None:
    assert problems(text, fact, by=by)


@pytest.mark.parametrize(
    ("text", "fact", "by"),
    [
        ("The audit was first meant for 4 March; the new day is 9 April.", MOVED, "theirs"),
        ("审计原定3月4日，现在改为4月9日。", MOVED_ZH, "theirs"),
        ("I understand that $37,412 is more than you can defend.", LIMITS, "theirs"),
        (
            "As I understand it, the reports rather than the price were the problem.",
            BLAME,
            "theirs",
        ),
        ("You will have the drawings from me by 12 February.", OURS, "ours"),
        ("图纸我会在2月12日之前给您。", OURS_ZH, "ours"),
        ("TideScan costs $2,400 a year for each crane.", FEE, "record"),
        ("Of your 16 cranes, nine are older than your father.", SHARE, "theirs"),
        ("You turned the trial of PortSoft down.", REFUSED, "theirs"),
    ],
)
def test_what_is_on_its_own_side_holds(text: str, fact: str, by: str) -> None:
    assert problems(text, fact, by=by) == []


def test_a_mail_from_a_bare_address_is_told_as_their_word() -> None:
    fact = 'ida.rask@example.com (customer), email 2027-02-03: "The old cranes are a burden."'
    assert problems("You mentioned that the old cranes are a burden.", fact) == []
    assert problems("We told you that the old cranes are a burden.", fact)


def test_an_office_is_no_name_in_chinese() -> None:
    fact = "联系人：韩梅，石桥港务，采购经理。"
    text = "我知道您在石桥港务担任采购经理。"
    assert problems(text, fact, by="record", language="zh") == []
