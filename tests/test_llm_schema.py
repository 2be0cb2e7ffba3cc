"""Schemas that every server takes, and replies read back under them."""

import json
from decimal import Decimal
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from copilot.llm.schema import is_strict, read_reply, schema_of


class Line(BaseModel):
    kind: Literal["line"]
    text: str = Field(max_length=20)


class Total(BaseModel):
    kind: Literal["total"]
    amount: Decimal
    note: str | None = None


class Sheet(BaseModel):
    title: str
    rows: list[Annotated[Line | Total, Field(discriminator="kind")]] = Field(max_length=3)


class Tree(BaseModel):
    children: list["Tree"]


def test_references_are_inlined_and_limits_kept() -> None:
    schema = schema_of(Sheet)
    text = json.dumps(schema)
    for gone in ("$ref", "$defs", "oneOf", "discriminator", "(?"):
        assert gone not in text
    rows = schema["properties"]["rows"]
    assert rows["maxItems"] == 3
    assert rows["items"]["anyOf"][0]["properties"]["text"]["maxLength"] == 20


def test_fields_named_like_keywords_survive() -> None:
    assert list(schema_of(Sheet)["properties"]) == ["title", "rows"]
    built = create_model("Built", default=(int, 3), examples=(str, ...), pattern=(str, "a"))
    assert list(schema_of(built)["properties"]) == ["default", "examples", "pattern"]


def test_every_field_is_asked_for_and_nothing_else() -> None:
    total = schema_of(Total)
    assert total["required"] == ["kind", "amount", "note"]
    assert total["additionalProperties"] is False
    assert is_strict(total)


def test_an_open_object_is_not_strict() -> None:
    class Bag(BaseModel):
        counts: dict[str, int]

    class Loose(BaseModel):
        model_config = ConfigDict(extra="allow")
        name: str

    assert not is_strict(schema_of(Bag))
    assert not is_strict(schema_of(Loose))


def test_a_recursive_type_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="'Tree' refers to itself"):
        schema_of(Tree)


@pytest.mark.parametrize("nothing", ["None", "null", "NULL", " none "])
def test_words_for_nothing_become_null_only_where_null_is_allowed(nothing: str) -> None:
    row = {"kind": "total", "amount": "1", "note": nothing}
    reply = json.dumps({"title": nothing, "rows": [row]})
    assert read_reply(reply, schema_of(Sheet)) == {
        "title": nothing,
        "rows": [{"kind": "total", "amount": "1", "note": None}],
    }


def test_a_value_that_is_listed_stays_even_if_it_reads_like_nothing() -> None:
    built = create_model("Built", region=(Literal["None", "East"] | None, None))
    assert read_reply('{"region": "None"}', schema_of(built)) == {"region": "None"}
    assert read_reply('{"region": "null"}', schema_of(built)) == {"region": None}


@pytest.mark.parametrize("text", ["", "no", "{", "}{", "{'a': 1}", "[]"])
def test_text_without_an_object_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting"):
        read_reply(text, schema_of(Sheet))
