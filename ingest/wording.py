"""Text from outside made fit to keep: decoded, freed of control characters, cut to size, named."""

import re

from charset_normalizer import from_bytes

MAX_SEGMENT_CHARS = 2_000
MAX_LABEL_CHARS = 300

# Mail programs say gb2312 and mean its supersets.
_CHINESE_CHARSETS = {"gb2312", "gbk", "gb18030", "gb-2312", "gb2312-80", "x-gbk", "cp936", "ms936"}
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_GUESS_SAMPLE_BYTES = 200_000

# Controls, surrogates, invisible and direction-changing characters, and the tag block.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_BREAKS = re.compile("\r\n?|\x85|\u2028|\u2029")
_SENTENCE_END = re.compile(r"[。！？；]|[.!?;](?=\s)|\n")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[A-Za-z']+")
_COMMON_WORDS = "the and you for with this that we our are have to of your will can would thanks"
_ENGLISH = frozenset(_COMMON_WORDS.split())


def decode_text(raw: bytes, charset: str | None = None) -> str:
    """Return the bytes as text: by byte order mark, the charset named, UTF-8, or a guess.

    Nothing is refused: what no charset fits is decoded as UTF-8 with replacement characters.
    """
    for mark, name in _BOMS:
        if raw.startswith(mark):
            return raw.decode(name, "replace")
    named = _python_charset(charset)
    for candidate in (named, "utf-8"):
        decoded = _strictly(raw, candidate)
        if decoded is not None:
            return decoded
    if named == "gb18030":
        return raw.decode("gb18030", "replace")
    return _guess(raw)


def clean_text(text: str) -> str:
    """Return the text with plain line breaks and without characters that nobody can see."""
    return _UNWANTED.sub("", _BREAKS.sub("\n", text)).replace("\xa0", " ").strip()


def clean_label(text: str, limit: int = MAX_LABEL_CHARS) -> str:
    """Return a name or title on one line, shortened with an ellipsis to `limit` characters."""
    label = " ".join(clean_text(text[: limit * 20]).split())
    return label if len(label) <= limit else label[: limit - 1] + "…"


def split_text(text: str, limit: int = MAX_SEGMENT_CHARS) -> list[str]:
    """Return the text in pieces of at most `limit` characters, cut at sentence ends or spaces."""
    pieces = []
    start = 0
    while len(text) - start > limit:
        window = text[start : start + limit]
        end = start + _cut(window)
        pieces.append(text[start:end].strip())
        start = end
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if piece]


def guess_language(text: str) -> str | None:
    """Return `zh`, `ja`, `ko` or `en` by script and common words, None when it is neither."""
    sample = text[:20_000]
    han, kana, hangul = (len(p.findall(sample)) for p in (_HAN, _KANA, _HANGUL))
    words = _LATIN_WORD.findall(sample)
    if han + kana + hangul > len(words) / 2:
        if hangul > han:
            return "ko"
        return "ja" if kana > han / 5 else "zh"
    common = sum(word.lower() in _ENGLISH for word in words)
    return "en" if words and common / len(words) >= 0.1 else None


def _cut(window: str) -> int:
    ends = [match.end() for match in _SENTENCE_END.finditer(window, len(window) // 2)]
    if ends:
        return ends[-1]
    space = window.rfind(" ", len(window) // 2)
    return space if space > 0 else len(window)


def _python_charset(charset: str | None) -> str | None:
    if not charset:
        return None
    name = charset.strip().strip("'\"").lower().replace("_", "-")
    return "gb18030" if name in _CHINESE_CHARSETS else name


def _strictly(raw: bytes, charset: str | None) -> str | None:
    if charset is None:
        return None
    try:
        return raw.decode(charset)
    except (LookupError, ValueError):
        # An unknown name, one that is no text encoding, or bytes that do not fit it.
        return None


def _guess(raw: bytes) -> str:
    chinese = _strictly(raw, "gb18030")
    if chinese is not None:
        foreign = [char for char in chinese if ord(char) > 127]
        if len(_HAN.findall(chinese)) * 2 > len(foreign):
            return chinese
    best = from_bytes(raw[:_GUESS_SAMPLE_BYTES]).best()
    return raw.decode(best.encoding if best else "utf-8", "replace")
