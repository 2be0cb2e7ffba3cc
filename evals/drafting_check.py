"""Claims of a draft that its facts and the store do not bear out: a check of the evals' own."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import cache

from copilot.grounding.sentences import CitedSentence
from copilot.writers.draft import Draft
from crm.facts import Fact
from evals.drafting_days import Span, days
from evals.drafting_figures import figures, flat
from evals.drafting_ground import QUOTED, Finding, Ground, Known, bare, without
from evals.drafting_store import StoreWitness
from evals.drafting_wording import of_words

_CONTACT = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:https?://|www\.)[^\s，。)）]+"
    r"|\b[\w-]+\.(?:com|net|org|io|cn|example)\b(?:/\S*)?|\+?\d[\d ()-]{8,}\d"
)
_CAPITAL = re.compile(r"(?<![\w@./-])[A-Z][A-Za-z0-9&'’-]*[A-Za-z0-9]")
_TITLED = re.compile(
    r"[\u4e00-\u9fff](?=总(?!体|之|共|部|是|结|的|价|计|额|量|公司|监)|经理|主任|厂长|先生|女士|老师|工(?!作|厂|程|业|艺|单|期|时|具|人))"
)
_NOT_NAMES = frozenset(
    [
        "I",
        "I'll",
        "I'd",
        "I'm",
        "I've",
        "We",
        "You",
        "The",
        "Please",
        "OK",
        "Ok",
        "Yes",
        "No",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
        "Dear",
        "Hi",
        "Hello",
        "Best",
        "Regards",
        "PS",
        "Re",
        "Q1",
        "Q2",
        "Q3",
        "Q4",
        "AM",
        "PM",
        "It",
        "It's",
        "Thank",
        "Thanks",
    ]
)


def check_draft(draft: Draft, witness: StoreWitness, *, today: date) -> list[Finding]:
    """Return every claim of the ready text that its cited facts or the store do not bear out."""
    known = _known(draft, witness, today)
    of_id = {fact.id: fact for fact in draft.facts}
    found: list[Finding] = []
    for sentence in draft.sentences:
        found += check_sentence(sentence, of_id, known, witness, draft=draft)
    ground = Ground(draft.facts, [witness.origin(fact) for fact in draft.facts], known)
    subject = CitedSentence(text=draft.subject)
    found += [
        Finding("subject", one.value, one.sentence)
        for one in _of_values(subject.text, ground, known, witness)
    ]
    found += _left_over(draft)
    return found


def check_sentence(
    sentence: CitedSentence,
    of_id: dict[str, Fact],
    known: Known,
    witness: StoreWitness,
    *,
    draft: Draft | None = None,
) -> list[Finding]:
    """Return what is wrong with one sentence, given the facts by their ids."""
    missing = [each for each in sentence.facts if each not in of_id]
    facts = [of_id[each] for each in sentence.facts if each in of_id]
    origins = [witness.origin(fact) for fact in facts]
    found = [Finding("citation", each, sentence.text) for each in missing]
    found += [
        Finding("forged", f"{fact.id}: {origin.doubt}", sentence.text)
        for fact, origin in zip(facts, origins, strict=True)
        if origin.doubt
    ]
    placeholders = [point.placeholder for point in draft.open_points] if draft else []
    text = without(flat(sentence.text), placeholders)
    ground = Ground(facts, origins, known)
    found += _of_values(text, ground, known, witness)
    found += of_words(text, ground)
    return found


def _of_values(text: str, ground: Ground, known: Known, witness: StoreWitness) -> Iterator[Finding]:
    plain = flat(text)
    asks = plain.rstrip().endswith(("?", "？"))
    spans = days(plain, known.today)
    for match in _CONTACT.finditer(plain):
        if match[0] not in known.contacts and match[0] not in ground.text:
            yield Finding("contact", match[0], text)
    for figure in figures(_counted(plain, spans)):
        is_proposal = asks and figure.kind == "duration" and figure.value <= 120
        if not is_proposal and not figure.is_in(ground.figures):
            yield Finding(figure.kind, figure.text.strip(), text)
    for span in _single(spans):
        if not _is_day_known(span, ground, known, asks=asks):
            yield Finding("date", span.text, text)
    yield from _of_names(plain, ground, known, witness)
    yield from _of_quotes(plain, ground, known)


def _counted(plain: str, spans: Sequence[Span]) -> str:
    """Return the text without days and addresses, whose digits count nothing."""
    for span in spans:
        plain = plain.replace(span.text, "\0" * len(span.text), 1)
    return _CONTACT.sub(" ", plain)


def _of_quotes(text: str, ground: Ground, known: Known) -> Iterator[Finding]:
    said = bare(ground.text + " ".join(known.names))
    for match in QUOTED.finditer(text):
        for piece in re.split(r"…|\.\.\.", match["words"]):
            if bare(piece) not in said:
                yield Finding("quote", piece.strip(), text)


def _single(spans: Sequence[Span]) -> list[Span]:
    """Return the spans, a weekday beside the date that it belongs to left out if they agree."""
    dated = [one for one in spans if not one.is_relative and one.first == one.last]
    return [
        one
        for one in spans
        if not one.is_relative
        or not any(
            -24 < one.start - other.start < 24 and _weekdays(one) == _weekdays(other)
            for other in dated
        )
    ]


def _weekdays(span: Span) -> tuple[int, int]:
    return span.first.weekday(), (span.last - span.first).days


def _in_any_year(span: Span) -> list[Span]:
    """Return the span, and the same a year earlier where the text names no year."""
    if span.is_relative or re.search(r"\d{4}", span.text):
        return [span]
    try:
        earlier = [one.replace(year=one.year - 1) for one in (span.first, span.last)]
    except ValueError:
        return [span]
    return [span, replace(span, first=earlier[0], last=earlier[1])]


def _is_day_known(span: Span, ground: Ground, known: Known, *, asks: bool) -> bool:
    if any(one.covers(other) for one in _in_any_year(span) for other in ground.days):
        return True
    # A meeting that we ask for is a wish, not a claim.
    is_ahead = known.today <= span.last and (span.last - known.today).days <= 21
    return asks and is_ahead and span.is_relative and span.first != span.last


def _of_names(text: str, ground: Ground, known: Known, witness: StoreWitness) -> Iterator[Finding]:
    allowed = f"{ground.text} {' '.join(known.names)}".casefold()
    rest = text
    for name in sorted(
        witness.products | witness.people | witness.companies, key=len, reverse=True
    ):
        if len(name) > 1 and name in rest:
            if name.casefold() not in allowed:
                yield Finding("name", name, text)
            rest = rest.replace(name, "\0" * len(name))
    first_names = _first_names(witness.people)
    words = set(re.findall(r"[\w&'’-]+", allowed))
    for match in _CAPITAL.finditer(rest):
        token = re.sub(r"['’]s$", "", match[0])
        starts = (
            not rest[: match.start()].rstrip(" \"“'(")
            or rest[: match.start()].rstrip(" \"“'(")[-1] in ".!?:;\n。！？：；•-"
        )
        if token in _NOT_NAMES or (starts and token not in first_names):
            continue
        if token.casefold() not in words:
            yield Finding("name", token, text)
    for match in _TITLED.finditer(rest):
        if match[0] not in allowed:
            yield Finding("name", text[match.start() : match.start() + 3], text)


@cache
def _first_names(people: frozenset[str]) -> frozenset[str]:
    return frozenset(name.split()[0] for name in people if name.isascii() and " " in name)


def _left_over(draft: Draft) -> Iterator[Finding]:
    """Yield what stands in the body and is neither greeting, closing nor a listed sentence."""
    rest = bare(draft.body)
    parts = [draft.greeting, draft.closing, *(one.text for one in draft.sentences)]
    for part in sorted(map(bare, parts), key=len, reverse=True):
        rest = rest.replace(part, "", 1)
    rest = rest.replace(bare(draft.sender), "", 1)
    for point in draft.open_points:
        rest = rest.replace(bare(point.placeholder), "")
    if rest:
        yield Finding("uncited", rest[:80], draft.body[:200])


def _known(draft: Draft, witness: StoreWitness, today: date) -> Known:
    names = {one.name for one in draft.to} | {draft.sender}
    contacts = {one.email for one in draft.to if one.email}
    users = "SELECT email FROM users WHERE name = :name"
    contacts |= set(witness.column(users, name=draft.sender))
    for table, key in (("accounts", draft.account_id), ("opportunities", draft.opportunity_id)):
        if key is not None:
            statement = f"SELECT name FROM {table} WHERE id = :id"
            names |= set(witness.column(statement, id=key))
    if draft.contact_id is not None:
        names |= set(
            witness.column("SELECT title FROM contacts WHERE id = :id", id=draft.contact_id)
        )
    if draft.thread is not None:
        names.add(draft.subject)
    return Known(today, frozenset(filter(None, names)), frozenset(contacts), witness.policies)
