"""An entailment model has the last word after the rules, through adapters that load late."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from copilot.grounding.entailment import AskedEntailment, CrossEncoderEntailment
from copilot.grounding.sentences import CitedSentence, ProblemKind
from copilot.grounding.verifier import Ground, check_sentence, verify
from copilot.index_models import make_entailment
from copilot.settings import Settings
from crm.errors import PermanentError
from crm.facts import Fact, FactKind

FACT = Fact(id="F1", kind=FactKind.RECORD, text="The pilot has 20 seats.", source="t:1")
GROUND = Ground({"F1": FACT}, date(2026, 11, 16))
SENTENCE = CitedSentence(text="The pilot has 20 seats.", facts=("F1",))


class Judge:
    def __init__(self, score: float) -> None:
        self.score = score
        self.asked: list[tuple[tuple[str, ...], str]] = []

    def supports(self, premises: Sequence[str], claim: str) -> float:
        self.asked.append((tuple(premises), claim))
        return self.score


class FakeEncoder:
    """Stands for a cross-encoder: raw scores in the order contradiction, entailment, neutral."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []

    def predict(self, pairs: Sequence[tuple[str, str]]) -> list[list[float]]:
        self.pairs += pairs
        return [
            [0.0, 4.0, 0.0] if claim in premise else [3.0, -2.0, 0.0] for premise, claim in pairs
        ]


def test_a_low_score_vetoes_what_the_rules_let_through() -> None:
    judge = Judge(0.2)
    found = check_sentence(SENTENCE, replace(GROUND, entailment=judge))
    assert [problem.kind for problem in found] == [ProblemKind.ENTAILMENT]
    assert judge.asked == [((FACT.text,), SENTENCE.text)]


def test_the_threshold_decides() -> None:
    assert not check_sentence(SENTENCE, replace(GROUND, entailment=Judge(0.5)))
    strict = replace(GROUND, entailment=Judge(0.5), entailment_threshold=0.6)
    assert check_sentence(SENTENCE, strict)


def test_the_model_is_not_asked_about_what_the_rules_cut_or_what_cites_nothing() -> None:
    judge = Judge(1.0)
    ground = replace(GROUND, entailment=judge)
    sentences = [
        CitedSentence(text="The pilot has 30 seats.", facts=("F1",)),
        CitedSentence(text="Thank you for your time."),
    ]
    result = verify(sentences, ground)
    assert [each.text for each in result.kept] == ["Thank you for your time."]
    assert judge.asked == []


def test_a_cross_encoder_is_loaded_once_and_late_and_gives_a_probability() -> None:
    loaded: list[str] = []
    encoder = FakeEncoder()

    def load(name: str) -> FakeEncoder:
        loaded.append(name)
        return encoder

    model = CrossEncoderEntailment("some/model", load=load)
    assert loaded == []
    assert model.supports([FACT.text, "It rained."], SENTENCE.text) > 0.9
    assert model.supports(["It rained."], SENTENCE.text) < 0.1
    assert loaded == ["some/model"]
    assert encoder.pairs[2] == (f"{FACT.text} It rained.", SENTENCE.text)
    assert model.supports([], SENTENCE.text) == 0.0


def test_the_order_of_classes_can_be_told() -> None:
    labels = ("entailment", "neutral", "contradiction")
    model = CrossEncoderEntailment("some/model", labels, load=lambda _name: FakeEncoder())
    assert model.supports([FACT.text], "Something else.") > 0.9


@pytest.mark.parametrize(("answer", "score"), [(True, 1.0), (False, 0.0)])
def test_a_function_that_asks_a_language_model_will_do(answer: bool, score: float) -> None:
    asked: list[str] = []

    def ask(premises: Sequence[str], claim: str) -> bool:
        asked.append(" ".join([*premises, claim]))
        return answer

    assert AskedEntailment(ask).supports([FACT.text], "Claim.") == score
    assert asked == ["The pilot has 20 seats. Claim."]


def test_the_setting_names_a_model_whose_classes_are_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"id2label": {"0": "ENTAILMENT", "1": "neutral"}}), "utf-8"
    )
    made = make_entailment(Settings(entailment=f"cross-encoder:{tmp_path}"))

    assert isinstance(made, CrossEncoderEntailment)
    assert made.labels == ("entailment", "neutral")
    assert make_entailment(Settings()) is None


def test_a_model_that_judges_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"id2label": {"0": "relevant"}}', "utf-8")
    with pytest.raises(PermanentError, match="natural language inference"):
        make_entailment(Settings(entailment=f"cross-encoder:{tmp_path}"))
