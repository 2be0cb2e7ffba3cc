"""The cue books: what people say when they promise, object, compare or explain, by language."""

import functools
import importlib.resources
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from tools.language import Language

_MACRO = re.compile(r"\{([a-z_]+)\}")


class CueBook:
    """One language's cues by name; each is one compiled pattern over all of its entries."""

    def __init__(self, language: Language, document: Mapping[str, Any]) -> None:
        self.language: Language = language
        self.macros: Mapping[str, str] = document["macros"]
        self.stage_names = {
            key: re.compile(words, re.IGNORECASE) for key, words in document["stage_names"].items()
        }
        self.ignored_roles = frozenset(document["roles_ignored"])
        self._patterns = {
            name: self._compile(entries)
            for name, entries in document.items()
            if isinstance(entries, list) and name not in {"roles_ignored", "polite"}
        }

    def find(self, name: str, text: str) -> re.Match[str] | None:
        """Return the first place where a cue of that name stands, None if there is none."""
        pattern = self._patterns.get(name)
        return pattern.search(text) if pattern else None

    def has(self, name: str, text: str) -> bool:
        """Say whether a cue of that name stands in the text."""
        return self.find(name, text) is not None

    def count(self, name: str, text: str) -> int:
        """Return how many cues of that name stand in the text, overlaps once."""
        pattern = self._patterns.get(name)
        return sum(1 for _ in pattern.finditer(text)) if pattern else 0

    def all(self, name: str, text: str) -> list[re.Match[str]]:
        """Return every place where a cue of that name stands."""
        pattern = self._patterns.get(name)
        return list(pattern.finditer(text)) if pattern else []

    def regex(self, fragment: str) -> str:
        """Return an entry as a regular expression: macros filled in, gaps and blanks loosened."""
        whole = fragment
        while _MACRO.search(whole):
            whole = _MACRO.sub(lambda match: self.macros[match.group(1)], whole)
        if self.language == "zh":
            return whole.replace("…", r"[^。？！?!]{0,14}?")
        whole = (
            whole.replace("…", r"(?:[ ]+[\w'’-]+){0,5}?[ ]*")
            .replace("'", "['’]?")
            .replace("`", "['’]")
        )
        return re.sub(r"(?<![\[\\]) (?!\])", r"\\s+", whole)

    def _compile(self, entries: Iterable[str]) -> re.Pattern[str]:
        joined = "|".join(f"(?:{self.regex(entry)})" for entry in entries) or r"(?!)"
        edges = r"(?<![\w'’])(?:{})(?!\w)" if self.language == "en" else "(?:{})"
        return re.compile(edges.format(joined), re.IGNORECASE)


@functools.cache
def cue_book(language: Language) -> CueBook:
    """Return the cue book of a language, read once."""
    file = importlib.resources.files("copilot.writers.calls") / "words" / f"{language}.yaml"
    return CueBook(language, yaml.safe_load(file.read_text("utf-8")))


@functools.cache
def word_list(name: str) -> frozenset[str]:
    """Return the words of `words/<name>.txt`: those said in every talk, about nothing."""
    file = importlib.resources.files("copilot.writers.calls") / "words" / f"{name}.txt"
    return frozenset(file.read_text("utf-8").split())
