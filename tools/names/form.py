"""Forms of a name: tokens, compact keys, and the shorter ways in which people say it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tools.language import HAN, fold_script, has_han

_TOKEN = re.compile(rf"[{HAN}]|[^\W{HAN}_]+", re.UNICODE)
_POSSESSIVE = re.compile(r"'s?(?=\W|$)")
_SUFFIXES = frozenset(
    [
        "inc",
        "incorporated",
        "corp",
        "corporation",
        "co",
        "company",
        "ltd",
        "limited",
        "llc",
        "llp",
        "lp",
        "plc",
        "gmbh",
        "ag",
        "kg",
        "sa",
        "sas",
        "sarl",
        "srl",
        "spa",
        "bv",
        "nv",
        "ab",
        "oy",
        "as",
        "pty",
        "pte",
        "kk",
        "holdings",
        "holding",
        "group",
        "international",
    ]
)
_ZH_SUFFIX = re.compile(
    r"(?:[（(].{1,8}[)）])?(?:股份有限公司|有限责任公司|集团有限公司|有限公司|股份公司|集团公司"
    r"|总公司|分公司|公司|集团|控股|股份)$"
)
_ZH_TRADE = re.compile(
    r"(?:信息技术|网络科技|电子科技|生物科技|智能科技|数字科技|科技发展|信息科技|软件技术|进出口|国际贸易|科技|技术|信息|网络|软件|电子|贸易|商贸"
    r"|实业|制造|机械|工业|医疗器械|医疗|医药|制药|生物|食品|物流|能源|材料|传媒|咨询|教育|投资|金融|零售|电器|通信|汽车|服饰|建设|建筑|地产|集团|发展)$"
)
_ZH_PLACE = re.compile(
    r"^(?:中国|北京|上海|天津|重庆|深圳|广州|杭州|南京|苏州|成都|武汉|西安|厦门|青岛|大连|宁波|无锡|长沙|郑州|济南|福州|合肥|昆明|沈阳|东莞|佛山|珠海"
    r"|温州|常州|广东|江苏|浙江|山东|四川|湖北|湖南|河南|河北|福建|安徽|香港|台湾|澳门)(?:省|市)?"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One Latin word or number, or one Chinese character, folded, with its place in the text."""

    key: str
    start: int
    end: int
    raw: str


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a text; a possessive 's belongs to no token."""
    folded = fold_script(text)
    folded = _POSSESSIVE.sub(lambda match: " " * len(match.group()), folded)
    return [
        Token(
            match.group().lower(), match.start(), match.end(), folded[match.start() : match.end()]
        )
        for match in _TOKEN.finditer(folded)
    ]


def keys_of(name: str) -> tuple[str, ...]:
    """Return the folded tokens of a name."""
    folded = fold_script(name).lower()
    if "'" in folded:
        folded = _POSSESSIVE.sub(" ", folded)
    return tuple(_TOKEN.findall(folded))


def short_company_forms(name: str, keys: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield its names without legal suffix, Chinese ones also without place or trade."""
    bare = list(keys)
    while len(bare) > 1 and bare[-1] in _SUFFIXES:
        bare.pop()
        yield tuple(bare)
    if has_han(name):
        yield from _short_chinese_forms(fold_script(name))


def _short_chinese_forms(name: str) -> Iterator[tuple[str, ...]]:
    bare = _ZH_SUFFIX.sub("", name)
    trade = _ZH_TRADE.sub("", bare)
    for form in (bare, _ZH_PLACE.sub("", bare), trade, _ZH_PLACE.sub("", trade)):
        if len(form) >= 2 and form != name:
            yield keys_of(form)
