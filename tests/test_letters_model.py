"""The real embedded model writing letters: what it says holds, and its schema keeps it in line."""

from collections.abc import Iterator

import pytest

from copilot.grounding.pack.asked import DraftKind
from copilot.grounding.verifier import verify
from copilot.llm.embedded import EmbeddedModel
from copilot.llm.modelfiles import ModelSet, ensure_models
from copilot.settings import Settings
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.letters.plan import material_of
from copilot.writers.letters.write import ground_of, write_from
from copilot.writers.style import Style
from tests.letter_evidence import evidence

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> Iterator[EmbeddedModel]:
    files = ensure_models(Settings.load().cache_dir, which=[ModelSet.LLM])
    assert files.llm is not None
    loaded = EmbeddedModel(files.llm, context_tokens=2048)
    yield loaded
    loaded.close()


def test_a_letter_of_the_real_model_holds_sentence_by_sentence(model: EmbeddedModel) -> None:
    given = evidence(DraftKind.FOLLOW_UP)
    guide = CompanyGuide()
    draft = write_from(given, model, guide=guide, style=Style())
    asked = [each.text for each in draft.sentences if set(each.facts) & {"F2", "F4"}]
    assert len(asked) == 2
    assert all(text.startswith(("You asked", "You also asked")) for text in asked)
    ground = ground_of(material_of(given, guide), None)
    assert verify(draft.sentences, ground).dropped == []
    assert 0 < draft.tokens_out < 120


def test_the_purpose_becomes_the_letters_question(model: EmbeddedModel) -> None:
    given = evidence(
        DraftKind.MEETING_REQUEST,
        language="zh",
        purpose="约11月26日上午10点一起看安全报告",
    )
    draft = write_from(given, model, guide=CompanyGuide(), style=Style())
    assert "11月26日" in draft.body
    assert draft.paragraphs[-1][-1].text.endswith(("？", "吗？"))
