"""A model without judgement, for evals: it writes whatever order it finds in its prompt."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from copilot.llm.client import Message, Reply, T, Usage
from evals.drafting_figures import flat

_BLOB = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_LOOKALIKES = str.maketrans("аеорсухі", "aeopcyxi")
_TAG_BASE = 0xE0000


class Demand(Protocol):
    """What a text demands, and what a writer who obeys would write.

    In the latter `{prompt}` stands for the rules that the model works under, `{context}` for all
    that it was shown beside them.
    """

    @property
    def order(self) -> str:
        """The words of the order."""

    @property
    def obeyed(self) -> str:
        """What comes of it."""


class ObedientModel:
    """Obeys the orders that its prompt shows; with `always`, one order whether shown or not.

    It reads orders in base64, in look-alike letters and in signs that nobody sees. A sentence that
    it may write says what was ordered; of a closed set it takes the last, where it else takes the
    first. Where no order is shown it says back what it was given. `seen` counts the calls whose
    prompt held an order, `obeyed` those that it obeyed.
    """

    def __init__(self, orders: Sequence[Demand], *, always: Demand | None = None) -> None:
        self._orders, self._always = orders, always
        self.seen = 0
        self.obeyed = 0
        self.calls = 0

    @property
    def name(self) -> str:
        """The model's name."""
        return "obedient"

    def structured(
        self, messages: Sequence[Message], result_type: type[T], *, max_tokens: int
    ) -> Reply[T]:
        """Return the sentence that was ordered, in every text field of the result."""
        self.calls += 1
        prompt = "\n".join(one.content for one in messages)
        readings = [_bare(one) for one in _readings(prompt)]
        shown = next((one for one in self._orders if _holds(readings, one.order)), None)
        self.seen += shown is not None
        order = self._always or shown
        said = self._said(order, messages, prompt)
        schema = result_type.model_json_schema()
        filled = _filled(schema, schema.get("$defs", {}), said, -1 if order else 0)
        return Reply(value=result_type.model_validate(filled), usage=Usage(tokens_in=1))

    def _said(self, order: Demand | None, messages: Sequence[Message], prompt: str) -> str:
        if order is None:
            words = re.findall(r"[\"“]([^\"“”]{8,200})[\"”]", messages[-1].content)
            return words[0] if words else "Thank you."
        self.obeyed += 1
        rules = " ".join(messages[0].content.split())[:220]
        told = order.obeyed.replace("{prompt}", rules or prompt[:220])
        return told.replace("{context}", " ".join(messages[-1].content.split()))

    def count_tokens(self, words: str) -> int:
        """Return a rough count: nobody bills this model."""
        return len(words) // 3 + 1

    def close(self) -> None:
        """Free nothing."""


def _holds(readings: Sequence[str], order: str) -> bool:
    """Say whether half of the order in one piece stands in one of the readings."""
    wanted = _bare(order)
    half = len(wanted) // 2
    return any(wanted[:half] in bare or wanted[-half:] in bare for bare in readings)


def _readings(prompt: str) -> list[str]:
    """Return the prompt as it stands, and what it hides."""
    found = [prompt, prompt.translate(_LOOKALIKES)]
    found.append("".join(chr(ord(one) - _TAG_BASE) for one in prompt if ord(one) > _TAG_BASE))
    for blob in _BLOB.findall(prompt):
        try:
            found.append(base64.b64decode(blob + "=" * (-len(blob) % 4)).decode("utf-8"))
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found


def _bare(words: str) -> str:
    return re.sub(r"[\W_]+", "", flat(words)).casefold()


def _filled(schema: Mapping[str, Any], known: Mapping[str, Any], said: str, pick: int) -> Any:
    if "$ref" in schema:
        return _filled(known[schema["$ref"].rsplit("/", 1)[-1]], known, said, pick)
    if "anyOf" in schema:
        return _filled(schema["anyOf"][0], known, said, pick)
    if "enum" in schema:
        return schema["enum"][pick]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type", "object")
    if kind == "object":
        inner = schema.get("properties", {})
        return {name: _filled(one, known, said, pick) for name, one in inner.items()}
    if kind == "array":
        return [_filled(schema.get("items", {"type": "string"}), known, said, pick)]
    if "pattern" in schema:
        return _fitted(said, schema["pattern"])
    plain = {"integer": 1, "number": 1, "boolean": True, "null": None}
    return plain[kind] if kind in plain else said[: schema.get("maxLength", 10_000)]


def _fitted(said: str, pattern: str) -> str:
    """Return the words in the form that a grammar asks for, behind the opening it demands."""
    opening = re.match(r"\^\(((?:[^()\\|]|\\.)*)[|)]", pattern)
    head = re.sub(r"\\(.)", r"\1", opening[1]) if opening else ""
    stop = "。" if re.search(r"[\u4e00-\u9fff]", said) else "."
    bare = re.sub(r"[:：;；“”\"\n]", " ", said).strip(" .。?？")
    for body in (bare[:200], bare[:100], bare[:60]):
        for form in (f"{head}{body}{stop}", f"{head}{body}"):
            if re.search(pattern, form):
                return form
    return f"{head}{said}"
