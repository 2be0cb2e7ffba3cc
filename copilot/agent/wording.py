"""How computed sentences read in each language."""

from functools import cache
from importlib import resources

import yaml

from tools.language import Language


@cache
def _phrases(language: Language) -> dict[str, str]:
    path = resources.files("copilot.agent") / "words" / f"answers.{language}.yaml"
    loaded: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def phrase(name: str, language: Language, **slots: object) -> str:
    """Return a sentence of the answer vocabulary with its slots filled."""
    return _phrases(language)[name].format(**slots)
