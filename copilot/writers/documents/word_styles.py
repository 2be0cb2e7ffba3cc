"""The Word styles of our documents, and the two templates that companies start from."""

from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import docx
from docx.document import Document as WordFile
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK, WD_TAB_ALIGNMENT
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import ParagraphStyle

from copilot.writers.documents.word_marks import element

TEXT_WIDTH = Cm(16.2)
_ACCENT, _QUIET, _ALARM = "1F3A5F", "5F5F5F", "9A3412"
_LATIN, _EAST_ASIAN = "Calibri", "Microsoft YaHei"

TABLE_STYLE = "Proposal Table"


@dataclass(frozen=True)
class _Look:
    """A paragraph style: sizes and spaces in points, indent in centimetres."""

    name: str
    size: float
    bold: bool = False
    colour: str = ""
    before: float = 0
    after: float = 0
    left: float = 0
    to_right: bool = False


_LOOKS = (
    _Look("Normal", size=10.5, after=6),
    _Look("Title", size=28, bold=True, after=10),
    _Look("Subtitle", size=14, colour=_QUIET),
    _Look("Heading 1", size=16, bold=True, colour=_ACCENT, before=20, after=8),
    _Look("Heading 2", size=11.5, bold=True, colour="1A1A1A", before=12, after=5),
    _Look("Quote", size=10.5, before=6, after=2, left=0.5),
    _Look("Quote Source", size=8.5, colour=_QUIET, after=8, left=0.5),
    _Look("List Bullet", size=10.5, after=3),
    _Look("Caption", size=9.5, bold=True, colour="1A1A1A", before=10, after=4),
    _Look("Contents Title", size=16, bold=True, colour=_ACCENT, after=8),
    _Look("TOC 1", size=10.5, before=5, after=2),
    _Look("TOC 2", size=10, colour=_QUIET, after=1, left=0.6),
    _Look("Cover Company", size=13, bold=True, colour=_ACCENT, after=16),
    _Look("Cover Draft", size=12, bold=True, colour=_ALARM, after=4),
    _Look("Table Head", size=8.5, bold=True, colour="FFFFFF"),
    _Look("Table Text", size=9),
    _Look("Table Number", size=9, to_right=True),
    _Look("Table Total", size=9, bold=True, to_right=True),
    _Look("Open Point", size=9.5, colour=_ALARM, before=1, after=1),
    _Look("Notes", size=8.5, after=2, left=0.6),
)
PARAGRAPH_STYLES = tuple(look.name for look in _LOOKS)


def plain_template(kind: Literal["proposal", "letter"], *, has_long_title: bool = False) -> bytes:
    """Return the template used where a company has none: a DOCX to open, change and save.

    `has_long_title` makes room on the cover for a title or subtitle of several lines.
    """
    document = docx.Document()
    _set_page(document)
    _add_styles(document)
    if kind == "proposal":
        _add_cover(document, 60 if has_long_title else 150)
        if has_long_title:
            document.styles["Title"].font.size = Pt(18)
    else:
        _add_letterhead(document)
    document.add_paragraph("{{body}}")
    _add_running_lines(document)
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _set_page(document: WordFile) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.4)
    section.top_margin, section.bottom_margin = Cm(2.7), Cm(2.4)
    section.different_first_page_header_footer = True


def _add_styles(document: WordFile) -> None:
    for look in _LOOKS:
        _add_style(document, look)
    document.styles["Notes"].paragraph_format.first_line_indent = Cm(-0.6)
    for name in ("Heading 1", "Heading 2", "Caption", "Quote"):
        document.styles[name].paragraph_format.keep_with_next = True
    for name in ("Quote", "Quote Source"):
        _draw_side_line(document.styles[name])
    _add_table_style(document)


