"""How text becomes search terms, the same for passages and queries, in every script."""

import re
import unicodedata
from collections.abc import Iterator

MAX_TERM = 64
MAX_QUERY_TERMS = 32

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
    return [term[:MAX_TERM] for word in _WORD.findall(folded) for term in _split(word) if term]


def query_terms(text: str) -> list[str]:
    """Return the distinct terms worth searching for, at most `MAX_QUERY_TERMS`.

    Words that say nothing are left out, unless the query has no others.
    """
    every = list(dict.fromkeys(terms_of(text[:20_000])))
    telling = [term for term in every if not is_stop_word(term)]
    return (telling or every)[:MAX_QUERY_TERMS]


def is_stop_word(term: str) -> bool:
    """Say whether the term is too common in speech to carry a topic."""
    return term in _STOP


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
