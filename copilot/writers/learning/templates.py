"""Greetings and words of leave with places for people, so that one customer's fits the next."""

import re

from copilot.grounding.lexicon import SURNAMES, ZH_TITLES
from tools.language import HAN
from tools.letter_parts import LetterParts, is_sign_off

_HAN = re.compile(f"[{HAN}]")
_COMPOUND = ("欧阳", "司马", "诸葛", "上官")
_ZH_TITLE = rf"(?:{ZH_TITLES}|总|工|董|主席)"
_PLACE = re.compile(r"\{(\w*)\}")
_LONGEST = 80
_KNOWN_EN = """
hi hello hey dear good morning afternoon evening greetings there all everyone everybody team folks
again sir madam and both
"""
_KNOWN = frozenset(_KNOWN_EN.split())
_KNOWN_ZH = re.compile(
    r"尊敬的|敬爱的|亲爱的|您好|你好|大家好|各位好|各位|早上好|上午好|中午好|下午好|晚上好|早安|早|好|嗨|哈喽"
)


def greeting_template(greeting: str | None, recipient: str) -> str | None:
    """Return the greeting with places for the person, None if it holds what is not a greeting.

    Only words known to greet may stand beside the places, so that a name nobody told us of is
    never carried from one customer to the next; and no "Ms" or "Mr", which we do not know of the
    next. In Chinese `{name}` is how a letter names somebody, 王总 or the whole name.
    """
    if not greeting or len(greeting) > _LONGEST or "{" in greeting:
        return None
    plain = " ".join(recipient.split())
    known = "" if "@" in plain else plain
    template = _zh_places(greeting, known) if _HAN.match(known) else _en_places(greeting, known)
    rest = _KNOWN_ZH.sub(" ", _PLACE.sub(" ", template))
    words = re.findall(r"[^\W_]+", rest)
    return template if all(word.casefold() in _KNOWN for word in words) else None


def sign_off_template(parts: LetterParts) -> str | None:
    """Return the words of leave without the name under them, None where there are none.

    What stands below (name, title, phone, company) is the signature and no habit of words.
    """
    if not parts.sign_off:
        return None
    lines = [parts.sign_off]
    for line in parts.signature:
        if not is_sign_off(line):
            break
        lines.append(line)
    text = "\n".join(lines)
    return None if len(text) > _LONGEST or re.search(r"[\d{}@]", text) else text


def places_of(template: str) -> list[str]:
    """Return the names of the places in a template, in order."""
    return _PLACE.findall(template)


def _en_places(text: str, name: str) -> str:
    if not name:
        return text
    family, comma, given = name.partition(",")
    words = [*given.split(), family.strip()] if comma and given.strip() else name.split()
    text = _put(text, " ".join(words), "{name}")
    text = _put(text, words[0], "{first}")
    return _put(text, words[-1], "{surname}") if len(words) > 1 else text


def _put(text: str, word: str, place: str) -> str:
    pattern = re.compile(rf"(?<![\w{{]){re.escape(word)}(?![\w}}])", re.IGNORECASE)
    return pattern.sub(place, text, count=1)


def _zh_places(text: str, name: str) -> str:
    if name in text:
        return text.replace(name, "{name}", 1)
    if name[0] not in SURNAMES and not name.startswith(_COMPOUND):
        return text
    surname = name[:2] if name.startswith(_COMPOUND) else name[0]
    return re.sub(rf"{surname}{_ZH_TITLE}", "{name}", text, count=1)
