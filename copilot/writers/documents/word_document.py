"""Renders proposals and letters as Word documents through a template."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Literal
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from docx.document import Document as WordFile
from docx.text.paragraph import Paragraph as WordParagraph

from copilot.writers.documents.blocks import Document
from copilot.writers.documents.compose import compose
from copilot.writers.documents.content import Content, ProposalContent
from copilot.writers.documents.plain import east_asian_columns, shortened
from copilot.writers.documents.word_body import WordBody
from copilot.writers.documents.word_marks import set_language
from copilot.writers.documents.word_template import (
    block_paragraph,
    drop_paragraph,
    fill_inline,
    open_template,
)

_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def render_docx(
    content: Content, template: Path | None = None, *, with_notes: bool = True
) -> bytes:
    """Return a Word document; the same content and template give the same bytes.

    The template says how it looks: see docs/decisions/documents.md for its placeholders and
    styles. Without one ours is used.

    Raises:
        BadInput: the content does not add up, or the template cannot be used; all its faults
            are listed.
    """
    document = compose(content, with_notes=with_notes)
    is_long = east_asian_columns(document.title) > 90 or east_asian_columns(document.subtitle) > 120
    is_proposal = isinstance(content, ProposalContent)
    kind: Literal["proposal", "letter"] = "proposal" if is_proposal else "letter"
    word = open_template(template, kind, has_long_title=is_long)
    body = WordBody(word, document)
    # Found before anything is filled in: a title that reads {{body}} must not become the place.
    places = [
        (block_paragraph(word, "facts"), body.write_facts),
        (block_paragraph(word, "contents"), body.write_contents),
        (block_paragraph(word, "body"), body.write_blocks),
    ]
    fill_inline(word, _values(document), document.page_label)
    for place, write in places:
        if place is not None:
            write(WordParagraph(place, word._body))
            drop_paragraph(place)
    _set_properties(word, document)
    buffer = BytesIO()
    word.save(buffer)
    return _without_times(buffer.getvalue())


def _values(document: Document) -> dict[str, str]:
    return {
        "title": document.title,
        "short_title": shortened(document.title, 50),
        "subtitle": document.subtitle,
        "customer": document.customer,
        "short_customer": shortened(document.customer, 40),
        "company": document.company,
        "date": document.date_shown,
        "confidentiality": shortened(document.confidentiality, 60),
        "draft": document.draft_mark,
        "page": " ",
    }


def _set_properties(word: WordFile, document: Document) -> None:
    set_language(word, "zh-CN" if document.language == "zh" else "en-US")
    day = document.dated
    stamp = datetime(day.year, day.month, day.day, tzinfo=UTC)
    properties = word.core_properties
    properties.title, properties.author = document.title[:255], document.company[:255]
    properties.last_modified_by = document.company[:255]
    properties.comments = properties.keywords = properties.subject = ""
    properties.created = properties.modified = stamp
    properties.revision = 1


def _without_times(packed: bytes) -> bytes:
    """Return the archive with its entries' times fixed: the clock must not change the bytes."""
    buffer = BytesIO()
    with ZipFile(BytesIO(packed)) as old, ZipFile(buffer, "w") as new:
        for name in old.namelist():
            entry = ZipInfo(name, date_time=_LONG_AGO)
            entry.compress_type = ZIP_DEFLATED
            new.writestr(entry, old.read(name))
    return buffer.getvalue()
