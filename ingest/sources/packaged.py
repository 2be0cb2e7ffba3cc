"""The packaged mappings of well-known CRMs, and a company's own laid over them."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from crm.errors import BadInput
from ingest.crm.mapping import Mapping, parse_mapping, read_plain_yaml
from ingest.crm.overlay import overlay


def company_mapping(
    crm: str, own: Path | None, *, source: str, currency: str | None, timezone: str
) -> Mapping:
    """Return the packaged mapping of a CRM with the company's own file laid over it.

    `source` is under which name the rows are stored, unless the file says otherwise.

    Raises:
        BadInput: the file cannot be read or used.
    """
    text = files("ingest.sources").joinpath("mappings", f"{crm}.yaml").read_text(encoding="utf-8")
    base: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 (texts only)
    base |= {"source": source, "timezone": timezone}
    base |= {"currency": currency} if currency else {}
    if own is None:
        return parse_mapping(base, f"{crm}.yaml")
    loaded = read_plain_yaml(own.expanduser(), "mapping")
    if not isinstance(loaded, dict):
        raise BadInput(f"{own.name}: expected keys such as tables, got {loaded!r}")
    return parse_mapping(overlay(base, loaded), own.name)
