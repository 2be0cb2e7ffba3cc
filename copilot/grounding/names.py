"""Finding people, companies, products and codes in a sentence, in Latin script and Chinese."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from copilot.grounding import lexicon
from copilot.grounding.currencies import CURRENCY_CODES
from copilot.grounding.quantities import blank

_WORD = r"[A-Za-zÀ-ɏ][A-Za-z0-9À-ɏ&'’.-]*"
_CODE = re.compile(
    r"(?<![A-Za-z0-9])(?P<head>[A-Z][A-Za-zÀ-ɏ&]*(?:[ ][A-Z][A-Za-z&]*)*)(?P<gap>[ -]?)"
    r"(?P<number>(?:\d[A-Za-z0-9.]*[A-Za-z0-9]|\d)(?:-\d+\b)?)(?![\dA-Za-z])(?!\s?(?:%|％"
    r"|percent|万|亿|元|[kKmM]\b|million|thousand|[年月日号周]))"
)
_TOKEN = re.compile(_WORD)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://[^\s，。)）]+|\bwww\.[^\s，。)）]+")
_PHONE = re.compile(
    r"(?<![\d.,])(?:\+\d[\d ()-]{6,}\d|\(?\d[\d()]*(?:[ -][\d()]+){1,5}|\d{11,15})(?![\d,.]*\d)"
)
_SURNAMES = f"[{lexicon.SURNAMES}]"
# 担任采购经理: an office that is held, no surname.
_OFFICE = (
    "采购|销售|项目|客户|产品|生产|设备|技术|财务|运营|市场|区域|工程|信息|研发"
    "|行政|人事|质量|物流|副"
)
_ZH_TITLED = re.compile(
    rf"(?<!担){_SURNAMES}(?!{_OFFICE})[\u4e00-\u9fff]{{0,2}}?(?:{lexicon.ZH_TITLES})"
)
_ZH_SPEAKER = re.compile(
    rf"(?:^|(?<=[，。；、：“（\s与跟向由请]))(?P<name>{_SURNAMES}[\u4e00-\u9fff]{{1,2}}?)"
    rf"(?=(?:还|也|曾|已|在会上|在电话中)?(?:{lexicon.ZH_SPEECH}))"
)
_ZH_COMPANY = re.compile(rf"(?P<stem>[\u4e00-\u9fff]{{2,6}}?)(?P<end>{lexicon.ZH_COMPANY})")


@dataclass(frozen=True)
class NameMention:
    """A name as written; `number` is the digits at the end of a code such as "SOC 2"."""

    raw: str
    start: int
    end: int
    number: str = ""


def fold(text: str) -> str:
    """Return the text for comparing names: one width, no case, single spaces, no possessives."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    plain = re.sub(r"'s\b|[.,]", " ", plain)
    return re.sub(r"\s+", " ", plain).strip()


def find_addresses(text: str) -> tuple[list[str], str]:
    """Return e-mail addresses and links, and the text with them blanked."""
    if not any(sign in text for sign in ("@", "://", "www.")):
        return [], text  # else a word of thousands of letters is looked at from each of them
    return _take(_ADDRESS, text, minimum=0)


def find_phones(text: str) -> tuple[list[str], str]:
    """Return phone numbers (8 to 15 digits), and the text with them blanked; take dates first."""
    return _take(_PHONE, text, minimum=8)


def _take(pattern: re.Pattern[str], text: str, *, minimum: int) -> tuple[list[str], str]:
    found = []
    for match in pattern.finditer(text):
        if minimum <= len(re.sub(r"\D", "", match.group())) <= 15 or not minimum:
            found.append(match.group().strip())
            text = blank(text, match.start(), match.end())
    return found, text


def find_codes(text: str) -> tuple[list[NameMention], str]:
    """Return names that end in a number (SOC 2, ISO 27001, H100), and the text without them."""
    found = []
    for match in _CODE.finditer(text):
        words = match["head"].split()
        while words and (words[0].casefold() in lexicon.COMMON or words[0] in CURRENCY_CODES):
            words.pop(0)
        if not words or words[-1] in CURRENCY_CODES or (match["gap"] == "" and len(words[-1]) > 12):
            continue
        start = match.start() + match["head"].rfind(" ".join(words))
        raw = text[start : match.end()]
        found.append(NameMention(raw, start, match.end(), match["number"]))
        text = blank(text, start, match.end())
    return found, text


def find_names(text: str, known_names: Collection[str]) -> list[NameMention]:
    """Return the names in a text: known ones first, then what looks like one."""
    found, rest = _known(text, known_names)
    parts, rest = _known(rest, {part for name in known_names for part in _parts_of(name)})
    found += parts
    return found + _capitalised(rest) + _chinese(rest)


def _known(text: str, names: Collection[str]) -> tuple[list[NameMention], str]:
    found: list[NameMention] = []
    for name in sorted({each for each in names if _is_findable(each)}, key=len, reverse=True):
        if name not in text:
            continue
        edge = (r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])") if name.isascii() else ("", "")
        for match in re.finditer(edge[0] + re.escape(name) + edge[1], text):
            found.append(NameMention(match.group(), match.start(), match.end()))
            text = blank(text, match.start(), match.end())
    return found, text


