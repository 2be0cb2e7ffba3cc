"""Writes a document's blocks into a Word file, in front of a template's placeholder."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from docx.document import Document as WordFile
from docx.enum.text import WD_BREAK, WD_COLOR_INDEX
from docx.shared import Cm, Emu, Length, RGBColor
from docx.table import Table as WordTable
from docx.table import _Cell
from docx.text.paragraph import Paragraph as WordParagraph

from copilot.writers.documents import blocks
from copilot.writers.documents.brand import Brand
from copilot.writers.documents.pdf_document import chart_picture
from copilot.writers.documents.plain import east_asian_columns
from copilot.writers.documents.word_marks import (
    add_contents,
    describe,
    draw_border,
    keep_whole,
    repeat_as_header,
    set_bookmark,
    shade,
)
from copilot.writers.documents.word_styles import TABLE_STYLE

_CHARACTER = Cm(0.19)
_PADDING = Cm(0.4)
_FEWEST_ENTRIES = 3
_LINE, _ALARM, _NOTICE_FILL, _GRAND_FILL = "BFBFBF", "9A3412", "FEF3C7", "E6EAF0"


class WordBody:
    """One document on its way into one Word file."""

    def __init__(self, word: WordFile, document: blocks.Document) -> None:
        self._word, self._document = word, document
        section = word.sections[-1]
        self._width = Emu(
            (section.page_width or Cm(21))
            - (section.left_margin or Cm(2.4))
            - (section.right_margin or Cm(2.4))
        )
        self._bookmarks = 0
        self._style_ids = {style.name: style.style_id for style in word.styles}
        self._writers: dict[type, Callable[[Any, WordParagraph], None]] = {
            blocks.Heading: self._heading,
            blocks.Paragraph: self._paragraph,
            blocks.Bullets: self._bullets,
            blocks.Quote: self._quote,
            blocks.Table: self._table,
            blocks.BarChart: self._chart,
            blocks.TimeChart: self._chart,
            blocks.Signatures: self._signatures,
            blocks.Notice: self._notice,
            blocks.Notes: self._notes,
        }

    def write_blocks(self, place: WordParagraph) -> None:
        """Insert all blocks in front of the paragraph."""
        for block in self._document.blocks:
            self._writers[type(block)](block, place)

    def write_contents(self, place: WordParagraph) -> None:
        """Insert the table of contents and a page break; nothing for a short document."""
        headings = [block for block in self._document.blocks if isinstance(block, blocks.Heading)]
        if len(headings) < _FEWEST_ENTRIES:
            return
        place.insert_paragraph_before(self._document.contents_title, style="Contents Title")
        add_contents(
            place,
            [
                (heading.text, _bookmark(at), f"TOC {heading.level}")
                for at, heading in enumerate(headings, start=1)
            ],
        )
        place.insert_paragraph_before().add_run().add_break(WD_BREAK.PAGE)

    def write_facts(self, place: WordParagraph) -> None:
        """Insert the labels and values of the cover or letterhead."""
        facts = self._document.facts
        if not facts:
            return
        table = self._new_table(len(facts), 2, place, style=None)
        _set_widths(table, [Cm(3.4), Emu(self._width - Cm(3.4))])
        for row, (label, value) in zip(table.rows, facts, strict=True):
            self._write(row.cells[0], label, "Table Text")
            self._write(row.cells[1], value, "Normal")

    def _heading(self, block: blocks.Heading, place: WordParagraph) -> None:
        paragraph = place.insert_paragraph_before(block.text, style=f"Heading {block.level}")
        if block.starts_page:
            paragraph.paragraph_format.page_break_before = True
        self._bookmarks += 1
        set_bookmark(paragraph, _bookmark(self._bookmarks), self._bookmarks)

    def _paragraph(self, block: blocks.Paragraph, place: WordParagraph) -> None:
        _add_runs(place.insert_paragraph_before(style="Normal"), block.runs)

    def _bullets(self, block: blocks.Bullets, place: WordParagraph) -> None:
        for item in block.items:
            _add_runs(place.insert_paragraph_before(style="List Bullet"), item)

    def _quote(self, block: blocks.Quote, place: WordParagraph) -> None:
        run = blocks.Run(block.words, block.notes)
        _add_runs(place.insert_paragraph_before(style="Quote"), [run])
        place.insert_paragraph_before(f"— {block.attribution}", style="Quote Source")

    def _table(self, block: blocks.Table, place: WordParagraph) -> None:
        table = self._new_table(1 + len(block.rows), len(block.columns), place, style=TABLE_STYLE)
        _set_widths(table, _column_widths(block, self._width))
        head, *rows = table.rows
        repeat_as_header(head)
        for cell, column in zip(head.cells, block.columns, strict=True):
            paragraph = self._write(cell, column.title, "Table Head")
            if column.is_number:
                paragraph.alignment = self._word.styles["Table Number"].paragraph_format.alignment
        for row, cells in zip(rows, block.rows, strict=True):
            for cell, column, runs in zip(row.cells, block.columns, cells, strict=True):
                style = "Table Number" if column.is_number else "Table Text"
                _add_runs(self._write(cell, "", style), runs)
        for total in block.totals:
            self._total(table, total)
        place.insert_paragraph_before(style="Table Text")

    def _total(self, table: WordTable, total: blocks.TotalRow) -> None:
        row = table.add_row()  # type: ignore[no-untyped-call]
        cells = row.cells
        style = "Table Total" if total.is_grand else "Table Number"
        label = cells[0].merge(cells[-2]) if len(cells) > 2 else cells[0]
        for cell, text in ((label, total.label), (cells[-1], total.value)):
            self._write(cell, text, style)
            if total.is_grand:
                shade(cell, _GRAND_FILL)

    def _chart(self, block: blocks.BarChart | blocks.TimeChart, place: WordParagraph) -> None:
        if block.title:
            place.insert_paragraph_before(block.title, style="Caption")
        picture = chart_picture(block, document=self._document, brand=self._brand())
        paragraph = place.insert_paragraph_before(style="Normal")
        shape = paragraph.add_run().add_picture(BytesIO(picture), width=self._width)
        describe(shape, block.alt)

    def _brand(self) -> Brand:
        """Return the colour of the template's headings, so that charts match it."""
        colour = self._word.styles["Heading 1"].font.color.rgb
        return Brand(accent=str(colour)) if colour is not None else Brand()

    def _signatures(self, block: blocks.Signatures, place: WordParagraph) -> None:
        for at in range(0, len(block.boxes), 2):
            pair = block.boxes[at : at + 2]
            table = self._new_table(5, 5, place, style=None)
            half = (self._width - Cm(5.2)) // 2
            _set_widths(table, [Cm(2.2), Emu(half), Cm(0.8), Cm(2.2), Emu(half)])
            for row in table.rows:
                keep_whole(row)
            for side, box in enumerate(pair):
                left = 3 * side
                company = table.cell(0, left).merge(table.cell(0, left + 1))
                self._write(company, "", "Table Text").add_run(box.company).bold = True
                values = ("", box.name, box.title, "")
                for line, (label, value) in enumerate(
                    zip(block.labels, values, strict=True), start=1
                ):
                    self._write(table.cell(line, left), label, "Table Text")
                    room = "\n" if line == 1 else ""
                    self._write(table.cell(line, left + 1), room + value, "Table Text")
                    draw_border(table.cell(line, left + 1), ["bottom"], _LINE)
            for row in table.rows[:-1]:
                for cell in row.cells:
                    cell.paragraphs[0].paragraph_format.keep_with_next = True
            place.insert_paragraph_before(style="Normal")

    def _notice(self, block: blocks.Notice, place: WordParagraph) -> None:
        cell = self._new_table(1, 1, place, style=None).cell(0, 0)
        shade_and_frame(cell)
        self._write(cell, "", "Open Point").add_run(block.title).bold = True
        for item in block.items:
            cell.add_paragraph(f"•  {item}", style="Open Point")
        place.insert_paragraph_before(style="Normal")

    def _notes(self, block: blocks.Notes, place: WordParagraph) -> None:
        for number, item in enumerate(block.items, start=1):
            place.insert_paragraph_before(f"{number}.\t{item}", style="Notes")

    def _write(self, cell: _Cell, text: str, style: str) -> WordParagraph:
        paragraph: WordParagraph = cell.paragraphs[0]
        # Looking a style up by name for each of thousands of cells takes most of the time.
        paragraph._p.style = self._style_ids[style]
        if text:
            paragraph.add_run(text)
        return paragraph

    def _new_table(
        self, rows: int, columns: int, place: WordParagraph, *, style: str | None
    ) -> WordTable:
        table: WordTable = self._word.add_table(rows, columns, style=style)
        table.autofit = False
        place._p.addprevious(table._tbl)
        return table


