"""Checks who gives, comes or calls: our promise to send something is not the customer's."""

import re
from collections.abc import Collection, Sequence
from functools import cache

from copilot.grounding.sentences import Problem, ProblemKind
from copilot.grounding.spoken import read_said
from crm.facts import Fact

_GIVE = (
    r"(?:send|give|bring|share|provide|forward|hand|deliver|submit|supply"
    r"|prepare|write up|put together"
    r"|let (?:you|us|me) have|get (?:you|us|me)|pass on)"
)
_GO = r"(?:visit|come|call|ring|phone|be back|return|be at|drop by|travel)"
_WILL = (
    r"(?:['’]ll|['’]m going to|['’]re going to| will| shall| can| could| are going to| am going to"
    r"| would| wanted to| want to| offered to| promised to| owe| plan to| intend to)"
)
_HALT = r"[^,;:.!?]"
_I_DO = rf"\b(?:I|we){_WILL}(?: \w+)?(?: \w+ and)? {{verbs}}\b|\blet me {{verbs}}\b"
_YOU_DO = rf"\byou{_WILL}(?: \w+)?(?: \w+ and)? {{verbs}}\b"
# By whom something is given, seen by the one who speaks: himself, or the one spoken to.
_SELF = (
    _I_DO.format(verbs=_GIVE)
    + r"|\b(?:I|we)(?: still)? owe you\b|\basked (?:us|me) to (?:send|give|share|bring|provide)\b"
    + rf"|\byou(?:['’]ll| will| should| can|['’]re going to)? (?:soon )?(?:get|have"
    rf"|receive)\b(?! to\b)(?!{_HALT}*\b(?:us|me)\b)"
    + r"|\b(?:I|we) promised you\b"
    + r"|(?:给|发|寄给|发给|提供给|带给|交给)(?:您|你|贵)|(?:我|我们|我方|我司)(?:欠|还欠)(?:您|贵)"
    r"|您(?:会|将"
    r"|可以)?(?:收到|拿到)"
    + r"|(?<!给)(?<!发)(?:我|我们|我方|我司)(?:会|将|可以|来|负责)[^，。；]{0,16}"
    r"(?:发|寄|带|提供|准备好|整理好"
    r"|写出来)(?!给我)"
)
_OTHER = (
    _YOU_DO.format(verbs=_GIVE)
    + r"|\byou(?: still)? owe (?:us|me)\b|\basked you to (?:send|give|share|bring|provide)\b"
    + rf"|\b(?:we|I)\b{_HALT}*\b(?:get|have|receive|expect|await"
    rf"|waiting for)\b{_HALT}*\bfrom (?:you\b|your (?:side|team))"
    + r"|\b(?:send|give|forward) (?:us|me)\b|\blet (?:us|me) have\b"
    + r"|(?:给|发给|寄给|提供给|带给|交给|发)(?:我们|我方|我司|我(?!们|方|司))"
    r"|(?:您|贵方|贵司|贵公司|你们)(?:还)?欠"
    + r"|(?:您|贵[方司厂])的待办|(?:您|贵方|贵司|贵公司|你们)(?:会|将|要)[^，。；]{0,16}"
    r"(?:发来|寄来|带来|提供|准备好"
    r"|带[^，。]{1,8}过来)"
)
_SELF_GOES = (
    _I_DO.format(verbs=_GO) + r"|(?<!给)(?:我|我们)(?:会|将|要|去|来|可以)?[^，。；您]{0,10}"
    r"(?:去|来)?(?:拜访|看望|见)(?:您|贵|你)"
    + r"|(?<!给)(?<!跟)(?:我|我们)[^，。；您]{0,16}(?:过来|过去|来见您)|下下?周我[^，。]{0,10}过来"
)
_OTHER_GOES = (
    _YOU_DO.format(verbs=_GO)
    + r"|(?:您|贵方|你们)[^，。；我]{0,10}(?:来|去)?(?:拜访|看望|见)(?:我们|我)|(?:您"
    r"|贵方)[^，。；我]{0,16}(?:过来|来我们)"
)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    pairs = ((_SELF, _OTHER), (_SELF_GOES, _OTHER_GOES))
    return tuple(
        (re.compile(own, re.IGNORECASE), re.compile(other, re.IGNORECASE)) for own, other in pairs
    )


_OUR_TASK = re.compile(r"\bour open task\b|\btask open\b|我方待办", re.IGNORECASE)
_THEIR_TASK = re.compile(
    r"\b(?:their|the customer['’]s) open task\b|客户待办|对方待办", re.IGNORECASE
)
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|「[^」]*」")


def check_giver(sentence: str, cited: Sequence[Fact], outside: Collection[str]) -> list[Problem]:
    """Return a problem if the sentence lets the wrong side give something, come or call.

    Only where sentence and facts each name one side.
    """
    bare = _QUOTED.sub(" ", sentence)
    if bare.rstrip().endswith(("?", "？")):
        return []
    for place, pair in enumerate(_patterns()):
        claimed = _doers(bare, pair, is_theirs=False)
        stated: set[str] = set()
        for fact in cited:
            stated |= _doers_of(fact, pair, fact.id in outside, is_giving=place == 0)
        if len(claimed) == 1 and len(stated) == 1 and claimed != stated:
            return [Problem(ProblemKind.SPEAKER, sentence.strip()[:60])]
    return []


def _doers_of(
    fact: Fact, pair: tuple[re.Pattern[str], re.Pattern[str]], is_theirs: bool, *, is_giving: bool
) -> set[str]:
    said = read_said(fact)
    if said is not None:
        return _doers(said.words, pair, is_theirs=is_theirs)
    if not is_giving:
        return set()
    if _OUR_TASK.search(fact.text):
        return {"us"}
    return {"them"} if _THEIR_TASK.search(fact.text) else set()


def _doers(
    text: str, pair: tuple[re.Pattern[str], re.Pattern[str]], *, is_theirs: bool
) -> set[str]:
    own, other = ("them", "us") if is_theirs else ("us", "them")
    found = {own} if pair[0].search(text) else set()
    return found | ({other} if pair[1].search(text) else set())


_COLLEAGUE = re.compile(
    r"\b(?P<whose>my|our|your) (?:\w+ ){0,2}?(?P<name>[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)?)"
    r"|(?P<zhwhose>我们?的?|您的?|贵[司方]的?)(?:同事|工程师|架构师)(?P<zh>[\u4e00-\u9fff]{2,3})"
)
_OF_US = (
    r"{name}[^.;。；]{{0,6}}\b(?:from|of|in) our\b|\b(?:our|my) (?:\w+ ){{0,3}}{name}"
    r"|{name}, our\b|我们?的?(?:同事|工程师|架构师){name}"
)


def check_colleague(
    sentence: str, cited: Sequence[Fact], outside: Collection[str]
) -> list[Problem]:
    """Return a problem if a colleague of one side is told as one of the other."""
    for match in _COLLEAGUE.finditer(sentence):
        name = match["name"] or match["zh"]
        whose = (match["whose"] or match["zhwhose"]).lower()
        is_ours = whose in {"my", "our"} or whose.startswith("我")
        for fact in cited:
            said = read_said(fact)
            pattern = _OF_US.format(name=re.escape(name.split()[0]))
            if said and re.search(pattern, said.words) and (fact.id in outside) == is_ours:
                return [Problem(ProblemKind.SPEAKER, match.group())]
    return []
