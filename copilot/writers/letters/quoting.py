"""Turns words as they were spoken into words that can be written: no fillers, real dates."""

import re
from collections.abc import Callable
from datetime import date

from copilot.grounding.dates import DateMention, find_dates
from copilot.grounding.pack.hostile import orders_the_writer
from crm.index.passages import length_of
from tools.language import Language

_FILLERS = {
    "en": re.compile(
        r",?\s*\b(?:um+|uh+|erm?|hmm+|you know|I mean|sort of|kind of|basically|like I said)\b"
        r"(?:,|(?=[.?!]))?"
        r"|,?\s*\b(?:um+|uh+|erm|hmm+)\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        r"[嗯呃哦唉][，,。]?|(?:那个|这个|就是说|就是|然后|怎么说呢|对吧)[，,]\s*|[，,]对吧"
    ),
}
_LEADS = {
    "en": re.compile(
        r"^(?:(?:yes|yeah|yep|no|well|so|ok(?:ay)?|sure|right|good|great|perfect|fine|exactly|absolutely"
        r"|of course|certainly|understood|got it|good question|that is fair|that's fair|fair enough"
        r"|no problem|agreed|thank you|thanks|nothing to add|and|but|another thing|one more thing"
        r"|first|second|third|firstly|secondly|finally|lastly|also|honestly|frankly|to be honest)"
        r"(?:[,.!;:]\s+|\s*[–—-]\s+)|(?:and|but|so)\s+)+(?=\S)",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        r"^(?:好的|不过|但是|而且)(?=[^，,。的])|^(?:(?:好的?|行|对|是的|嗯|没问题|明白了?|可以的?|当然(?:可以)?|没错|理解|谢谢(?:您|你|大家|各位|两位)?|收到|另外|还有|那|不过|其实"
        r"|先说结论|说实话|首先|第[一二三]|最后)[，,。.！!、：:]\s*)+(?=\S)"
    ),
}
_SALUTATION = re.compile(
    r"^(?:hi|hello|hey|dear)\b[^,.!?:]{0,30}[,!:]\s*|^\S{0,8}(?:您好|你好)[：:，,！!]\s*",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(
    r"^(?:(?:a |an |one |the |some |small |quick |good |bad )*(?:news|corrections?|updates?"
    r"|notes?|reminders?|questions?|remarks?)|fyi"
    r"|for (?:your|our) (?:information|planning|records))\s*[:：]\s*"
    r"|^[^:：，,。]{0,12}(?:消息|参考|(?:更正|补充|提醒|说明)(?:一下)?)\s*[:：]\s*",
    re.IGNORECASE,
)
_STUTTER = re.compile(r"\b(\w+)(?:[, ]+\1\b)+", re.IGNORECASE)
_STUTTER_ZH = re.compile(r"([\u4e00-\u9fff]{1,4})[，,]\1(?=[\u4e00-\u9fff])")
_NOT_STUTTERED = frozenset({"had", "that", "very"})
_CONTRACTED = (
    (re.compile(r"\b(I|we|you|it|they|that|there|he|she)['’]ll\b", re.IGNORECASE), r"\1 will"),
    (re.compile(r"\bI['’]m\b"), "I am"),
    (re.compile(r"\b(we|you|they)['’]re\b", re.IGNORECASE), r"\1 are"),
    (re.compile(r"\b(I|we|you|they)['’]ve\b", re.IGNORECASE), r"\1 have"),
)
_SENTENCES = re.compile(r"[^.!?。！？]+(?:\.(?=\d)[^.!?。！？]+)*[.!?。！？]*[”\"]?")
_PLEASANTRY = re.compile(
    r"^(?:that was|that is (?:very )?(?:helpful|good)|thanks?\b|great\b|perfect\b|have a\b"
    r"|see you|speak soon|talk (?:soon|to you)|bye|good\b.{0,12}$|noted\b.{0,3}$|understood)"
    r"|\bpass (?:that|it|this) on\b|^I (?:will|can) send (?:it|that|this|them)\b"
    r"|^(?:so )?let me (?:just )?(?:summari[sz]e|sum up|recap)|^(?:我|那我)?(?:来)?总结一下"
    r"|^(?:谢谢|辛苦|再见|好的|没问题|明白|记下了|收到)[^，]{0,4}[。.！!]?$",
    re.IGNORECASE,
)
_ASKING = re.compile(r"[?？][”\"]?\s*$|(?:吗|呢)\s*[。.]?\s*$")
_RELATIVE = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|this|next|last|coming)\b|[今明昨后前][天日晚]|^[上下本这]"
    r"|^(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?s?$|^(?:周|星期|礼拜).$",
    re.IGNORECASE,
)
# Never quoted back by code: orders to us, and terms that only a person may repeat as a statement.
_ORDER = re.compile(
    r"\bignore\b|instruction|\brules?\b.{0,20}\b(?:ignore|forget|obey)|\bprompt\b|\bsystem\b.{0,12}\bmessage"
    r"|https?:|</?\w+|忽略.{0,8}(?:指令|规则|要求)|指令|提示词",
    re.IGNORECASE,
)
_TERMS = re.compile(r"\bdiscount|free of charge|\brebate|price list|折扣|免费|返点", re.IGNORECASE)


