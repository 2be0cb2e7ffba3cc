"""True sentences about a fact, and the same ones with one figure, day or name seeded wrong."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

_CASES = Path(__file__).parents[1] / "tests" / "cases" / "verifier_pairs.yaml"
_FALSE_NAMES = ("Umbrella Foods", "钱学礼")
_UNITS = {
    "en": {"minute": "minutes", "day": "days", "week": "weeks", "month": "months"},
    "zh": {"minute": "分钟", "day": "天", "week": "周", "month": "个月"},
}


@dataclass(frozen=True)
class SeededSentence:
    """A sentence, the fact it cites, and whether it is true."""

    text: str
    fact: dict[str, Any]
    language: str
    is_true: bool
    names: tuple[str, ...]


def load_seeded() -> list[SeededSentence]:
    """Return each sentence once true and once for every slot with that slot wrong.

    Empty where the cases of the tests are not installed.
    """
    if not _CASES.is_file():
        return []
    pairs = yaml.safe_load(_CASES.read_text("utf-8"))
    return [one for pair in pairs for one in _sentences(pair)]


def _sentences(pair: dict[str, Any]) -> list[SeededSentence]:
    language, sentence = pair["lang"], pair["sentence"]
    slots = {key: spec for key, spec in pair.items() if f"{{{key}}}" in sentence}
    true = {key: _say(spec, language, false=False) for key, spec in slots.items()}
    fact = {"text": pair["fact"], "kind": "record", "source": "seeded"}
    fact |= {key: pair[key] for key in ("value", "unit", "currency") if key in pair}
    names = (*_FALSE_NAMES, *(name for spec in slots.values() for name in spec.get("name", ())))
    made = [SeededSentence(sentence.format(**true), fact, language, True, names)]
    for key, spec in slots.items():
        wrong = true | {key: _say(spec, language, false=True)}
        made.append(SeededSentence(sentence.format(**wrong), fact, language, False, names))
    return made


def _say(spec: dict[str, Any], language: str, *, false: bool) -> str:
    ((kind, value),) = spec.items()
    if kind == "name":
        return _FALSE_NAMES[language == "zh"] if false else str(value[0])
    if kind == "date":
        day = date.fromisoformat(str(value)) + timedelta(days=9 if false else 0)
        return day.isoformat()
    if kind == "percent":
        return f"{(value + 0.07 if false else value) * 100:g}%"
    if kind == "duration":
        number, unit = value
        gap = " " if language == "en" else ""
        return f"{number + 3 if false else number}{gap}{_UNITS[language][unit]}"
    if kind == "amount":
        number, currency = value
        return f"{currency} {number * 2 if false else number:,}"
    return str(value * 3 + 1 if false else value)
