"""Knows what speaks of an action without asking for it: "never mind", "don't move …", 不对."""

import re

from copilot.agent.act_scene import Scene, plain_request
from copilot.agent.act_splitting import is_request
from copilot.agent.act_words import FIELD

_END = r"[\s,，.。!！~]*"
_TAKES_BACK = re.compile(
    r"(?:(?:no|oh|ok|okay|sorry|wait|actually|please)[\s,.]+)*"
    r"(?:cancel|never ?mind|forget|scratch|undo|withdraw|drop|leave|stop|abort|don['’]t(?: do)?)"
    r"(?: (?:it|that|this|about (?:it|that)|everything))?(?:[\s,]+(?:please|thanks|then))*"
    r"|(?:(?:算了|取消|不用了?|不要了?|不必了?|撤销|撤回|作废|当我没说|别(?:做|弄|办|管)?了)"
    r"(?:吧|掉|这个|它|刚才的)*[\s,，、]*)+",
    re.IGNORECASE,
)
_CORRECTS = re.compile(
    r"(?:no|nope|wait|sorry|oops|actually|correction|rather|instead|i meant|i mean|make (?:it|that)"
    r"|(?:it|that) should be|should be|not)\b(?=.)"
    r"|(?:不对|不是|错了|搞错了?|说错了?|写错了?|我是说|我的意思是|应该是|改成|改为|换成|还是)",
    re.IGNORECASE,
)
_AGREES = re.compile(
    r"(?:yes|yep|yeah|ok|okay|sure|confirm(?:ed)?|agreed|do it|go ahead|please do|sounds good)"
    r"(?:[\s,]+(?:please|thanks|do it|go ahead))*"
    r"|(?:好的?|可以|确认|是的?|行|没问题|同意|执行吧?|对的?|去做吧|嗯)",
    re.IGNORECASE,
)
_NEVER = re.compile(
    r"^(?:please )?(?:do not|don['’]?t|never)\s+(?P<what>.+)$"
    r"|^(?:请)?(?:先|暂时|千万)?(?:不要|别|勿|不用|无需|不必)(?:再|先)?(?P<what2>.+)$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"^(?:how (?:do|can|could|would|should) (?:i|we|you)|(?:should|shall|must|may) (?:i|we)"
    r"|(?:did|have|had) you(?: already)?|why (?:did|do|should) (?:i|we|you)"
    r"|what (?:would |will )?happens? if (?:i|we|you)|what if (?:i|we|you))\s+(?P<what>.+)$"
    r"|^(?:怎么|如何|怎样|要不要|该不该|是否应该|需不需要)(?:才能|去|能)?(?P<what2>[把将给].+)$"
    r"|^(?:你|您)?(?:已经|有没有)?(?P<what3>[把将给].+?)(?:了吗|了没有?|了么)$",
    re.IGNORECASE,
)
_PAST = re.compile(r"^(?P<verb>move|mark|change|update|request|set|create)d\b", re.IGNORECASE)
_BY = re.compile(
    r"^(?:increase|decrease|raise|lower|reduce|cut|grow|push|postpone|delay|extend|move|shift"
    rf"|bring forward)\b.*\b(?:{FIELD})\b.*\bby\s+(?:\d|an?\b|one|two|three|four|[$€£¥])"
    rf"|^(?:把|将)?.+?的?(?:{FIELD})(?:增加|减少|提高|降低|上调|下调|上浮|下浮|涨|降|加|减)(?:了)?"
    r"[\d一二三四五六七八九十百两]",
    re.IGNORECASE,
)


def takes_back(question: str) -> bool:
    """Say whether the words drop what was asked for, and say nothing else."""
    return re.fullmatch(rf"(?:{_TAKES_BACK.pattern}){_END}", question.strip(), re.I) is not None


def corrects(question: str) -> bool:
    """Say whether the words begin as a correction of what was said before."""
    said = question.strip()
    return _CORRECTS.match(said) is not None and not said.endswith(("?", "？"))


def agrees(question: str) -> bool:
    """Say whether the words agree, and say nothing else."""
    return re.fullmatch(rf"(?:{_AGREES.pattern}){_END}", question.strip(), re.I) is not None


def spoken_of(scene: Scene, question: str) -> str:
    """Return the phrase to answer with where an action is spoken of and not asked for; else "".

    "Don't move …", "how do I move …?", and "raise the amount by 10 %", which names no value.
    """
    asked = question.strip().rstrip(" .。!！?？")
    if _BY.match(plain_request(asked)):
        return "act_to_what"
    for pattern, name in ((_NEVER, "act_not_done"), (_ABOUT, "act_only_spoken")):
        match = pattern.match(asked)
        if match is None:
            continue
        said = next(one for one in match.groupdict().values() if one)
        bare = plain_request(_PAST.sub(r"\g<verb>", said))
        return name if is_request(scene, bare) else ""
    return ""