def _parts_of(name: str) -> list[str]:
    """Return first and last name of somebody known, which may open a sentence."""
    parts = name.split()
    is_person = len(parts) in {2, 3} and all(part[0].isupper() for part in parts)
    return [part for part in parts if len(part) > 3] if is_person else []


def _is_findable(name: str) -> bool:
    if name.isascii():
        return len(name) > 2 and name[0].isupper() and name.casefold() not in lexicon.COMMON
    return len(name) >= 2


def _capitalised(text: str) -> list[NameMention]:
    found: list[NameMention] = []
    run: list[re.Match[str]] = []
    for token in [*_TOKEN.finditer(text), None]:
        if token and _looks_like_name(token, text, in_run=bool(run)):
            if run and text[run[-1].end() : token.start()] not in {" ", " & "}:
                found += _run(run, text)
                run = []
            run.append(token)
        elif run:
            found += _run(run, text)
            run = []
    return found


def _looks_like_name(token: re.Match[str], text: str, *, in_run: bool) -> bool:
    word = token.group().strip(".-'")
    if not any(char.isupper() for char in word) or len(word) < 2:
        return False
    plain = re.sub(r"['’]s$", "", word).casefold()
    if plain in lexicon.COMMON or word in CURRENCY_CODES:
        return False
    if in_run or not _opens_sentence(token.start(), text):
        return True
    return _opens_with_name(token, word, text)


def _opens_sentence(start: int, text: str) -> bool:
    before = text[:start].rstrip(" \"“'(")
    return not before or before[-1] in ".!?:。！？：\n"


def _opens_with_name(token: re.Match[str], word: str, text: str) -> bool:
    if sum(char.isupper() for char in word) > 1:
        return True
    after = text[token.end() :]
    if re.match(r"['’]s\b", after) or word.endswith(("'s", "’s")):
        return True
    following = _TOKEN.search(after)
    if (
        following is None
        or following.start() > 2
        or word.casefold().endswith(lexicon.COMMON_ENDINGS)
    ):
        return False
    word = following.group()
    return word[0].isupper() or word in lexicon.VERBS or word.endswith("ed")


def _run(run: list[re.Match[str]], text: str) -> list[NameMention]:
    start, end = run[0].start(), run[-1].end()
    raw = re.sub(r"['’]s$", "", text[start:end].rstrip(".-'’"))
    return [NameMention(raw, start, start + len(raw))]


def _chinese(text: str) -> list[NameMention]:
    found = [NameMention(match.group(), *match.span()) for match in _ZH_TITLED.finditer(text)]
    for match in _ZH_SPEAKER.finditer(text):
        is_word = match["name"][:2] in lexicon.ZH_NOT_NAMES or set(match["name"]) & set(
            "您你我他她们的了"
        )
        if not is_word:
            found.append(NameMention(match["name"], *match.span("name")))
    for match in _ZH_COMPANY.finditer(text):
        stem = match["stem"]
        if not stem.endswith(lexicon.ZH_COMPANY_BEFORE):
            raw = stem[-2:] + match["end"]
            found.append(NameMention(raw, match.end() - len(raw), match.end()))
    return found


def stands_in(name: str, folded_facts: str) -> bool:
    """Say whether a name stands in the folded text of facts, whole or with all of its parts."""
    plain = fold(name)
    if not plain.isascii():
        return plain in folded_facts
    if _has_word(plain, folded_facts):
        return True
    parts = [part for part in re.split(r"[\s-]+", plain) if part and part not in {"&", "and"}]
    return all(_has_word(part, folded_facts) for part in parts)


def _has_word(word: str, text: str) -> bool:
    """Say whether the word stands in the text, spaced or hyphenated as it may be (SOC 2, SOC-2)."""
    stem = word[:-1] if word.endswith("s") and len(word) > 3 else word
    pieces = re.findall(r"[^\W\d_]+|\d+|[^\w\s-]+", stem)
    pattern = r"[\s-]*".join(re.escape(piece) for piece in pieces)
    return re.search(rf"(?<![a-z0-9]){pattern}(?:s|es)?(?![a-z0-9])", text) is not None


_TITLED = re.compile(rf"^(?P<stem>[\u4e00-\u9fff]{{1,4}})(?:{lexicon.ZH_TITLES}|老师)$")
_EDITION = (
    r"(?:\s+|-)?(?:plus|pro|lite|enterprise|basic|premium|standard|advanced|essentials?|mini|max"
    r"|ultra|professional)\b|(?:专业|企业|标准|轻量|旗舰|基础|高级|精简)版"
)


def is_titled_as(name: str, people: Sequence[str]) -> bool:
    """Say whether a Chinese surname with a title, such as 王总, is one of these people."""
    match = _TITLED.match(name)
    if match is None:
        return False
    stem = match["stem"]
    return any(person.startswith(stem) or (len(stem) > 1 and stem in person) for person in people)


def stands_only_longer(name: str, folded_facts: str) -> bool:
    """Say whether facts hold a product's name with an edition alone: Atlas is not Atlas Plus."""
    plain = fold(name)
    found = [match.end() for match in re.finditer(re.escape(plain), folded_facts)]
    return bool(found) and all(re.match(_EDITION, folded_facts[end:]) for end in found)
