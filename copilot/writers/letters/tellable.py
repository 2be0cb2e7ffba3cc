"""Which words of the customer are worth telling back: whole thoughts, no small talk."""

import re

from copilot.grounding.pack.model import Piece, Role
from crm.index.passages import length_of
from tools.language import has_han

_LEAST = 4.0
_LEAST_TOLD = 6.0
_SHORT = 9.0
_FORMALITY = re.compile(
    r"^(?:this is|it is|it's|my name is|speaking|hi|hello|hey|good (?:morning|afternoon)|thanks?"
    r"|nice to|sounds|great to|i tried to reach you|i have collected|go ahead"
    r"|i have (?:until|half)"
    r"|nothing to add|leave it with me|i may have to bring in"
    r"|let me (?:ask|check|see|think|count)\b"
    r"|we want to do this"
    r"|one more thing|two things|please (?:answer|reply|respond) by|i got your"
    r"|we(?: have|['’]ve) (?:reached|made|taken) a decision)\b"
    r"|\bhear it from me\b"
    r"|\bpersonally\b|^you were well prepared|不要介意|别介意|亲自告诉|你好你好|你讲$"
    r"|\bbusy\b|忙得很|two things[.:]?$|three things[.:]?$"
    r"|^(?:您好|你好|喂|谢谢|辛苦|我是|这里是|早上好|下午好|不好意思|有个好消息|听得清|我刚|随便)"
    r"|(?:邮件|微信)(?:回复|答复)|同步一下|稍等|^(?:马马虎虎|还可以)",
    re.IGNORECASE,
)
# What only points back to something said before cannot stand in a letter by itself.
_POINTS_BACK = re.compile(
    r"^the (?:last|first|second|third) (?:point|one)\b|最后一点"
    r"|^(?:that|it|this|these|those|they|he|she|same|the same|exactly|because|which|then|so)\b"
    r"|\b(?:do|did) (?:that|it|so) by\b|\bi will do (?:that|it)\b|\bI could see our\b"
    r"|^(?:[你您](?!们)|这|那|它|他|她|其|因为|所以|同样|对此|和)|这一点|那个事",
    re.IGNORECASE,
)
# A remark without a verb is the rest of a sentence.
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|have|has|had|do|does|did|can|could|will|would|shall|should|must"
    r"|may|might|am|got|went|came|said|(?:need|want|get|run|use|take|cost|look|work|know|think|see"
    r"|go|ask|make|start|plan|count|keep|lose|matter|like|come|give|pay|buy|expect|hope|prefer)s?)\b"
    r"|\w{2,}ed\b|n['’]t\b|['’](?:s|re|m|ll|ve|d)\b",
    re.IGNORECASE,
)
_CUT_SHORT = re.compile(
    r"(?:(?:部门|公司|领导|集团)要求|拿到|因为|但是|而且|以及|的时候|如果|比如|需要|and|but|because|or|the|to)[，,。.：:]?$",
    re.I,
)


def is_tellable(piece: Piece, words: str) -> bool:
    """Say whether the words of a piece make a sentence that a customer would like to read back."""
    plain = words.strip(" “”\"'")
    if _FORMALITY.search(plain) or _CUT_SHORT.search(plain):
        return False
    least = _LEAST if piece.role is Role.THEIR_QUESTION else _LEAST_TOLD
    if has_han(plain):
        least *= 0.6
    if length_of(plain) < least:
        return False
    if piece.role is Role.THEIR_QUESTION:
        is_short = length_of(plain) < _SHORT
        return not (is_short and re.search(r"\b(?:it|that|this|them)\b", plain, re.IGNORECASE))
    is_clause = has_han(plain) or _VERB.search(plain) is not None
    return is_clause and not _POINTS_BACK.search(plain)
