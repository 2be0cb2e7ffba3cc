"""Signatures and notices below a mail's text: taken off it, and read for title and phone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import phonenumbers

MAX_SIGNATURE_LINES = 15
MAX_SIGNATURE_LINE_CHARS = 120
# No signature begins before the last so many lines with words.
MAX_TAIL_LINES = 40

_DASHES = re.compile(r"-- ?$|[_-]{2,9}$")
# A longer rule may stand within a text: it begins a signature only above ways to reach somebody.
_RULE = re.compile(r"[-_=*~─━═＿－]{4,}$")
_MOBILE = re.compile(
    r"(sent from (my |mail for |yahoo|outlook|samsung|proton)[\w ]{0,40}|get outlook for \w+.{0,80}"
    r"|sent (via|with) [\w ]{2,40}|von meinem [\w ]{2,30} gesendet|gesendet (von|mit) [\w ]{2,40}"
    r"|envoyé (de|depuis) (mon|ma) [\w ]{2,40}|obtenir outlook pour \w+.{0,80}"
    r"|enviado (desde|do|a partir do) (mi|meu) [\w ]{2,40}|inviato da(l mio)? [\w ]{2,40}"
    r"|verstuurd vanaf mijn [\w ]{2,40}|skickat från min [\w ]{2,40}"
    r"|(发自我的|发送自|來自我的|从我的|從我的|来自我的).{1,30}|[\w ]{2,30}から送信"
    r"|나의 [\w ]{2,30}에서 보냄)[.。]?",
    re.I,
)
_CLOSING = re.compile(
    r"((best|kind|warm|kindest|warmest|many)?\s*(regards|wishes)|best|all the best|cheers|sincerely"
    r"|thx|tks|brgds|rgds|br|kr|lg|vg|att|abs"
    r"|yours( sincerely| faithfully| truly)?|(many |kind )?thanks( again| a lot| in advance)?"
    r"|thank you( very much)?|thanks (and|&) regards|cordially|respectfully"
    r"|mit (freundlichen|besten|herzlichen) grü(ß|ss)en|(freundliche|beste|viele|liebe|herzliche)"
    r" grü(ß|ss)e.{0,20}|(schöne |liebe )?grü(ß|ss)e|mfg|vielen dank|(bien )?cordialement"
    r"|bien à (vous|toi)|sincères salutations|meilleures salutations|(un )?(cordial )?saludos?"
    r"( cordiales?)?|atentamente|un saludo|(cordiali|distinti) saluti|saluti|atenciosamente"
    r"|(com os )?melhores cumprimentos|abraços?|met vriendelijke groet(en)?|(med )?vänliga"
    r" hälsningar|med venlig hilsen|pozdrawiam|z poważaniem|с уважением"
    r"|此致|敬礼|敬禮|.{0,6}商祺|.{0,4}祝好|祝您?工作(顺利|愉快)|祝顺利|谢谢|謝謝|多谢|此致敬礼|敬上"
    r"|以上.{0,6}|敬具)\s*[,，.。!！、]{0,2}",
    re.I,
)
_POSTSCRIPT = re.compile(r"(p\.?\s?s\.?|nb|又及|附言|附)\s*[:：.].*", re.I)
_SENTENCE = re.compile(r"[.!?。！？；]\s*$|[.!?] [A-ZÄÖÜ]|[。！？]")
_HAN = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_CONTACT = re.compile(
    r"\+?\d[\d ()./-]{6,20}\d|\bwww\.|https?://|[\w.+-]+@[\w-]+\.\w|\b(tel|phone|mobile|fax|telefon"
    r"|handy|tél)\b|电话|手机|微信|传真|地址|電話|携帯",
    re.I,
)
_SECRET = re.compile(
    r"confidential|privileged|vertraulich|confidentiel|confidencial|riservat|vertrouwelijk|保密|机密"
    r"|機密|конфиденциальн",
    re.I,
)
_RECIPIENT = re.compile(
    r"recipient|addressee|empfänger|adressat|destinat|ontvanger|收件人|接收|错收|誤收|误收|宛先|受信者"
    r"|получател",
    re.I,
)
_BANNER = re.compile(
    r"\W*((caution|warning|external|achtung|attention|注意|警告|提醒).{0,40}?)?"
    r"(this (e-?mail|message) (originated|was sent|came|is) from (outside|an external)"
    r"|diese (e-?mail|nachricht) (stammt|kommt) von (außerhalb|extern)"
    r"|ce (message|courriel) provient de l.ext|(此|该|本)邮件来自(外部|公司外|组织外)).{0,400}",
    re.I | re.S,
)
_TITLE = re.compile(
    r"\b(chief|head|director|manager|officer|president|founder|partner|lead|engineer|consultant"
    r"|executive|buyer|analyst|architect|specialist|coordinator|assistant|counsel|owner|ceo|cfo|cto"
    r"|coo|cio|vp|svp|evp|leiter(in)?|geschäftsführer(in)?|vorstand|einkäufer(in)?|berater(in)?"
    r"|referent(in)?|direct(eur|rice)|responsable|gérante?|directora?|gerente|jef[ea]|presidente"
    r"|direttore|direttrice|responsabile|diretora?)\b"
    r"|总监|经理|主管|总裁|董事长?|主任|工程师|采购|销售|顾问|专员|助理|部长|課長|係長|部長|社長|取締役|代表",
    re.I,
)
_PIECES = re.compile(r"\s*(?:[|｜•·/,，]|\s[-–—]\s)\s*")


@dataclass(frozen=True)
class Signature:
    """What stands below a mail: the lines, and what they say about the sender."""

    lines: tuple[str, ...] = ()
    phone: str | None = None
    title: str | None = None


def split_signature(lines: Sequence[str], sender: str) -> tuple[list[str], Signature]:
    """Return the lines without signature, notices and marks of phones, and the signature read.

    What follows a signature as a postscript stays in the text.
    """
    kept = _without_notices(lines)
    mobile = next((n for n, line in enumerate(kept) if _MOBILE.fullmatch(line.strip())), None)
    if mobile is not None:
        kept = kept[:mobile]
    start = _start(kept, sender)
    if start is None:
        return kept, Signature()
    end = next(
        (n for n in range(start, len(kept)) if _POSTSCRIPT.fullmatch(kept[n].strip())), len(kept)
    )
    signature = [line.strip() for line in kept[start:end] if line.strip()]
    return [*kept[:start], *kept[end:]], read_signature(signature, sender)


def read_signature(lines: Sequence[str], sender: str) -> Signature:
    """Return phone (E.164 where the country is stated, else its digits) and title, if stated."""
    phone = next((found for line in lines if (found := _phone(line))), None)
    return Signature(tuple(lines), phone, _title(lines, sender))


def _start(lines: Sequence[str], sender: str) -> int | None:
    """Return where the signature begins; a mail is never all signature unless it is marked so."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    late = filled[-MAX_TAIL_LINES:]
    for number in late:
        line = lines[number].strip()
        rest = lines[number + 1 :]
        if _is_mark(line, rest):
            return number
        if _CLOSING.fullmatch(line) and _may_sign(rest, is_marked=False):
            return number if number != filled[0] else None
    return _block_start(lines, [number for number in late if number != filled[0]], sender)


