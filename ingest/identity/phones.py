"""Telephone numbers: one form for all spellings, and a short key to find them by."""

import re
from functools import cache
from importlib.resources import files

import yaml

_SUFFIX_DIGITS = 7
_LONGEST = 60
_DIGIT = re.compile(r"\d")
_EXTENSION = re.compile(r"(?:ext\.?|x|#|转|分机)\s*(\d{1,6})\s*$", re.IGNORECASE)


def digits_of(phone: str | None) -> str:
    """Return the digits of a number, without an extension."""
    return "".join(_DIGIT.findall(_EXTENSION.sub("", (phone or "")[:_LONGEST])))


def suffix_of(phone: str | None) -> str:
    """Return the digits all spellings of a number share; empty for what is too short to be one."""
    digits = digits_of(phone)
    return digits[-_SUFFIX_DIGITS:] if len(digits) >= _SUFFIX_DIGITS else ""


def extension_of(phone: str | None) -> str:
    """Return the extension behind a switchboard's number; empty without one."""
    found = _EXTENSION.search((phone or "")[:_LONGEST])
    return found.group(1) if found else ""


def e164(phone: str | None, region: str | None) -> str | None:
    """Return a number as +491234567; None for what is none.

    `region` (ISO 3166, two letters) is where it is dialled from if it names no country.
    """
    from phonenumbers import (
        NumberParseException,
        PhoneNumberFormat,
        format_number,
        is_possible_number,
        parse,
    )

    if not suffix_of(phone):
        return None
    try:
        number = parse((phone or "")[:_LONGEST], region)
    except NumberParseException:
        return None
    return format_number(number, PhoneNumberFormat.E164) if is_possible_number(number) else None


def is_same_number(one: str | None, other: str | None, *, regions: tuple[str | None, ...]) -> bool:
    """Say whether two spellings are one telephone, read from one of these regions.

    Two different extensions behind one number are two telephones.
    """
    if suffix_of(one) != suffix_of(other) or not suffix_of(one):
        return False
    extensions = {extension_of(one), extension_of(other)} - {""}
    if len(extensions) > 1:
        return False
    for region in dict.fromkeys((*regions, None)):
        left, right = e164(one, region), e164(other, region)
        if left is not None and left == right:
            return True
    return False


def is_a_number(name: str) -> bool:
    """Say whether a participant's name is a telephone number, as dialling systems give it."""
    return bool(re.fullmatch(r"[+(]?[\d\s().\-/]{6,40}", name.strip())) and bool(suffix_of(name))


def region_of(country: str | None) -> str | None:
    """Return the two-letter code of a country given by name or code, in English or Chinese."""
    return _regions().get((country or "").strip().casefold())


@cache
def _regions() -> dict[str, str]:
    text = (files("ingest.identity") / "regions.yaml").read_text(encoding="utf-8")
    spelled: dict[str, list[str]] = yaml.safe_load(text)
    return {name.casefold(): code for code, names in spelled.items() for name in (code, *names)}
