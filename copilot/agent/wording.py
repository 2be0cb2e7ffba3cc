"""How values and computed sentences read in each language."""

from decimal import Decimal
from functools import cache
from importlib import resources

import yaml

from crm.money import format_money, to_minor
from tools.language import Language

_UNITS = {
    "en": {"days": " days", "hours": " hours", "people": " people", "score": "", "count": ""},
    "zh": {"days": "天", "hours": "小时", "people": "人", "score": "分", "count": ""},
}


@cache
def _phrases(language: Language) -> dict[str, str]:
    path = resources.files("copilot.agent") / "words" / f"answers.{language}.yaml"
    loaded: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def phrase(name: str, language: Language, **slots: object) -> str:
    """Return a sentence of the answer vocabulary with its slots filled."""
    return _phrases(language)[name].format(**slots)


def show_value(value: Decimal | None, unit: str, currency: str | None, language: Language) -> str:
    """Return a value as people write it: `$1,200`, `63.2%`, `45.3 days`, `1,024`."""
    if value is None:
        return phrase("no_value", language)
    if unit == "money" and currency:
        return format_money(to_minor(value, currency), currency)
    if unit == "ratio":
        return f"{_trim(value * 100, 1)}%"
    return f"{_trim(value, 1)}{_UNITS[language].get(unit, '')}"


def _trim(value: Decimal, places: int) -> str:
    shown = f"{value:,.{places}f}"
    return shown[: -places - 1] if shown.endswith("." + "0" * places) else shown
