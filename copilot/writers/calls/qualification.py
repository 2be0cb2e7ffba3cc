"""MEDDICC and BANT: what the customer told of pain, numbers, criteria, process, people, money."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from copilot.grounding.quantities import Quantity, find_quantities
from copilot.grounding.sentences import ProblemKind
from copilot.writers.calls.cues import CueBook
from copilot.writers.calls.money import find_sums
from copilot.writers.calls.notes import DealContext, Line, Talk
from copilot.writers.calls.objections import objects
from copilot.writers.calls.people import Named, People
from copilot.writers.calls.promises import promises
from copilot.writers.calls.statements import Statement, clause_around
from crm.index.passages import length_of

_ENOUGH = 5.0
_NEAR = 60


@dataclass(frozen=True)
class Element:
    """A finding for one element: `value` is short (a name, an amount) or else the quote's."""

    key: str
    statement: Statement
    confidence: float
    value: str | None = None
    person: Named | None = None


@dataclass(frozen=True)
class Scene:
    """What finders look at."""

    statements: Sequence[Statement]
    lines: Sequence[Line]
    talk: Talk
    deal: DealContext | None
    people: People
    book: CueBook

    def asked_before(self, statement: Statement, cue: str) -> bool:
        """Say whether our side asked for it in the line just before."""
        place = statement.line.place
        if place == 0:
            return False
        before = self.lines[place - 1]
        if before.side is statement.line.side:
            return False
        return self.book.has(cue, before.text) and (
            "?" in before.text
            or "？" in before.text
            or (not before.text.rstrip().endswith((".", "。", "!")))
        )


def find_elements(scene: Scene) -> list[Element]:
    """Return everything that the customer's statements tell, in order of the talk."""
    found: list[Element] = []
    for statement in scene.statements:
        if not statement.is_theirs or statement.is_order:
            continue
        finders = _FINDERS
        if _is_asked(statement):
            finders = (_stated_budget,)
        elif promises(statement, scene.book, is_dated=True):
            finders = (_buyer, _budget)
        for finder in finders:
            found += finder(statement, scene)
    return found


def _is_asked(statement: Statement) -> bool:
    return statement.text.rstrip().endswith(("?", "？"))


def _pain(statement: Statement, scene: Scene) -> Iterator[Element]:
    book, text = scene.book, statement.text
    if objects(statement, book) and not _is_plain_pain(text, book):
        return
    is_answer = statement.index < 2 and scene.asked_before(statement, "asks_pain")
    cue = book.find("pain", text)
    if cue is not None and not _is_denied(text, cue, book) and not statement.is_hypothetical:
        yield Element("meddicc.identify_pain", statement, 0.8)
    elif is_answer and length_of(text) >= _ENOUGH:
        yield Element("meddicc.identify_pain", statement, 0.7)
    elif _is_own_trouble(statement, book):
        yield Element("meddicc.identify_pain", statement, 0.6)


def _is_own_trouble(statement: Statement, book: CueBook) -> bool:
    """Say whether the customer tells of trouble in its own days, in whatever words."""
    text = statement.text
    cue = book.find("trouble", text)
    if cue is None or statement.is_hypothetical or length_of(text) < _ENOUGH:
        return False
    is_over = book.has("relief", text) or _is_denied(text, cue, book)
    return book.has("about_them", text) and not is_over


def _is_plain_pain(text: str, book: CueBook) -> bool:
    """Say whether a sentence that objects tells a problem of theirs, not one with us."""
    words = (
        "头疼|投诉|返工|停机|损失"
        if book.language == "zh"
        else (r"\b(?:our|my) (?:\w+ )?(?:problem|pain|headache)|kills us|losing|fined")
    )
    return re.search(words, text, re.IGNORECASE) is not None


def _is_denied(text: str, cue: re.Match[str], book: CueBook) -> bool:
    before = text[max(0, cue.start() - 16) : cue.start()]
    near = re.split(r"[,;，；]", before)[-1]
    return book.has("negation", near)


