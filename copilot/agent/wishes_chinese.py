"""The rules by which a wish for a draft is known in Chinese."""

import re
from dataclasses import dataclass

from copilot.agent.wish_heads import Head, find_clauses, plain_meaning
from copilot.agent.wish_words import NAME, meaning, pattern, rule

PROPOSAL = "proposal"
_MEASURE = r"(?:[一两]?[封份个条段篇版则])"
_SOMEBODY = rf"{NAME}+(?:(?:公司)?的{NAME}+)?"
_TO = rf"«give»{_SOMEBODY}"
_GIVE = rf"{_TO}(?:那边|他们|公司|团队|先生|女士)?(?:再|也|先)?"
_COAXING = re.compile(r"(?:好吗|行吗|可以吗|好不好|行不行)$")
_AFTER = re.compile(rf"[^{NAME}]{{0,10}}?(?:之后|以后|后)[，,]?")
_MAKE = "«make»(?![的了过完好成入出])"
_FEEBLE = re.compile(r"做|弄|出|整|来|搞|准备|生成|编")
_WRITTEN_TO = re.compile(rf"写给{NAME}+的")
_DONE = re.compile(r"^(?:了吗|了没|过吗|没有|了么)|(?:了吗|了没|了没有|过吗|了么|吗|么)$")
_NOT_THING = re.compile(
    r"阶段|状态|金额|数量|列表|记录|率|地址|邮箱|历史|模板|里|中|上|的(?!跟进|回复|邮件|草稿)|了|是"
    r"|[息用任誉心号贷托箱访]"
)
_TOLD = re.compile(r"问|说|确认|询问|告诉|告知|介绍|解释|关于|约|催|提醒")
_TELLING = re.compile(r"[问说关催约]")
_VERBS_TOO = frozenset({"提醒", "回复", "答复", "跟进", "邀请"})
_ANSWER = re.compile(rf"(?:回复|回|复)(?:一下|{_MEASURE})?(?P<rest>(?![了过]).*)$")
_ACT = "«act»(?![过了中的率到人])"
_WHO = re.compile(rf"(?:一下)?(?:客户|联系人)?{_SOMEBODY}(?:他们|那边|公司)?")
_THEIR_MAIL = re.compile(r".{0,12}?(?:邮件|来信|信|消息|微信)(?!息)")
_TO_THEM = re.compile(r"问|询问|告诉|告知|催|提醒|通知")
_SEND = rf"«send»(?![的了过])(?:一下|{_MEASURE})?(?P<thing>«thing»)"
_COUNTED = rf"{_MEASURE}{_TO}的.{{0,6}}?(?P<thing>«thing»)"
_COUNTED_TO = rf"{_MEASURE}.{{0,6}}?(?P<thing>«thing»){_TO}"
_NOUN_OF = rf"(?:{_TO}的|.{{0,6}}?的)?(?P<thing>«thing»)"
_FAR, _BETWEEN, _NEAR, _LEAST_TOLD = 40, 16, 6, 2


def find_chinese(text: str) -> Head | None:
    """Return the head of a wish in the masked text, None if it is no wish for a draft."""
    clauses = list(find_clauses(text, "zh"))
    is_polite = pattern("zh", "polite").search(text) is not None
    for at, clause in enumerate(clauses):
        skipped = _courtesy(clause.text)
        rest = "".join(one.text for one in clauses[at + 1 :])
        head = _head(clause.text[skipped:], rest, is_polite=is_polite)
        if head is not None:
            begins = clause.start + skipped if skipped else clause.begins
            return Head(begins, clause.start + skipped + head.end, head.meaning)
    return None


def _courtesy(clause: str) -> int:
    """Return how many characters "after the call, please" takes at the head of a clause."""
    adverb = _AFTER.match(clause)
    if adverb is None or adverb.end() == len(clause):
        return 0
    opener = rule("zh", "«openers»").match(clause, adverb.end())
    return opener.end() if opener else adverb.end()


def _head(clause: str, rest: str, *, is_polite: bool) -> Head | None:
    give = rule("zh", _GIVE).match(clause)
    at = give.end() if give else 0
    said = _Said(_COAXING.sub("", clause[at:]), rest, give is not None, is_polite)
    head = _made(said) or _answered(said) or _acted(said) or _sent(said)
    if head is None and (give is None or "的" in clause):
        return _named(clause, rest)
    return Head(0, at + head.end, head.meaning) if head else None


@dataclass(frozen=True)
class _Said:
    """A clause after 给王总, what follows it, and whether it is put as a polite question."""

    text: str
    rest: str
    has_addressee: bool
    is_polite: bool

    def ends_asking(self, tail: str) -> bool:
        """Say whether the words after the noun ask about a draft instead of telling its content."""
        if _DONE.search(tail):
            return not (self.is_polite and re.search(r"[吗么]$", tail) and "了" not in tail[-3:])
        asked, told = pattern("zh", "asks").search(tail), _TOLD.search(tail)
        return asked is not None and (told is None or told.start() > asked.start())


