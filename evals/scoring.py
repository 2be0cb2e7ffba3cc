"""Judges an answer document against gold: right, wrong, or refused; nothing in between."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from evals.gold import Gold, Row
from evals.shown import numbers_in, order_of_names

Document = Mapping[str, Any]
_ROUNDING = 0.005
_NOTHING = ("no ", "none", "not ", "没有", "无", "未")
_REFUSALS = frozenset({"not_found", "declined", "ambiguous"})
_FEW = 10


class Verdict(StrEnum):
    """How an answer did."""

    RIGHT = "right"
    WRONG = "wrong"
    REFUSED = "refused"


@dataclass(frozen=True)
class Score:
    """One judgement; `states_number` says whether a wrong answer states a number as fact."""

    verdict: Verdict
    why: str = ""
    states_number: bool = False


def score(gold: Gold, answer: Document) -> Score:
    """Judge an answer in the documented JSON shape of `ask --json`."""
    kind, status = gold.question.kind, answer["status"]
    states_number = bool(_headline(answer, 1)) and bool(numbers_in(answer["answer"]))
    if kind == "unanswerable":
        return _score_unanswerable(gold, answer, states_number=states_number)
    if kind == "ambiguous" and status == "ambiguous":
        return Score(Verdict.RIGHT)
    if status != "answered":
        if status == "not_found" and any(_is_nothing(rows) for rows in gold.readings):
            return Score(Verdict.RIGHT, "nothing there, and said so")
        return Score(Verdict.REFUSED, f"status {status}")
    judge = _JUDGES[kind]
    if any(judge(gold, rows, answer) for rows in gold.readings):
        return Score(Verdict.RIGHT)
    return Score(Verdict.WRONG, "answered with something else", states_number)


def _score_unanswerable(gold: Gold, answer: Document, *, states_number: bool) -> Score:
    if answer["status"] in _REFUSALS:
        if not states_number:
            return Score(Verdict.RIGHT)
        return Score(Verdict.WRONG, "refused, and stated a number", states_number=True)
    if answer["status"] != "answered":
        return Score(Verdict.REFUSED, f"status {answer['status']}")
    if gold.question.zero_ok and _says_nothing(answer):
        return Score(Verdict.RIGHT, "an honest nought")
    return Score(Verdict.WRONG, "answered the unanswerable", states_number)


def _is_right_number(gold: Gold, rows: Sequence[Row], answer: Document) -> bool:
    wanted = [row for row in rows if row.value]
    if not wanted:
        return _says_nothing(answer)
    headline = _headline(answer, max(len(wanted), gold.question.parts))
    return all(_is_stated(row, headline, answer, about=gold.question.about) for row in wanted)


def _is_right_ranking(gold: Gold, rows: Sequence[Row], answer: Document) -> bool:
    question, names = gold.question, [row.name or "" for row in rows]
    if question.value_only:
        return _is_right_number(gold, rows[:1], answer)
    # A count may come first, as in "92 open deals. The largest is …": the first name answers.
    naming = [
        sentence
        for sentence in answer["sentences"]
        if order_of_names(sentence["text"], names, gold.spellings)
    ]
    text = answer["answer"] if question.top > 1 else _text(naming[:1])
    seen = order_of_names(text, names, gold.spellings)
    first = question.nth - 1
    if question.nth > 1 and len(seen) > question.nth:
        seen = seen[first:]
    for place in range(first, first + question.top):
        tied = {row.name for row in rows if row.value == rows[place].value}
        if place - first >= len(seen) or seen[place - first] not in tied:
            return False
    every = answer["sentences"]
    return _is_stated(rows[first], every, answer, about=question.about)


def _is_right_list(gold: Gold, rows: Sequence[Row], answer: Document) -> bool:
    wanted = {row.name for row in rows if row.name}
    asked = set(order_of_names(gold.question.question, sorted(gold.universe), {}))
    asked.update(gold.question.may_mention)
    everybody = sorted(gold.universe | wanted)
    seen = set(order_of_names(answer["answer"], everybody, gold.spellings))
    if seen - wanted - asked:
        return False
    if len(wanted) <= _FEW:
        return wanted <= seen
    has_total = any(shown.shows(len(wanted)) for shown in numbers_in(answer["answer"]))
    return has_total and len(wanted & seen) >= 3


def _is_right_text(gold: Gold, rows: Sequence[Row], answer: Document) -> bool:
    names = [row.name for row in rows if row.name]
    return bool(order_of_names(answer["answer"], names, gold.spellings))


_JUDGES: dict[str, Callable[[Gold, Sequence[Row], Document], bool]] = {
    "number": _is_right_number,
    "ambiguous": _is_right_number,
    "ranking": _is_right_ranking,
    "list": _is_right_list,
    "text": _is_right_text,
}


def _headline(answer: Document, wanted: int) -> list[Document]:
    """Return the first sentences that cite a number: as many as are wanted, one more for several.

    A difference or a total may stand between two values that are compared.
    """
    facts = {fact["id"]: fact for fact in answer["facts"]}
    citing = [
        sentence
        for sentence in answer["sentences"]
        if any(_numbers_of(facts[each]) for each in sentence["facts"] if each in facts)
    ]
    return citing[: wanted + (wanted > 1)]


def _is_stated(row: Row, sentences: Sequence[Document], answer: Document, *, about: bool) -> bool:
    """Say whether a cited fact has the value and the text shows it."""
    if row.value is None:
        return True
    value = row.value
    facts = {fact["id"]: fact for fact in answer["facts"]}
    cited = [facts[each] for one in sentences for each in one["facts"] if each in facts]
    has_fact = any(
        _is_close(number, value, about=about)
        for fact in cited
        if not row.currency or fact.get("currency") in {None, row.currency}
        for number in _numbers_of(fact)
    )
    spread = abs(value) * _ROUNDING if about else 0.0
    shown = numbers_in(_text(sentences))
    return has_fact and any(
        number.shows(value) or abs(number.value - value) <= spread for number in shown
    )


def _numbers_of(fact: Document) -> list[float]:
    value, unit = fact.get("value"), fact.get("unit")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [value / 100 if unit in {"percent", "%"} else float(value)]
    if fact.get("kind") in {"segment", "email"}:
        return []
    return [shown.value for shown in numbers_in(fact["text"])]


def _is_close(number: float, value: float, *, about: bool) -> bool:
    return abs(number - value) <= (abs(value) * _ROUNDING if about else 0.005)


def _is_nothing(rows: Iterable[Row]) -> bool:
    return not any(row.value or (row.name and row.value is None) for row in rows)


def _says_nothing(answer: Document) -> bool:
    text = _text(_headline(answer, 1)) or answer["answer"]
    stated = [number.value for number in numbers_in(text)]
    facts = {fact["id"]: fact for fact in answer["facts"]}
    cited = [
        facts[each].get("value")
        for sentence in _headline(answer, 1)
        for each in sentence["facts"]
        if each in facts
    ]
    is_nought = not any(isinstance(value, int | float) and value for value in cited)
    return is_nought and (0.0 in stated or any(word in text.casefold() for word in _NOTHING))


def _text(sentences: Iterable[Document]) -> str:
    return " ".join(sentence["text"] for sentence in sentences)
