"""What an endpoint has been seen to refuse, so that it is not asked for it twice."""

from typing import Any, Literal

import openai

from copilot.llm.schema import Schema, is_strict

Mode = Literal["strict_schema", "schema", "json_object"]
_LADDERS: dict[str, list[Mode]] = {
    "auto": ["strict_schema", "schema", "json_object"],
    "json_schema": ["strict_schema", "schema"],
    "json_object": ["json_object"],
}
_FORMAT_WORDS = ("response_format", "schema", "structured output")
_OPTIONAL = ("temperature", "seed")
RESULT_NAME = "result"


class Dialect:
    """The way of asking for JSON, and the options, that one endpoint accepts."""

    def __init__(self, structured: Literal["auto", "json_schema", "json_object"]) -> None:
        self._modes = list(_LADDERS[structured])
        self._refused: set[str] = set()

    @property
    def needs_schema_in_prompt(self) -> bool:
        """Whether the schema has to be told in words."""
        return self._modes[0] == "json_object"

    def options(
        self, schema: Schema, *, max_tokens: int, temperature: float, seed: int
    ) -> dict[str, Any]:
        """Return the request's options in the form this endpoint takes."""
        limit = "max_completion_tokens" if "max_tokens" in self._refused else "max_tokens"
        options: dict[str, Any] = {
            limit: max_tokens,
            "temperature": temperature,
            "seed": seed,
            "response_format": self._format(schema),
        }
        return {name: value for name, value in options.items() if name not in self._refused}

    def learn(self, error: openai.BadRequestError) -> bool:
        """Take note of a refusal; True if the request can be put differently now."""
        said = f"{error.param or ''} {error.message}".casefold()
        # Newer servers name the replacement in the message, so the whole option is looked for.
        for name in ("max_tokens", *_OPTIONAL):
            if name in said and name not in self._refused:
                self._refused.add(name)
                return True
        if any(word in said for word in _FORMAT_WORDS) and len(self._modes) > 1:
            self._modes.pop(0)
            return True
        return False

    def _format(self, schema: Schema) -> dict[str, Any]:
        if self.needs_schema_in_prompt:
            return {"type": "json_object"}
        strict = self._modes[0] == "strict_schema" and is_strict(schema)
        return {
            "type": "json_schema",
            "json_schema": {"name": RESULT_NAME, "schema": schema, "strict": strict},
        }
