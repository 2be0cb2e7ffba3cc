"""The company's guide: what it may hold, errors that name the place, the documented example."""

import re
from datetime import date
from pathlib import Path

import pytest

from copilot.writers.company.guide import CompanyGuide, load_guide
from crm.errors import BadInput
from ingest.demo.company import generate_demo

DOCS = Path(__file__).parent.parent / "docs"


def load(folder: Path, text: str | bytes) -> CompanyGuide:
    path = folder / "company.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_guide(path)


def test_no_file_and_an_empty_one_are_an_empty_guide(tmp_path: Path) -> None:
    assert load_guide(tmp_path / "none.yaml") == CompanyGuide() == load(tmp_path, "")


def test_policies_are_given_in_the_language_they_have(tmp_path: Path) -> None:
    guide = load(
        tmp_path,
        "policies:\n- {id: a, text: {en: One.}}\n- {id: b, text: {en: Two., zh: 二。}}\n",
    )
    assert guide.policies_in("en") == (("a", "One."), ("b", "Two."))
    assert guide.policies_in("zh") == (("b", "二。"),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("polices: []", "polices: there is no such field"),
        ("policies: [{id: a, text: {}}]", r"policies[1].text: has no words"),
        ("policies:\n- {id: a, text: {en: x}}\n- {id: a, text: {en: y}}", "'a' stands there twice"),
        ("policies: [{id: 'a b', text: {en: x}}]", "policies[1].id"),
        ("house: {greeting: {en: 'Hi {nam},'}}", "{first}"),
        ("house: {sign_off: {en: 'Best, {first}'}}", "sign_off knows the places {sender}"),
        ("house: {most_words: 5}", "house.most_words: Input should be greater than or equal to 20"),
        ("house: {formality: posh}", "house.formality"),
        ("banned: [{phrase: use, instead: use it}]", "holds the banned phrase itself"),
        ("banned: [{phrase: Ban}, {phrase: ban}]", "'ban' stands there twice"),
        ("references: [{customer: A}]", "references[1].text"),
        ("- a\n- b", "the top level: named fields are expected"),
        ("name: {en: [", "line 1"),
        (b"name: {en: \xff\xfe}", "utf-8"),
        ("[" * 5_000, "company.yaml"),
    ],
)
def test_errors_name_the_file_and_the_place(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(BadInput) as refused:
        load(tmp_path, text)
    assert "company.yaml" in str(refused.value)
    assert told in str(refused.value)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="1,000,000 bytes"):
        load(tmp_path, "# " + "x" * 1_000_001)


@pytest.mark.parametrize("page", ["style-guide.md", "style-guide.zh-CN.md"])
def test_the_documented_example_is_a_guide_that_uses_every_field(tmp_path: Path, page: str) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    guide = load(tmp_path, example)
    for field in CompanyGuide.model_fields:
        assert getattr(guide, field), field
    assert guide.house.most_words
    assert guide.house.formality
    assert guide.policies_in("en")
    assert guide.policies_in("zh")


def test_the_demos_guide_names_customers_whom_the_demo_won(tmp_path: Path) -> None:
    company = generate_demo(tmp_path, today=date(2026, 11, 16), scale=0.1)
    guide = load_guide(company.guide)
    accounts = (company.crm / "accounts.csv").read_text("utf-8")
    won = [
        line
        for line in (company.crm / "opportunities.csv").read_text("utf-8").splitlines()
        if "Closed Won" in line
    ]
    assert len(guide.references) == 3
    for story in guide.references:
        [row] = [line for line in accounts.splitlines() if story.customer in line]
        account_id = row.split(",")[0]
        assert any(account_id in line for line in won)
        assert all(name in (story.text.en or "") for name in story.products)
    assert len(guide.policies_in("en")) == len(guide.policies_in("zh")) >= 3
