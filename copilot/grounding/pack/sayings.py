"""What a sentence of a conversation does: asks, worries, needs, promises or tells."""

import re
from collections.abc import Iterator
from enum import StrEnum

from crm.index.passages import length_of

_SENTENCE = re.compile(r".+?(?:[.!?]+[\"”’)]*(?=\s|$)|[。！？；]+[”」]?|\n+|$)\s*", re.DOTALL)
_SHORTENED = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|approx|e\.g|i\.e|vs|no|inc|ltd|co|st|etc)|\b[A-Z])\.\s*$", re.I
)
_QUESTION_END = re.compile(r"[?？][\"”’)]*\s*$|[吗呢][。.]?\s*$")
_REQUEST = re.compile(
    r"^(?:and |but |also |so |then )?(?:please|could you|can you|would you|kindly"
    r"|let (?:me|us) know|send (?:me|us)|tell (?:me|us)"
    r"|i(?:['’]d| would) like to (?:know|understand)"
    r"|(?:i|we) (?:would|['’]d) appreciate)\b"
    r"|\b(?:please (?:send|share|confirm|let|answer|explain|provide|tell|call|include|advise)"
    r"|(?:asks?|wants? to know|wonders?|need to know) (?:whether|if|how|what|when|who|why|where))\b"
    r"|^(?:请(?!问题)|麻烦|烦请|劳烦|能否|可否|能不能|可不可以|是否|方便的话)"
    r"|请(?:您|你|贵司)?(?:尽快|帮忙|发|提供|确认|告知|说明|回复|安排|协助)|(?:想|需要)(?:了解|知道|问)",
    re.IGNORECASE,
)
_BY_MAIL = re.compile(
    r"^please (?:answer|reply|respond)(?: to (?:me|us|this))? (?:by|via|in) (?:e-?mail|writing)"
    r"|请用邮件(?:回复|答复)|请(?:书面|邮件)(?:回复|答复)",
    re.IGNORECASE,
)
_CONCERN = re.compile(
    r"\b(?:concern\w*|worr(?:y|ied|ies)(?! of)|(?:a|the|no|big|real) (?:problem|issue)(?! on)"
    r"|risk\w*|afraid|blocker|too (?:expensive|slow|high|long|complex|much)|not convinced|doubt\w*"
    r"|hesita\w+|push ?back|nobody wants|must not|cannot|can['’]t|won['’]t)\b"
    r"|担心|顾虑|问题是|风险|太贵|太高|太长|太复杂|偏高|超出|超预算|不敢|害怕|怕(?!是)|不能|没法|没办法"
    r"|犹豫|不放心|难处|交代不",
    re.IGNORECASE,
)
_NEED = re.compile(
    r"\b(?:we|i|our(?: \w+){1,3}) (?:\w+ )?(?:needs?|wants?|requires?|would like"
    r"|(?:are|is) looking for|ha(?:ve|s) to|must|plans? to|hopes? to|expects?)\b"
    r"|\b(?:important|matters most|essential|mandatory|priority|must have|goal is|requirement)\b"
    r"|(?:我们|(?<!比)我(?!这边)|公司|厂里|部门)\S{0,6}?(?:需要|想(?!了解|知道|问|的)|希望|要求|计划|打算|必须)|最看重|目标是|重点是|关键是|必须",
    re.IGNORECASE,
)
_PROMISE = re.compile(
    r"\b(?:i|we)(?:['’]ll| will| shall| am going to| are going to|['’]m going to|['’]re going to"
    r"| owe you| promise)\b|\blet me (?:send|check|get|come|ask|put|prepare|find)\b"
    r"|\byou(?:['’]ll| will) (?:have|get|receive) (?:it|the|a|an|our|my)\b"
    r"|(?:我|我们|我这边|这边)(?:会|来|去|马上|稍后|尽快|负责|安排)(?!说)|(?:发|寄|传)给(?:您|你|我)"
    r"|(?:给|向)(?:您|你)(?:答复|回复|发|报)|回头(?:我|给|发)|(?:之前|前)(?:给|发|提交|答复|完成)",
    re.IGNORECASE,
)
_DEFERRED = re.compile(
    r"\b(?:get back to you|check (?:on|with|that|and|this)|find out|not sure|look into"
    r"|confirm (?:that|with)|(?:i|we)(?:['’]d| would) have to|come back to you|don['’]t know"
    r"|need to (?:ask|check)|take that (?:away|with me)|owe you)\b"
    r"|确认一下|回头|查一下|问一下|不清楚|不确定|再答复|晚点|核实|了解一下|带回去",
    re.IGNORECASE,
)
_NEXT_STEP = re.compile(
    r"\bnext (?:step|call|meeting)s?\b|\b(?:schedule|follow up|by (?:mon|tues|wednes|thurs|fri)day"
    r"|demo|pilot|workshop|site visit)\b|下一步|演示|试点|试用|拜访|现场",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)|morning)\b[^.?!]{0,40}[,!:.]?$"
    r"|^\S{0,12}(?:您好|你好|早上好|下午好|晚上好|大家好)[，,！!。：:]?$|^(?:尊敬的|亲爱的)\S{0,14}[：:，,！!]?$",
    re.IGNORECASE,
)
_SIGN_OFF = re.compile(
    r"^(?:(?:with )?(?:best|kind|warm|many)?\s*(?:regards|wishes|thanks)|sincerely|cheers|best"
    r"|thank you|thanks(?: a lot| again| in advance)?|yours(?: \w+)?|talk soon|all the best)"
    r"[,.!]?(?:\n.*)?$|^(?:此致.*|敬礼|顺颂商祺|祝好|谢谢.?|致敬|祝.{1,8}|敬上)[！!。]?(?:\n.*)?$",
    re.IGNORECASE | re.DOTALL,
)
_ATTACHED = re.compile(r"^\[\d+ attached\]$")
_LEAST = 3.0


