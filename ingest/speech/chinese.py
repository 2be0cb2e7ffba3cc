"""Chinese as heard, written in Simplified script and with its own punctuation marks."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ingest.speech.transcriber import Utterance
from ingest.speech.words import Word

# Recognisers follow the script and punctuation of what they take for the text before.
CHINESE_PROMPT = "以下是普通话的销售通话，使用简体中文和标点。"

_LATIN_MARK = re.compile("(?<=[\u3400-\u9fff])([,?!:;]) ?")
_CHINESE_MARKS = {",": "，", "?": "？", "!": "！", ":": "：", ";": "；"}


def simplify(utterances: Iterable[Utterance]) -> Iterator[Utterance]:
    """Yield the utterances in Simplified script: recognisers mix it with Traditional."""
    from opencc import OpenCC

    converter = OpenCC("t2s")
    for one in utterances:
        raw = "".join(word.text for word in one.words)
        converted = converter.convert(raw)
        # Phrases are converted as a whole; if that changes their length, each word is on its own.
        pieces = _sliced(converted, one.words) if len(converted) == len(raw) else None
        words = tuple(
            replace(word, text=_punctuated(piece))
            for word, piece in zip(
                one.words,
                pieces or [converter.convert(word.text) for word in one.words],
                strict=True,
            )
        )
        yield replace(one, text=_punctuated(converter.convert(one.text)), words=words)


def _sliced(text: str, words: Iterable[Word]) -> list[str]:
    pieces, start = [], 0
    for word in words:
        pieces.append(text[start : start + len(word.text)])
        start += len(word.text)
    return pieces


def _punctuated(text: str) -> str:
    """Return Chinese text with its own punctuation marks: Whisper often writes the Latin ones."""
    return _LATIN_MARK.sub(lambda mark: _CHINESE_MARKS[mark[1]], text)
