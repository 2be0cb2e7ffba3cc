"""What stands in place of a value that is there, but not for this caller."""

from enum import StrEnum

from tools.language import Language


class Withheld(StrEnum):
    """Why a value is not told: its record may not be read, or its field is kept back."""

    NOT_VISIBLE = "not_visible"
    NOT_FOR_YOU = "not_for_you"


_WORDS: dict[Language, dict[Withheld, str]] = {
    "en": {Withheld.NOT_VISIBLE: "(not visible)", Withheld.NOT_FOR_YOU: "(not for you)"},
    "zh": {Withheld.NOT_VISIBLE: "（不可见）", Withheld.NOT_FOR_YOU: "（无权查看）"},
}


def word_withheld(value: Withheld, language: Language) -> str:
    """Return what people read in place of the value."""
    return _WORDS[language][value]
