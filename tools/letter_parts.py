"""How a letter is built and worded: greeting, body, sign-off, length, formality; both languages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tools.language import HAN, Language

LONGEST_GREETING = 60
_LONGEST_SIGN_OFF = 40
_SIGNATURE_LINES = 6
_HAN = re.compile(f"[{HAN}]")
_BLANK = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
_GREETING = re.compile(
    r"^(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)|greetings|morning)\b[^.?]*[,!:]?$"
    r"|^[^。？?]{1,24}(?:您好|你好|好)[：:，,！!]?$|^(?:尊敬的|亲爱的)[^。？?]{1,24}[：:，,！!]?$"
    r"|^(?:您好|你好|大家好)[：:，,！!]?$",
    re.IGNORECASE,
)
_CALLED_BY_NAME = re.compile(r"^[^\s,，.。?？!！]{1,20}(?: [^\s,.?!]{1,20}){0,2}[,，:：!！]$")
_SIGN_OFF = re.compile(
    r"^(?:(?:with )?(?:best|kind|warm|many)?\s*(?:regards|wishes|thanks)|sincerely|cheers|best"
    r"|thank you|thanks(?: a lot| again)?|yours(?: \w+)?|talk soon|all the best)[,.!]?(?:\n.*)?$"
    r"|^(?:此致.*|敬礼|顺颂商祺|祝好|谢谢|致敬|祝.{1,8}|敬上)[！!。]?(?:\n.*)?$",
    re.IGNORECASE | re.DOTALL,
)
_CASUAL_EN = re.compile(r"^(?:hi|hey)\b|\b(?:thanks|cheers|btw|asap|ok|gonna)\b|!|:\)", re.I)
_CONTRACTED = re.compile(r"\b\w+['’](?:m|s|re|ve|ll|d|t)\b", re.IGNORECASE)
_FORMAL_EN = re.compile(
    r"^dear\b|\b(?:sincerely|yours faithfully|would be grateful|hereby|kindly|regarding)\b", re.I
)
_FORMAL_ZH = re.compile(r"尊敬的|您|贵公司|贵司|此致|敬礼|顺颂|敬请|烦请")
_CASUAL_ZH = re.compile(r"(?:^|[^迷])你|哈|啦|呗|嗯|亲|OK|[~～]")


@dataclass(frozen=True)
class LetterParts:
    """A letter taken apart; `signature` are the lines under the words of leave."""

    greeting: str | None
    paragraphs: tuple[str, ...]
    sign_off: str | None
    signature: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words between greeting and leave."""
        return "\n".join(self.paragraphs)


def is_greeting(line: str) -> bool:
    """Say whether a line greets."""
    return len(line) <= LONGEST_GREETING and _GREETING.match(line) is not None


def is_sign_off(block: str) -> bool:
    """Say whether a line, or a block that begins with one, takes leave."""
    return len(block) <= LONGEST_GREETING and _SIGN_OFF.match(block) is not None


def count_words(text: str) -> int:
    """Return the length of a text: words, each Chinese character counted as one."""
    return len(_HAN.findall(text)) + len(_HAN.sub(" ", text).split())


def split_letter(text: str, *, sender: str = "") -> LetterParts:
    """Return the parts of a letter or message as somebody left it.

    Words of leave that nobody knows are taken for such where the sender's name follows them.
    """
    lines = _BLANK.sub("\n\n", text.replace("\r\n", "\n").strip()).split("\n")
    greeting = None
    if lines and (is_greeting(lines[0].strip()) or _is_call(lines)):
        greeting = lines.pop(0).strip()
    start, has_words = _leave(lines, sender)
    leave = [line.strip() for line in lines[start:] if line.strip()]
    paragraphs = [part.strip() for part in "\n".join(lines[:start]).split("\n\n")]
    return LetterParts(
        greeting=greeting,
        paragraphs=tuple(part for part in paragraphs if part),
        sign_off=leave[0] if leave and has_words else None,
        signature=tuple(leave[1:] if has_words else leave),
    )


def _is_call(lines: Sequence[str]) -> bool:
    """Say whether the letter opens with nothing but a name: "Priya," on a line of its own."""
    first = lines[0].strip()
    stands_alone = len(lines) > 1 and not lines[1].strip()
    return stands_alone and _CALLED_BY_NAME.match(first) is not None


def _leave(lines: Sequence[str], sender: str) -> tuple[int, bool]:
    """Return the line where the leave begins, and whether words stand before the name."""
    first = max(0, len(lines) - _SIGNATURE_LINES)
    for number in range(first, len(lines)):
        line = lines[number].strip()
        if line and len(line) <= _LONGEST_SIGN_OFF and is_sign_off(line):
            return number, True
    for number in range(first, len(lines)):
        if not _names(lines[number], sender):
            continue
        before = lines[number - 1].strip() if number > first else ""
        is_leave = 0 < len(before) <= _LONGEST_SIGN_OFF and not re.search(r"[.。?？]$", before)
        return (number - 1, True) if is_leave else (number, False)
    return len(lines), False


def _names(line: str, sender: str) -> bool:
    """Say whether the line is the sender's name, whole or a part of it."""
    wanted, found = sender.casefold().split(), line.strip().strip("-–— ").casefold()
    given = sender[1:] if _HAN.match(sender) and len(sender) > 2 else ""
    return bool(wanted and found) and found in {" ".join(wanted), wanted[0], wanted[-1], given}


def formality_of(texts: Sequence[str], language: Language) -> str:
    """Return "formal", "neutral" or "casual": what more of the letters show than not."""
    formal, casual = (_FORMAL_ZH, _CASUAL_ZH) if language == "zh" else (_FORMAL_EN, _CASUAL_EN)
    score = 0
    for text in texts:
        is_casual = bool(casual.search(text)) or (
            language == "en" and len(_CONTRACTED.findall(text)) > 1
        )
        score += bool(formal.search(text)) - is_casual
    if 2 * abs(score) <= len(texts):
        return "neutral"
    return "formal" if score > 0 else "casual"
