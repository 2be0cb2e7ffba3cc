"""Words that look like somebody's or some company's name, and are not in the store."""

import re
from collections.abc import Iterable, Iterator, Sequence

import rjieba

from tools.language import HAN, fold_script, has_han
from tools.names.form import Token, tokens_of
from tools.names.link import MAX_CHARS, Linked, Span
from tools.names.words import is_ordinary, ordinary_words

_NOT_NAMES = frozenset(
    [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "english",
        "chinese",
        "mandarin",
        "german",
        "french",
        "spanish",
        "japanese",
        "korean",
        "italian",
        "portuguese",
        "american",
        "european",
        "british",
        "slack",
        "salesforce",
        "excel",
        "hubspot",
        "outlook",
        "gmail",
        "powerpoint",
        "teams",
        "zoom",
        "crm",
        "ytd",
        "qtd",
        "mtd",
        "soc",
        "iso",
    ]
)
_QUOTED = re.compile(r"[\"“「『]([^\"”」』]{2,60})[\"”」』]")
_CUE = re.compile(
    r"\b(?:did|does|has|is|was|by|with|from|at|for|of|to|and|vs|than|against|customer|account|rep|company)\s+$",
    re.IGNORECASE,
)
_SENTENCE_START = re.compile(r"(?:^|[.?!:\n])[\s\"'“(]*$")
_JOINER = re.compile(r"[ \-&.]{1,3}| (?:of|and|de|van|von|der) ")
_COMPANY = re.compile(rf"[{HAN}A-Za-z0-9（）()]{{2,24}}?(?P<legal>有限公司|股份公司|公司|集团)")
_COMPANY_START = re.compile(
    r".*(?:的|和|与|跟|在|给|对|是|有|了|把|从|关于|客户|家|个|请问|看看|查一下|帮我|我想|目前|今年|去年|年|月|季度|最近|向|为|由|及|、)"
)
_GENERIC_COMPANY = re.compile(
    r"^(?:[哪这那该各每我你他她本贵某子母分总新老大小全几多些们]|什么|所有|其他|多少|同一|客户|上市|中小|科技|软件|制造|医疗|国内|外资|国有)*(?:公司|集团)$"
)
# "Our company", "such a big company": whatever stands before, no name ends so.
_COMPANY_POINTED_AT = re.compile(
    r"(?:[本贵我你您他她该敝哪这那某们咱]|[大小好]一|一[家个])(?:公司|集团)$"
)
_SURNAMES = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦"
    "江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_PERSON_AFTER = re.compile(
    r"(?:的|赢|输|负责|手上|手里|名下|今年|去年|上个?[月季周]|本[月季周年]|这个|跟进|拿下|签|卖|完成|成交|有多少|有几|和|与|在|经理|先生|女士|说|提到|$|[,，。？?])"
)


def unknown_names(text: str, linked: Linked, spans: Sequence[Span] = ()) -> list[str]:
    """Return what looks like a proper name but matched nothing, in the text's order.

    `spans` are periods and quantities, which are never names. Built to be right rather than
    complete: a word it doubts is left out, because an unknown name stops an answer.
    """
    text = text[:MAX_CHARS]
    taken = [*spans, *(mention.span for mention in linked.mentions)]
    found: dict[Span, str] = {}
    for span in _chinese_companies(text):
        # An industry or city inside a company's name ("北京…科技公司") does not make it known.
        known = sum(end - start for start, end in taken if span[0] <= start and end <= span[1])
        if span[1] - span[0] - known >= 4 and not _is_linked(span, linked):
            found[span] = text[span[0] : span[1]]
    for span in (*_quoted(text), *_latin(text, taken), *_chinese_people(text)):
        if not any(span[0] < end and start < span[1] for start, end in (*taken, *found)):
            found[span] = text[span[0] : span[1]]
    return [found[span] for span in sorted(found)]


def _quoted(text: str) -> Iterator[Span]:
    for match in _QUOTED.finditer(text):
        tokens = tokens_of(match[1])
        is_latin_name = all(token.raw[0].isupper() for token in tokens) and any(
            _is_name_word(token) for token in tokens
        )
        if tokens and len(tokens) <= 8 and not has_han(match[1]) and is_latin_name:
            yield match.span(1)


def _latin(text: str, taken: Sequence[Span]) -> Iterator[Span]:
    for run in _capital_runs(text, taken):
        first = run[0]
        at_start = _SENTENCE_START.search(text[: first.start]) is not None
        words = run[1:] if at_start and is_ordinary(first.key) else run
        while words and not _is_name_word(words[-1]) and len(words) < 3:
            words = words[:-1]
        if not words or not any(_is_name_word(word) for word in words):
            continue
        span = (words[0].start, words[-1].end)
        if len(words) > 1 or _is_cued(text, words[0], at_start and words[0] is first):
            yield span


def _is_cued(text: str, word: Token, at_start: bool) -> bool:
    is_possessive = fold_script(text[word.end : word.end + 2]) == "'s"
    if at_start:
        return is_possessive
    return is_possessive or _CUE.search(text[: word.start]) is not None


def _capital_runs(text: str, taken: Iterable[Span]) -> Iterator[list[Token]]:
    taken = list(taken)
    run: list[Token] = []
    for token in tokens_of(text):
        is_free = not any(token.start < end and start < token.end for start, end in taken)
        is_capital = token.raw[0].isupper() and not has_han(token.raw) and is_free
        if run and not (is_capital and _JOINER.fullmatch(text[run[-1].end : token.start])):
            yield run
            run = []
        if is_capital:
            run.append(token)
    if run:
        yield run


def _is_name_word(token: Token) -> bool:
    is_acronym = token.raw.isupper() and len(token.raw) <= 5
    has_digit = any(char.isdigit() for char in token.raw)
    is_plain = token.key in _NOT_NAMES or is_ordinary(token.key)
    return len(token.key) > 2 and not (is_acronym or has_digit or is_plain)


def _is_linked(span: Span, linked: Linked) -> bool:
    return any(
        mention.candidates[0].dimension == "account"
        and mention.span[0] < span[1]
        and span[0] < mention.span[1]
        for mention in linked.mentions
    )


def _chinese_companies(text: str) -> Iterator[Span]:
    folded = fold_script(text)
    for match in _COMPANY.finditer(folded):
        start = match.start()
        lead = _COMPANY_START.match(folded[start : match.start("legal")])
        name = match.group()[lead.end() :] if lead else match.group()
        is_plain = _GENERIC_COMPANY.match(name) or _COMPANY_POINTED_AT.search(name)
        if len(name) >= 4 and not is_plain:
            yield (start + (lead.end() if lead else 0), match.end())


def _chinese_people(text: str) -> Iterator[Span]:
    text, at = fold_script(text), 0
    if not has_han(text):
        return
    for word, tag in rjieba.tag(text):
        start, at = at, at + len(word)
        is_person = tag == "nr" and 2 <= len(word) <= 3 and word[0] in _SURNAMES
        if is_person and word not in ordinary_words() and _PERSON_AFTER.match(text, at) is not None:
            yield (start, at)
