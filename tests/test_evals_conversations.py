"""An answer on what was said is right only if it cites a conversation in which it was said."""

from typing import Any

from evals.conversations import Expected, score_conversation
from evals.scoring import Verdict

ASKED = Expected("c", "en", "?", frozenset({7}), ("February 24",), nothing=False)
NOTHING = Expected("c", "en", "?", frozenset(), (), nothing=True)


def document(text: str, source: str, *, status: str = "answered") -> dict[str, Any]:
    return {
        "status": status,
        "answer": text,
        "sentences": [{"text": text, "facts": ["F1"]}],
        "facts": [{"id": "F1", "kind": "segment", "text": text, "source": source}],
    }


def test_the_right_conversation_with_its_words_is_right() -> None:
    found = score_conversation(
        ASKED, document("It will be February 24.", "conversation:7#4-6@03:12")
    )
    assert found.verdict is Verdict.RIGHT


def test_another_conversation_is_wrong() -> None:
    found = score_conversation(ASKED, document("It will be February 24.", "conversation:70#4-6"))
    assert found.verdict is Verdict.WRONG


def test_the_right_conversation_without_its_words_is_wrong() -> None:
    found = score_conversation(ASKED, document("Hello.", "conversation:7#0-1"))
    assert found.verdict is Verdict.WRONG


def test_a_refusal_is_counted_apart() -> None:
    found = score_conversation(ASKED, document("", "conversation:7", status="not_found"))
    assert found.verdict is Verdict.REFUSED


def test_what_nobody_said_is_to_be_refused() -> None:
    refused = document("", "conversation:7", status="not_found")
    assert score_conversation(NOTHING, refused).verdict is Verdict.RIGHT
    assert score_conversation(NOTHING, document("Yes.", "conversation:7")).verdict is Verdict.WRONG
