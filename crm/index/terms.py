"""How text becomes search terms, the same for passages and queries, in every script."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

MAX_TERM = 64
MAX_QUERY_TERMS = 32
_CACHED_WORDS = 50_000
_SHORTEST_PREFIX = 4

_WORD = re.compile(r"[^\W_]+")
_RUN = re.compile(
    r"(?P<han>[㐀-鿿豈-﫿\U00020000-\U0003ffff]+)"
    r"|(?P<unspaced>[぀-ヿ฀-๿]+)"
    r"|(?P<word>[^㐀-鿿豈-﫿\U00020000-\U0003ffff぀-ヿ฀-๿]+)"
)
_STOP_EN = """
a about again all am an and any anything are as at be been but by can could customer did do does
for from had has have he her him his how i if in into is it its just know last let me mean more
most my no not of ok okay on or our please s said say says she should so some t tell than thank
thanks that the their them then there they this to told up us was we well were what when where
which who why will with would yeah yes you your
"""
_STOP_ZH = """
的 了 是 我 你 您 他 她 它 们 我们 你们 他们 咱们 在 有 和 与 及 或 也 都 就 不 没 没有 很 这 那
这个 那个 什么 怎么 怎样 哪 哪些 哪个 谁 吗 呢 吧 啊 嗯 对 好 好的 说 说过 关于 对于 一 一下 一个
上 次 上次 客户 请 问 请问 把 被 给 跟 到 去 来 会 要 能 可以 还 还是 但是 如果 因为 所以
"""
_STOP = frozenset(_STOP_EN.split()) | frozenset(_STOP_ZH.split())


def terms_of(text: str) -> list[str]:
    """Return the search terms of a text, in order, repeats kept.

    Width and case are folded, accents dropped and English plurals cut; Chinese is segmented into
    words and their parts, scripts without spaces into pairs of characters.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [term for word in _WORD.findall(folded) for term in _terms_of_word(word)]


def query_terms(text: str) -> list[str]:
    """Return the distinct terms worth searching for, at most `MAX_QUERY_TERMS`.

    Words that say nothing are left out, unless the query has no others.
    """
    every = list(dict.fromkeys(terms_of(text[:20_000])))
    telling = [term for term in every if not is_stop_word(term)]
    return (telling or every)[:MAX_QUERY_TERMS]


class Wanted:
    """The terms of a query as they are looked for in text: by their stems."""

    def __init__(self, terms: Sequence[str]) -> None:
        self.stems = {term: stem_of(term) for term in terms}
        self._all = frozenset(self.stems.values())
        # Stemming is slow, and a word can only share a stem that begins as it does.
        self._beginnings = frozenset(stem[:2] for stem in self._all)

    def count(self, text: str) -> tuple[Counter[str], int]:
        """Return how often each wanted stem stands in the text, and how many terms it has."""
        terms = terms_of(text)
        near = (stem_of(term) for term in terms if term[:2] in self._beginnings)
        return Counter(stem for stem in near if stem in self._all), len(terms)


@lru_cache(_CACHED_WORDS)
def stem_of(term: str) -> str:
    """Return the stem of an English term (Snowball, Porter 2001); other terms as they are."""
    if not (term.isascii() and term.isalpha()):
        return term
    stem: str = _stemmer().stemWord(term)
    return stem


def prefix_of(term: str) -> str | None:
    """Return the beginning that a term shares with its other forms, None if it is too short."""
    stem = stem_of(term)
    if not (term.isascii() and term.isalpha()):
        return None
    shared = next(
        (n for n, (a, b) in enumerate(zip(term, stem, strict=False)) if a != b),
        min(len(term), len(stem)),
    )
    return term[:shared] if shared >= _SHORTEST_PREFIX else None


def is_stop_word(term: str) -> bool:
    """Say whether the term is too common in speech to carry a topic."""
    return term in _STOP


@cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")


@lru_cache(_CACHED_WORDS)
def _terms_of_word(word: str) -> tuple[str, ...]:
    return tuple(term[:MAX_TERM] for term in _split(word) if term)


def _split(word: str) -> Iterator[str]:
    for run in _RUN.finditer(word):
        text = run.group()
        if run.lastgroup == "han":
            yield from _chinese(text)
        elif run.lastgroup == "unspaced":
            yield from ([text[i : i + 2] for i in range(len(text) - 1)] or [text])
        else:
            yield _singular(_plain(text))


def _chinese(text: str) -> list[str]:
    import rjieba

    words: list[str] = rjieba.cut_for_search(text)
    return words


def _plain(word: str) -> str:
    if word.isascii():
        return word
    bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return unicodedata.normalize("NFKC", bare)


def _singular(word: str) -> str:
    """Cut an English plural (the S-stemmer of Harman, 1991, "How effective is suffixing?")."""
    if len(word) < 4 or not word.isascii() or is_stop_word(word) or not word.endswith("s"):
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith(("us", "ss")):
        return word
    return word[:-1]
