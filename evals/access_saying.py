"""What a caller reads of a call, as one text in which marks can be looked for."""

from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

from crm.errors import Ambiguous, CopilotError
from crm.models import Base


def said(work: Callable[..., Any], *given: Any, told: str = "", **named: Any) -> str:
    """Return what a caller reads of a call: its result or its error, without what he told it."""
    try:
        return serialise(work(*given, **named))
    except CopilotError as error:
        candidates = list(error.candidates) if isinstance(error, Ambiguous) else []
        text = f"{error} {candidates}"
        return text.replace(told, "") if told else text


def serialise(found: Any) -> str:
    """Return anything that a surface gives as one text."""
    if isinstance(found, BaseModel):
        return found.model_dump_json()
    if is_dataclass(found) and not isinstance(found, type):
        found = asdict(found)
    elif isinstance(found, (list, tuple)):
        return "\n".join(serialise(one) for one in found)
    return to_json(found, fallback=_plain).decode()


def _plain(found: Any) -> Any:
    """Return a loaded row with all its columns: what a tool holds, its next step may tell."""
    if isinstance(found, Base):
        return {column.name: getattr(found, column.name) for column in found.__table__.columns}
    return repr(found)
