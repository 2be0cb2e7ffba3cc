"""Renders proposals and letters as PDF."""

import re
from dataclasses import asdict
from datetime import date

from copilot.writers.documents.blocks import BarChart, Block, Document, Heading, TimeChart
from copilot.writers.documents.brand import PLAIN_BRAND, Brand
from copilot.writers.documents.compose import compose
from copilot.writers.documents.content import Content
from copilot.writers.documents.plain import shortened, with_breaks
from copilot.writers.documents.typesetting import typeset
from copilot.writers.documents.wording import wording

# None of the fonts that come along has pictures; a box in their place would look like a fault.
_PICTURES = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0e\ufe0f\u200d\u20e3]+")
_MOST_ENTRIES = 32


def render_pdf(content: Content, *, brand: Brand = PLAIN_BRAND, with_notes: bool = True) -> bytes:
    """Return a tagged PDF with embedded fonts; the same content gives the same bytes.

    Raises:
        BadInput: the content does not add up, or the brand cannot be used.
        PermanentError: the typesetter or its fonts are not installed.
    """
    document = compose(content, with_notes=with_notes)
    return typeset(
        "document.typ", _inputs(document, brand), brand=brand, output="pdf", dated=document.dated
    )


def chart_picture(chart: BarChart | TimeChart, *, document: Document, brand: Brand) -> bytes:
    """Return the chart as PNG, 16.4 cm wide at 200 dots an inch."""
    return _draw(chart, document, brand, as_svg=False)


def chart_vector(chart: BarChart | TimeChart, *, document: Document, brand: Brand) -> bytes:
    """Return the chart as SVG whose text is drawn, so that it needs no font."""
    return _draw(chart, document, brand, as_svg=True)


def _draw(chart: BarChart | TimeChart, document: Document, brand: Brand, *, as_svg: bool) -> bytes:
    return typeset(
        "chart.typ",
        {"chart": _plain_block(chart), "lang": document.language},
        brand=brand,
        output="svg" if as_svg else "png",
        dated=document.dated,
    )


def _inputs(document: Document, brand: Brand) -> dict[str, object]:
    headings = [block for block in document.blocks if isinstance(block, Heading)]
    is_chinese = document.language == "zh"
    shown = asdict(document) | {
        "blocks": [_plain_block(block) for block in document.blocks],
        "dated": _calendar(document.dated),
    }
    return {
        "document": _printable(shown),
        "lang": document.language,
        "region": "CN" if is_chinese else "US",
        "leading": 0.85 if is_chinese else 0.72,
        "justify": is_chinese,
        "paper": brand.paper,
        "logo": list(brand.logo) if brand.logo else None,
        "title_size": _title_size(document.title),
        "running_title": _running(document.title, 70),
        "running_customer": _running(document.customer, 40),
        "running_foot": _running(foot_line(document), 90),
        "with_contents": len(headings) > 2,
        "contents_depth": 2 if len(headings) <= _MOST_ENTRIES else 1,
        "date_label": wording(document.language).date,
    }


def foot_line(document: Document) -> str:
    """Return what stands at the foot of each page: confidentiality, company, date."""
    parts = (document.confidentiality, document.company, document.date_shown)
    return "  ·  ".join(part for part in parts if part)


def _running(text: str, columns: int) -> str:
    return with_breaks(_PICTURES.sub("", shortened(text, columns)))


def _title_size(title: str) -> int:
    """Return the points in which a title fits on a cover in a few lines."""
    wide = sum(2 if ord(character) > 0x2E7F else 1 for character in title)
    return next((size for limit, size in ((60, 30), (120, 24), (240, 18)) if wide <= limit), 13)


def _plain_block(block: Block) -> dict[str, object]:
    return {"kind": type(block).__name__, **asdict(block)}


def _calendar(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}


def _printable(value: object) -> object:
    """Return the value with every text in it fit for lines and for the fonts."""
    if isinstance(value, str):
        return with_breaks(_PICTURES.sub("", value))
    if isinstance(value, dict):
        return {key: _printable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(each) for each in value]
    return value
