"""The rules by which a wish for a draft is known in English."""

import re
from collections import defaultdict
from functools import cache

from copilot.agent.wish_heads import Clause, Head, find_clauses, plain_meaning
from copilot.agent.wish_words import NAME, alternation, meaning, pattern, words

_N = f"{NAME}+(?:['’]s?(?![\\w]))?"
_STRICT = r"(?:draft|write(?:\s+(?:up|out))?|compose|craft|word|formulate|phrase|pen)"
_HELD = re.compile(
    r"\b(?:of|on|about|from|in|with|at|by|that|which|who|what|how|was|is|are|were|did|has|had"
    r"|report|list|all|every)\b|\b(?:to|for)\b(?!\s+(?:the\s+|our\s+|my\s+|her|him|them|me|us)*(?:"
    + NAME
    + r"|her\b|him\b|them\b|me\b|us\b|a\b|an\b))",
    re.IGNORECASE,
)
_OTHER_NOUN = re.compile(
    r"^\s+(?:address(?:es)?|reports?|lists?|counts?|rates?|stats|statistics|summary|history|logs?"
    r"|threads?|stage|status|volume|charts?|tables?|numbers?|times?|tracking|campaigns?|inbox"
    r"|exchange|templates?|folder|from|of)\b",
    re.IGNORECASE,
)
_INDEFINITE = re.compile(
    r"(?<![\w-])(?:an?|another|some|one|first|second|new|draft)(?![\w-])", re.I
)
_DEFINITE = re.compile(
    r"(?<![\w-])(?:last|latest|previous|newest|recent|existing|old|same|all|every|any|sent)(?![\w-])",
    re.IGNORECASE,
)
_WEAK = re.compile(r"^(?:text|lines?|words|something|paragraph|note)$", re.IGNORECASE)
_RECORDS = re.compile(r"^(?:notes?|reminder)$", re.IGNORECASE)
_MAKES_RECORDS = re.compile(r"^(?:make|create|generate)$", re.IGNORECASE)
_OBJECT = (
    r"(?:\s+(?:up|with|on|to|back|in|again|out|a\s+(?:line|note)\s+to|the|our|my|"
    r"(?:champion|contact|customer|client|team)(?:\s+at)?))*\s+"
)
_SOMEBODY = rf"(?:{_N}|(?:her|him|them)(?![\w-]))"
_MOST_BETWEEN, _MOST_TURNED = 8, 14
_PRONOUN = re.compile(r"\b(?:her|him|them|slack|wechat|the\s+(?:customer|client|team))\b", re.I)
_SAYS = re.compile(
    r"\b(?:about|regarding|re|saying|asking|that|to\s+(?:say|ask|tell|confirm|remind|thank)"
    r"|confirming|explaining|mentioning|reminding|thanking|inviting)\b|:",
    re.IGNORECASE,
)
# What has to follow the name, for these verbs mean other things too.
_NEEDS: defaultdict[str, re.Pattern[str]] = defaultdict(
    lambda: re.compile(""),
    {
        **dict.fromkeys(["tell", "ask", "inform", "contact"], re.compile(r"\s+\S")),
        "let": re.compile(r"\s+know\b", re.IGNORECASE),
        "update": re.compile(r"\s+(?:on|about|that|with)\b", re.IGNORECASE),
    },
)
_MAIL = (
    r"(?:(?:this|that|her|his|their|the|my|our|its|the\s+customer['’]s|the\s+client['’]s)\s+)"
    r"(?:(?:last|latest|most\s+recent|newest|recent|open|unanswered)\s+)?"
    r"(?:e-?mail|mail|message|note|question|questions|request|thread|concern|concerns|call|meeting"
    r"|demo|conversation)(?![\w-])"
)
_BACK = re.compile(
    r"\b(?:it|the\s+(?:draft|e-?mail|mail|message|proposal|offer|reply))\b", re.IGNORECASE
)


def find_english(text: str) -> Head | None:
    """Return the head of a wish in the masked text, None if it is no wish for a draft."""
    found: Head | None = None
    points_back = False
    for clause in find_clauses(text, "en"):
        asks = _asks(clause.text)
        points_back = points_back or (asks and _BACK.search(clause.text) is not None)
        if found is None and not asks:
            found = _head(clause, text)
    speaks_of_one = points_back and text.rstrip().endswith("?")
    return None if speaks_of_one and found is not None and _is_noun_like(text, found) else found


def _asks(clause: str) -> bool:
    is_question = pattern("en", "asks").match(clause) is not None
    return is_question and pattern("en", "make").match(clause) is None


def _head(clause: Clause, text: str) -> Head | None:
    rest = text[clause.start :]
    head = (
        _made(clause.text)
        or _acted(clause.text)
        or _sent(clause.text, rest)
        or _named(clause.text, rest)
    )
    if head is None:
        return None
    return Head(clause.begins, clause.start + head.end, head.meaning)


def _is_noun_like(text: str, found: Head) -> bool:
    """Say whether "draft email to Maria: what did it say?" speaks of a draft that exists."""
    return re.match(r"\s*draft\b", text[found.start :], re.IGNORECASE) is not None


