"""How a company's documents look where no Word template says it: colour, logo, paper, fonts."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crm.errors import BadInput

_MOST_LOGO_BYTES = 2_000_000
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


@dataclass(frozen=True)
class Brand:
    """The look of PDF and HTML documents.

    `accent` is a colour as RRGGBB; `logo` a PNG or JPEG of up to 2 MB; `fonts` are family names
    in the order in which they are tried, found in `font_folder` besides the fonts that come
    along (Noto Sans SC, TC, JP and KR).

    Raises:
        BadInput: the colour or the logo cannot be used.
    """

    accent: str = "1F3A5F"
    logo: bytes | None = None
    paper: Literal["a4", "us-letter"] = "a4"
    fonts: tuple[str, ...] = ()
    font_folder: Path | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9A-Fa-f]{6}", self.accent):
            raise BadInput(f"accent {self.accent!r}: give a colour as six hex digits, RRGGBB")
        if self.logo is not None and not self.logo.startswith(_STARTS):
            raise BadInput(f"logo starts with {self.logo[:8]!r}: give a PNG or JPEG picture")
        if self.logo is not None and len(self.logo) > _MOST_LOGO_BYTES:
            raise BadInput(f"logo of {len(self.logo)!r} bytes: make it smaller than 2 MB")


PLAIN_BRAND = Brand()
