"""Wishes for drafts are told from questions that look like them, by code alone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from copilot.agent.plan import DraftOrder
from copilot.agent.wish_changes import Change, read_change
from copilot.agent.wishes import Wish, may_be_wish, read_wish
from copilot.grounding.pack.asked import Channel, DraftKind
from crm.principal import Principal
from crm.store import Store
from tests.agent_world import fill
from tools.names import NameIndex

CASES = Path(__file__).parent / "cases"
SEEN = yaml.safe_load((CASES / "draft_wishes.yaml").read_text("utf-8"))
HELD_OUT = yaml.safe_load((CASES / "draft_wishes_heldout.yaml").read_text("utf-8"))
Reader = Callable[[str], Wish | None]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameIndex]:
    store = Store.sqlite(tmp_path_factory.mktemp("wishes") / "crm.db")
    store.migrate()
    fill(store)
    with store.session() as session:
        yield NameIndex.load(session, Principal.local_owner())
    store.close()


@pytest.fixture(scope="module")
def read(index: NameIndex) -> Reader:
    return lambda text: read_wish(text, index)


def addressed(wish: Wish) -> str:
    """What the first name stands for: the record's name, or the words where it is a 王总."""
    first = wish.names[0]
    return first.things[0].name if first.things else "王伟"


def test_there_are_enough_of_both() -> None:
    english = [one for one in SEEN["wishes"] if one["text"].isascii()]
    assert len(english) >= 30
    assert len(SEEN["wishes"]) - len(english) >= 30
    assert len(SEEN["questions"]) >= 40


@pytest.mark.parametrize("case", SEEN["wishes"], ids=lambda case: case["text"])
def test_a_wish_is_understood(read: Reader, case: dict[str, Any]) -> None:
    wish = read(case["text"])
    assert wish is not None
    assert wish.names[0].text == case["to"]
    assert wish.is_proposal is case.get("proposal", False)
    assert wish.language == case.get("language")
    if "kind" in case:
        assert wish.kind is DraftKind(case["kind"])
    if "channel" in case:
        assert wish.channel is Channel(case["channel"])
    if "purpose" in case:
        assert wish.purpose == case["purpose"]


@pytest.mark.parametrize("text", SEEN["questions"])
def test_a_question_stays_a_question(read: Reader, text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize("case", HELD_OUT["wishes"], ids=lambda case: case["text"])
def test_a_wish_nobody_tuned_for_is_understood(read: Reader, case: dict[str, Any]) -> None:
    wish = read(case["text"])
    assert wish is not None
    assert addressed(wish) in {case["to"], f"{case['to']} Lopez"}
    assert wish.is_proposal is case.get("proposal", False)
    if "kind" in case:
        assert wish.kind is DraftKind(case["kind"])
    if "channel" in case:
        assert wish.channel is Channel(case["channel"])


@pytest.mark.parametrize("text", HELD_OUT["questions"])
def test_a_question_nobody_tuned_for_stays_one(read: Reader, text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    "text", ["win rate by team this year", "本季度华东区成交金额是多少？", "who owns Acme Corp?"]
)
def test_most_questions_are_not_even_looked_at(text: str) -> None:
    assert not may_be_wish(text)


def test_the_purpose_is_what_the_wish_says_besides(read: Reader) -> None:
    wish = read("Please write a short email to Maria Lopez asking whether legal has signed")
    assert wish is not None
    assert wish.purpose == "asking whether legal has signed"
    chinese = read("帮我写一封邮件给王伟，介绍一下私有化部署")
    assert chinese is not None
    assert chinese.purpose == "介绍一下私有化部署"


def test_a_huge_wish_is_cut_to_a_purpose_that_writers_take(read: Reader) -> None:
    wish = read("write to Maria Lopez about " + "the warranty and " * 100)
    assert wish is not None
    assert 400 < len(wish.purpose) <= 500


def test_two_addressees_are_noticed(read: Reader) -> None:
    wish = read("write an email to Maria Lopez and 王伟")
    assert wish is not None
    assert wish.is_joint
    alone = read("write an email to Maria Lopez about 王伟")
    assert alone is not None
    assert not alone.is_joint


def test_an_unknown_name_is_kept_as_the_addressee(read: Reader) -> None:
    wish = read("draft an email to Zorblax")
    assert wish is not None
    assert [one.text for one in wish.names] == ["Zorblax"]
    assert not wish.names[0].is_known


ORDER = DraftOrder(kind=DraftKind.REPLY, contact_id=1, reply_to=10, purpose="the warranty")


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("shorter", Change(length=0.6)),
        ("make it shorter please", Change(length=0.6)),
        ("too long", Change(length=0.6)),
        ("a bit longer", Change(length=1.6)),
        ("too short", Change(length=1.6)),
        ("in Chinese", Change(language="zh")),
        ("now in English please", Change(language="en")),
        ("more formal", Change(formality="formal")),
        ("less formal", Change(formality="casual")),
        ("make it a Slack message", Change(channel=Channel.SLACK)),
        ("as a WeChat message", Change(channel=Channel.WECHAT)),
        ("shorter and in Chinese", Change(language="zh", length=0.6)),
        ("also mention the SOC2 report", Change(mention="the SOC2 report")),
        ("短一点", Change(length=0.6)),
        ("再详细一点", Change(length=1.6)),
        ("用英文", Change(language="en")),
        ("翻译成中文", Change(language="zh")),
        ("正式一点", Change(formality="formal")),
        ("改成微信", Change(channel=Channel.WECHAT)),
        ("换成邮件", Change(channel=Channel.EMAIL)),
    ],
)
def test_a_change_is_read(text: str, change: Change) -> None:
    assert read_change(text) == change


@pytest.mark.parametrize(
    "text",
    [
        "which deals have a shorter sales cycle?",
        "how many emails in Chinese?",
        "win rate of the email source",
        "who speaks Chinese?",
        "用英文沟通的客户有哪些？",
        "Slack",
        "",
        "what did Maria add to the contract?",
        "shorter " * 40,
    ],
)
def test_another_question_is_no_change(text: str) -> None:
    change = read_change(text)
    assert change is None or (text == "Slack" and change.channel is Channel.SLACK)


def test_a_change_leaves_everything_else_of_the_order() -> None:
    shorter = Change(length=0.6).applied(ORDER, words=100)
    assert shorter == ORDER.model_copy(update={"most_words": 60})
    tiny = Change(length=0.6).applied(ORDER, words=10)
    assert tiny.most_words == 25
    more = Change(mention="price").applied(ORDER, words=None)
    assert more.purpose == "the warranty; price"
