"""A proposal by the embedded model: what it words says no more than what was said."""

from collections.abc import Iterator
from datetime import date

import pytest

from copilot.llm.embedded import EmbeddedModel
from copilot.llm.modelfiles import ModelSet, ensure_models
from copilot.settings import Settings
from copilot.writers.documents.pdf_document import render_pdf
from copilot.writers.proposals.proposal import ProposalRequest
from copilot.writers.proposals.restating import strange_words
from copilot.writers.proposals.write import write_proposal
from crm.principal import Principal
from crm.store import Store
from tests.proposal_seed import GUIDE, TODAY, add_line, add_offer, add_quote, add_told

TALKS = {
    "en": (
        "We lose four hours every month to bearings on line two.",
        "All readings must stay inside the European Union.",
        "A: They stay in our data centre in Frankfurt, and the backups are in Dublin.",
    ),
    "zh": (
        "我们三号线每个月停机四个小时。",
        "数据必须存放在国内。",
        "A: 数据存放在我们上海的数据中心，备份在苏州。",
    ),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedModel]:
    path = ensure_models(Settings.load().cache_dir, which=[ModelSet.LLM]).llm
    assert path is not None
    model = EmbeddedModel(path, context_tokens=2048, state_dir=tmp_path_factory.mktemp("prefixes"))
    yield model
    model.close()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_embedded_model_adds_nothing_to_what_was_said(
    store: Store, model: EmbeddedModel, language: str
) -> None:
    with store.session() as session:
        add_offer(session, expected_close_on=date(2026, 12, 15))
        add_line(session, 1, 1, 40, 400_000)
        add_quote(session, 1, 400_000)
        add_told(session, *TALKS[language], language=language)
        made = write_proposal(
            session,
            model,
            None,
            ProposalRequest(1),
            guide=GUIDE,
            principal=Principal.local_owner(),
            as_of=TODAY,
        )
    assert made.language == language
    _, loss = made.content.situation.paragraphs[0]
    (met,) = made.content.needs
    for sentence in (loss, *met.how):
        assert strange_words(sentence.text, list(TALKS[language])) == []
    assert made.tokens_out > 0
    assert render_pdf(made.content)[:4] == b"%PDF"
