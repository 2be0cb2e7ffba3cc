"""Finds names in Chinese turns: 我是华锐的王强, 王总您看呢, 谢谢小李, 有请张工."""

import re
from collections.abc import Iterator

from ingest.speech.name_words import SURNAMES, TITLES
from ingest.speech.roster import looks_like_han_name

Found = tuple[tuple[str, ...], str, bool]

_HAN = "[\u3400-\u9fff]"
_TITLE = "|".join(TITLES)
_ADDRESS = rf"(?P<name>[小老阿][{''.join(SURNAMES)}]|{_HAN}{{1,3}}?(?:{_TITLE})|{_HAN}{{2,4}}?)"
_CLAUSE = re.compile("[^，,。.！!？?；;、：:\\s]+[，,。.！!？?；;、：:\\s]*")
_SELF = re.compile(
    rf"(?:^|[你您]好|大家好|喂|是的|对|嗯|那个)*(?:我这边是|这边是|这里是|我就是|我是|我叫|我名叫|叫我|免贵姓|敝姓|我姓)(?P<rest>{_HAN}{{1,24}})"
)
_CLEAR = ("我叫", "我名叫", "免贵姓", "敝姓", "我姓")
_NOT_MINE = re.compile("(?:说|问|以为|如果|要是|假如|是不是|不是|觉得|认为|听)我?$|不$")
_TOWARDS = re.compile("[找跟和与给问听请替帮代为见让等对向陪]")
_POLITE = "(?:好的|好|行|嗯|对|是的|没错|那|那么|哎|喂|请问|你好|您好|明白|可以|没问题|不好意思)*"
_VOCATIVE = re.compile(
    rf"^{_POLITE}{_ADDRESS}(?P<after>您好|你好|早上好|上午好|下午好|好|辛苦了?|您|你|[，,、！!？?。.：:]|$)"
)
_THANKED = re.compile(
    rf"(?:谢谢|感谢|多谢|辛苦|麻烦){_ADDRESS}(?:了|啊|的.{{0,8}})?(?:[，,。.！!？?]|$)"
)
_HANDED = re.compile(rf"(?:有请|请|交给|让){_ADDRESS}(?:来|先|给|介绍|讲|说|分享|补充|回答)")
_ASKED_WHO = re.compile(rf"(?:您是|你是|请问是|是){_ADDRESS}(?:吗|吧|么)")
_ASKS = re.compile("[？?]|呢|吗|怎么看|看呢|什么意见|怎么样")


def find_names(text: str) -> Iterator[Found]:
    """Yield (readings, cue, whether the wording makes it a name) for each name in a turn."""
    if not re.search(_HAN, text):
        return
    clauses = [clause.strip() for clause in _CLAUSE.findall(text)]
    for number, clause in enumerate(clauses):
        own = _own(clause)
        if own:
            yield own
            continue
        yield from _of_others(clause, "".join(clauses[number : number + 3]))


def _own(clause: str) -> Found | None:
    found = _SELF.search(clause)
    if found is None or re.search("[吗吧么呢]|[？?]", clause):
        return None
    before = clause[: found.start("rest")]
    cue = next((one for one in ("我这边是", "这边是", "这里是", "我就是", "我是", *_CLEAR, "叫我")
                if before.endswith(one)), "")  # fmt: skip
    if _NOT_MINE.search(before.removesuffix(cue)):
        return None
    rest = found["rest"]
    readings = tuple(_own_readings(rest))
    is_clear = before.endswith(_CLEAR) or "的" in rest
    if before.endswith(("姓",)):
        readings = (f"{rest[0]}先生",) if rest[0] in SURNAMES and len(rest) <= 2 else ()
    return (readings, "self", is_clear) if readings else None


def _own_readings(rest: str) -> Iterator[str]:
    """Yield what may be the name in 华锐食品采购部的王强: its end first, then its beginning.

    Somebody else's name follows a word such as 找 (look for) or is followed by 的 (of).
    """
    rest = re.sub("[啊呀哈哦呢吧]+$", "", rest)
    head, of, tail = rest.rpartition("的")
    if head and of and 1 < len(tail) <= 4:
        yield tail
    for size in (4, 3, 2):
        name, before = rest[-size:], rest[: -size or None]
        if len(rest) >= size and "的" not in name and not _TOWARDS.search(before):
            yield name


def _of_others(clause: str, ahead: str) -> Iterator[Found]:
    for pattern, cue in ((_THANKED, "thanked"), (_HANDED, "handed"), (_ASKED_WHO, "checked")):
        found = pattern.search(clause)
        if found:
            yield _growing(found["name"]), cue, False
            return
    found = _VOCATIVE.match(clause)
    if found is None or not _may_be_called(found["name"]):
        return
    cue = "asked" if _ASKS.search(ahead) else "greeted"
    yield _growing(found["name"]), cue, False


def _may_be_called(name: str) -> bool:
    return (
        name.endswith(TITLES) or name[0] in "小老阿" or looks_like_han_name(name) or len(name) == 2
    )


def _growing(name: str) -> tuple[str, ...]:
    """Return a name with a title as said, and without what a lazy pattern took in before it."""
    return tuple(name[start:] for start in range(max(1, len(name) - 1)))
