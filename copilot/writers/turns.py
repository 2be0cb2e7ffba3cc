"""Choosing the turns of a conversation that a letter needs, and finding unanswered questions."""

import re
from collections.abc import Sequence

from crm.index.passages import length_of
from crm.index.terms import query_terms, terms_of
from crm.models import Side
from tools.spoken import Spoken, shorten

_QUESTION = re.compile(
    r"[?？]|\b(?:could you|can you|do you|is there|are you able)\b|[吗呢]\s*[。.]?$"
    r"|能不能|是否|有没有|多少|怎么",
    re.IGNORECASE,
)
_CONCERN = re.compile(
    r"\b(?:concern\w*|worr\w+|problem|issue|risk\w*|afraid|blocker|too expensive"
    r"|budget|deadline|must|"
    r"cannot|require\w*|competitor)\b|担心|顾虑|问题是|风险|太贵|预算|必须|要求"
    r"|截止|竞争|害怕|不能",
    re.IGNORECASE,
)
_COMMITMENT = re.compile(
    r"\b(?:I|we)(?:['’]ll| will| can|['’]re going to)\b|\blet me\b|\b(?:send"
    r"|share) (?:you|me|us)\b"
    r"|我(?:们)?(?:会|来|这边|去|明天|下周|今天)|发给(?:您|你|我)|安排|回头",
    re.IGNORECASE,
)
_NEXT_STEP = re.compile(
    r"\bnext (?:step|week|month|call)\b|\b(?:schedule|follow up|by (?:mon|tues"
    r"|wednes|thurs|fri)day|demo|pilot)\b"
    r"|下一步|下周|之前|演示|试点|试用|安排|签",
    re.IGNORECASE,
)
_DEFERRED = re.compile(
    r"\b(?:get back to you|check (?:on|with|that|and)|find out|not sure|look into"
    r"|confirm (?:that|with)|"
    r"I(?:['’]d| would) have to|come back to you|don['’]t know|need to ask|take that away)\b"
    r"|确认一下|回头|查一下|问一下|不清楚|不确定|再答复|晚点|核实|了解一下",
    re.IGNORECASE,
)
_SMALL_TALK = 5
_QUOTE_LENGTH = 30.0
_ANSWER_LENGTH = 6
_SENTENCES = re.compile(r"[^.!?。！？]+[.!?。！？]*")


def choose_turns(turns: Sequence[Spoken], purpose: str, limit: int) -> list[Spoken]:
    """Return at most `limit` turns that matter for the purpose, in the order they were said."""
    wanted = set(query_terms(purpose))
    ranked = sorted(turns, key=lambda turn: _weight(turn, wanted), reverse=True)
    chosen = [turn for turn in ranked if _weight(turn, wanted) > 0][:limit]
    replies = [_reply_to(turn, turns) for turn in chosen]
    chosen += [reply for reply in replies if reply is not None and reply not in chosen]
    return sorted(chosen, key=lambda turn: (turn.conversation_id, turn.first))


def quote_of(turn: Spoken, purpose: str) -> str:
    """Return the turn's words, or whole sentences of some thirty words that matter most."""
    cues = [term for sentence in _cued(turn) for term in terms_of(sentence)]
    return shorten(turn.text, [*query_terms(purpose), *cues], _QUOTE_LENGTH)


def open_questions(turns: Sequence[Spoken], limit: int) -> list[str]:
    """Return the customer's questions that our side did not answer in the conversation.

    A question counts as answered when our next turn says something of length that neither defers
    ("I'll get back to you") nor only asks back.
    """
    found: list[str] = []
    for place, turn in enumerate(turns):
        if turn.side is not Side.CUSTOMER:
            continue
        asked = [each.strip() for each in _SENTENCES.findall(turn.text) if _asks(each)]
        if asked and not _is_answered(turns[place + 1 :]):
            found.append(shorten(asked[-1], (), _QUOTE_LENGTH))
    return list(dict.fromkeys(found))[:limit]


def is_commitment(text: str) -> bool:
    """Say whether somebody commits to something in these words, or names a next step."""
    return bool(_COMMITMENT.search(text) or _NEXT_STEP.search(text))


def _reply_to(turn: Spoken, turns: Sequence[Spoken]) -> Spoken | None:
    """Return our very next turn after a customer's question: an evasive answer is one too."""
    if turn.side is not Side.CUSTOMER or not _QUESTION.search(turn.text):
        return None
    following = turns[turns.index(turn) + 1 :][:1]
    return next((reply for reply in following if reply.side is Side.OURS), None)


def _weight(turn: Spoken, wanted: set[str]) -> float:
    length = length_of(turn.text)
    is_customer = turn.side is Side.CUSTOMER
    weight = 2.0 * min(len(wanted.intersection(terms_of(turn.text))), 2)
    weight += 3.0 if is_customer and _QUESTION.search(turn.text) else 0.0
    weight += 2.0 if is_customer and _CONCERN.search(turn.text) else 0.0
    weight += 2.0 if _COMMITMENT.search(turn.text) else 0.0
    weight += 1.5 if _NEXT_STEP.search(turn.text) else 0.0
    weight += 0.5 if re.search(r"\d", turn.text) else 0.0
    return weight - (4.0 if length < _SMALL_TALK else 0.0)


def _cued(turn: Spoken) -> list[str]:
    cues = (_QUESTION, _CONCERN, _COMMITMENT, _NEXT_STEP)
    return [part for part in _SENTENCES.findall(turn.text) if any(cue.search(part) for cue in cues)]


def _asks(sentence: str) -> bool:
    is_question = sentence.rstrip().endswith(("?", "？")) or re.search(r"[吗呢]\s*。?$", sentence)
    return bool(is_question) and length_of(sentence) >= _SMALL_TALK


def _is_answered(later: Sequence[Spoken]) -> bool:
    reply = next((turn for turn in later if turn.side is Side.OURS), None)
    if reply is None or _DEFERRED.search(reply.text):
        return False
    stated = [
        part for part in _SENTENCES.findall(reply.text) if not part.rstrip().endswith(("?", "？"))
    ]
    return length_of(" ".join(stated)) >= _ANSWER_LENGTH
