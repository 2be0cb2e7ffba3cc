"""Where a mail goes over into those that it quotes, as programs of many languages mark it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_LINE_CHARS = 1_000

_WROTE = (
    re.compile(r"on\b.{6,250}\bwrote\s*:$", re.I),
    re.compile(
        r"(am|le|el|il|em|op|den|w dniu)\b.{6,250}\b"
        r"(schrieb|écrit|escribió|ha scritto|escreveu|schreef|skrev|napisał|napisała)\b.{0,120}:$",
        re.I,
    ),
    re.compile(r"(.{0,120}[于在])?\s{0,9}\d{4}\s{0,9}[年/.-].{2,160}[写寫]道\s*[:：]$"),
)
# Whatever the language: an address and a date on a line that ends with a colon.
_ADDRESS = re.compile(r"<[^<>@\s]{1,120}@[^<>\s]{1,200}>")
_YEAR = re.compile(r"(?<!\d)(19|20)\d\d(?!\d)|\b\d{1,2}[./-]\d{1,2}[./-]\d{2}\b")
_MARKED = re.compile(
    r"[-_=]{2,}\s*(original (message|appointment)|forwarded (message|by)|ursprüngliche nachricht"
    r"|original-?nachricht|weitergeleitete nachricht|message d.origine|message transféré"
    r"|mensaje (original|reenviado)|messaggio (originale|inoltrato)|mensagem (original|encaminhada)"
    r"|oorspronkelijk bericht|doorgestuurd bericht|ursprungligt meddelande|wiadomość oryginalna"
    r"|原始邮件|转发的?邮件|转发邮件信息|原邮件|原始郵件|轉寄郵件"
    r"|元のメッセージ|転送メッセージ|원본 메시지)",
    re.I,
)
_FORWARDED = re.compile(
    r"(begin forwarded message|anfang der weitergeleiteten nachricht|début du message (réexpédié|"
    r"transféré)|inicio del mensaje reenviado|inizio messaggio inoltrato"
    r"|以下是转发的邮件|开始转发邮件)"
    r"\s*[:：]?$",
    re.I,
)
_RULE = re.compile(r"[_-]{10,}$")

_SENDER = "from|von|de|da|van|från|fra|od|от|发件人|寄件者|寄件人|差出人|보낸 사람"
_OTHERS = (
    "sent|date|to|cc|subject|importance|gesendet|datum|an|betreff|kopie|envoyé|à|objet|enviado|"
    "enviada(?: em)?|fecha|data|para|asunto|assunto|inviato|a|oggetto|verzonden|aan|onderwerp|"
    "skickat|till|ämne|sendt|til|emne|wysłano|do|temat|отправлено|дата|кому|тема|发送时间|发件时间|"
    "日期|时间|收件人|抄送|主题|寄件日期|收件者|副本|主旨|送信日時|日時|宛先|件名|"
    "보낸 날짜|받는 사람|제목"
)
_HEADER = re.compile(rf"\*?({_SENDER}|{_OTHERS})\*?\s*[:：]\*?.*", re.I)
_SENDER_LINE = re.compile(rf"\*?({_SENDER})\*?\s*[:：]\*?\s*\S.*", re.I)
_FIRST = re.compile(r"\*?(sent|date|gesendet|datum|envoyé|发送时间|日期)\*?\s*[:：].*", re.I)


@dataclass(frozen=True)
class Divided:
    """The lines newly written, and those quoted, without their marks."""

    new: tuple[str, ...]
    quoted: tuple[str, ...]


def divide_quotes(text: str) -> Divided:
    """Return a mail's lines divided into new and quoted ones.

    Lines marked with `>` are quoted wherever they stand, so that answers between them are kept.
    A line that announces a quote begins one that goes to the end, unless marked lines follow it.
    """
    lines = text.split("\n")
    new: list[str] = []
    quoted: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        if line.startswith(">"):
            quoted.append(line.lstrip("> "))
        elif announced := _announces(lines, number):
            if not _is_marked_after(lines, number + announced):
                quoted += [one.strip().lstrip("> ") for one in lines[number:]]
                break
            number += announced - 1
        else:
            new.append(lines[number].rstrip())
        number += 1
    return Divided(tuple(new), tuple(quoted))


def _announces(lines: Sequence[str], number: int) -> int:
    """Return how many lines announce a quote here, 0 if none does."""
    line = lines[number].strip()
    if not line or len(line) > MAX_LINE_CHARS:
        return 0
    following = [one.strip()[:MAX_LINE_CHARS] for one in lines[number + 1 : number + 9]]
    filled = [one for one in following if one]
    if _is_attribution(line) or _MARKED.match(line) or _FORWARDED.fullmatch(line):
        return 1
    # "On … wrote:" is often wrapped, and nowhere but before a line that goes on.
    for extra in (1, 2):
        wrapped = [line, *following[:extra]]
        if len(line) > 20 and all(following[:extra]) and _is_attribution(" ".join(wrapped)):
            return len(wrapped)
    if _RULE.match(line) and filled and _SENDER_LINE.fullmatch(filled[0]):
        return 1
    return int(_is_block(line, filled))


def _is_attribution(line: str) -> bool:
    if not line.endswith((":", "：")):
        return False
    if any(pattern.match(line) for pattern in _WROTE):
        return True
    return len(line) < 400 and bool(_ADDRESS.search(line) and _YEAR.search(line))


def _is_block(line: str, following: Sequence[str]) -> bool:
    """Say whether a mail's headers stand here, as Outlook puts them above what it quotes."""
    if not (_SENDER_LINE.fullmatch(line) or _FIRST.fullmatch(line)) or len(following) < 2:
        return False
    is_next = _HEADER.fullmatch(following[0]) is not None
    block = [line, *following[:3]]
    return is_next and any(_SENDER_LINE.fullmatch(one) for one in block)


def _is_marked_after(lines: Sequence[str], number: int) -> bool:
    """Say whether the next line that is not empty is marked as quoted."""
    filled = (one.strip() for one in lines[number : number + 4])
    return next((one for one in filled if one), "").startswith(">")
