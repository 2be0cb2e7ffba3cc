"""The questions and their right answers, computed by hand-written SQL, no product code."""

import sqlite3
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["number", "ranking", "list", "text", "unanswerable", "ambiguous"]
UNIVERSES = ("accounts", "users", "products", "opportunities", "contacts")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class OtherReading(_Part):
    """Another answer that an honest reader accepts, and why."""

    sql: str
    why: str


class Question(_Part):
    """One question of a set.

    `about` allows for rounding; `parts` is how many things are asked at once; `top` and `nth` say
    which places of a ranking are asked for; `zero_ok` accepts an honest nought where there is no
    data; `may_mention` are names that the records of a list show beside its own; `caller` is an
    email address.
    """

    id: str
    kind: Kind
    question: str
    language: Literal["en", "zh"]
    sql: str | None = None
    also: tuple[OtherReading, ...] = ()
    about: bool = False
    parts: int = 1
    top: int = 1
    nth: int = 1
    value_only: bool = False
    zero_ok: bool = False
    universe: str | None = None
    may_mention: tuple[str, ...] = ()
    caller: str | None = Field(default=None, alias="as")
    why: str = ""
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a right answer; money in major units of `currency`."""

    name: str | None = None
    value: float | None = None
    currency: str | None = None


@dataclass(frozen=True)
class Gold:
    """A question with each accepted answer, and the names that a wrong one might hold."""

    question: Question
    readings: tuple[tuple[Row, ...], ...]
    universe: frozenset[str]
    spellings: dict[str, tuple[str, ...]]


def load_questions(name: str) -> tuple[Question, ...]:
    """Return the questions of `evals/questions/<name>.yaml`."""
    return tuple(
        Question.model_validate({"language": _document(name)["language"], **item})
        for item in _document(name)["questions"]
    )


def workspace_of(name: str) -> str:
    """Return the workspace that the questions of a set are about."""
    return str(_document(name)["workspace"])


def load_gold(name: str, database: Path) -> tuple[Gold, ...]:
    """Return the questions with their answers out of the SQLite file of the workspace."""
    spellings = {key: tuple(values) for key, values in _document(name).get("names", {}).items()}
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        connection.executescript((files("evals.questions") / "views.sql").read_text("utf-8"))
        universes = {
            table: frozenset(row[0] for row in connection.execute(f"select name from {table}"))
            for table in UNIVERSES
        }
        return tuple(
            Gold(
                question,
                tuple(_rows(connection, sql) for sql in _statements(question)),
                universes.get(question.universe or "", frozenset()),
                spellings,
            )
            for question in load_questions(name)
        )
    finally:
        connection.close()


def _document(name: str) -> dict[str, Any]:
    text = (files("evals.questions") / f"{name}.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _statements(question: Question) -> list[str]:
    return [sql for sql in (question.sql, *(each.sql for each in question.also)) if sql]


def _rows(connection: sqlite3.Connection, sql: str) -> tuple[Row, ...]:
    cursor = connection.execute(sql)
    columns = [column[0] for column in cursor.description]
    rows = [dict(zip(columns, values, strict=True)) for values in cursor]
    return tuple(
        Row(
            name=None if row.get("name") is None else str(row["name"]),
            value=None if row.get("value") is None else float(row["value"]),
            currency=row.get("currency"),
        )
        for row in rows
    )