def spoken_clean(words: str, language: Language) -> str:
    """Return words without fillers, stutters and the "well, yes," in front; never nothing."""
    flat = " ".join(words.split())
    flat = _SALUTATION.sub("", flat) or flat
    plain = _FILLERS[language].sub(" " if language == "en" else "", flat)
    plain = _STUTTER.sub(_once, plain) if language == "en" else _STUTTER_ZH.sub(r"\1", plain)
    plain = _LEADS[language].sub("", plain.strip(" ,，"))
    plain = _ANNOUNCED.sub("", plain) or plain
    if language == "zh":
        plain = re.sub(r"吧(?=[。，]?$)", "", plain)
    plain = re.sub(r"\s+([.,;!?])", r"\1", " ".join(plain.split())).strip(" ,，、")
    return _capital(plain) or flat


def _once(match: re.Match[str]) -> str:
    word = match.group(1)
    return match.group() if word.casefold() in _NOT_STUTTERED or word.isdigit() else word


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def quotable(words: str, language: Language, said_on: date | None, length: float) -> str | None:
    """Return words fit to stand in quotation marks: dates resolved, cut with "…", or None.

    None where code must not repeat them: orders to us, and terms that only a person may repeat.
    """
    if _ORDER.search(words) or orders_the_writer(words):
        return None
    if _TERMS.search(words) and not _ASKING.search(words):
        return None
    plain = dated(spoken_clean(words, language), said_on, language)
    return _cut(plain, length).strip(" .。")


def dated(words: str, said_on: date | None, language: Language) -> str:
    """Put the day for "tomorrow" and 下周四: by the time of the letter they mean another one."""
    if said_on is None:
        return words
    mentions, _ = find_dates(words, said_on)
    for mention in reversed(mentions):
        if _RELATIVE.search(mention.raw):
            words = (
                words[: mention.start] + _shown(mention, said_on, language) + words[mention.end :]
            )
    words = re.sub(r"\b(on|by|until|before|at|from) on\b", r"\1", " ".join(words.split()))
    return re.sub(r"\s+([.,;!?])", r"\1", words)


def _shown(mention: DateMention, said_on: date, language: Language) -> str:
    # "this week" of a past talk cannot be put into one day; without it the words still hold.
    if mention.is_vague:
        return ""
    ahead = [period.start for period in mention.stated if period.start >= said_on]
    day = min(ahead) if ahead else mention.stated[0].start
    return shown_day(day, language, with_on=True)


def shown_day(day: date, language: Language, *, with_on: bool = False) -> str:
    """Return a day for readers: "25 November", 11月25日."""
    if language == "zh":
        return f"{day.month}月{day.day}日"
    return f"{'on ' if with_on else ''}{day.day} {day:%B}"


def our_words(words: str, language: Language, said_on: date | None, length: float) -> str | None:
    """Return what our side said as we would write it: whole statements, no questions, None if none.

    Our own words need no change of person: what was said to the customer can be written to them.
    """
    plain = dated(spoken_clean(words, language), said_on, language)
    for pattern, written in _CONTRACTED:
        plain = pattern.sub(written, plain)
    kept: list[str] = []
    for part in (each.strip() for each in _SENTENCES.findall(plain)):
        if (
            not part
            or _ASKING.search(part)
            or _PLEASANTRY.search(part)
            or (kept and length_of(" ".join([*kept, part])) > length)
        ):
            continue
        kept.append(_capital(part))
    text = ("" if language == "zh" else " ").join(kept).strip()
    if language == "zh":
        text = text.replace("你们", "贵司").replace("你", "您")
    return _ended(text, language) if text else None


def core_sentence(
    words: str, *, is_asked: bool, telling: Callable[[str], bool] = lambda _part: False
) -> str:
    """Return the one sentence of some words that a letter tells: the question, else the longest.

    The first that is `telling` goes before the longest.
    """
    parts: list[str] = [part.strip() for part in _SENTENCES.findall(words) if part.strip()]
    if len(parts) < 2 or "…" in words:
        return words
    asked = [part for part in parts if _ASKING.search(part)]
    if is_asked and asked:
        return asked[0]
    said = next((part for part in parts if telling(part)), None)
    return said or max(parts, key=length_of)


def is_question(words: str) -> bool:
    """Say whether the words end in a question."""
    return bool(_ASKING.search(words))


def _ended(text: str, language: Language) -> str:
    if text[-1:] in ".!?。！？…":
        return text
    return text.rstrip(",，;；") + ("。" if language == "zh" else ".")


def _cut(text: str, length: float) -> str:
    """Return the leading sentences, or words, that fit, with "…" where something is missing."""
    if length_of(text) <= length:
        return text
    kept = ""
    for part in _SENTENCES.findall(text):
        if length_of(kept + part) > length:
            break
        kept += part
    if kept.strip():
        return kept.strip()
    pieces = list(text) if not text.isascii() else [f"{word} " for word in text.split()]
    for piece in pieces:
        if length_of(kept + piece) > length:
            break
        kept += piece
    return kept.rstrip(" ,，、") + "…"
