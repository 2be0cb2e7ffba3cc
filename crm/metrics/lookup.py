"""Checks filter values against what is stored, and turns them into keys for the statement."""

import math
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from rapidfuzz import fuzz, process
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.errors import BadInput, NotFound
from crm.metrics.catalog import Dimension
from crm.metrics.links import Key
from crm.metrics.query import COMPARISONS, Filter, FilterOp
from crm.metrics.scene import Condition
from crm.metrics.subjects import Subject
from crm.principal import Principal

EMPTINESS = (FilterOp.IS_EMPTY, FilterOp.NOT_EMPTY)
CLOSE_SCORE = 60
_TIME = {
    "year": re.compile(r"(?:FY)?(\d{4})"),
    "quarter": re.compile(r"Q([1-4]) (\d{4})"),
    "month": re.compile(r"(\d{4})-(0[1-9]|1[0-2])"),
    "week": re.compile(r"(\d{4})-W(\d{2})"),
}
_TIME_EXAMPLE = {"year": "2017", "quarter": "Q2 2017", "month": "2017-04", "week": "2017-W14"}


def resolve_filter(
    session: Session, asked: Filter, dimension: Dimension, subject: Subject, principal: Principal
) -> Condition:
    """Return the filter with its values as keys.

    Raises:
        BadInput: an operation or value that does not suit the dimension.
        NotFound: a name that is not stored, with the close ones.
    """
    _check_operation(asked, dimension)
    if asked.op in EMPTINESS:
        return Condition(dimension, asked, (), ())
    shown = tuple(str(value) for value in asked.values)
    if dimension.kind == "number":
        return Condition(dimension, asked, _numbers(asked), shown)
    if dimension.kind == "time":
        keys = tuple(_time_key(dimension.name, text) for text in shown)
        return Condition(dimension, asked, keys, shown)
    if dimension.kind == "choice":
        for value in shown:
            if value not in dimension.choices:
                valid = ", ".join(dimension.choices)
                raise BadInput(f"{dimension.name} has no value {value!r}: use one of {valid}")
        return Condition(dimension, asked, shown, shown)
    key = subject.key(dimension.name)
    if key is None:
        raise BadInput(f"{dimension.name!r} cannot be filtered here: choose another dimension")
    return _stored(session, asked, dimension, key, principal)


def _check_operation(asked: Filter, dimension: Dimension) -> None:
    if asked.op in COMPARISONS:
        if dimension.kind != "number":
            raise BadInput(f"{dimension.name} cannot be compared by {asked.op.value!r}: use 'in'")
        if len(asked.values) != 1:
            raise BadInput(f"{asked.op.value!r} takes one number, got {asked.values!r}")
    elif asked.op not in EMPTINESS and not asked.values:
        raise BadInput(f"the filter on {dimension.name!r} has no values: name at least one")


def _numbers(asked: Filter) -> tuple[int | float, ...]:
    found: list[int | float] = []
    for value in asked.values:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise BadInput(f"{asked.dimension} needs a number, got {value!r}")
        found.append(int(number) if number.is_integer() else number)
    return tuple(found)


def _time_key(name: str, text: str) -> int | date:
    match = _TIME[name].fullmatch(text)
    if match is None:
        raise BadInput(f"{text!r} is no {name}: write it like {_TIME_EXAMPLE[name]!r}")
    numbers = [int(part) for part in match.groups()]
    if name == "year":
        return numbers[0]
    if name == "quarter":
        return numbers[1] * 10 + numbers[0]
    if name == "month":
        return numbers[0] * 100 + numbers[1]
    try:
        return date.fromisocalendar(numbers[0], numbers[1], 1)
    except ValueError as error:
        raise BadInput(f"{text!r} is no week: write it like '2017-W14'") from error


def _stored(
    session: Session, asked: Filter, dimension: Dimension, key: Key, principal: Principal
) -> Condition:
    ids = [value for value in asked.values if dimension.kind == "entity" and _is_id(value)]
    names = [str(value) for value in asked.values if value not in ids]
    by_id = _rows(session, key, principal, key.key.in_(ids)) if ids else []
    by_name = _rows(session, key, principal, key.label.in_(names)) if names else []
    missing_ids = set(ids) - {row[0] for row in by_id}
    if missing_ids:
        raise NotFound(f"no {dimension.label['en']} with id {min(missing_ids)!r}")
    for name in sorted(set(names) - {row[1] for row in by_name}):
        by_name.extend(_case_blind(session, name, dimension, key, principal))
    keys = tuple(dict.fromkeys(row[0] for row in (*by_id, *by_name)))
    return Condition(dimension, asked, keys, tuple(dict.fromkeys(r[1] for r in (*by_id, *by_name))))


def _is_id(value: object) -> bool:
    return isinstance(value, int)


def _rows(
    session: Session, key: Key, principal: Principal, condition: Any
) -> list[tuple[Any, ...]]:
    statement = select(key.key, key.label).where(condition, key.label.is_not(None)).distinct()
    if key.model is not None:
        statement = visible(statement, key.model, principal)
    return [tuple(row) for row in session.execute(statement)]


def _case_blind(
    session: Session, name: str, dimension: Dimension, key: Key, principal: Principal
) -> list[tuple[Any, ...]]:
    rows = _rows(session, key, principal, key.label.is_not(None))
    same = [row for row in rows if row[1].casefold() == name.casefold()]
    if same:
        return same
    close = close_names(name, sorted({row[1] for row in rows}))
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "check the spelling"
    raise NotFound(f"no {dimension.label['en']} is called {name!r}: {hint}")


def close_names(name: str, names: Sequence[str]) -> list[str]:
    """Return up to three names that look like the one given, closest first."""
    found = process.extract(name, names, scorer=fuzz.WRatio, limit=3, score_cutoff=CLOSE_SCORE)
    return [match for match, _score, _index in found]
