"""The held-out sets hold what they promise, and the second foreign export goes in whole."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from crm.principal import Principal
from crm.store import Store
from evals.foreign2.company import DEALS, write_export
from evals.gold import load_gold, load_questions, workspace_of
from evals.run import HELD_OUT
from evals.workspaces import DAYS, as_of
from ingest.crm.importer import import_crm
from ingest.crm.mapping import load_mapping


@pytest.mark.parametrize(
    ("name", "least", "share_zh"),
    [("heldout_foreign", 40, 0.0), ("heldout_foreign2", 40, 0.2), ("heldout_demo", 60, 0.3)],
)
def test_held_out_sets_are_large_and_mixed_enough(name: str, least: int, share_zh: float) -> None:
    questions = load_questions(name)
    kinds = Counter(question.kind for question in questions)
    zh = sum(question.language == "zh" for question in questions)
    assert workspace_of(name) in DAYS
    assert len({question.id for question in questions}) == len(questions) >= least
    assert zh >= share_zh * len(questions)
    assert 0.17 <= kinds["unanswerable"] / len(questions) <= 0.25


@pytest.mark.parametrize("name", HELD_OUT)
def test_no_held_out_question_is_in_a_set_that_is_tuned_on(name: str) -> None:
    tuned_on = {
        question.question.casefold().strip(" ?？")
        for one in ("foreign", "demo")
        for question in load_questions(one)
    }
    held_out = {question.question.casefold().strip(" ?？") for question in load_questions(name)}
    assert not held_out & tuned_on


@pytest.mark.parametrize("name", HELD_OUT)
def test_every_held_out_question_has_gold_or_says_why_not(name: str) -> None:
    for question in load_questions(name):
        assert (question.sql is None) == (question.kind == "unanswerable"), question.id
        assert question.kind != "unanswerable" or question.why, question.id


def test_same_seed_gives_the_same_second_export(tmp_path: Path) -> None:
    one, two = write_export(tmp_path / "one"), write_export(tmp_path / "two")
    other = write_export(tmp_path / "other", seed=74)
    contents = [[path.read_bytes() for path in export.files] for export in (one, two, other)]
    assert contents[0] == contents[1] != contents[2]


def test_european_export_goes_in_whole_and_gold_agrees_with_its_files(tmp_path: Path) -> None:
    export = write_export(tmp_path / "export")
    store = Store.sqlite(tmp_path / "crm.db")
    store.migrate()
    summary = import_crm(
        store,
        list(export.files),
        load_mapping(export.mapping),
        principal=Principal.local_owner(),
        now=as_of("foreign2"),
        rejects_dir=tmp_path / "rejects",
    )
    store.close()
    gold = {one.question.id: one for one in load_gold("heldout_foreign2", tmp_path / "crm.db")}
    with export.files[-1].open(encoding="utf-8-sig", newline="") as file:
        deals = list(csv.DictReader(file, delimiter=";"))
    won = [deal for deal in deals if deal["Deal stage"].casefold() == "order received"]
    in_2024 = [_cents(deal["Amount (EUR)"]) for deal in won if deal["Close date"][-4:] == "2024"]
    assert (summary.total.rejected, len(deals)) == (0, DEALS)
    assert gold["hg33"].readings[0][0].value == len(in_2024)
    assert gold["hg12"].readings[0][0].value == pytest.approx(sum(in_2024) / 100)


def _cents(amount: str) -> int:
    return int(amount.strip("€ ").replace(".", "").replace(",", ""))