_LEANING = re.compile(
    r"^(?:yes|no|ok(?:ay)?|good|fine|right|sure|exactly|noted|then|this is|same"
    r"|that(?:['’]s| is| was| would| will| works| sounds)?|it(?:['’]s| is| was))\b"
    r"|^(?:是的?|对|好的?|行|可以|那|这|嗯|没错|明白)",
    re.IGNORECASE,
)
_SHORT = 12.0
_TELLING = 7.0


class Act(StrEnum):
    """What a sentence does."""

    ASKS = "asks"
    WORRIES = "worries"
    NEEDS = "needs"
    PROMISES = "promises"
    TELLS = "tells"


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text on one line each, word for word."""
    found: list[str] = []
    for match in _SENTENCE.finditer(text):
        sentence = " ".join(match.group().split())
        if found and _SHORTENED.search(found[-1]):
            found[-1] = f"{found[-1]} {sentence}"
        elif sentence:
            found.append(sentence)
    return found


def telling_sentences(text: str) -> Iterator[tuple[Act, str]]:
    """Yield the sentences that say something, with what they do; forms of politeness are none."""
    if _SIGN_OFF.match(text.strip()):
        return
    for sentence in split_sentences(text):
        is_form = (
            _GREETING.match(sentence) or _SIGN_OFF.match(sentence) or _ATTACHED.match(sentence)
        )
        if not is_form and length_of(sentence) >= _LEAST:
            yield act_of(sentence), sentence


def act_of(sentence: str) -> Act:
    """Return what a sentence does; a question is one whatever else it does."""
    if _QUESTION_END.search(sentence):
        return Act.ASKS
    if _REQUEST.search(sentence) and not _BY_MAIL.search(sentence):
        return Act.ASKS
    if _PROMISE.search(sentence):
        return Act.PROMISES
    if _CONCERN.search(sentence):
        return Act.WORRIES
    return Act.NEEDS if _NEED.search(sentence) else Act.TELLS


def is_deferral(text: str) -> bool:
    """Say whether an answer puts the question off."""
    return bool(_DEFERRED.search(text))


def names_next_step(text: str) -> bool:
    """Say whether a sentence speaks of a next step."""
    return bool(_NEXT_STEP.search(text))


def leans_on_others(sentence: str) -> bool:
    """Say whether a short sentence says little without the one before: "Yes, that is fine"."""
    return bool(_LEANING.search(sentence)) and length_of(sentence) < _SHORT


def is_small_talk(sentence: str) -> bool:
    """Say whether a sentence that only tells is too short to tell much."""
    return length_of(sentence) < _TELLING and not any(char.isdigit() for char in sentence)


def is_question(sentence: str) -> bool:
    """Say whether a sentence ends as a question."""
    return bool(_QUESTION_END.search(sentence))
