"""Checks that what binds us stands in an approved fact: price, delivery, terms, roadmap."""

import re
from collections.abc import Sequence
from functools import cache

from copilot.grounding import dates, measures
from copilot.grounding.clauses import overlap, words_of
from copilot.grounding.ground import Ground
from copilot.grounding.quantities import Quantity
from copilot.grounding.sentences import Problem, ProblemKind
from copilot.grounding.support import Support, even, read_text
from copilot.grounding.wordlist import blank_words, load_table, pattern_of
from crm.facts import Fact

_PART = re.compile(
    r"[;；。!！:：—]|\.(?!\d)|(?:,|，)?\s*\b(?:and|but|so|plus|also)\b (?=(?:we|our|I|the|this|it"
    r"|there)\b)"
    r"|[,，]\s*(?=(?:we|our|I['’ ]|my|the price|the discount|delivery|with|including|plus|free"
    r"|at no)\b|(?:我|并|且|另|免费|价格|折扣|交付|保证|这|那|该|就|按|[^，,]{0,6}(?:我们|我方"
    r"|我司)))"
    r"|(?:并且|而且|同时|另外|并|且)(?=[^，。]{2})",
    re.IGNORECASE,
)
REPORTED = re.compile(
    r"\b(?:I|we) (?:mentioned|said|told you|explained)\b|我(?:们)?(?:提过|说过|提到过)|\b(?:[Yy]ou"
    r"|they|he"
    r"|she|the customer|[Yy]our \w+|[Yy]our \w+ \w+|[A-Z][a-z]+(?: [A-Z][a-z]+)?)(?:['’]d| had"
    r"| have|['’]ve| has| also| would| are| is| were)* "
    r"(?:(?:like|prefer) to |like |ask\w*|said|sa(?:y|ys)|mention\w*|not(?:e|ed)|rais\w+"
    r"|request\w*|want\w*|need\w*|hop\w+|expect\w*|told|point\w*|"
    r"propos\w+|suggest\w*|wonder\w*|inquir\w+|plan\w*|looking|look for|aim\w*|requir\w+|worr\w+"
    r"|concern\w*|intend\w*|interested|stress\w*|emphasi\w+|wrote|explain\w*|describ\w*|insist\w*"
    r"|prefer\w*|consider\w*|evaluat\w+|compar\w+)\b"
    r"|\b[Yy]our (?:\w+ ){0,2}(?:question|request|concern|ask|budget|need|requirement|point|wish"
    r"|interest|plan|goal|target|deadline|inquiry|expectation|team|current|existing|go-live"
    r"|rollout|timeline|price|pricing|cost|costs|deliver\w*)s?\b"
    r"|(?:您|贵司|贵公司|贵方|客户|你们|对方|[\u4e00-\u9fff]{1,3}(?:总|经理|先生|女士|主任"
    r"|工))[^，。,；]{0,10}?(?:提到|提出|要求"
    r"|希望|问|询问|想|表示|说|关心|担心|需要|关注|计划|打算|期望|顾虑|强调|写道|告诉|确认|考虑"
    r"|倾向)"
    r"|(?:您|贵司|贵公司|你们)(?:方)?(?:对|关于)?[^，。,；]{0,8}?(?:问题|需求|要求|顾虑|预算|计划"
    r"|目标|疑问|期望|时间表|目前|现有)",
)
_DOCUMENTS = re.compile(
    r"\b(?:send|sent|sending|share\w*|prepar\w+|forward\w*|go (?:through|over)|went (?:through"
    r"|over)|walk\w* (?:you )?through|discuss\w*|review\w*|talk\w*|"
    r"clarif\w+|check\w*|updat(?:ed|ing)|speak|spoke|explain\w*|present\w*"
    r"|show\w*|look\w*|answer\w*"
    r"|attach\w*|enclos\w*|find|question\w*|regarding|concerning|about|on|confirm)\b"
    r"(?:\s+[\w'’-]+){0,6}?\s*$"
    r"|(?:发送|发给|发|准备|整理|讨论|沟通|确认|说明|介绍|解释|关于|查看|附上|更新|提供|回复|核实"
    r"|商量|交流|了解|梳理)[^，。；]{0,10}$",
    re.IGNORECASE,
)
_DOCUMENT_AFTER = re.compile(
    r"^\w*\s*(?:list|overview|sheet|proposal|details|document|breakdown|model|question|options"
    r"|note|plan|schedule|timeline|review|meeting|call|discussion)\w*\b|^(?:表|单|方案|清单|明细"
    r"|说明|问题|计划"
    r"|文件|时间|细节)",
    re.IGNORECASE,
)
_OURS = re.compile(
    r"\b(?:we|our|I|my|us)\b|\b(?:I|we)['’](?:ll|d|ve|m|re)\b|我们|我方|我司|本公司|我",
    re.IGNORECASE,
)
_ASSERTS = re.compile(
    r"\d|\b(?:is|are|will|can|shall|includes?|included|offers?|comes? with|guarantee\w*|get|gets"
    r"|receive\w*|covers?|applies|apply|with)\b"
    r"|为|是|将|会|可以|可|能|包含|包括|享受|提供|给予|保证|承诺|确保|免费|赠送"
    r"|[零一二三四五六七八九十百千万]",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:no|not|cannot|without|never)\b|n['’]t\b|不(?!收|另|限|涨)|无法|没有|未", re.IGNORECASE
)
_STRONG = frozenset(
    {"discount", "free", "refund", "guarantee", "legal", "roadmap", "validity", "support", "waiver"}
)
_TOPICAL = frozenset(
    {"saving", "waiver", "free", "guarantee", "legal", "roadmap", "support", "validity", "refund"}
)
_MONEY = frozenset({ProblemKind.AMOUNT, ProblemKind.PERCENTAGE})
_NONE = re.compile(
    r"\b(?:discount|rebate)\w*\s*(?:of|:|=)?\s*0(?:\.0+)?\s*%|折扣\s*(?:为|：)?\s*0(?:\.0+)?\s*%",
    re.IGNORECASE,
)


