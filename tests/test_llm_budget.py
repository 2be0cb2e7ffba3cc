"""Token budgets."""

from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.llm.budget import count_tokens, cut, fit


def test_keeps_leading_texts_whole_until_the_budget_is_spent() -> None:
    texts = ["one deal slipped", "another deal slipped", "a third deal slipped"]
    cost = count_tokens(texts[0]) + count_tokens(texts[1])
    assert fit(texts, cost) == texts[:2]
    assert fit(texts, cost - 1) == texts[:1]
    assert fit(texts, 1000) == texts
    assert fit([], 10) == []
    assert fit(texts, 0) == []


def test_only_a_first_text_that_is_too_long_is_cut() -> None:
    kept = fit(["word " * 500, "short"], 20)
    assert len(kept) == 1
    assert kept[0].endswith("…")
    assert 10 < count_tokens(kept[0]) <= 20


def test_control_words_of_tokenizers_count_as_plain_text() -> None:
    assert count_tokens("<|endoftext|>") > 1


def test_long_runs_and_chinese_are_counted() -> None:
    assert count_tokens("a" * 200_000) > 1000
    assert 4 <= count_tokens("上个季度延期的商机") <= 20


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300), st.integers(min_value=2, max_value=40))
def test_a_cut_text_fits_and_is_a_beginning(text: str, budget: int) -> None:
    shorter = cut(text, budget)
    assert count_tokens(shorter) <= budget
    assert shorter == text or text.startswith(shorter.removesuffix("…"))