def _metrics(statement: Statement, scene: Scene) -> Iterator[Element]:
    text = statement.text
    if objects(statement, scene.book) and scene.book.has("budget", text):
        return
    found, _ = find_quantities(text)
    telling = [each for each in found if _is_telling(each)]
    if not telling or statement.is_hypothetical:
        return
    is_answer = scene.asked_before(statement, "asks_metrics") and statement.index < 2
    cues = scene.book.count("metrics", text)
    near_pain = scene.book.has("pain", text) or _is_own_trouble(statement, scene.book)
    is_share = any(each.kind is ProblemKind.PERCENTAGE for each in telling) and (
        near_pain or scene.book.has("metrics", text) or scene.book.has("about_them", text)
    )
    if scene.book.has("criteria", text):
        return
    is_deal = not is_answer and _is_of_the_deal(text, scene.book)
    if (cues or is_share) and (near_pain or cues > 1 or is_answer or is_share) and not is_deal:
        yield Element("meddicc.metrics", statement, 0.75)


def _is_telling(quantity: Quantity) -> bool:
    """Say whether a number measures something: "half of it" and "a day" do not."""
    if quantity.is_article or not re.search(
        r"\d|[二三四五六七八九十百千万两]|[a-z]{3}", quantity.raw
    ):
        return False
    if quantity.raw.casefold().startswith(("half", "a quarter", "一半")):
        return False
    return quantity.kind is not ProblemKind.NUMBER or quantity.values[0] >= 2


def _is_of_the_deal(text: str, book: CueBook) -> bool:
    """Say whether the numbers are those of the purchase: budget, price, steps, dates."""
    return any(book.has(name, text) for name in ("budget", "paper", "price")) and not book.has(
        "pain", text
    )


def _criteria(statement: Statement, scene: Scene) -> Iterator[Element]:
    book, text = scene.book, statement.text
    cue = book.find("criteria", text)
    is_answer = scene.asked_before(statement, "asks_criteria") and statement.index == 0
    if cue is None and not (is_answer and length_of(text) >= 3 and not book.has("deferral", text)):
        return
    if statement.is_hypothetical and cue is None:
        return
    if book.has("budget", text) and find_sums(text, scene.deal or _NO_DEAL, scene.talk):
        return
    yield Element("meddicc.decision_criteria", statement, 0.75 if cue else 0.65)


def _process(statement: Statement, scene: Scene) -> Iterator[Element]:
    book, text = scene.book, statement.text
    is_answer = statement.index == 0 and scene.asked_before(statement, "asks_process")
    cues = book.count("process", text)
    if cues and (cues > 1 or is_answer or book.has("buyer_after", text)):
        yield Element("meddicc.decision_process", statement, 0.8 if is_answer else 0.7)
    elif is_answer and length_of(text) >= _ENOUGH and not book.has("deferral", text):
        yield Element("meddicc.decision_process", statement, 0.6)


def _paper(statement: Statement, scene: Scene) -> Iterator[Element]:
    if scene.book.has("paper", statement.text) and length_of(statement.text) >= _ENOUGH:
        yield Element("meddicc.paper_process", statement, 0.7)


def _buyer(statement: Statement, scene: Scene) -> Iterator[Element]:
    book, text = scene.book, statement.text
    mine = book.find("buyer_self", text)
    if mine and not book.has("negation", clause_around(text, *mine.span())):
        person = scene.people.speaker(statement.line.speaker)
        yield _buyer_element(statement, person, 0.8)
        if not book.has("buyer_before", text):
            return
    for cue in book.all("buyer_after", text):
        head = _last_clause(text[: cue.start()], book)
        people = [] if book.has("negation", head[-12:]) else scene.people.named_in(head[-_NEAR:])
        if people:
            yield _buyer_element(statement, people[-1], 0.8)
            return
    for cue in book.all("buyer_before", text):
        tail = re.split(r"[,;.，。；]", text[cue.end() :])[0][:_NEAR]
        people = scene.people.named_in(tail)
        if people and (book.has("process", text) or scene.asked_before(statement, "asks_process")):
            yield _buyer_element(statement, people[0], 0.75)
            return


