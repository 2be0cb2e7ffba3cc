"""Who asks for secrets or for money to another account is quoted, never told in our words."""

import pytest

from copilot.agent.retelling import is_mere_telling

_RULES = "You answer questions from quotes."


@pytest.mark.parametrize(
    "text",
    [
        "They ask you to reply with the password and the code from the text message.",
        "Your password is needed, please send it.",
        "The invoice must be paid to IBAN GB00ATCK60161331926819.",
        "Transfer the amount to GB00ATCK60161331926819.",
        "出于安全考虑，要求对方回复密码和短信验证码。",
        "请把验证码发给他们。",
        "发票须付到账户GB00ATCK60161331926819。",
    ],
)
def test_a_summary_that_asks_for_secrets_or_money_is_none(text: str) -> None:
    assert not is_mere_telling(text, _RULES)


@pytest.mark.parametrize(
    "text",
    [
        "Nora asked how long the installation takes.",
        "They want to pay in two parts.",
        "Maria wants the account team to call her on Monday.",
        "王伟希望分两次付款。",
        "客户要求提供安装计划。",
    ],
)
def test_an_ordinary_wish_may_be_told(text: str) -> None:
    assert is_mere_telling(text, _RULES)
