"""Whether words in a question can be a name at all, or are ordinary words that look like one."""

import re

from tools.language import has_han
from tools.names.form import Token, keys_of
from tools.names.index import LEADING, PERSONAL, Hit
from tools.names.words import is_ordinary, ordinary_words

_ANY_CASE = frozenset({"industry", "stage", "region", "country", "city", "territory", "team"})
_CONTEXT = {
    "case_category": re.compile(r"\b(?:cases?|tickets?|categor\w+)\b|工单|案例|类别", re.I),
    "case_status": re.compile(r"\b(?:cases?|tickets?)\b|工单|案例", re.I),
    "case_priority": re.compile(r"\b(?:cases?|tickets?|priority)\b|工单|优先级", re.I),
    "lead_status": re.compile(r"\bleads?\b|线索", re.I),
    "source": re.compile(r"\b(?:sources?|leads? from|came from|channel)\b|来源|渠道", re.I),
    "lost_reason": re.compile(r"\b(?:reasons?|because|due to|why)\b|原因|因为", re.I),
}
_NEED_CONTEXT = frozenset({"case_category", "case_status", "case_priority", "lead_status"})
_SENTENCE_START = re.compile(r"(?:^|[.?!:\n])[\s\"'“(]*$")


def is_plausible(text: str, window: list[Token], hit: Hit) -> bool:
    """Say whether the window of tokens may stand for the thing, going by case and plain words."""
    key = "".join(token.key for token in window)
    if len(key) < 2 or key.isdigit():
        return False
    if has_han(key):
        return _is_plausible_chinese(text, hit, key)
    if not _has_own_spacing(window, hit):
        return False
    all_ordinary = all(is_ordinary(token.key) for token in window)
    dimension = hit.thing.dimension
    if dimension in _ANY_CASE and hit.level < PERSONAL:
        return len(key) > 3 or not all_ordinary or all(t.raw.isupper() for t in window)
    if dimension in _CONTEXT:
        return _is_plausible_value(text, window, dimension, all_ordinary)
    if all_ordinary:
        return _is_written_as_name(text, window)
    if hit.level >= PERSONAL:
        is_loose = dimension in ("owner", "manager") or (hit.level == LEADING and len(key) > 4)
        return len(key) > 2 and (is_loose or window[0].raw[0].isupper())
    return len(key) > 2 or window[0].raw.isupper()


def _is_plausible_value(text: str, window: list[Token], dimension: str, all_ordinary: bool) -> bool:
    has_context = _CONTEXT[dimension].search(text) is not None
    if dimension in _NEED_CONTEXT:
        return has_context
    return not all_ordinary or has_context or _is_written_as_name(text, window)


def _is_plausible_chinese(text: str, hit: Hit, key: str) -> bool:
    if hit.thing.dimension in _NEED_CONTEXT:
        return _CONTEXT[hit.thing.dimension].search(text) is not None
    if hit.level >= LEADING:
        return False
    return hit.thing.dimension in _ANY_CASE | set(_CONTEXT) or key not in ordinary_words()


def _is_written_as_name(text: str, window: list[Token]) -> bool:
    capitals = all(token.raw[0].isupper() or token.raw[0].isdigit() for token in window)
    if len(window) > 1:
        return capitals
    return capitals and not _SENTENCE_START.search(text[: window[0].start])


def _has_own_spacing(window: list[Token], hit: Hit) -> bool:
    """Refuse ordinary words that only run together into a name ("we st")."""
    if len(window) == 1:
        return True
    keys = [token.key for token in window]
    name = keys_of(hit.thing.name)
    is_own = keys[0] == name[0] or keys[:-1] == list(name[: len(keys) - 1])
    if is_own or len(name) >= len(keys):
        return True
    return window[0].raw[0].isupper() and len("".join(keys)) > 5
