"""Turns content into a document: which sections there are, in which order, under which heading."""

from collections.abc import Iterable

from copilot.writers.documents.blocks import (
    Block,
    Bullets,
    Column,
    Document,
    Heading,
    Notes,
    Notice,
    Paragraph,
    Quote,
    Run,
    SignatureBox,
    Signatures,
    Table,
)
from copilot.writers.documents.content import (
    Content,
    EarlierMail,
    LetterContent,
    Milestone,
    OpenPoint,
    Person,
    ProposalContent,
    Prose,
)
from copilot.writers.documents.endnotes import EndNotes
from copilot.writers.documents.plain import clean, one_line
from copilot.writers.documents.price_blocks import price_blocks
from copilot.writers.documents.timescale import time_chart
from copilot.writers.documents.wording import Wording, show_date, show_span, wording
from crm.errors import BadInput
from prompts.library import Language


def compose(content: Content, *, with_notes: bool = True) -> Document:
    """Return the document of a proposal or letter; sections without content are left out.

    Raises:
        BadInput: a quote does not add up, a cited source is missing, or a date runs backwards.
    """
    if isinstance(content, LetterContent):
        return _letter(content, with_notes)
    return _Proposal(content, with_notes).document()


class _Proposal:
    """One proposal on its way to a document."""

    def __init__(self, content: ProposalContent, with_notes: bool) -> None:
        self._content = content
        self._words = wording(content.language)
        self._notes = EndNotes(content.sources, content.language, shown=with_notes)

    def document(self) -> Document:
        """Return the document."""
        content, words = self._content, self._words
        sections: list[Block] = []
        for title, blocks in (
            (words.letter, self._cover_letter()),
            (words.situation, self._situation()),
            (words.goals, self._goals()),
            (words.solution, self._solution()),
            (words.prices, price_blocks(content.prices, self._notes, content.language)),
            (words.timeline, _timeline(content.timeline, self._notes, content.language)),
            (words.references, self._references()),
            (words.terms, self._terms()),
            (words.signatures, self._signatures()),
        ):
            # The letter has a page of its own, and prices are not torn apart.
            is_next = bool(content.cover_letter) and _headings(sections) == 1
            starts_page = is_next or title == words.prices
            sections += [Heading(title, starts_page=starts_page), *blocks] if blocks else []
        sections += _note_blocks(self._notes, words)
        notice = _notice(content.open_points, self._notes.open_texts, words)
        return Document(
            language=content.language,
            title=one_line(content.title),
            subtitle=one_line(content.subtitle),
            customer=one_line(content.customer),
            company=one_line(content.company),
            dated=content.dated,
            date_shown=show_date(content.dated, content.language),
            confidentiality=one_line(content.confidentiality) or words.confidential,
            draft_mark=words.draft if notice else "",
            facts=self._facts(),
            has_cover=True,
            contents_title=words.contents,
            page_label=words.page,
            blocks=(*notice, *sections),
        )

    def _facts(self) -> tuple[tuple[str, str], ...]:
        content, words = self._content, self._words
        people = "\n".join(
            _show_person(person, content.language) for person in content.prepared_for
        )
        by = [_show_person(content.prepared_by, content.language)] if content.prepared_by else []
        return (
            (
                words.prepared_for,
                "\n".join([*([people] if people else []), one_line(content.customer)]),
            ),
            (words.prepared_by, "\n".join([*by, one_line(content.company)])),
            (words.date, show_date(content.dated, content.language)),
            (
                words.confidentiality,
                one_line(content.confidentiality) or words.confidential,
            ),
        )

    def _prose(self, paragraphs: Iterable[Prose]) -> list[Block]:
        return [Paragraph(runs) for each in paragraphs if (runs := self._notes.runs(each))]

    def _cover_letter(self) -> list[Block]:
        return self._prose(self._content.cover_letter)

    def _situation(self) -> list[Block]:
        situation, language = self._content.situation, self._content.language
        blocks = self._prose(situation.paragraphs)
        if situation.quotations:
            blocks.append(Heading(self._words.in_your_words, 2))
        for said in situation.quotations:
            day = show_date(said.said_on, language)
            blocks.append(
                Quote(
                    words=clean(said.words),
                    attribution=f"{one_line(said.speaker)}{self._words.comma}{day}",
                    notes=self._notes.numbers([said.source]),
                )
            )
        return blocks

    def _goals(self) -> list[Block]:
        goals = tuple(runs for each in self._content.goals if (runs := self._notes.runs(each)))
        return [Bullets(goals)] if goals else []

    def _solution(self) -> list[Block]:
        words = self._words
        blocks = self._prose(self._content.solution)
        if not self._content.needs:
            return blocks
        runs, needs = self._notes.runs, self._content.needs
        with_product = any(need.product for need in needs)
        rows = tuple(
            (
                runs((need.need,)),
                *([(Run(one_line(need.product) or "–"),)] if with_product else []),
                runs(need.how),
            )
            for need in needs
        )
        product = [Column(words.product)] if with_product else []
        columns = (Column(words.need, 1.3), *product, Column(words.how, 1.7))
        return [*blocks, Table(columns, rows)]

    def _references(self) -> list[Block]:
        blocks: list[Block] = []
        for reference in self._content.references:
            blocks.append(Heading(one_line(reference.customer), 2))
            blocks += self._prose([reference.story])
        return blocks

    def _terms(self) -> list[Block]:
        blocks: list[Block] = []
        for at, term in enumerate(self._content.terms, start=1):
            blocks.append(Heading(f"{at}. {one_line(term.title)}", 2))
            blocks += self._prose(term.paragraphs)
        return blocks

    def _signatures(self) -> list[Block]:
        words = self._words
        boxes = tuple(
            SignatureBox(one_line(each.company), one_line(each.name), one_line(each.title))
            for each in self._content.signatories
        )
        labels = (words.signature, words.name, words.job_title, words.date)
        return [Signatures(boxes, labels)] if boxes else []


