"""JSON Schemas that every server accepts, made from result types, and replies read back."""

import json
import re
from typing import Any

from pydantic import BaseModel

# Keywords that steer nothing while decoding and that strict servers refuse.
_DROPPED = ("title", "default", "discriminator", "$defs", "examples")
_LOOKAROUND = "(?"
_NOTHING = ("none", "null")
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)

Schema = dict[str, Any]


def schema_of(result_type: type[BaseModel]) -> Schema:
    """Return the type's schema with references inlined and every field required.

    Enums, `maxItems` and `maxLength` stay. A field with a default is still asked for: a model
    that may leave a field out leaves out the ones that matter.

    Raises:
        TypeError: the type refers to itself, which no inlined schema can express.
    """
    raw = result_type.model_json_schema()
    inlined = _inline(raw, raw.get("$defs", {}), ())
    assert isinstance(inlined, dict)  # noqa: S101  # a model's schema is an object
    return inlined


def is_strict(schema: Any) -> bool:
    """Tell whether the schema is closed throughout, as strict decoding demands."""
    if isinstance(schema, list):
        return all(is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    is_open = schema.get("type") == "object" and schema.get("additionalProperties") is not False
    return not is_open and all(is_strict(value) for value in schema.values())


def read_reply(text: str, schema: Schema) -> Any:
    """Return the JSON object in a reply, with "None" and "null" as text made null where allowed.

    Raises:
        ValueError: there is no complete JSON object in the text.
    """
    return _with_nulls(json.loads(_json_part(text)), schema)


def _inline(node: Any, definitions: Schema, inside: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions, inside) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = str(node["$ref"]).rsplit("/", 1)[-1]
        if name in inside:
            raise TypeError(f"the result type {name!r} refers to itself; give it a fixed depth")
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _inline({**definitions[name], **rest}, definitions, (*inside, name))
    return _closed(
        {
            # The names of properties are data, not keywords: none of them is dropped.
            ("anyOf" if key == "oneOf" else key): (
                {name: _inline(part, definitions, inside) for name, part in value.items()}
                if key == "properties"
                else value
                if key in ("enum", "const")
                else _inline(value, definitions, inside)
            )
            for key, value in node.items()
            if key not in _DROPPED and not (key == "pattern" and _LOOKAROUND in value)
        }
    )


def _closed(node: Schema) -> Schema:
    if "properties" in node:
        node["required"] = list(node["properties"])
        node.setdefault("additionalProperties", False)
    return node


def _json_part(text: str) -> str:
    text = _THOUGHT.sub("", text).strip()
    if fenced := _FENCED.search(text):
        text = fenced.group(1).strip()
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise ValueError("the reply holds no complete JSON object")
    return text[start : end + 1]


def _with_nulls(value: Any, schema: Schema) -> Any:
    options = [schema, *schema.get("anyOf", [])]
    if isinstance(value, str):
        return None if _means_nothing(value, options) else value
    if isinstance(value, list):
        items: Schema = next((o["items"] for o in options if isinstance(o.get("items"), dict)), {})
        return [_with_nulls(item, items) for item in value]
    if isinstance(value, dict):
        fields = _fields_for(value, options)
        return {key: _with_nulls(part, fields.get(key, {})) for key, part in value.items()}
    return value


def _means_nothing(value: str, options: list[Schema]) -> bool:
    if value.strip().casefold() not in _NOTHING:
        return False
    is_listed = any(value in o.get("enum", ()) or o.get("const") == value for o in options)
    return not is_listed and any(o.get("type") == "null" for o in options)


def _fields_for(value: dict[str, Any], options: list[Schema]) -> Schema:
    """Return the properties of the alternative that the object belongs to."""
    for option in options:
        fields: Schema = option.get("properties", {})
        fixed = {name: part["const"] for name, part in fields.items() if "const" in part}
        fits = all(value.get(name) == constant for name, constant in fixed.items())
        if fields and fits and value.keys() <= fields.keys():
            return fields
    return {}