def shade_and_frame(cell: _Cell) -> None:
    """Make the cell the box that warns the rep."""
    draw_border(cell, ("top", "left", "bottom", "right"), _ALARM, eighths=6)
    shade(cell, _NOTICE_FILL)


def _add_runs(paragraph: WordParagraph, runs: Sequence[blocks.Run]) -> None:
    for item in runs:
        run = paragraph.add_run(item.text)
        if item.is_small:
            size = paragraph.style.font.size if paragraph.style else None
            run.font.size = Emu(int(size * 0.92)) if size else None
            run.font.color.rgb = RGBColor.from_string("5F5F5F")
        if item.is_open:
            run.font.color.rgb = RGBColor.from_string(_ALARM)
            run.font.highlight_color = WD_COLOR_INDEX.YELLOW
        if item.notes:
            mark = paragraph.add_run(",".join(str(number) for number in item.notes))
            mark.font.superscript = True


def _column_widths(block: blocks.Table, width: Length) -> list[Length]:
    """Return the widths: numbers get what their longest value needs, text shares the rest."""
    needs = {}
    for at, column in enumerate(block.columns):
        if column.is_number:
            shown = ["".join(run.text for run in row[at]) for row in block.rows]
            if at == len(block.columns) - 1:
                shown += [total.value for total in block.totals]
            title = max(column.title.split() or [""], key=east_asian_columns)
            longest = max(east_asian_columns(text) for text in [*shown, title])
            needs[at] = int(longest * _CHARACTER + _PADDING)
    rest = max(width - sum(needs.values()), width // 4)
    weights = sum(column.weight for column in block.columns if not column.is_number) or 1
    return [
        Emu(needs[at] if at in needs else int(rest * column.weight / weights))
        for at, column in enumerate(block.columns)
    ]


def _set_widths(table: WordTable, widths: Sequence[Length]) -> None:
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
        for cell in column.cells:
            cell.width = width


def _bookmark(number: int) -> str:
    return f"_Toc{number:08d}"