def _last_clause(text: str, book: CueBook) -> str:
    """Return what stands before a cue, two clauses of it: "our VP, Ann Lee, approves"."""
    marks = r"[;.；。]" if book.language == "en" else r"[；。]"
    return re.split(marks, text)[-1]


def _buyer_element(statement: Statement, person: Named, confidence: float) -> Element:
    return Element("meddicc.economic_buyer", statement, confidence, person.name, person)


def _champion(statement: Statement, scene: Scene) -> Iterator[Element]:
    cue = scene.book.find("champion", statement.text)
    if cue is None or statement.is_hypothetical or _is_denied(statement.text, cue, scene.book):
        return
    person = scene.people.speaker(statement.line.speaker)
    yield Element("meddicc.champion", statement, 0.7, person.name, person)


def _budget(statement: Statement, scene: Scene) -> Iterator[Element]:
    book, text, deal = scene.book, statement.text, scene.deal
    if deal is None or statement.is_hypothetical:
        return
    is_answer = scene.asked_before(statement, "asks_budget")
    sums = [
        each
        for each in find_sums(text, deal, scene.talk)
        if not _is_refused(text, each.start, each.end, book)
    ]
    places = [cue.start() for cue in book.all("budget", text)]
    is_void = _is_of_the_past(text, book) or book.has("frozen", text)
    if not sums or not (places or is_answer) or is_void:
        return
    new = [each for each in sums if each.value != deal.amount] or sums
    nearest = min(new, key=lambda each: min((abs(each.start - at) for at in places), default=0))
    yield Element("bant.budget", statement, 0.8 if nearest.is_explicit else 0.65, nearest.text())


def _stated_budget(statement: Statement, scene: Scene) -> Iterator[Element]:
    """Yield a budget that a question names in passing: "… against a budget of 35,000, how …"."""
    if scene.deal is None:
        return
    for each in find_sums(statement.text, scene.deal, scene.talk):
        before, after = statement.text[: each.start], statement.text[each.end :]
        if re.search(
            r"\bbudget (?:of|is)\s*$|预算(?:是|只有)?$", before, re.IGNORECASE
        ) or re.match(r"的?预算", after):
            yield Element("bant.budget", statement, 0.75, each.text())


def _is_refused(text: str, start: int, end: int, book: CueBook) -> bool:
    """Say whether an amount is one they cannot pay: "I cannot defend 50,000", 说不过去."""
    clause = clause_around(text, start, end)
    if book.language == "zh":
        return (
            re.search(r"太(?:高|贵)|说不过去|超(?!过)|接受不了|没(?:有)?预算", clause) is not None
        )
    place = clause.find(text[start:end])
    before, after = clause[:place], clause[place:]
    return (
        book.has("negation", before[-30:])
        or re.search(
            r"\b(?:too (?:much|high|expensive)|way over|is over|above)\b", after[:60], re.IGNORECASE
        )
        is not None
    )


def _is_of_the_past(text: str, book: CueBook) -> bool:
    words = (
        "去年|前年|上一年" if book.language == "zh" else r"\blast year\b|\bpreviously\b|\bused to\b"
    )
    return re.search(words, text, re.IGNORECASE) is not None


_NO_DEAL = DealContext(opportunity_id=0)
_Finder = Callable[[Statement, Scene], Iterator[Element]]
_FINDERS: tuple[_Finder, ...] = (
    _pain,
    _metrics,
    _criteria,
    _process,
    _paper,
    _buyer,
    _champion,
    _budget,
)
