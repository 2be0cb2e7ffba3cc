"""The mapping file: its messages for people who write one, and its documentation."""

from pathlib import Path

import pytest

from crm.errors import BadInput
from ingest.crm.catalogue import ENTITIES
from ingest.crm.fields import field_table
from ingest.crm.mapping import FieldMapping, Mapping, StageMapping, TableMapping, load_mapping

DOCS = Path(__file__).parent.parent / "docs"
GOOD = """
currency: usd
stages: {No: lost, Open: {status: open, probability: 40%}}
tables:
  - file: d*.csv
    entity: opportunities
    fields: {id: Nr, stage: Stage, amount: {column: Sum, scale: 1000}}
"""


def load(tmp_path: Path, text: str) -> Mapping:
    path = tmp_path / "m.yaml"
    path.write_text(text, encoding="utf-8")
    return load_mapping(path)


def test_short_forms_and_plain_text_are_understood(tmp_path: Path) -> None:
    mapping = load(tmp_path, GOOD)
    assert mapping.currency == "USD"
    assert mapping.stages["No"].status == "lost"
    assert float(mapping.stages["Open"].probability or 0) == 0.4
    assert mapping.tables[0].file == ["d*.csv"]
    assert mapping.tables[0].columns == ["Nr", "Stage", "Sum"]
    assert mapping.source == "crm"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("amount:", "ammount:", r"m.yaml.*no field 'ammount' \(did you mean 'amount'"),
        ("opportunities", "oportunities", r"'oportunities' \(did you mean 'opportunities'"),
        ("scale: 1000", "scal: 1000", r"unknown key 'scal' \(did you mean 'scale'"),
        ("scale: 1000", "scale: lots", r"tables.0.fields.amount.scale: 'lots'"),
        ("No: lost", "No: gone", r"stages.No.status: 'gone'.*'open', 'won' or 'lost'"),
        ("currency: usd", "currency: dollars", "'dollars'.*three letters"),
        ("currency: usd", "", "amounts need a currency"),
        ("stage: Stage, ", "", "opportunities needs 'stage'"),
        ("id: Nr, ", "", "opportunities needs 'name'"),
        ("stages: {", "# {", "stages: missing"),
        ("column: Sum", "column: Sum, constant: 1", "exactly one of column, columns, constant"),
        ("id: Nr", "id: Nr, id: No", "'id' stands twice"),
        ("currency: usd", "timezone: Mars/Base", "'Mars/Base'.*Asia/Shanghai"),
        ("entity: opp", "key: [name]\n    entity: opp", "key: 'name' is not among"),
        ("currency: usd", "currency: [usd", "not valid YAML"),
    ],
)
def test_mistakes_are_named_with_key_value_and_what_to_write(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    with pytest.raises(BadInput, match=f"(?s){message}"):
        load(tmp_path, GOOD.replace(old, new))


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected keys such as tables"):
        load(tmp_path, "just words")
    with pytest.raises(BadInput, match="cannot read the mapping"):
        load_mapping(tmp_path / "none.yaml")


@pytest.mark.parametrize(("name", "language"), [("mapping.md", "en"), ("mapping.zh-CN.md", "zh")])
def test_the_documentation_lists_every_field_and_key(name: str, language: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    for entity in ENTITIES.values():
        table = "\n".join(field_table(entity, "en" if language == "en" else "zh"))
        assert f"### {entity.name}\n\n{table}\n" in text, entity.name
    for part in (Mapping, TableMapping, FieldMapping, StageMapping):
        for key in part.model_fields:
            assert f"`{key}`" in text, key


@pytest.mark.parametrize("name", ["mapping.md", "mapping.zh-CN.md"])
def test_the_example_in_the_documentation_loads(tmp_path: Path, name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    examples = [part.split("```")[0] for part in text.split("```yaml\n")[1:]]
    assert load(tmp_path, examples[0]).tables
