"""Opens a company's Word template, says what is wrong with it, and fills its placeholders."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile, ZipFile

import docx
from docx.document import Document as WordFile
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement

from copilot.writers.documents.word_marks import field_runs, text_run
from copilot.writers.documents.word_styles import PARAGRAPH_STYLES, TABLE_STYLE, plain_template
from crm.errors import BadInput

INLINE = (
    "title", "short_title", "subtitle", "customer", "short_customer", "company", "date",
    "confidentiality", "draft", "page",
)  # fmt: skip
BLOCKS = ("body", "contents", "facts")
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_MOST_BYTES, _MOST_UNPACKED = 20_000_000, 120_000_000
_MACROS = re.compile(r"vbaProject|activeX", re.IGNORECASE)


def open_template(
    path: Path | None, kind: Literal["proposal", "letter"], *, has_long_title: bool = False
) -> WordFile:
    """Return the company's template, or ours, checked and with every style that we need.

    Styles that a company's template lacks are taken from ours.

    Raises:
        BadInput: it cannot be read, holds macros, has no {{body}}, a placeholder that we do not
            know or that does not stand alone, or a style of the wrong type. All faults at once.
    """
    ours = docx.Document(BytesIO(plain_template(kind, has_long_title=has_long_title)))
    if path is None:
        return ours
    document = _read(path)
    faults = [*_placeholder_faults(document), *_style_faults(document)]
    if faults:
        listed = "\n".join(f"  - {fault}" for fault in faults)
        raise BadInput(f"Word template {path.name!r} cannot be used:\n{listed}")
    _complete_styles(document, ours)
    return document


def block_paragraph(document: WordFile, name: str) -> BaseOxmlElement | None:
    """Return the paragraph that holds only the placeholder of a block, if there is one."""
    wanted = ("{{" + name + "}}",)
    for paragraph in document.element.body.iter(qn("w:p")):
        if "".join(_own_text(paragraph).split()) in wanted:
            found: BaseOxmlElement = paragraph
            return found
    return None


def fill_inline(document: WordFile, values: Mapping[str, str], page_label: str) -> None:
    """Replace the inline placeholders everywhere: body, tables, text boxes, headers, footers.

    A paragraph whose placeholders all turn out empty, and that holds nothing else, is removed.
    `page_label` such as `Page {page} of {pages}` becomes fields that Word counts.
    """
    for root in _roots(document):
        for paragraph in list(root.iter(qn("w:p"))):
            text = _own_text(paragraph)
            names = _PLACEHOLDER.findall(text)
            if not names or names[0] in BLOCKS:
                continue
            filled = _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)
            if not filled.strip() and _may_go(paragraph):
                paragraph.getparent().remove(paragraph)
                continue
            _replace(paragraph, lambda name: values.get(name, ""), page_label)


def drop_paragraph(paragraph: BaseOxmlElement) -> None:
    """Remove the paragraph, or empty it where Word wants one to stay: at the end of a cell."""
    parent = paragraph.getparent()
    if parent.tag in (qn("w:body"), qn("w:txbxContent")) or paragraph.getnext() is not None:
        parent.remove(paragraph)
        return
    for child in list(paragraph):
        if child.tag != qn("w:pPr"):
            paragraph.remove(child)


def _read(path: Path) -> WordFile:
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise BadInput(f"Word template {str(path)!r} cannot be read: {error.strerror}") from error
    try:
        with ZipFile(BytesIO(packed)) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
            has_macros = any(_MACROS.search(name) for name in archive.namelist())
        if has_macros:
            raise BadInput(f"Word template {path.name!r} holds macros: save it as .docx without")
        if len(packed) > _MOST_BYTES or unpacked > _MOST_UNPACKED:
            raise BadInput(f"Word template {path.name!r} is too large: keep it under 20 MB")
        return docx.Document(BytesIO(packed))
    except (BadZipFile, KeyError, ValueError) as error:
        raise BadInput(
            f"Word template {path.name!r} is not a Word document: save it as .docx in Word"
        ) from error


def _placeholder_faults(document: WordFile) -> Iterator[str]:
    seen: list[str] = []
    for root in _roots(document):
        in_body = root is document.element.body
        for paragraph in root.iter(qn("w:p")):
            text = _own_text(paragraph)
            names = _PLACEHOLDER.findall(text)
            seen += names
            for name in names:
                yield from _name_faults(name, text, in_body=in_body)
            if "{{" in _PLACEHOLDER.sub("", text):
                yield f"placeholder not closed in {text[:60]!r}: write it as {{{{name}}}}"
    if "body" not in seen:
        yield "no {{body}}: add a paragraph with only {{body}} where the text belongs"
    for name in BLOCKS:
        if seen.count(name) > 1:
            yield f"{{{{{name}}}}} stands {seen.count(name)} times: keep one"


def _name_faults(name: str, text: str, *, in_body: bool) -> Iterator[str]:
    known = (*INLINE, *BLOCKS)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"write {{{{{near[0]}}}}}" if near else f"known are {', '.join(known)}"
        yield f"unknown placeholder {name!r}: {hint}"
    elif name in BLOCKS and not in_body:
        yield f"{{{{{name}}}}} is in a header or footer: move it into the text"
    elif name in BLOCKS and not _PLACEHOLDER.fullmatch(text.strip()):
        yield f"{{{{{name}}}}} must stand alone in its paragraph, found {text[:60]!r}"


def _style_faults(document: WordFile) -> Iterator[str]:
    for style in document.styles:
        if style.name in PARAGRAPH_STYLES and style.type != WD_STYLE_TYPE.PARAGRAPH:
            yield f"style {style.name!r} must be a paragraph style: rename or redefine yours"
        if style.name == TABLE_STYLE and style.type != WD_STYLE_TYPE.TABLE:
            yield f"style {style.name!r} must be a table style: rename or redefine yours"


def _complete_styles(document: WordFile, ours: WordFile) -> None:
    known = {style.name for style in document.styles}
    for name in (*PARAGRAPH_STYLES, TABLE_STYLE):
        if name not in known:
            document.styles.element.append(deepcopy(ours.styles[name].element))


def _roots(document: WordFile) -> Iterator[BaseOxmlElement]:
    yield document.element.body
    for relation in document.part.rels.values():
        if relation.reltype in (RELATIONSHIP_TYPE.HEADER, RELATIONSHIP_TYPE.FOOTER):
            yield relation.target_part.element


def _own_texts(paragraph: BaseOxmlElement) -> list[BaseOxmlElement]:
    """Return the paragraph's text nodes, without those of paragraphs in its text boxes."""
    texts = paragraph.iter(qn("w:t"))
    return [each for each in texts if next(each.iterancestors(qn("w:p"))) is paragraph]


