"""A question taken apart: names, periods, amounts, cues, and the words left over."""

from typing import Any

import pytest

from copilot.agent.compose import slots
from copilot.agent.followup import continue_plan
from copilot.agent.lookups import lookup_of
from copilot.agent.plan import Route
from copilot.agent.reading import Reading, read_question
from copilot.agent.routing import record_of, refusal, route_of
from crm.period import FiscalCalendar
from crm.principal import Principal
from tests.agent_world import AS_OF, Company, company, filled_company
from tools.names import NameIndex

__all__ = ["company", "filled_company"]


class Reader:
    """Reads questions against the names of the company."""

    def __init__(self, company: Company) -> None:
        with company.store.session() as session:
            self._index = NameIndex.load(session, Principal.local_owner())

    def __call__(self, text: str, **more: Any) -> Reading:
        given = {"today": AS_OF.date(), "calendar": FiscalCalendar(), **more}
        return read_question(text, self._index, **given)


@pytest.fixture
def read(company: Company) -> Reader:
    return Reader(company)


def named(reading: Reading) -> list[str]:
    return [mention.candidates[0].name for mention in reading.names]


def test_names_periods_and_cues_are_found_in_one_question(read: Reader) -> None:
    reading = read("how many deals over $10,000 did Anna Berg win in Q3 2026?")
    assert named(reading) == ["Anna Berg"]
    assert [str(mention.period.start) for mention in reading.periods] == ["2026-07-01"]
    assert [float(one.value) for one in reading.quantities] == [10_000]
    assert reading.has("intent", "count")
    assert reading.has("status", "won")
    assert reading.residue == ()
    assert reading.unknown == ()
    assert reading.language == "en"


def test_a_chinese_question_is_taken_apart_alike(read: Reader) -> None:
    reading = read("李娜在2026年第三季度赢了多少单？")
    assert named(reading) == ["李娜"]
    assert [str(mention.period.end) for mention in reading.periods] == ["2026-09-30"]
    assert reading.has("intent", "count")
    assert reading.has("status", "won")
    assert reading.residue == ()
    assert reading.language == "zh"


def test_words_that_nothing_explains_are_left_over(read: Reader) -> None:
    assert read("what was the moolah of Anna Berg?").residue == ("moolah",)


def test_a_misspelt_cue_is_mended_and_a_name_is_not(read: Reader) -> None:
    reading = read("what is the weigthed pipline of Anna Berg?")
    assert reading.residue == ()
    assert named(reading) == ["Anna Berg"]
    assert reading.keys("measure") == ["weighted_pipeline"]


def test_a_name_that_nobody_has_is_unknown(read: Reader) -> None:
    assert read("how many deals did Zorblax win?").unknown == ("Zorblax",)


def test_two_accounts_with_a_first_word_in_common_are_ambiguous(read: Reader) -> None:
    mention = read("how many deals did Globex buy?").names[0]
    assert mention.ambiguous
    assert {thing.name for thing in mention.candidates} == {"Globex Labs", "Globex Foods"}
    assert not read("how many deals did Globex Foods buy?").names[0].ambiguous


def test_a_stage_called_closed_won_does_not_hijack_the_plain_word(read: Reader) -> None:
    reading = read("how many closed won deals are there?")
    assert reading.has("status", "won")


@pytest.mark.parametrize("text", ["how many deals did I win?", "my win rate", "我赢了多少单？"])
def test_first_person_words_stand_for_the_caller(read: Reader, text: str) -> None:
    assert read(text, asker="Anna Berg").speaks_of_asker
    assert not read(text).speaks_of_asker


@pytest.mark.parametrize(
    "text",
    ["how many deals did we win?", "告诉我赢了多少单", "我们赢了多少单？", "tell me the win rate"],
)
def test_we_and_tell_me_are_not_the_caller(read: Reader, text: str) -> None:
    assert not read(text, asker="Anna Berg").speaks_of_asker


def test_values_of_the_crms_lists_are_found_where_the_question_speaks_of_them(
    read: Reader,
) -> None:
    lost = read("how many deals did we lose because of price?")
    assert ("lost_reason", "Price") in [
        (m.candidates[0].dimension, m.candidates[0].name) for m in lost.names
    ]
    assert "Price" not in named(read("what is the list price of Atlas Pro?"))


def test_the_topic_is_what_is_left_to_search_for(read: Reader) -> None:
    reading = read("what did Acme Corp say about the warranty last month?")
    assert "warranty" in reading.topic
    for word in ("Acme", "month", "say"):
        assert word not in reading.topic


def test_an_unsearchable_question_is_its_own_topic(read: Reader) -> None:
    assert read("what did they say?").topic


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("what did Acme Corp say about security?", Route.CONVERSATION),
        ("what happened with Acme renewal?", Route.HISTORY),
        ("when did we last speak with Acme Corp?", Route.CONTACT_GAP),
        ("how many deals did Anna Berg win?", Route.NONE),
        ("客户对安全说了什么？", Route.CONVERSATION),
    ],
)
def test_the_words_choose_the_kind_of_work(read: Reader, text: str, route: Route) -> None:
    assert route_of(read(text)) is route


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("send an email to Maria Lopez", "side_effect"),
        ("what is the profit margin?", "unsupported"),
        ("how many deals did Anna Berg win?", None),
        ("how many deals did we win after sending a quote?", None),
    ],
)
def test_what_cannot_be_done_is_refused_by_words(
    read: Reader, text: str, phrase: str | None
) -> None:
    refused = refusal(read(text))
    assert (refused.phrase if refused else None) == phrase


def test_one_record_is_meant_only_if_one_is_named(read: Reader) -> None:
    found = record_of(read("who owns Acme Corp?"))
    assert found is not None
    assert (found.dimension, found.name) == ("account", "Acme Corp")
    assert record_of(read("compare Acme Corp and Initech")) is None
    assert record_of(read("who owns Globex?")) is None


@pytest.mark.parametrize(
    ("text", "name", "attribute"),
    [
        ("who owns Acme Corp?", "Acme Corp", "owner"),
        ("海星物流的负责人是谁？", "海星物流", "owner"),
        ("what is Maria Lopez's title?", "Maria Lopez", "title"),
        ("what is the industry of Acme Corp?", "Acme Corp", "industry"),
    ],
)
def test_a_field_of_one_record_is_recognised(
    read: Reader, text: str, name: str, attribute: str
) -> None:
    found = lookup_of(read(text))
    assert found is not None
    assert (found.thing.name, found.attribute) == (name, attribute)


@pytest.mark.parametrize(
    "text",
    [
        "how many deals did Anna Berg win?",
        "win rate of Acme Corp in 2026",
        "who owns the most accounts?",
        "which industry buys most?",
    ],
)
def test_a_computation_is_no_lookup(read: Reader, text: str) -> None:
    assert lookup_of(read(text)) is None


def test_nothing_is_continued_without_a_plan_before(read: Reader) -> None:
    reading = read("and in Q3?")
    assert continue_plan(reading, slots(reading), {}) is None