def _is_mark(line: str, rest: Sequence[str]) -> bool:
    if not (_DASHES.fullmatch(line) or _RULE.fullmatch(line)):
        return False
    if not _may_sign(rest, is_marked=True):
        return False
    return _DASHES.fullmatch(line) is not None or any(_CONTACT.search(one) for one in rest)


def _may_sign(rest: Sequence[str], *, is_marked: bool) -> bool:
    """Say whether these lines can be a signature: few, short, and no sentences."""
    ended = [line.strip() for line in rest]
    stop = next((n for n, line in enumerate(ended) if _POSTSCRIPT.fullmatch(line)), len(ended))
    filled = [line for line in ended[:stop] if line]
    if len(filled) > MAX_SIGNATURE_LINES or (is_marked and not filled):
        return False
    if is_marked and len(filled) <= 6:
        return all(len(line) <= MAX_SIGNATURE_LINE_CHARS for line in filled)
    return all(
        len(line) <= MAX_SIGNATURE_LINE_CHARS
        and (not _is_sentence(line) or _CLOSING.fullmatch(line) or _CONTACT.search(line))
        for line in filled
    )


def _is_sentence(line: str) -> bool:
    """Say whether somebody says something here; `Acme Corp.` is none."""
    is_long = len(line.split()) >= 5 or len(_HAN.findall(line)) >= 8
    return is_long and not re.search(r"[|｜•·]", line) and _SENTENCE.search(line) is not None


def _block_start(lines: Sequence[str], filled: Sequence[int], sender: str) -> int | None:
    """Return where the sender's name heads a last paragraph with ways to reach them."""
    words = {word.casefold() for word in re.split(r"\W+", sender) if len(word) > 1}
    for number in reversed(filled):
        line = lines[number].strip()
        if lines[number - 1].strip() or len(line) > MAX_SIGNATURE_LINE_CHARS:
            continue
        told = {word.casefold() for word in re.split(r"\W+", _PIECES.split(line)[0])}
        if words & told and len(told - words) <= 2:
            rest = [one for one in lines[number:] if one.strip()]
            can_sign = len(rest) > 1 and _may_sign(rest, is_marked=False)
            has_contact = can_sign and any(_CONTACT.search(o) or _TITLE.search(o) for o in rest)
            return number if has_contact else None
    return None


def _without_notices(lines: Sequence[str]) -> list[str]:
    """Return the lines without paragraphs of law and without warnings of mail from outside."""
    kept: list[str] = []
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            paragraph.append(line)
            continue
        text = " ".join(one.strip() for one in paragraph)
        if not _is_notice(text):
            kept += [*paragraph, line]
        paragraph = []
    return kept[:-1] if kept else []


def _is_notice(text: str) -> bool:
    if len(text) < 12:
        return False
    return bool(_SECRET.search(text) and _RECIPIENT.search(text)) or (
        len(text) < 600 and _BANNER.fullmatch(text) is not None
    )


def _phone(line: str) -> str | None:
    for found in phonenumbers.PhoneNumberMatcher(line[:200], None):
        return phonenumbers.format_number(found.number, phonenumbers.PhoneNumberFormat.E164)
    bare = re.search(r"(?<![\w/@.])\d[\d ()./-]{6,18}\d(?![\w@])", line)
    has_label = re.search(r"tel|phone|mobil|\b[tmp]\s*[:.]|电话|手机|電話|携帯", line, re.I)
    digits = re.sub(r"\D", "", bare[0]) if bare and has_label else ""
    return digits if 7 <= len(digits) <= 15 else None


def _title(lines: Sequence[str], sender: str) -> str | None:
    """Return the first piece of a line that names a position, and is neither name nor address."""
    for line in lines[:6]:
        for piece in _PIECES.split(line):
            is_own_name = piece.strip().casefold() == sender.casefold()
            if _TITLE.search(piece) and not _CONTACT.search(piece) and not is_own_name:
                return piece.strip()[:100] or None
    return None
