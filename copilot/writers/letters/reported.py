"""Reports what a customer asked, without a model, where the change of grammar is mechanical."""

import re

from copilot.grounding import lexicon
from copilot.writers.letters.persons import speaks_of_us, turned
from tools.language import Language

_END = re.compile(r"[\s.?!。？！]+$")
_PRONOUN = r"(?:I|we|it|there|they|you|that|this)"
_AUXILIARY = (
    r"(?:can|could|will|would|should|shall|may|must|is|are|was|were|has|have|had|am|do|does)"
)
_YES_NO = re.compile(rf"^(?P<aux>{_AUXILIARY}) (?P<who>{_PRONOUN})\b(?P<rest> .+)$", re.IGNORECASE)
_WH = r"what|when|where|why|which|who|whom|whose|how"
_OPEN = re.compile(
    rf"^(?P<ask>(?:(?:by|from|until|since|in|on|for|with|to|at) )?(?:{_WH})\b(?: (?!{_AUXILIARY}\b)"
    rf"[\w-]+){{0,5}}?) (?P<aux>{_AUXILIARY}) (?P<who>{_PRONOUN})\b(?P<rest>(?: .+)?)$",
    re.IGNORECASE,
)
# "What happens if …": the question word is the subject, so that nothing changes places.
_SUBJECT = re.compile(
    r"^(?P<ask>(?:what|who|which [\w-]+) (?:happens|comes|counts|matters|changes|remains|speaks"
    r"|goes|pays|owns|decides|signs))\b(?P<rest>.*)$",
    re.IGNORECASE,
)
_DOES = re.compile(
    r"^ (?P<verb>take|cost|work|need|run|include|fit|mean|come|cover|support|look|depend|measure"
    r"|print|send|show|store|keep|make|use|read|need|help|start|end|last|require|contain)\b",
    re.IGNORECASE,
)
_ASKED_TO = re.compile(
    r"^(?:(?:please|kindly)\s+"
    r"|(?:could|can|would|will) you (?:please |kindly |also |then |maybe )*)"
    r"(?P<verb>[a-z]+)\b(?P<rest>.*)$",
    re.IGNORECASE,
)
_NO_REQUEST = frozenset(
    """have be find see think know want say note wait excuse forgive understand feel accept let
    imagine remember answer reply respond ignore tell""".split()  # noqa: SIM905  # a table of words
)
# With "can you", these ask for a favour; other verbs ask what we are able to do.
_FAVOURS = frozenset(
    """send share give show call check confirm reserve book forward add bring prepare provide
    arrange copy include invite schedule keep update sign deliver write explain put move resend set
    help""".split()  # noqa: SIM905  # a table of words
)
_SEND = re.compile(r"^send (?:me|us)\b", re.IGNORECASE)
_PLEASE_ZH = re.compile(
    r"^(?:麻烦(?:您|你|你们|贵司)?|烦请(?:您|你|贵司)?|请(?!问|教)(?:您|你|你们|贵司)?(?:也|再)?)"
)
_MAY_ASK = re.compile(r"(?:^|(?<=[，,]))(?:我?想?请问(?:一下)?|我想问(?:一下|问)?|问一下)[，,：:]?")
_ASKING_ZH = re.compile(
    r"[吗呢么]$|是不是|能不能|有没有|是否|能否|什么|多少|怎么|哪|几|多久|为何|如何|谁"
)


def reported_question(words: str, language: Language) -> str | None:
    """Return "You asked whether …" for a question, None where only a person or model could."""
    plain = _END.sub("", words.strip())
    if language == "zh":
        return _question_zh(plain)
    said = _subject(plain) or _reported_open(plain) or _reported_yes_no(plain)
    return f"You asked {_shorter(said)}." if said else None


def reported_request(words: str, language: Language) -> str | None:
    """Return "You asked us to …" for a request, None where its words cannot be turned exactly."""
    plain = _END.sub("", words.strip())
    if language == "zh":
        wish = _PLEASE_ZH.sub("", plain)
        if wish == plain or len(wish) < 3 or _ASKING_ZH.search(wish[-2:]):
            return None
        return f"您请我们{turned(wish, 'zh')}。"
    match = _ASKED_TO.match(plain)
    wish = plain[match.start("verb") :] if match else plain if _SEND.match(plain) else ""
    is_polite = match is not None and re.match(r"please|kindly", plain, re.IGNORECASE) is not None
    if match is not None and not is_polite and match["verb"].casefold() not in _FAVOURS:
        return None
    if not wish or wish.split()[0].casefold() in _NO_REQUEST or speaks_of_us(wish):
        return None
    rest = turned(_lower(wish), "en")
    return f"You asked us to {rest}." if rest else None


def _subject(plain: str) -> str | None:
    match = _SUBJECT.match(plain)
    if match is None or speaks_of_us(plain):
        return None
    return turned(_lower(plain), "en")


def _reported_open(plain: str) -> str | None:
    match = _OPEN.match(plain)
    clause = _clause(match) if match else None
    return f"{_lower(match['ask'])} {clause}" if match and clause else None


def _reported_yes_no(plain: str) -> str | None:
    match = _YES_NO.match(plain)
    clause = _clause(match) if match else None
    return f"whether {clause}" if clause else None


def _clause(match: re.Match[str]) -> str | None:
    """Return subject, auxiliary and rest in the order of a statement, pronouns turned."""
    aux, who, rest = match["aux"].casefold(), match["who"].casefold(), match["rest"]
    if speaks_of_us(rest):
        return None
    told = turned(rest.strip(), "en") if rest.strip() else ""
    if told is None:
        return None
    if aux == "do":
        head = _TURNED.get(who, who)
    elif aux == "does":
        if _DOES.match(rest) is None:
            return None
        verb, _, tail = told.partition(" ")
        return f"{who} {verb}s {tail}".strip()
    else:
        head = f"{_TURNED.get(who, who)} {_agreeing(aux, who)}"
    return f"{head} {told}".strip()


_TURNED = {"i": "you", "we": "you", "you": "we"}


def _agreeing(aux: str, who: str) -> str:
    if who == "i":
        return {"am": "are", "was": "were"}.get(aux, aux)
    return "should" if aux == "shall" else aux


def _question_zh(plain: str) -> str | None:
    told = turned(_MAY_ASK.sub("", plain).strip("，, "), "zh")
    if not told:
        return None
    able = re.fullmatch(r"(?P<head>[^，,。]*?)(?P<can>能|可以|会)(?P<rest>[^，,。能会]+)吗", told)
    if able:
        whether = {"能": "能否", "可以": "可否", "会": "是否会"}[able["can"]]
        return f"您问到{able['head']}{whether}{able['rest']}。"
    if told.endswith("吗") or "，" in told:
        mark = "？" if told[-1] in "吗呢么" else "。"
        return f"您问到：{told}{mark}"
    return f"您问到{told.rstrip('呢')}。" if _ASKING_ZH.search(told) else None


def _shorter(said: str) -> str:
    return re.sub(r"^(?P<ask>what|how|when) exactly\b", r"\g<ask>", said)


def _lower(text: str) -> str:
    first = re.match(r"[A-Za-z'’]+", text)
    is_common = first is not None and first.group().casefold() in lexicon.COMMON
    is_verb = first is not None and first.group()[1:].islower()
    return text[:1].lower() + text[1:] if is_common or is_verb else text
