"""The kinds of value that several settings have, each with what it refuses."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, Field, SecretStr

from copilot.secret_rules import PREFIX, is_placeholder


def _expanded(path: Path) -> Path:
    return path.expanduser().absolute()


def _is_file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError("there is no such file")
    return path


def _is_folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError("there is no such folder")
    return path


def _is_http(url: str) -> str:
    if not re.match(r"https?://[^/\s]+", url):
        raise ValueError("use an address that starts with http:// or https://")
    return url


def _is_real(key: SecretStr) -> SecretStr:
    if is_placeholder(key.get_secret_value()):
        raise ValueError("it is empty or a placeholder: give the real one, or unset it")
    return key


AnyPath = Annotated[Path, AfterValidator(_expanded)]
"""A path, `~` and folders relative to the present one resolved."""

FilePath = Annotated[AnyPath, AfterValidator(_is_file)]
"""The path of a file that is there."""

FolderPath = Annotated[AnyPath, AfterValidator(_is_folder)]
"""The path of a folder that is there."""

HttpAddress = Annotated[str, AfterValidator(_is_http)]
"""An address that starts with http:// or https://."""

RealSecret = Annotated[SecretStr, AfterValidator(_is_real)]
"""A secret that stands for itself, and for no secret yet to be filled in."""


def endpoint_field(name: str, *others: str) -> Any:
    """Return a field, None if unset, that variables which other programs use can fill as well."""
    return Field(
        default=None,
        validation_alias=AliasChoices(f"{PREFIX}{name.upper()}", *others),
    )
