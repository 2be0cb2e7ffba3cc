"""Which sentences of a mail bind us, so that more than its writer has to agree."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from copilot.agent.approvals.commitments import adds_commitment
from crm.models import EffectKind

_CASES = Path(__file__).parent / "cases"


def sentences(name: str, kind: str) -> list[str]:
    found: dict[str, Any] = yaml.safe_load((_CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return [text for texts in found[kind].values() for text in texts]


def is_asked(text: str) -> bool:
    return adds_commitment(EffectKind.SEND_MAIL, {}, {"body": text})


@pytest.mark.parametrize(
    ("name", "recall", "precision"),
    [("mail_commitments", 0.99, 0.95), ("mail_commitments_heldout", 0.93, 0.9)],
)
def test_commitments_are_found_and_little_else(name: str, recall: float, precision: float) -> None:
    binding, free = sentences(name, "binding"), sentences(name, "free")
    found = [text for text in binding if is_asked(text)]
    over = [text for text in free if is_asked(text)]

    assert len(binding) >= 30
    assert len(free) >= 30
    assert len(found) >= recall * len(binding), set(binding) - set(found)
    assert len(found) >= precision * (len(found) + len(over)), over


@pytest.mark.parametrize(
    "text",
    [
        "The quote is ready, 12 pages.",
        "Hi Priya,\n\nplease find the quote attached (3 pages).\n\nShall we talk at 3 pm?\n\nAnna",
        "李总您好：\n报价单已经准备好，共12页，见附件。周五下午3点方便通话吗？\n张敏",
        "贵司4位董事由哪位决定？",
    ],
)
def test_pages_attachments_and_the_time_of_a_call_bind_nobody(text: str) -> None:
    assert not is_asked(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hi Priya,\n\nthe quote is attached (12 pages). We give you 15% off.\n\nAnna",
        "报价单见附件。另外赠送两个席位。",
    ],
)
def test_one_promise_among_harmless_sentences_is_enough(text: str) -> None:
    assert is_asked(text)


def test_only_what_was_added_counts() -> None:
    before = {"body": "We give you 15% off."}

    assert not adds_commitment(EffectKind.SEND_MAIL, before, {"body": "We give you 15% off. Bye!"})
    assert adds_commitment(EffectKind.SEND_MAIL, before, {"body": "We give you 25% off."})
    assert not adds_commitment(EffectKind.CREATE_TASK, {}, before)
