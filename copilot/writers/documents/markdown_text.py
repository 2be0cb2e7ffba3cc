"""Renders proposals and letters as Markdown (CommonMark with pipe tables)."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from copilot.writers.documents import blocks
from copilot.writers.documents.compose import compose
from copilot.writers.documents.content import Content

# Markup and anything that a reader could turn into a tag, a link, an image or a table cell.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$!&])")
_LINE_START = re.compile(
    r"^([ \t]*)(\d{0,9})(?:([-+.)])(?=\s|$)|([-=])(?=[-= \t]*$))", re.MULTILINE
)
_ADDRESS = re.compile(r"\b(https?|ftp|javascript|data|www)(:|\.)", re.IGNORECASE)


def render_markdown(content: Content, *, with_notes: bool = True) -> str:
    """Return Markdown in which words from outside cannot become markup; charts are tables.

    Raises:
        BadInput: the content does not add up.
    """
    document = compose(content, with_notes=with_notes)
    parts = [*_opening(document), *(_WRITERS[type(block)](block) for block in document.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Return the text so that Markdown shows it as it is."""
    marked = _MARKUP.sub(r"\\\1", text)
    marked = _LINE_START.sub(lambda m: f"{m[1]}{m[2]}\\{m[3] or m[4]}", marked)
    return _ADDRESS.sub(lambda m: f"{m[1]}\\{m[2]}", marked)


def _opening(document: blocks.Document) -> list[str]:
    mark = f"**{document.draft_mark}**" if document.draft_mark else ""
    facts = [(label, value.replace("\n", "; ")) for label, value in document.facts]
    listed = "\n".join(f"- **{escaped(label)}:** {escaped(value)}" for label, value in facts)
    subtitle = f"*{escaped(document.subtitle)}*" if document.subtitle else ""
    return [f"# {escaped(document.title)}", mark, subtitle, listed]


def _runs(runs: Sequence[blocks.Run]) -> str:
    return "".join(_run(run) for run in runs)


def _run(run: blocks.Run) -> str:
    text = escaped(run.text)
    if run.is_open:
        lead = text[: len(text) - len(text.lstrip())]
        text = f"{lead}**{text.strip()}**"
    return text + "".join(f" [{number}]" for number in run.notes)


def _paragraph(block: blocks.Paragraph) -> str:
    return _runs(block.runs).replace("\n", "\\\n")


def _bullets(block: blocks.Bullets) -> str:
    return "\n".join(f"- {_runs(item)}".replace("\n", " ") for item in block.items)


def _quote(block: blocks.Quote) -> str:
    marks = "".join(f" [{number}]" for number in block.notes)
    words = (escaped(block.words) + marks).replace("\n", "\n> ")
    return f"> {words}\n>\n> — {escaped(block.attribution)}"


def _table(block: blocks.Table) -> str:
    sides = ["---:" if column.is_number else "---" for column in block.columns]
    rows = [[_runs(cell) for cell in row] for row in block.rows]
    blank = [""] * (len(block.columns) - 2)
    for total in block.totals:
        bold = "**" if total.is_grand else ""
        pair = (escaped(total.label), escaped(total.value))
        label, value = (f"{bold}{each}{bold}" for each in pair)
        rows.append([*blank, label, value])
    titles = [escaped(column.title) for column in block.columns]
    return "\n".join(_row(cells) for cells in (titles, sides, *rows))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\n", " — ") for cell in cells) + " |"


def _bar_chart(block: blocks.BarChart) -> str:
    rows = [(escaped(bar.label), escaped(bar.value)) for bar in block.bars]
    head = [_row((escaped(block.title), "")), _row(("---", "---:"))]
    return "\n".join([*head, *(_row(row) for row in rows)])


def _time_chart(_: blocks.TimeChart) -> str:
    """Return nothing: the table of milestones that follows says it all."""
    return ""


def _signatures(block: blocks.Signatures) -> str:
    lines = []
    for box in block.boxes:
        values = ("", box.name, box.title, "")
        named = zip(block.labels, values, strict=True)
        shown = [f"- {escaped(label)}: {escaped(value) or '________'}" for label, value in named]
        lines.append("\n".join([f"**{escaped(box.company)}**", "", *shown]))
    return "\n\n".join(lines)


def _notice(block: blocks.Notice) -> str:
    items = "\n".join(f"> - [ ] {escaped(item)}" for item in block.items)
    return f"> **{escaped(block.title)}**\n>\n{items}"


def _notes(block: blocks.Notes) -> str:
    return "\n".join(f"{at}. {escaped(item)}" for at, item in enumerate(block.items, start=1))


_WRITERS: dict[type, Callable[[Any], str]] = {
    blocks.Heading: lambda block: f"{'#' * (block.level + 1)} {escaped(block.text)}",
    blocks.Paragraph: _paragraph,
    blocks.Bullets: _bullets,
    blocks.Quote: _quote,
    blocks.Table: _table,
    blocks.BarChart: _bar_chart,
    blocks.TimeChart: _time_chart,
    blocks.Signatures: _signatures,
    blocks.Notice: _notice,
    blocks.Notes: _notes,
}
