"""Renders proposals and letters as one HTML page that needs nothing else and prints well."""

from base64 import b64encode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from copilot.writers.documents.blocks import BarChart, Document, Heading, TimeChart
from copilot.writers.documents.brand import PLAIN_BRAND, Brand
from copilot.writers.documents.compose import compose
from copilot.writers.documents.content import Content
from copilot.writers.documents.pdf_document import chart_vector, foot_line
from copilot.writers.documents.typesetting import TEMPLATES


def render_html(content: Content, *, brand: Brand = PLAIN_BRAND, with_notes: bool = True) -> str:
    """Return a page without scripts or outside links; every word from outside is escaped.

    Raises:
        BadInput: the content does not add up, or the brand cannot be used.
        PermanentError: the typesetter, which draws the charts, is not installed.
    """
    document = compose(content, with_notes=with_notes)
    environment = page_environment()
    css = environment.get_template("document.css").render(
        accent=brand.accent, paper="letter" if brand.paper == "us-letter" else "A4"
    )
    return environment.get_template("document.html.j2").render(
        doc=document,
        lang="zh-CN" if document.language == "zh" else "en",
        # The style sheet is ours; colour and paper, its only variables, are from closed sets.
        css=Markup(css),  # noqa: S704
        logo=_logo(brand),
        blocks=[(type(block).__name__, block) for block in document.blocks],
        contents=[block for block in document.blocks if isinstance(block, Heading)],
        numbers=_heading_numbers(document),
        pictures=_pictures(document, brand),
        foot=foot_line(document),
    )


def page_environment() -> Environment:
    """Return the templates' environment: everything is escaped, nothing may be missing."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _heading_numbers(document: Document) -> dict[int, int]:
    """Return the running number of each heading, by its place among the blocks."""
    places = [at for at, block in enumerate(document.blocks) if isinstance(block, Heading)]
    return {place: number for number, place in enumerate(places, start=1)}


def _pictures(document: Document, brand: Brand) -> dict[int, str]:
    """Return the charts as addresses that hold the picture itself, by place among the blocks."""
    return {
        at: _inline("image/svg+xml", chart_vector(block, document=document, brand=brand))
        for at, block in enumerate(document.blocks)
        if isinstance(block, BarChart | TimeChart)
    }


def _logo(brand: Brand) -> str:
    if brand.logo is None:
        return ""
    return _inline("image/png" if brand.logo.startswith(b"\x89PNG") else "image/jpeg", brand.logo)


def _inline(kind: str, picture: bytes) -> str:
    return f"data:{kind};base64,{b64encode(picture).decode()}"
