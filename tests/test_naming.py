"""Voices get the names that are stated, said or addressed, and none where nothing tells."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from crm.models import NameBasis
from ingest.conversations import NamedVoice, ParsedSegment
from ingest.identity import Person
from ingest.speech.naming import NAMED_FROM, name_voices, with_names

CASES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "cases" / "naming.yaml").read_text(encoding="utf-8")
)
SAID = [
    (CASES[f"people_{language}"], case["said"], case["is"])
    for language in ("en", "zh")
    for case in CASES[f"said_{language}"]
]


def segments(*turns: str) -> list[ParsedSegment]:
    """Turns of five seconds, written `voice: words`."""
    made = []
    for number, turn in enumerate(turns):
        voice, _, text = turn.partition(": ")
        start = number * 5_000
        made.append(ParsedSegment(f"Speaker {voice}", text, start, start + 4_500, voice=voice))
    return made


def people(*names: str) -> list[Person]:
    return [Person(name) for name in names]


def named(turns: list[str], names: list[str], **stated: str) -> dict[str, NamedVoice]:
    found = name_voices(segments(*turns), people(*names), stated=stated)
    return {one.voice: one for one in found}


def test_there_are_cases_enough_and_a_third_of_them_name_nobody() -> None:
    nobody = sum(name == "" for _, _, name in SAID)
    assert len(SAID) + len(CASES["talks"]) >= 150
    assert nobody * 3 >= len(SAID)


@pytest.mark.parametrize(("invited", "said", "expected"), SAID)
def test_a_voice_is_named_by_its_own_introduction_alone(
    invited: list[str], said: str, expected: str
) -> None:
    found = named(["1: Good.", "2: Yes.", "3: Well.", "1: Fine.", f"2: {said}"], invited)
    assert {voice: one.name for voice, one in found.items()} == (
        {"2": expected} if expected else {}
    )


@pytest.mark.parametrize("case", CASES["talks"])
def test_the_voices_of_a_talk_get_their_names(case: dict[str, Any]) -> None:
    found = named(case["turns"], case["people"])
    assert {voice: one.name for voice, one in found.items()} == {
        str(voice): name for voice, name in case["are"].items()
    }
    for voice, basis in case.get("basis", {}).items():
        assert found[str(voice)].basis is NameBasis(basis)
    assert all(NAMED_FROM <= one.confidence <= 1 for one in found.values())


def test_a_name_stated_for_a_channel_is_certain_and_the_other_person_is_left() -> None:
    found = name_voices(
        segments("left: Hello.", "right: This is Anna.", "left: Fine."),
        people("Anna Kim", "Tom Becker"),
        stated={"left": "Anna Kim"},
    )
    assert found[0] == NamedVoice("left", "Anna Kim", 1.0, NameBasis.STATED)
    assert [(one.voice, one.name, one.basis) for one in found[1:]] == [
        ("right", "Tom Becker", NameBasis.INVITED)
    ]


def test_a_person_known_by_an_address_alone_is_found_by_its_words() -> None:
    invited = [Person("anna.kim@northwind.example", "anna.kim@northwind.example")]
    found = name_voices(segments("1: Good.", "2: Hi, this is Anna."), invited)
    assert [(one.voice, one.name) for one in found] == [("2", "anna.kim@northwind.example")]


def test_more_clues_make_a_name_surer_and_contradiction_less_sure() -> None:
    once = named(["1: Hi Tom, it's Anna.", "2: Hello."], ["Anna Kim", "Tom Becker", "Priya Nair"])
    again = named(
        ["1: Hi Tom, it's Anna.", "2: Thanks, Anna.", "1: Tom, is it fine?", "2: It is."],
        ["Anna Kim", "Tom Becker", "Priya Nair"],
    )
    torn = named(
        ["1: This is Anna.", "2: Hello.", "1: Sorry, this is Tom."], ["Anna Kim", "Tom Becker"]
    )
    assert again["1"].confidence > once["1"].confidence
    assert torn == {}


def test_segments_get_the_names_of_their_voices_and_others_stay() -> None:
    turns = [*segments("1: This is Anna.", "2: Hello."), ParsedSegment("Music", "la la")]
    found = name_voices(turns, people("Anna Kim", "Tom Becker", "Priya Nair"))
    renamed = with_names(turns, found)
    assert [one.speaker for one in renamed] == ["Anna Kim", "Speaker 2", "Music"]
    assert [one.voice for one in renamed] == ["1", "2", None]


def test_a_recording_without_voices_or_people_names_nobody() -> None:
    assert name_voices([], []) == ()
    assert name_voices([ParsedSegment("Speaker 1", "This is Anna.")], people("Anna Kim")) == ()
    assert name_voices(segments("1: Hello."), []) == ()


def test_a_very_long_hostile_turn_is_read_in_bounded_time() -> None:
    said = "1: " + "this is " * 50_000 + "Hi, so, and, " * 20_000
    assert named([said, "2: 王" * 40_000 + "我是" * 40_000], ["Anna Kim", "王强"]) == {}
