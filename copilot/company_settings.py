"""The settings of a company's papers: its guide, its looks, its templates."""

import re
from typing import Literal

from pydantic import BaseModel, field_validator

from copilot.setting_types import AnyPath, FilePath


class CompanySettings(BaseModel):
    """What the company's documents are made with."""

    company_file: FilePath | None = None
    brand_accent: str = "1F3A5F"
    brand_logo: FilePath | None = None
    brand_paper: Literal["a4", "us-letter"] = "a4"
    brand_font_folder: AnyPath | None = None
    proposal_template: FilePath | None = None
    letter_template: FilePath | None = None

    @field_validator("brand_accent")
    @classmethod
    def _is_colour(cls, text: str) -> str:
        if re.fullmatch(r"#?[0-9A-Fa-f]{6}", text) is None:
            raise ValueError("give a colour as six hex digits, such as 1F3A5F")
        return text.removeprefix("#")
