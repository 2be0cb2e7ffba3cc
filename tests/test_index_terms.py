from datetime import UTC, datetime

import pytest

from crm.index.passages import TARGET_LENGTH, chunks, length_of, stretches
from crm.index.terms import MAX_QUERY_TERMS, query_terms, terms_of
from crm.models import Conversation, Segment


def conversation(texts: list[str]) -> tuple[Conversation, list[Segment]]:
    call = Conversation(id=1, title="Review", started_at=datetime(2026, 11, 12, tzinfo=UTC))
    segments = [
        Segment(position=position, speaker="Bo" if position % 2 else "李娜", text=text)
        for position, text in enumerate(texts)
    ]
    return call, segments


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Policies", "policy"),
        ("reports", "REPORT"),
        ("ＳＯＣ２", "soc2"),
        ("Café", "cafe"),
        ("STRASSE", "Straße"),
    ],
)
def test_spellings_of_a_word_are_one_term(one: str, other: str) -> None:
    assert terms_of(one) == terms_of(other)


@pytest.mark.parametrize("word", ["status", "access", "gas", "yes"])
def test_words_that_only_look_plural_stay(word: str) -> None:
    assert terms_of(word) == [word]


def test_chinese_is_segmented_beside_latin_words() -> None:
    terms = terms_of("我们需要SOC2安全白皮书")
    assert {"soc2", "安全", "白皮书"} <= set(terms)


def test_scripts_without_spaces_are_searchable_by_parts() -> None:
    assert set(terms_of("カタ")) & set(terms_of("カタログ"))


def test_a_query_keeps_what_tells_unless_nothing_does() -> None:
    assert query_terms("What did the customer say about security?") == ["security"]
    assert query_terms("客户上次关于安全说了什么？") == ["安全"]
    assert query_terms("who are you") == ["who", "are", "you"]


def test_a_query_is_bounded_however_long() -> None:
    assert len(query_terms(" ".join(f"word{n}" for n in range(50_000)))) == MAX_QUERY_TERMS
    assert all(len(term) <= 64 for term in query_terms("x" * 50_000))


def test_passages_keep_turns_whole_and_cover_every_turn_once() -> None:
    call, segments = conversation([f"<{n}> " + "word " * (n % 50) for n in range(80)])
    made = list(stretches(call, segments))
    covered = [place for stretch in made for place in range(stretch.first, stretch.last + 1)]
    assert covered == list(range(80))
    for stretch in made:
        assert stretch.text.startswith("Review · 2026-11-12\n")
        assert all(f"<{n}>" in stretch.text for n in range(stretch.first, stretch.last + 1))


@pytest.mark.parametrize("text", ["some words of a turn here", "我们下个季度需要更新报价和合同"])
def test_passages_are_about_as_long_in_both_languages(text: str) -> None:
    call, segments = conversation([text] * 200)
    lengths = [length_of(stretch.text) for stretch in stretches(call, segments)][:-1]
    assert lengths
    assert all(TARGET_LENGTH <= length <= 2 * TARGET_LENGTH for length in lengths)


def test_silent_turns_make_no_passage() -> None:
    call, segments = conversation(["", "  ", "\n"])
    assert list(stretches(call, segments)) == []


def test_a_very_long_turn_is_embedded_in_pieces_under_its_heading() -> None:
    body = "李娜: " + "This sentence has exactly seven words here. " * 200
    pieces = chunks(f"Review · 2026-11-12\n{body}")
    assert 4 < len(pieces) <= 12
    assert all(piece.startswith("Review · 2026-11-12\n") for piece in pieces)
    assert all(piece.endswith("here.") for piece in pieces)
    assert chunks("Review\nshort") == ["Review\nshort"]
