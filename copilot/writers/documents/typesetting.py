"""The only place that calls Typst: data and a template in, PDF, PNG or SVG out."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from copilot.writers.documents.brand import Brand
from crm.errors import BadInput, PermanentError

if TYPE_CHECKING:
    import typst

TEMPLATES = Path(__file__).parent.parent / "templates"
_CARRIER = "justmytype_intl_cjk"
_FAMILIES = ("Noto Sans SC", "Noto Sans TC", "Noto Sans JP", "Noto Sans KR")


def typeset(
    template: str,
    inputs: Mapping[str, object],
    *,
    brand: Brand,
    output: Literal["pdf", "png", "svg"],
    dated: date,
) -> bytes:
    """Return the template filled with the inputs; the same inputs give the same bytes.

    PNG and SVG are of the first page; PNG has 200 dots an inch. `dated` becomes the creation
    date in a PDF.

    Raises:
        PermanentError: Typst or its fonts are not installed, or the template is broken.
        BadInput: the brand names a folder or a font that is not there.
    """
    import typst

    stamp = datetime(dated.year, dated.month, dated.day, tzinfo=UTC)
    payload = json.dumps({**inputs, "fonts": font_families(brand), "accent": brand.accent})
    try:
        made = typst.compile(
            TEMPLATES / template,
            root=TEMPLATES,
            font_paths=_fonts(brand.font_folder),
            sys_inputs={"data": payload},
            format=output,
            ppi=200.0 if output == "png" else None,
            timestamp=stamp,
        )
    except typst.TypstError as error:
        if "decode image" in error.message:
            raise BadInput(
                f"the brand's logo is damaged: save it again as PNG ({error.message})"
            ) from error
        raise PermanentError(
            f"{template!r} could not be typeset: {error.message}. If it was changed, undo that"
        ) from error
    pages = made if isinstance(made, list) else [made]
    if not isinstance(pages[0], bytes):
        raise PermanentError(f"{template!r} came out empty: the installed typst is too old")
    return pages[0]


def font_families(brand: Brand) -> list[str]:
    """Return the families in the order in which they are tried.

    Raises:
        BadInput: the brand names a family that neither its folder nor we have.
    """
    known = set(_fonts(brand.font_folder).families())
    for family in brand.fonts:
        if family not in known:
            raise BadInput(
                f"font {family!r} is not there: put it into the brand's font folder "
                f"{str(brand.font_folder)!r}, or name one of {sorted(known)}"
            )
    return [*brand.fonts, *_FAMILIES]


@lru_cache(maxsize=4)
def _fonts(folder: Path | None) -> "typst.Fonts":
    """Return the fonts; never the machine's own, or the same document would differ by machine."""
    import typst

    carrier = find_spec(_CARRIER)
    if carrier is None or carrier.origin is None:
        raise PermanentError(f"the fonts are missing: install {_CARRIER.replace('_', '-')!r}")
    if folder is not None and not folder.is_dir():
        raise BadInput(f"font folder {str(folder)!r} is not there: correct the brand's font_folder")
    paths = [str(Path(carrier.origin).parent / "fonts"), *([str(folder)] if folder else [])]
    return typst.Fonts(include_system_fonts=False, font_paths=paths)
