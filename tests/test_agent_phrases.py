"""Phrases are found by word stem and by character, the longest first, and never twice."""

import pytest

from copilot.agent.phrases import Phrasebook, overlaps, stem, tokens


@pytest.fixture
def book() -> Phrasebook:
    book = Phrasebook()
    book.add("status", "won", ["won", "closed won", "赢单"])
    book.add("measure", "win_rate", ["win rate", "赢单率"])
    book.add("intent", "count", ["how many", "多少"])
    book.add("measure", "pipeline", ["pipeline"])
    return book


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("deals", "deal"), ("companies", "company"), ("won", "win"), ("winning", "win"),
        ("closing", "closed"), ("slipped", "slip"), ("boxes", "box"),
        ("said", "say"), ("rates", "rate"),
    ],
)  # fmt: skip
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(("one", "other"), [("status", "state"), ("business", "busy"), ("is", "i")])
def test_different_words_keep_different_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_positions_count_characters_of_the_text_as_typed() -> None:
    text = "Ｗｏｎ 赢单 İn Q3"
    for token in tokens(text):
        assert text[token.start : token.end]
    assert [(t.text, t.start) for t in tokens("a 赢单")] == [("a", 0), ("赢", 2), ("单", 3)]


def test_the_longest_phrase_wins(book: Phrasebook) -> None:
    assert [(m.key, m.text) for m in book.find("the win rate of closed won deals")] == [
        ("win_rate", "win rate"),
        ("won", "closed won"),
    ]
    assert [m.key for m in book.find("赢单率是多少")] == ["win_rate", "count"]


def test_case_and_width_do_not_matter(book: Phrasebook) -> None:
    assert [m.key for m in book.find("HOW MANY deals were Ｗｏｎ")] == ["count", "won"]


def test_taken_characters_are_left_alone(book: Phrasebook) -> None:
    text = "how many won"
    assert [m.key for m in book.find(text, [(9, 12)])] == ["count"]
    assert book.find(text, [(0, len(text))]) == []


def test_the_first_owner_of_a_phrase_keeps_it(book: Phrasebook) -> None:
    book.add("noun", "stage", ["won"])
    assert [m.key for m in book.find("won")] == ["won"]


def test_a_phrase_of_marks_alone_is_no_phrase(book: Phrasebook) -> None:
    book.add("noun", "nothing", ["!?", ""])
    assert book.find("!?") == []


@pytest.mark.parametrize(("typed", "meant"), [("pipline", "pipeline"), ("piepline", "pipeline")])
def test_a_typing_error_is_read_as_the_word_it_must_be(
    book: Phrasebook, typed: str, meant: str
) -> None:
    assert book.spelling(typed) == meant


@pytest.mark.parametrize("word", ["pipeline", "wonn", "moolah", "管道金额很多吗"])
def test_a_word_that_may_be_anything_is_not_corrected(book: Phrasebook, word: str) -> None:
    assert book.spelling(word) is None


def test_an_error_that_fits_two_words_is_not_corrected(book: Phrasebook) -> None:
    book.add("noun", "x", ["pipelane"])
    assert book.spelling("pipelone") is None


def test_spans_overlap_only_where_they_share_a_character() -> None:
    assert overlaps(0, 3, [(2, 5)])
    assert not overlaps(0, 3, [(3, 5)])
    assert not overlaps(0, 3, [])