def _made(clause: str) -> Head | None:
    """Draft a reply, write Maria a note, put together a proposal, draft it."""
    verb = pattern("en", "make").match(clause)
    if verb is None:
        return None
    after = clause[verb.end() :]
    for thing in pattern("en", "thing").finditer(after):
        gap = after[: thing.start()]
        if _fits(verb[0], gap, thing, after):
            return Head(0, verb.end() + thing.end(), _meaning_of(thing, after))
        if _HELD.search(gap):
            break
    if not re.fullmatch(_STRICT, verb[0], re.IGNORECASE):
        return None
    if re.match(rf"\s+(?:to\s+|for\s+)?{_N}", after):
        return Head(0, verb.end(), "")
    it = re.match(r"\s+(?:it|one|something|that|this)(?:\s+(?:up|for\s+me|please))*\s*$", after)
    return Head(0, verb.end() + it.end(), "") if it else None


def _meaning_of(thing: re.Match[str], after: str) -> str:
    key = plain_meaning(meaning("en", "thing", thing[0]))
    is_letter = re.match(r"\s+(?:e-?mail|mail|letter)\b", after[thing.end() :], re.IGNORECASE)
    return "proposal_cover" if key == "proposal" and is_letter else key


def _fits(verb: str, gap: str, thing: re.Match[str], after: str) -> bool:
    """Say whether the noun is what the verb asks for: not "a list of emails", "a reply from"."""
    is_turned = verb.lower() == "turn" and " into " in gap
    if len(gap.split()) > (_MOST_TURNED if is_turned else _MOST_BETWEEN):
        return False
    if not is_turned and (_HELD.search(gap) or _DEFINITE.search(gap)):
        return False
    if _is_other_noun(thing, after) or _is_record(verb, thing):
        return False
    if pattern("en", "wants").fullmatch(verb) and not _INDEFINITE.search(gap):
        return False
    return not (_WEAK.match(thing[0]) and NAME not in after and not _PRONOUN.search(after))


def _is_other_noun(thing: re.Match[str], after: str) -> bool:
    other = _OTHER_NOUN.match(after[thing.end() :])
    return other is not None and not (thing[0].lower() == "draft" and "of" in other[0])


def _is_record(verb: str, thing: re.Match[str]) -> bool:
    """Say whether a note or a task is to be made, as in "make a note to call Maria"."""
    return bool(_RECORDS.match(thing[0]) and _MAKES_RECORDS.match(verb))


@cache
def _act(key: str) -> re.Pattern[str]:
    verbs = alternation("en", "act", key=key)
    target = _SOMEBODY if key == "none" else rf"(?:{_SOMEBODY}|{_MAIL})"
    links = r"\s+" if key == "none" else _OBJECT
    return re.compile(
        rf"(?P<verb>{verbs}){links}(?:(?:mr|mrs|ms|dr)\.?\s+)?(?P<who>{target})", re.I
    )


def _acted(clause: str) -> Head | None:
    """Reply to Maria's mail, nudge Initech, follow up with her, let Maria know that."""
    for key in words("en")["act"]:
        found = _act(key).match(clause)
        if found is not None:
            return _acted_as(key, found, clause[found.end() :])
    return None


def _acted_as(key: str, found: re.Match[str], rest: str) -> Head | None:
    verb = " ".join(found["verb"].lower().split())
    if key == "none" and (re.search(r"['’]s?$", found["who"]) or not _NEEDS[verb].match(rest)):
        return None
    if key == "reply":
        mail = re.match(rf"(?:\s+{_POSSESSED})?", rest, re.IGNORECASE)
        return Head(0, found.end() + (mail.end() if mail else 0), key)
    return Head(0, found.start("who"), plain_meaning(key))


_POSSESSED = (
    r"(?:(?:last|latest|most\s+recent|newest|recent|open|unanswered)\s+)?"
    r"(?:e-?mail|mail|message|note)(?![\w-])"
)


def _sent(clause: str, rest: str) -> Head | None:
    """Send Maria an email saying that: with something to say it is a wish for the words."""
    verb = pattern("en", "send").match(clause)
    after = clause[verb.end() :] if verb else ""
    thing = pattern("en", "thing").search(after)
    if verb is None or thing is None:
        return None
    gap = after[: thing.start()]
    if re.search(r"\b(?:the|that|this|my)\b", gap) or not _fits("send", gap, thing, after):
        return None
    if not _SAYS.search(rest[verb.end() + thing.end() :]):
        return None
    return Head(0, verb.end() + thing.end(), _meaning_of(thing, after))


@cache
def _noun_pattern() -> re.Pattern[str]:
    manner = alternation("en", "manner")
    things = alternation("en", "thing")
    return re.compile(
        rf"(?P<lead>(?:(?:an?|the|some)\s+)?(?:{manner}\s+)*)(?P<thing>{things})"
        rf"\s+(?:back\s+)?(?:to|for)\s+(?:the\s+)?{_SOMEBODY}",
        re.IGNORECASE,
    )


def _named(clause: str, rest: str) -> Head | None:
    found = _noun_pattern().match(clause)
    if found is None or re.match(r"the\b", found["lead"], re.IGNORECASE):
        return None
    key = meaning("en", "thing", found["thing"])
    after = rest[found.end() :]
    is_new = bool(_INDEFINITE.search(found["lead"]) or found["lead"].strip())
    says = re.match(
        r"\s*:|\s+(?:about|regarding|re|asking|saying|confirming|explaining)\b", after, re.I
    )
    if key == "proposal" and not is_new:
        return None
    if not is_new and key == "none" and not says:
        return None
    if rest.rstrip().endswith("?") and not is_new:
        return None
    return Head(0, found.end("thing"), plain_meaning(key))