def _add_style(document: WordFile, look: _Look) -> None:
    styles = document.styles
    known = {style.name for style in styles}
    style = (
        styles[look.name]
        if look.name in known
        else styles.add_style(look.name, WD_STYLE_TYPE.PARAGRAPH)
    )
    _clear_look(style)
    style.font.size, style.font.bold, style.font.italic = Pt(look.size), look.bold, False
    if look.colour:
        style.font.color.rgb = RGBColor.from_string(look.colour)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for attribute in list(fonts.attrib):
        del fonts.attrib[attribute]
    for script, font in (("ascii", _LATIN), ("hAnsi", _LATIN), ("eastAsia", _EAST_ASIAN)):
        fonts.set(qn(f"w:{script}"), font)
    form = style.paragraph_format
    form.space_before, form.space_after = Pt(look.before), Pt(look.after)
    form.line_spacing = 1.0 if look.name.startswith(("Table", "Title")) else 1.15
    form.keep_together = look.name.startswith("Table")
    if look.left:
        form.left_indent = Cm(look.left)
    if look.to_right:
        form.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _clear_look(style: ParagraphStyle) -> None:
    """Take off what the library's own template gives the style, such as a line under titles."""
    properties = style.element.find(qn("w:rPr"))
    if properties is not None:
        style.element.remove(properties)
    paragraph = style.element.find(qn("w:pPr"))
    border = None if paragraph is None else paragraph.find(qn("w:pBdr"))
    if paragraph is not None and border is not None:
        paragraph.remove(border)


def _draw_side_line(style: ParagraphStyle) -> None:
    borders = element("pBdr")
    borders.append(element("left", val="single", sz="18", space="8", color=_ACCENT))
    style.element.get_or_add_pPr().insert_element_before(
        borders, "w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc", "w:outlineLvl"
    )


def _add_table_style(document: WordFile) -> None:
    line = 'w:val="single" w:sz="4" w:space="0" w:color="CDCDCD"'
    document.styles.element.append(
        parse_xml(
            f'<w:style {nsdecls("w")} w:type="table" w:customStyle="1" w:styleId="ProposalTable">'
            f'<w:name w:val="{TABLE_STYLE}"/><w:basedOn w:val="TableNormal"/><w:qFormat/>'
            f"<w:tblPr><w:tblBorders><w:bottom {line}/><w:insideH {line}/></w:tblBorders>"
            '<w:tblCellMar><w:top w:w="50" w:type="dxa"/><w:left w:w="85" w:type="dxa"/>'
            '<w:bottom w:w="50" w:type="dxa"/><w:right w:w="85" w:type="dxa"/>'
            "</w:tblCellMar></w:tblPr>"
            '<w:tblStylePr w:type="firstRow"><w:tcPr><w:shd w:val="clear" w:color="auto" '
            f'w:fill="{_ACCENT}"/></w:tcPr></w:tblStylePr></w:style>'
        )
    )


def _add_cover(document: WordFile, room: float) -> None:
    """Add the cover; `room` is the white above and below the title, in points."""
    company = document.add_paragraph("{{company}}", style="Cover Company")
    company.paragraph_format.space_after = Pt(room)
    document.add_paragraph("{{draft}}", style="Cover Draft")
    document.add_paragraph("{{title}}", style="Title")
    document.add_paragraph("{{subtitle}}", style="Subtitle")
    document.add_paragraph().paragraph_format.space_before = Pt(room)
    document.add_paragraph("{{facts}}")
    document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    document.add_paragraph("{{contents}}")


def _add_letterhead(document: WordFile) -> None:
    document.add_paragraph("{{company}}", style="Cover Company")
    document.add_paragraph("{{draft}}", style="Cover Draft")
    document.add_paragraph("{{facts}}")
    document.add_paragraph("{{title}}", style="Heading 1")


def _add_running_lines(document: WordFile) -> None:
    section = document.sections[0]
    for part, text in (
        (section.header, "{{short_title}}\t{{draft}}  {{short_customer}}"),
        (section.footer, "{{confidentiality}}  ·  {{company}}  ·  {{date}}\t{{page}}"),
    ):
        paragraph = part.paragraphs[0]
        paragraph.style = document.styles["Normal"]
        paragraph.paragraph_format.tab_stops.add_tab_stop(TEXT_WIDTH, WD_TAB_ALIGNMENT.RIGHT)
        run = paragraph.add_run(text)
        run.font.size, run.font.color.rgb = Pt(8), RGBColor.from_string(_QUIET)