def _own_text(paragraph: BaseOxmlElement) -> str:
    return "".join(each.text or "" for each in _own_texts(paragraph))


def _may_go(paragraph: BaseOxmlElement) -> bool:
    """Whether the paragraph can be removed: Word wants one at the end of each cell and part."""
    is_last = paragraph.getnext() is None
    holds_more = any(
        True
        for tag in ("w:drawing", "w:pict", "w:sectPr", "w:tab")
        for _ in paragraph.iter(qn(tag))
    )
    return not is_last and not holds_more


def _replace(paragraph: BaseOxmlElement, value_of: Callable[[str], str], page_label: str) -> None:
    """Replace placeholders even where Word has split one over several runs."""
    texts = _own_texts(paragraph)
    whole = "".join(each.text or "" for each in texts)
    for match in reversed(list(_PLACEHOLDER.finditer(whole))):
        value = "" if match[1] == "page" else value_of(match[1])
        first, offset = _at(texts, match.start())
        last, end = _at(texts, match.end() - 1)
        before, after = (texts[first].text or "")[:offset], (texts[last].text or "")[end + 1 :]
        for middle in texts[first + 1 : last + 1]:
            middle.text = ""
        texts[first].text = before + value + (after if match[1] != "page" else "")
        texts[first].set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        if match[1] == "page":
            _insert_page_number(texts[first], after, page_label)


def _insert_page_number(text: BaseOxmlElement, after: str, page_label: str) -> None:
    run = text.getparent()
    place = run
    runs: list[BaseOxmlElement] = []
    for part in re.split(r"(\{pages?\})", page_label):
        if part in ("{page}", "{pages}"):
            code = "PAGE" if part == "{page}" else "NUMPAGES"
            runs += field_runs(code, "1", style_of=run)
        elif part:
            runs.append(text_run(part, style_of=run))
    for each in [*runs, *([text_run(after, style_of=run)] if after else [])]:
        place.addnext(each)
        place = each


def _at(texts: list[BaseOxmlElement], position: int) -> tuple[int, int]:
    for index, each in enumerate(texts):
        length = len(each.text or "")
        if position < length:
            return index, position
        position -= length
    raise AssertionError("a match lies inside the joined text")