@cache
def kinds() -> dict[str, re.Pattern[str]]:
    """Return the kinds of commitments, each with its words."""
    table = load_table("commitments").items()
    return {name: pattern_of(words) for name, words in table if name != "except"}


@cache
def _excepted() -> re.Pattern[str]:
    return pattern_of(load_table("commitments")["except"])


def check_commitments(sentence: str, ground: Ground, cited: Sequence[Fact] = ()) -> list[Problem]:
    """Return a problem for each thing that the sentence binds us to without an approved fact.

    Kind and figures must stand together in one approved fact. A customer's wish that is only
    reported, a document to be sent and a question bind nobody.
    """
    if sentence.rstrip().endswith(("?", "？")):
        return []
    problems: dict[str, Problem] = {}
    approved = ground.approved_facts()
    for part in own_parts(sentence):
        if _only_restates(part, sentence, cited, ground):
            continue
        for name, pattern in kinds().items():
            match = _commits(part, name, pattern, ground)
            if match and not _is_carried(part, name, pattern, approved, ground):
                what = _words_in_question(part, match)
                problems.setdefault(what, Problem(ProblemKind.COMMITMENT, what))
    return list(problems.values())[:1]


def _only_restates(part: str, sentence: str, cited: Sequence[Fact], ground: Ground) -> bool:
    """Say whether a part repeats figures of the customer's words and adds nothing of ours."""
    outside = ground.outside_ids()
    if not cited or any(fact.id not in outside for fact in cited):
        return False
    if _OURS.search(part) or _BINDS.search(part):
        return False
    figures, days = _figures(part, ground)
    support = Support(cited, ground.today, ground.known_names)
    stands = all(_has(figure, support) for figure in figures) and all(
        any(dates.covers(day, period) for period in support.periods) for day in days
    )
    if not stands or not (figures or days):
        return False
    said = frozenset[str]().union(*(words_of(fact.text) for fact in cited))
    return bool(_ATTRIBUTED.search(sentence)) or overlap(words_of(part), said) >= _RESTATED


