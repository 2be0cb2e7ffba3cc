"""What a summary of other people's words may be: theirs in short, told as theirs, and no more."""

import re
from collections.abc import Sequence
from dataclasses import replace

from copilot.grounding.commitments import REPORTED, check_commitments
from copilot.grounding.ground import Ground
from copilot.grounding.names import find_addresses
from copilot.grounding.pack.hostile import is_persons_name, orders_the_writer
from copilot.grounding.sentences import CitedSentence, Problem, ProblemKind
from copilot.grounding.spoken import read_said
from copilot.writers.scribe import words_beyond
from crm.facts import Fact
from tools.language import Language

_MARKUP = re.compile(r"[<>{}`]|\]\(|!\[|:\s*//|\bwww\.|[\x00-\x1f\x7f-\x9f]", re.IGNORECASE)
# Who asks for secrets or for money to another account is quoted, never told in our words.
_CODES = (
    r"\b(?:pass(?:word|code|phrase)s?|credentials?|PIN|(?:one[- ]time|security|verification|access)"
    r" codes?|codes? from|log-?in)\b|密码|口令|验证码|校验码|动态码"
)
_ASKING = (
    r"\b(?:repl(?:y|ies)|respond|send|give|tell|provide|enter|share|confirm|submit|ask\w*|request\w*"
    r"|want\w*|need\w*|requir\w+|demand\w*)\b|回复|提供|发|告知|告诉|输入|索|要|填|求|请|给|交出"
)
_SOLICITS = re.compile(
    rf"(?:{_ASKING}).{{0,80}}(?:{_CODES})|(?:{_CODES}).{{0,80}}(?:{_ASKING})"
    r"|\b(?:pay|paid|transfer\w*|wire\w*|remit\w*)\b.{0,80}\b(?:IBAN|[A-Z]{2}\d{2}[A-Z0-9]{8,})\b"
    r"|[付转汇打].{0,16}(?:账户|账号|卡号|[A-Z]{2}\d{2}[A-Z0-9]{8,})",
    re.IGNORECASE,
)
# Up to the last colon before a quote: what stands before it is whose and where.
_LAST_QUOTE = re.compile(r"^.*[:：]\s*[\"“](?P<words>.*)[\"”]\W*$", re.DOTALL)
_ECHOED_CHARS = 30
_OWN = re.compile(r"(?:I|we|our|my)\b|我", re.IGNORECASE)
_NAMED = 2
_HEAD = 60


def may_be_shown(fact: Fact) -> bool:
    """Say whether a model may read a quote: one that orders it about is for people alone."""
    return not orders_the_writer(fact.text)


def is_mere_telling(text: str, rules: str) -> bool:
    """Say whether a summary holds no address, no markup, no order, and nothing of our `rules`.

    Nor does it ask anybody for a password, a code, or money to an account.
    """
    if _SOLICITS.search(text):
        return False
    if _MARKUP.search(text) or find_addresses(text)[0] or orders_the_writer(text):
        return False
    bare, known = _letters(text), _letters(rules)
    starts = range(max(len(bare) - _ECHOED_CHARS + 1, 0))
    return not any(bare[at : at + _ECHOED_CHARS] in known for at in starts)


def attributed(text: str, cited: Sequence[Fact], language: Language) -> str:
    """Return the text as it is where it names who speaks, else with their names in front."""
    names = _speakers(cited)
    if not names or _is_told(text, names):
        return text
    joint, colon = ("、", "：") if language == "zh" else (", ", ": ")
    return f"{joint.join(names[:_NAMED])}{colon}{text}"


def check_retold(
    sentence: CitedSentence, ground: Ground, *, question: str, language: Language
) -> Problem | None:
    """Return what is wrong with a summary that says more than its quotes, or binds us by them."""
    cited = [ground.facts[each] for each in sentence.facts]
    shown = "\n".join([*map(_words_of, cited), question])
    if words_beyond(sentence.text, shown, language):
        return Problem(ProblemKind.ENTAILMENT, sentence.text[:80])
    if _is_told(sentence.text, _speakers(cited)):
        return None
    # No quote approves anything, so that nobody's words become a promise of ours.
    strict = replace(ground, facts={fact.id: fact for fact in cited}, approved=())
    return next(iter(check_commitments(sentence.text, strict, cited)), None)


def _speakers(cited: Sequence[Fact]) -> list[str]:
    said = [one.who for fact in cited if (one := read_said(fact)) is not None]
    return [name for name in dict.fromkeys(said) if is_persons_name(name)]


def _is_told(text: str, names: Sequence[str]) -> bool:
    """Say whether a text begins by telling whose words it tells."""
    head = text[:_HEAD].casefold()
    parts = {part for name in names for part in (name, *name.split()) if len(part) > 1}
    told = REPORTED.search(text[:_HEAD])
    is_others = told is not None and not _OWN.match(told[0])
    return is_others or any(part.casefold() in head for part in parts)


def _words_of(fact: Fact) -> str:
    """Return who speaks and the words, without the title of the talk: anybody may have named it."""
    said, quote = read_said(fact), _LAST_QUOTE.match(fact.text)
    return f"{said.who if said else ''} {quote['words'] if quote else fact.text}"


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
