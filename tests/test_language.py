"""The language of a question, and folding that keeps offsets."""

import pytest

from tools.language import detect_language, fold_script


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How many deals did Anna win?", "en"),
        ("How many deals did 王小明 win?", "en"),
        ("What is the amount of 深圳华锐科技有限公司?", "en"),
        ("Anna上个季度赢了多少单?", "zh"),
        ("GTX Pro 在 Northern Lights 的商机有哪些", "zh"),
        ("上个季度的赢单率", "zh"),
        ("上個季度的贏單率是多少", "zh"),
        ("Q2", "en"),
        ("2017", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_that_of_the_grammar_not_of_the_names(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_folding_makes_width_and_script_plain_and_keeps_the_length() -> None:
    text = "Ｑ２ 這個季度 Anna’s ﬁle"
    assert fold_script(text) == "Q2 这个季度 Anna's ﬁle"
    assert len(fold_script(text)) == len(text)
