"""The question sets hold what they promise, and the foreign export is the same every time."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from crm.principal import Principal
from crm.store import Store
from evals.foreign.company import write_export
from evals.gold import load_gold, load_questions
from evals.workspaces import as_of
from ingest.crm.importer import import_crm
from ingest.crm.mapping import load_mapping


@pytest.mark.parametrize(
    ("name", "least", "least_zh", "least_not"), [("foreign", 50, 0, 12), ("demo", 110, 40, 12)]
)
def test_sets_are_large_enough(name: str, least: int, least_zh: int, least_not: int) -> None:
    questions = load_questions(name)
    kinds = Counter(question.kind for question in questions)
    assert len({question.id for question in questions}) == len(questions) >= least
    assert sum(question.language == "zh" for question in questions) >= least_zh
    assert kinds["unanswerable"] >= least_not


def test_every_answerable_question_has_gold_and_every_other_says_why() -> None:
    for question in (*load_questions("foreign"), *load_questions("demo")):
        assert (question.sql is None) == (question.kind == "unanswerable")
        assert question.kind != "unanswerable" or question.why


def test_same_seed_gives_the_same_export(tmp_path: Path) -> None:
    one, two = write_export(tmp_path / "one"), write_export(tmp_path / "two")
    assert [path.read_bytes() for path in one.files] == [path.read_bytes() for path in two.files]


def test_gold_agrees_with_the_files_that_were_imported(tmp_path: Path) -> None:
    export = write_export(tmp_path / "export")
    store = Store.sqlite(tmp_path / "crm.db")
    store.migrate()
    summary = import_crm(
        store,
        list(export.files),
        load_mapping(export.mapping),
        principal=Principal.local_owner(),
        now=as_of("foreign"),
        rejects_dir=tmp_path / "rejects",
    )
    store.close()
    gold = {one.question.id: one.readings for one in load_gold("foreign", tmp_path / "crm.db")}
    with (tmp_path / "export" / "sales_pipeline.csv").open(encoding="utf-8", newline="") as file:
        deals = list(csv.DictReader(file))
    won = [deal for deal in deals if deal["deal_stage"] == "Won"]
    halo_pro = [deal for deal in won if deal["product"] == "HaloPro"]
    in_2017 = [int(deal["close_value"]) for deal in won if deal["close_date"].startswith("2017")]
    assert summary.total.rejected == 0
    assert gold["f001"][0][0].value == len(won)
    assert gold["f009"][0][0].value == len(halo_pro) > 0
    assert gold["f019"][0][0].value == sum(in_2017)
