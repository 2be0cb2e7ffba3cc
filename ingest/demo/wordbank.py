"""The phrase banks in `words/*.yaml`, and filling their slots."""

import re
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

import yaml

_SLOT = re.compile(r"\{(\w+)\}")


@cache
def bank(name: str) -> Any:
    """Return a phrase bank as YAML gave it; do not change it.

    Raises:
        FileNotFoundError: there is no such bank.
    """
    text = (files("ingest.demo") / "words" / f"{name}.yaml").read_text("utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def fill(text: str, slots: dict[str, str]) -> str:
    """Return the text with each `{slot}` replaced, slots within values too.

    Raises:
        KeyError: the text has a slot that is not given.
    """
    filled = text
    while _SLOT.search(filled):
        filled = _SLOT.sub(lambda found: slots[found[1]], filled)
    # A value that comes to begin the sentence.
    return filled[:1].upper() + filled[1:] if text.startswith("{") else filled


def say(random: Random, variants: list[str], slots: dict[str, str]) -> str:
    """Return one of the variants, filled."""
    return fill(random.choice(variants), slots)
