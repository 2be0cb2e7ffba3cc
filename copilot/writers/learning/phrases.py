"""Phrases that a rep replaces again and again: found in one edit, judged over many."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from copilot.grounding.lexicon import SURNAMES, ZH_TITLES
from copilot.grounding.names import find_addresses, find_codes, find_names
from copilot.writers.learning.wording import Change, changes, is_mark, join_words, words_of
from crm.index.terms import is_stop_word
from tools.language import HAN

_HAN = re.compile(f"[{HAN}]")
_CONTRACTION = re.compile(r"\w+(?:n['’]t|['’](?:ll|re|ve|m|d))", re.IGNORECASE)
_LONGEST = 8
_NEAR = 2
_MOST = 60
_ZH_FIGURE = re.compile(
    r"[零〇一二两三四五六七八九十百千万亿]{2,}|[一二两三四五六七八九十]+[个月日号天周年元]"
)
_ZH_NAMED = re.compile(rf"[{SURNAMES}][{HAN}]{{0,2}}?(?:{ZH_TITLES})")
_DAY_WORDS = """
monday tuesday wednesday thursday friday saturday sunday january february march april may june july
august september october november december today tomorrow yesterday week month quarter year weeks
months days day percent one two three four five six seven eight nine ten eleven twelve twenty
thirty forty fifty hundred thousand million half
"""
_DAYS = frozenset(_DAY_WORDS.split())
_GRAMMAR_WORDS = """
a about after all also am an and any are as at be been before but by can could did do does for from
had has have he her here him his how i if in into is it its just may me might more most my no not of
on or our out over shall she should so some such than that the their them then there these they this
those to too up us very was we were what when where which who why will with would yes you your
"""
_GRAMMAR = frozenset(_GRAMMAR_WORDS.split())
_ZH_DAYS = re.compile(
    r"周[一二三四五六日天]|星期|今天|明天|昨天|后天|上周|下周|本周|月底|年底|季度"
)


@dataclass(frozen=True)
class Replaced:
    """A phrase that was replaced in a draft; `instead` is empty where it was only removed."""

    phrase: str
    instead: str


def replaced_phrases(
    pairs: Sequence[tuple[str, str]], *, names: Collection[str]
) -> tuple[Replaced, ...]:
    """Return the phrases replaced in paired sentences, with and without a word beside them.

    Figures, days, names and whatever else is content never count, on either side.
    """
    found: dict[Replaced, None] = {}
    for before, after in pairs:
        old, new = words_of(before), words_of(after)
        known = _words_in_names([before, after], names)
        for core in _cores(old, new, known):
            for one in _widened(core, old):
                if _is_change(one, known):
                    found[Replaced(_folded(one.before), _uncapped(one.after))] = None
    return tuple(found)[:_MOST]


def _words_in_names(texts: Sequence[str], names: Collection[str]) -> frozenset[str]:
    found: list[str] = []
    for text in texts:
        addresses, rest = find_addresses(text)
        codes, rest = find_codes(rest)
        found += [*addresses, *(one.raw for one in (*codes, *find_names(rest, names)))]
    return frozenset(word.casefold() for name in (*names, *found) for word in words_of(name))


def _cores(old: Sequence[str], new: Sequence[str], names: Collection[str]) -> list[Change]:
    """Return the changes, those close together as one unless content was changed among them.

    "I would be grateful if you could" → "Could you" keeps two of its words; it is one habit.
    """
    return _split(Change(tuple(old), tuple(new)), _NEAR, names)


def _split(change: Change, gap: int, names: Collection[str]) -> list[Change]:
    found = []
    for one in changes(change.before, change.after, gap=gap):
        is_whole = gap == 0 or _is_change(one, names)
        found += [one] if is_whole else _split(one, gap - 1, names)
    return found


def _widened(core: Change, words: Sequence[str]) -> list[Change]:
    """Return the change by itself, and with a word that stays before or after it.

    A change of grammar alone ("so that nobody" → "so nobody") is only told by both its neighbours.
    """
    place = _find(words, core.before)
    end = place + len(core.before)
    left = tuple(word for word in words[max(0, place - 1) : place] if not is_mark(word))
    right = tuple(word for word in words[end : end + 1] if not is_mark(word))
    whole = Change((*left, *core.before, *right), (*left, *core.after, *right))
    if not is_telling(_folded(core.before), _uncapped(core.after)):
        return [whole]
    return [
        Change((*head, *core.before, *tail), (*head, *core.after, *tail))
        for head in ((), left)
        for tail in ((), right)
    ]


def _find(words: Sequence[str], wanted: Sequence[str]) -> int:
    size = len(wanted)
    places = range(len(words) - size + 1)
    return next((at for at in places if tuple(words[at : at + size]) == tuple(wanted)), 0)


def _is_change(change: Change, names: Collection[str]) -> bool:
    sides = [side for side in (change.before, change.after) if side]
    if not change.before or change.before == change.after or _is_other_person(change):
        return False
    return all(_is_style(side, names) for side in sides)


def _is_other_person(change: Change) -> bool:
    """Say whether what differs can be bare Chinese names: 李明 for 王芳."""
    removed, added = set(change.before) - set(change.after), set(change.after) - set(change.before)
    return any(map(_may_be_person, removed)) and any(map(_may_be_person, added))


def _may_be_person(word: str) -> bool:
    return len(word) <= 3 and word[0] in SURNAMES


def _is_style(words: Sequence[str], names: Collection[str]) -> bool:
    """Say whether the words are a phrase: no figure, no day, no name, not grammar alone."""
    text = join_words(words)
    plain = [word for word in words if not is_mark(word)]
    if not plain or len(words) > _LONGEST or len(plain) < len(words) - 1 or is_mark(words[0]):
        return False
    if is_mark(words[-1]) or re.search(r"[\d\[\]{}<>@%￥$€£_]", text):
        return False
    if _ZH_FIGURE.search(text) or _ZH_NAMED.search(text) or _ZH_DAYS.search(text):
        return False
    folded = [word.casefold() for word in plain]
    return not any(word in names or word in _DAYS for word in folded)


def is_telling(phrase: str, instead: str) -> bool:
    """Say whether a phrase can be replaced elsewhere too: more than one word of grammar.

    Contractions (I will → I'll) and 您 → 你 are grammar and a habit all the same.
    """
    words = words_of(phrase)
    if {phrase, instead} == {"您", "你"} or _CONTRACTION.fullmatch(instead):
        return True
    if _HAN.search(phrase):
        return len(_HAN.findall(phrase)) >= 2 and not all(is_stop_word(word) for word in words)
    telling = [word for word in words if word.casefold() not in _GRAMMAR]
    return bool(telling) and (len(words) > 1 or len(phrase) > 3)


def holds(text: str, phrase: str) -> bool:
    """Say whether a phrase stands in a text as whole words, whatever its case."""
    return re.search(_pattern(phrase), text, re.IGNORECASE) is not None


def swap(text: str, phrase: str, instead: str) -> str:
    """Return the text with the phrase replaced; capitals at its beginning are kept.

    Where nothing stands instead, the space beside the phrase goes with it.
    """

    def put(match: re.Match[str]) -> str:
        found = match.group()
        if instead and found[0].isupper() and instead[0].islower():
            return instead[0].upper() + instead[1:]
        return instead

    if instead:
        return re.sub(_pattern(phrase), put, text, flags=re.IGNORECASE)
    removed = re.sub(rf"{_pattern(phrase)}[ ,，]*", "", text, flags=re.IGNORECASE)
    return re.sub(r"(^|[.!?]\s+)([a-z])", lambda m: m[1] + m[2].upper(), removed)


def _pattern(phrase: str) -> str:
    body = r"\s+".join(re.escape(part) for part in phrase.replace("’", "'").split())
    body = body.replace("'", "['’]")
    head = r"(?<![^\W_])" if phrase[:1].isascii() else ""
    tail = r"(?![^\W_])" if phrase[-1:].isascii() else ""
    return f"{head}{body}{tail}"


def _folded(words: Sequence[str]) -> str:
    return join_words([word if word == "I" else word.casefold() for word in words])


def _uncapped(words: Sequence[str]) -> str:
    if not words:
        return ""
    first = words[0]
    is_word = first != "I" and not first.startswith(("I'", "I’")) and first[1:] == first[1:].lower()
    return join_words([first.lower() if is_word else first, *words[1:]])
