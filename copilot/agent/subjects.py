"""Finds the caller's own cases where a question names them without quotation marks."""

import re
from collections.abc import Iterable

from tools.language import has_han

_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|「[^」]*」|『[^』]*』|《[^》]*》")
_MARKS = re.compile(r"[\"“”「」『』《》]")
_SHORTEST = 4


def with_subjects_quoted(question: str, subjects: Iterable[str]) -> str:
    """Return the question with the subjects in quotation marks, which stand there as they are.

    `subjects` come longest first. What is one short word may as well be a word of the question,
    and is left as it is.
    """
    for subject in subjects:
        if _MARKS.search(subject) or not (has_han(subject) or " " in subject.strip()):
            continue
        if len(subject) < _SHORTEST:
            continue
        # A word may not begin or end in the middle of another; Chinese words have no such border.
        edge = "" if has_han(subject) else "A-Za-zÀ-ɏ0-9"
        around = (rf"(?<![{edge}])", rf"(?![{edge}])") if edge else ("", "")
        stands = re.compile(around[0] + re.escape(subject) + around[1], re.IGNORECASE)
        question = _outside_quotes(question, stands)
    return question


def _outside_quotes(question: str, stands: re.Pattern[str]) -> str:
    parts, at = [], 0
    for quoted in _QUOTED.finditer(question):
        parts += [stands.sub(r'"\g<0>"', question[at : quoted.start()]), quoted.group()]
        at = quoted.end()
    return "".join([*parts, stands.sub(r'"\g<0>"', question[at:])])
