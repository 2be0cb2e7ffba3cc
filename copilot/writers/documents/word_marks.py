"""The parts of Word's markup that python-docx has no words for: fields, bookmarks, borders."""

from collections.abc import Iterable
from copy import deepcopy

from docx.document import Document as WordFile
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shape import InlineShape
from docx.table import _Cell, _Row
from docx.text.paragraph import Paragraph


def element(tag: str, **attributes: str) -> BaseOxmlElement:
    """Return a new `w:` element with `w:` attributes."""
    made: BaseOxmlElement = OxmlElement(f"w:{tag}")
    for name, value in attributes.items():
        made.set(qn(f"w:{name}"), value)
    return made


def text_run(text: str, *, style_of: BaseOxmlElement | None = None) -> BaseOxmlElement:
    """Return a run with the text, looking like the run `style_of`."""
    run = _run_like(style_of)
    shown = element("t")
    shown.text = text
    shown.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    run.append(shown)
    return run


def field_runs(
    instruction: str, cached: str, *, style_of: BaseOxmlElement | None = None
) -> list[BaseOxmlElement]:
    """Return the runs of a field, such as PAGE, with the value shown until Word works it out."""
    code = _run_like(style_of)
    words = element("instrText")
    words.text = f" {instruction} "
    code.append(words)
    return [
        _mark("begin", style_of),
        code,
        _mark("separate", style_of),
        text_run(cached, style_of=style_of),
        _mark("end", style_of),
    ]


def add_contents(before: Paragraph, entries: Iterable[tuple[str, str, str]]) -> None:
    """Insert a table of contents: entries of text, bookmark and style, each a link.

    It has no page numbers, which only Word could know; its field lets the reader refresh it.
    """
    paragraphs = []
    for text, bookmark, style in entries:
        paragraph = before.insert_paragraph_before(style=style)
        link = element("hyperlink", anchor=bookmark, history="1")
        link.append(text_run(text))
        paragraph._p.append(link)
        paragraphs.append(paragraph)
    code = element("r")
    words = element("instrText")
    words.text = ' TOC \\o "1-2" \\n \\h \\z \\u '
    code.append(words)
    first, last = paragraphs[0]._p, paragraphs[-1]._p
    at = 1 if first.pPr is not None else 0
    for offset, run in enumerate([_mark("begin"), code, _mark("separate")]):
        first.insert(at + offset, run)
    last.append(_mark("end"))


def set_bookmark(paragraph: Paragraph, name: str, number: int) -> None:
    """Put a bookmark around the paragraph's runs."""
    start = element("bookmarkStart", id=str(number), name=name)
    paragraph._p.insert(1 if paragraph._p.pPr is not None else 0, start)
    paragraph._p.append(element("bookmarkEnd", id=str(number)))


def repeat_as_header(row: _Row) -> None:
    """Make the row appear again on top of each page that the table reaches."""
    row._tr.get_or_add_trPr().append(element("tblHeader"))


def keep_whole(row: _Row) -> None:
    """Keep the row from breaking over two pages.

    Not for tables with a repeated head: LibreOffice 7.4 then loses rows at the end of a page.
    """
    row._tr.get_or_add_trPr().append(element("cantSplit"))


def shade(cell: _Cell, colour: str) -> None:
    """Fill the cell with a colour as RRGGBB."""
    cell._tc.get_or_add_tcPr().append(element("shd", val="clear", color="auto", fill=colour))


def draw_border(cell: _Cell, sides: Iterable[str], colour: str, eighths: int = 4) -> None:
    """Draw lines at the sides of a cell (`top`, `bottom`, …), as thick as so many eighths."""
    borders = element("tcBorders")
    for side in ("top", "left", "bottom", "right"):
        if side in set(sides):
            borders.append(element(side, val="single", sz=str(eighths), space="0", color=colour))
    cell._tc.get_or_add_tcPr().append(borders)


def describe(picture: InlineShape, text: str) -> None:
    """Give the picture a description for those who cannot see it."""
    picture._inline.docPr.set("descr", text)


def set_language(document: WordFile, language: str) -> None:
    """Set the language in which Word checks spelling and breaks lines, such as `zh-CN`."""
    defaults = document.styles.element.find(qn("w:docDefaults"))
    properties = None if defaults is None else defaults.find(f".//{qn('w:rPr')}")
    if properties is None:
        return
    for old in properties.findall(qn("w:lang")):
        properties.remove(old)
    properties.append(element("lang", val=language, eastAsia=language))


def _mark(kind: str, style_of: BaseOxmlElement | None = None) -> BaseOxmlElement:
    run = _run_like(style_of)
    run.append(element("fldChar", fldCharType=kind))
    return run


def _run_like(other: BaseOxmlElement | None) -> BaseOxmlElement:
    run = element("r")
    properties = None if other is None else other.find(qn("w:rPr"))
    if properties is not None:
        run.append(deepcopy(properties))
    return run