def _made(said: _Said) -> Head | None:
    """写一封邮件, 起草方案; 做, 出 and the like only with a measure word or an addressee."""
    verb = rule("zh", _MAKE).match(said.text)
    if verb is None or _WRITTEN_TO.match(said.text):
        return None
    after = said.text[verb.end() :]
    is_feeble = _FEEBLE.fullmatch(verb[0]) is not None
    if is_feeble and not said.has_addressee and re.match(_MEASURE, after) is None:
        return None
    thing = _thing(after)
    if thing is None or pattern("zh", "asks").search(after[: thing.end]):
        return None
    if said.ends_asking(after[thing.end :]):
        return None
    return Head(0, verb.end() + thing.end, thing.meaning)


def _thing(after: str) -> Head | None:
    """Return the noun that is wanted; of two in a row (方案跟进邮件) the last one counts."""
    found: Head | None = None
    for match in pattern("zh", "thing").finditer(after[:_FAR]):
        if found is None and match.start() > _BETWEEN:
            return None
        if _NOT_THING.match(after[match.end() :]):
            continue
        key = plain_meaning(meaning("zh", "thing", match[0]))
        if found is None:
            found = Head(0, match.end(), key)
        elif _goes_on(found, after[found.end : match.start()], match[0]):
            is_more_telling = found.meaning in {"", "proposal"}
            found = Head(0, match.end(), key if is_more_telling else found.meaning)
    return found


def _goes_on(found: Head, between: str, noun: str) -> bool:
    """Say whether the second noun belongs to the first: not 写个短信提醒他."""
    if _TELLING.search(between) or noun in _VERBS_TOO:
        return False
    return not between or (found.meaning in {"", "proposal"} and len(between) <= _NEAR)


def _answered(said: _Said) -> Head | None:
    """给王总回个邮件, 给王总回一下."""
    found = _ANSWER.match(said.text) if said.has_addressee else None
    if found is None or _DONE.search(found["rest"]):
        return None
    if pattern("zh", "asks").search(found["rest"][:4]):
        return None
    thing = pattern("zh", "thing").match(found["rest"])
    return Head(0, found.start("rest") + (thing.end() if thing else 0), "reply")


def _acted(said: _Said) -> Head | None:
    """催一下王总, 回复王伟的上一封邮件, 约王总见面."""
    verb = rule("zh", _ACT).match(said.text)
    if verb is None:
        return None
    key = plain_meaning(meaning("zh", "act", verb[0]))
    after = said.text[verb.end() :]
    who = _WHO.match(after)
    mail = _THEIR_MAIL.match(after) if key == "reply" else None
    if who is None and mail is None and not (said.has_addressee and key == "nudge"):
        return None
    is_done = who is not None and re.fullmatch(r"[了没有过吗么]+", after[who.end() :])
    if is_done or (not _TO_THEM.match(verb[0]) and said.ends_asking(after)):
        return None
    return Head(0, verb.end() + (mail.end() if mail else 0), key)


def _sent(said: _Said) -> Head | None:
    """给李经理发个微信催一下报价: with something to say it is a wish for the words."""
    found = rule("zh", _SEND).match(said.text)
    key = plain_meaning(meaning("zh", "thing", found["thing"])) if found else PROPOSAL
    if found is None or key == PROPOSAL:
        return None
    after = said.text[found.end() :]
    to = re.match(rf"给{NAME}+", after)
    if not said.has_addressee and to is None:
        return None
    content = after[to.end() :] if to else after
    told = re.sub(rf"[\s{NAME}]", "", content + said.rest)
    if (len(told) < _LEAST_TOLD and not key) or _DONE.search(content):
        return None
    return Head(0, found.end(), key)


def _named(clause: str, rest: str) -> Head | None:
    """一封给王总的跟进邮件; 给王伟的跟进邮件; 通话之后的跟进邮件，给王伟."""
    for shape in (_COUNTED, _COUNTED_TO):
        found = rule("zh", shape).fullmatch(clause)
        if found is not None:
            key = plain_meaning(meaning("zh", "thing", found["thing"]))
            return Head(0, found.end("thing"), key)
    found = rule("zh", _NOUN_OF).fullmatch(clause)
    if found is None or (NAME not in clause and not rule("zh", _TO).match(rest)):
        return None
    key = plain_meaning(meaning("zh", "thing", found["thing"]))
    return None if key in {"", PROPOSAL} else Head(0, found.end("thing"), key)