_RESTATED = 0.5
_BINDS = re.compile(
    r"\b(?:will|shall|guarantee\w*|promise\w*|free|waive\w*|discount\w*)\b|会|将"
    r"|保证|承诺|一定|确保|免费|优惠|折",
    re.IGNORECASE,
)
_ATTRIBUTED = re.compile(
    r"^\W*(?:[A-Z]\w+(?: [A-Z]\w+)?|you|he|she|they) (?:said|wrote|told"
    r"|mentioned|explained|reported|noted)\b"
    r"|^\W*(?:你们|您|贵[司方])|^\W*[\u4e00-\u9fff]{2,8}(?:报价|报了|出价)"
    r"|^\W*[\u4e00-\u9fff]{1,4}(?:来信|来电|邮件里|电话里)?(?:说|写道|表示|告诉|提到|提过)",
    re.IGNORECASE,
)


# "The rollout has to be done by May" tells what is required; it promises nothing.
_REQUIRES = re.compile(
    r"\b(?:must|has to|have to|needs? to|required to)\b|必须|务必|需要在|要求"
    r"|不能晚于|不得晚于|最迟",
    re.IGNORECASE,
)
_OWN_REPORT = re.compile(
    r"\b(?:I|we) (?:outlined|wrote|proposed|described)\b|我(?:们)?(?:在[^，。]{1,8})?写的|"
    r"\b(?:proposal|quote|offer|mail|email|message|letter)s? (?:that )?(?:I|we) (?:have )?sent\b"
    r"|^\W*(?:as )?(?:I|we) (?:mentioned|said|told you|explained)\b"
    r"|^\W*(?:正如)?(?:我|我们)(?:之前|曾|在[^，。]{1,10})?(?:提过|说过|提到过|说明过)",
    re.IGNORECASE,
)


def own_parts(sentence: str) -> list[str]:
    """Return the parts of a sentence in which we speak for ourselves, without reports."""
    if _OWN_REPORT.search(sentence):
        return []
    return [
        part
        for part in _parts(sentence)
        if not (REPORTED.search(part) or (_REQUIRES.search(part) and not _OURS.search(part)))
        or _binds_first(part)
    ]


def _parts(sentence: str) -> list[str]:
    bare = re.sub(r"“[^”]*”|\"[^\"]*\"|「[^」]*」", " ", sentence)
    return [part.strip() for part in _PART.split(bare) if part and part.strip()]


def _binds_first(part: str) -> bool:
    """Say whether we bind ourselves beside a wish that is told: "we guarantee what you need"."""
    ours, theirs = (
        re.search(
            r"\b(?:we|I)(?:['’]ll| will| can| shall| guarantee| offer| promise| commit| give"
            r"| grant| include| provide| waive)\b"
            r"|(?:我们|我方|我司|我)(?:将|会|可以|保证|承诺|能|给|提供|答应|同意)",
            part,
            re.IGNORECASE,
        ),
        REPORTED.search(part),
    )
    if ours is None or theirs is None:
        return False
    between = part[theirs.end() : ours.start()] if theirs.end() <= ours.start() else ""
    # "You asked whether we can …" tells a question; "as you asked, we will …" makes a promise.
    if theirs.start() < ours.start():
        return bool(re.match(r"\W*[,，]|[^,，]{2,}[,，]", between)) or bool(
            re.match(r"(?i)\s*as\b|正如|按|应", part)
        )
    return True


