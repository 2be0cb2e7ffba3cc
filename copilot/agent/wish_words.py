"""The vocabulary of wishes for drafts, read from its YAML files and made into patterns."""

import re
from functools import cache
from importlib import resources
from typing import Any

import yaml

from tools.language import Language

NAME = "\ue000"
"""Stands for each character of a name in the text that the patterns see."""


@cache
def words(language: Language) -> dict[str, Any]:
    """Return the word lists of a language: by section, and there by meaning where it has some."""
    path = resources.files("copilot.agent") / "words" / f"drafts.{language}.yaml"
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


@cache
def section(language: Language, name: str) -> tuple[tuple[str, str], ...]:
    """Return (phrase, meaning) of a section, the longest phrase first; plain lists mean ""."""
    found = words(language)[name]
    by_key = found if isinstance(found, dict) else {"": found}
    pairs = [(phrase, key) for key, phrases in by_key.items() for phrase in phrases]
    return tuple(sorted(pairs, key=lambda pair: -len(pair[0])))


@cache
def alternation(language: Language, *names: str, key: str | None = None) -> str:
    """Return a pattern of any phrase of these sections, of one meaning if given."""
    pairs = [pair for name in names for pair in section(language, name)]
    phrases = [phrase for phrase, meaning in pairs if key is None or meaning == key]
    phrases.sort(key=len, reverse=True)
    body = "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in phrases)
    return rf"(?<![\w-])(?:{body})(?![\w-])" if language == "en" else rf"(?:{body})"


@cache
def pattern(language: Language, *names: str, key: str | None = None) -> re.Pattern[str]:
    """Return the compiled pattern of `alternation`."""
    return re.compile(alternation(language, *names, key=key), re.IGNORECASE)


@cache
def rule(language: Language, template: str) -> re.Pattern[str]:
    """Return a pattern in which «make» stands for any phrase of that section."""
    filled = re.sub(r"«(\w+)»", lambda match: alternation(language, match[1]), template)
    return re.compile(filled, re.IGNORECASE)


def meaning(language: Language, name: str, phrase: str) -> str:
    """Return what a phrase of a section means there."""
    plain = " ".join(phrase.lower().split())
    return next((key for known, key in section(language, name) if known.lower() == plain), "")
