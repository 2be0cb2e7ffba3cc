"""Reads the payload of an action from a JSON file."""

import json
from pathlib import Path
from typing import Any

from crm.errors import BadInput


def read_payload_file(file: Path) -> dict[str, Any]:
    """Return the whole payload that a file holds. Raises BadInput if it holds no JSON object."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadInput(f"{str(file)!r} cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadInput(f"{str(file)!r} holds no JSON object: write the whole payload")
    return found