def _commits(
    part: str, name: str, pattern: re.Pattern[str], ground: Ground
) -> re.Match[str] | None:
    found = list(pattern.finditer(blank_words(part, _excepted())))
    has_figure = bool(found) and any(_figures(part, ground))
    for match in found:
        before, after = part[: match.start()], part[match.end() :]
        is_document = _DOCUMENTS.search(before) or _DOCUMENT_AFTER.match(after)
        if is_document and not (
            has_figure and name in {"discount", "price"} and not _DOCUMENT_AFTER.match(after)
        ):
            continue
        if name == "price" and not _sets_price(part, ground):
            continue
        if name == "delivery" and _PAST.search(part) and not _WILL.search(part):
            continue
        if name in {"delivery", "payment"} and not (has_figure or _WILL.search(part)):
            continue
        if name in _STRONG and not (_ASSERTS.search(part) or _OURS.search(part)):
            continue
        if _NEGATED.search(before[-18:] if part.isascii() else before[-3:]) and name not in {
            "validity"
        }:
            continue
        return match
    return None


def _sets_price(part: str, ground: Ground) -> bool:
    """Say whether the part names a price of ours, not a budget and nothing sent before."""
    if _COMPARES.search(part) or _SENT_BEFORE.search(part):
        return False
    return any(each.kind in _MONEY for each in _figures(part, ground)[0])


_WILL = re.compile(
    r"\b(?:will|shall|guarantee\w*|promise\w*)\b|(?:we|I)['’]ll\b|会|将|保证|承诺|一定",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:was|were|had|has been|have been|arrived|started|went|last (?:week|month|year|quarter))\b"
    r"|已(?:经)?|曾|去年|上个?月|上周|了",
    re.IGNORECASE,
)
_COMPARES = re.compile(
    r"\b(?:budget|ceiling|costs? you|you pay|you gave|your own|your limit)\b|预算|上限"
    r"|您.{0,4}(?:支付"
    r"|付)|(?:贵[司方厂]|您的?).{0,8}(?:费用|成本|支出|花费)",
    re.IGNORECASE,
)
_SENT_BEFORE = re.compile(
    r"\b(?:I|we)(?: have|['’]ve)? (?:sent|mentioned|said|told)\b|我(?:们)?(?:提过|说过|提到过"
    r"|发给您的|发的|发您的)",
    re.IGNORECASE,
)


def _is_carried(
    part: str, name: str, pattern: re.Pattern[str], approved: Sequence[Fact], ground: Ground
) -> bool:
    figures, days = _figures(part, ground)
    bare = part
    for each in figures:
        bare = bare.replace(each.raw, " ")
    topic = words_of(pattern.sub(" ", bare))
    for fact in approved:
        text = even(fact.text)
        said = pattern.search(text) or (name == "price" and fact.currency)
        if not said or (name == "discount" and _NONE.search(text)):
            continue
        support = Support([fact], ground.today, ground.known_names)
        standing = [_has(figure, support) for figure in figures]
        if not (any(standing) or not figures if name == "price" else all(standing)):
            continue
        if not all(any(dates.covers(day, period) for period in support.periods) for day in days):
            continue
        if name in _TOPICAL and topic and _same_script(part, text) and not topic & words_of(text):
            continue
        return True
    return False


def _same_script(first: str, second: str) -> bool:
    return bool(re.search(r"[\u4e00-\u9fff]", first)) == bool(re.search(r"[\u4e00-\u9fff]", second))


def _figures(part: str, ground: Ground) -> tuple[list[Quantity], list[dates.DateMention]]:
    reading = read_text(even(part), ground.today, tuple(sorted(ground.known_names)))
    wanted = [each for each in reading.quantities if not each.is_article]
    return wanted, reading.mentions


def _has(figure: Quantity, support: Support) -> bool:
    return any(measures.supports(each, figure) for each in support.quantities)


def _words_in_question(part: str, match: re.Match[str]) -> str:
    if len(part) <= 70:
        return part.strip(" ,，")
    start = max(0, match.start() - 30)
    return part[start : match.end() + 30].strip(" ,，")