def _headings(blocks: Iterable[Block]) -> int:
    return sum(isinstance(block, Heading) and block.level == 1 for block in blocks)


def _timeline(plan: tuple[Milestone, ...], notes: EndNotes, language: Language) -> list[Block]:
    words = wording(language)
    for step in plan:
        if step.ends_on is not None and step.ends_on < step.starts_on:
            raise BadInput(
                f"milestone {step.title!r} ends on {step.ends_on}, before it starts on "
                f"{step.starts_on}: correct its dates"
            )
    if not plan:
        return []
    with_owner = any(step.owner for step in plan)
    rows = tuple(
        (
            (Run(one_line(step.title), notes.numbers(step.sources)),),
            (Run(show_span(step.starts_on, step.ends_on, language)),),
            *([(Run(one_line(step.owner)),)] if with_owner else []),
        )
        for step in plan
    )
    owner = [Column(words.owner)] if with_owner else []
    table = Table((Column(words.milestone, 1.6), Column(words.when, 1.5), *owner), rows)
    chart = time_chart(plan, language)
    return [*([chart] if chart else []), table]


def _letter(letter: LetterContent, with_notes: bool) -> Document:
    words = wording(letter.language)
    notes = EndNotes(letter.sources, letter.language, shown=with_notes)
    paragraphs = [Paragraph(runs) for each in letter.paragraphs if (runs := notes.runs(each))]
    blocks: list[Block] = [Paragraph((Run(clean(letter.greeting)),)), *paragraphs]
    blocks.append(Paragraph((Run(f"{clean(letter.closing)}\n{signature(letter.sender)}"),)))
    blocks += _note_blocks(notes, words)
    # A letter's point names the placeholder that stands in its sentence, and says why.
    told = [mark for point in letter.open_points if (mark := one_line(point.where))]
    untold = [text for text in notes.open_texts if not any(mark in text for mark in told)]
    notice = _notice(letter.open_points, untold, words)
    recipients = "\n".join(
        _show_person(each, letter.language, with_company=True) for each in letter.to
    )
    facts = [(words.to, recipients)] if recipients else []
    shown = show_date(letter.dated, letter.language)
    return Document(
        language=letter.language,
        title=one_line(letter.subject),
        subtitle="",
        customer=next((one_line(each.company) for each in letter.to if each.company), ""),
        company=one_line(letter.sender.company),
        dated=letter.dated,
        date_shown=shown,
        confidentiality=one_line(letter.confidentiality),
        draft_mark=words.draft if notice else "",
        facts=(*facts, (words.date, shown)),
        has_cover=False,
        contents_title="",
        page_label=words.page,
        blocks=(*notice, *blocks),
    )


def signature(sender: Person) -> str:
    """Return the lines under a letter: name, title, company, phone; empty ones are left out."""
    lines = (sender.name, sender.title, sender.company, sender.phone)
    return "\n".join(one_line(line) for line in lines if one_line(line))


def attribution(earlier: EarlierMail, language: Language) -> str:
    """Return the line above a quoted message: `On 5 March 2026 at 09:30 UTC, Priya wrote:`."""
    day = show_date(earlier.sent_at.date(), language)
    clock = f"{earlier.sent_at:%H:%M} {earlier.sent_at.tzname() or ''}".strip()
    when = f"{day} {clock} " if language == "zh" else f"{day} at {clock}"
    return wording(language).wrote.format(when=when, author=one_line(earlier.author))


def _show_person(person: Person, language: Language, *, with_company: bool = False) -> str:
    parts = [person.name, person.title, *([person.company] if with_company else [])]
    return wording(language).comma.join(one_line(part) for part in parts if one_line(part))


def _note_blocks(notes: EndNotes, words: Wording) -> list[Block]:
    return [Heading(words.notes), Notes(notes.items)] if notes.items else []


def _notice(points: Iterable[OpenPoint], open_texts: Iterable[str], words: Wording) -> list[Block]:
    items = [f"{one_line(point.where)}{words.colon}{one_line(point.what)}" for point in points]
    items += open_texts
    return [Notice(words.notice, tuple(dict.fromkeys(items)))] if items else []
