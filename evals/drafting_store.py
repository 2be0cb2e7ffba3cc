"""What the store itself says of a draft's facts, read by plain SQL, not by the product's tools."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import BindParameter, RowMapping, bindparam, text
from sqlalchemy.orm import Session

from crm.facts import Fact
from evals.drafting_days import all_readings, days
from evals.drafting_figures import Figure, figures, flat

_ADDRESS = re.compile(
    r"^(?P<table>[a-z_]+):(?P<id>\d+)(?:#(?P<first>\d+)(?:-(?P<last>\d+))?)?(?P<rest>.*)$"
)
_TABLES = {
    "account": "accounts", "opportunity": "opportunities", "quote": "quotes", "case": "cases",
    "activity": "activities", "contact": "contacts", "product": "products", "user": "users",
    "price": "price_book_entries", "price_book_entry": "price_book_entries", "note": "notes",
    "opportunity_line": "opportunity_lines", "line": "opportunity_lines",
    "conversation": "conversations",
}  # fmt: skip
_PARENTS = {
    "account_id": "accounts", "owner_id": "users", "stage_id": "stages", "product_id": "products",
    "opportunity_id": "opportunities", "contact_id": "contacts", "price_book_id": "price_books",
    "user_id": "users", "territory_id": "territories", "parent_id": "accounts",
}  # fmt: skip
_CHILDREN = {
    "opportunities": (
        "opportunity_lines", "quotes", "activities", "opportunity_contacts", "close_date_changes",
        "stage_changes", "amount_changes",
    ),
    "accounts": ("contacts", "opportunities", "cases"),
    "products": ("price_book_entries",),
}  # fmt: skip
_KEY_OF = {"opportunities": "opportunity_id", "accounts": "account_id", "products": "product_id"}
_QUOTED = re.compile(r"[\"“「](?P<words>[^\"“”「」]+)[\"”」]")
_GUIDE = re.compile(r"^(?:policy|guide|company|reference|term)s?\b")


@dataclass(frozen=True)
class Origin:
    """Where a fact comes from, by the store: `sides` of its speakers, `said_on` and its words."""

    sides: frozenset[str] = frozenset()
    speakers: frozenset[str] = frozenset()
    said_on: date | None = None
    words: str = ""
    table: str = ""
    doubt: str = ""


@dataclass
class StoreWitness:
    """Answers from the tables of one workspace; `policies` are the guide's texts.

    `purpose` is what the rep wrote that the draft is for: the rep's own word, not the customer's.
    """

    session: Session
    policies: tuple[str, ...] = ()
    purpose: str = ""
    _origins: dict[tuple[str, str], Origin] = field(default_factory=dict)

    def origin(self, fact: Fact) -> Origin:
        """Return what the store knows of a fact; `doubt` says in words what is not there."""
        key = (fact.source, fact.text)
        if key not in self._origins:
            self._origins[key] = self._read(fact)
        return self._origins[key]

    def _read(self, fact: Fact) -> Origin:
        if _GUIDE.match(fact.source):
            known = any(flat(one).strip() in flat(fact.text) for one in self.policies)
            return Origin(table="policy", words=fact.text, doubt="" if known else "not the guide's")
        if fact.source == "request:purpose":
            known = flat(fact.text).strip() == flat(self.purpose).strip()
            return Origin(
                table="purpose", words=fact.text, doubt="" if known else "not the purpose"
            )
        match = _ADDRESS.match(fact.source)
        table = _TABLES.get(match["table"]) if match else None
        if match is None or table is None:
            return Origin(doubt=f"source {fact.source!r} names no table")
        row = self._row(table, int(match["id"]))
        if row is None:
            return Origin(table=table, doubt=f"{fact.source!r} is not in the store")
        if table == "conversations":
            return self._conversation(fact, row, match)
        return self._record(fact, table, row)

    def _conversation(self, fact: Fact, row: RowMapping, match: re.Match[str]) -> Origin:
        segments = self._segments(row["id"], match["first"], match["last"])
        if not segments:
            return Origin(table="conversations", doubt=f"{fact.source!r} has no such segment")
        people = self._rows("participants", "conversation_id", row["id"])
        side_of = {
            str(name).casefold(): str(one["side"])
            for one in people
            for name in (one["name"], one["email"])
            if name
        }
        speakers = {str(one["speaker"]) for one in segments}
        sides = {side_of.get(one.casefold(), "unknown") for one in speakers}
        words = " ".join(str(one["text"]) for one in segments)
        said_on = _day(row["started_at"])
        whole = f"{words} {row['title']} {' '.join(str(one['name']) for one in people)}"
        cites_words = match["first"] is not None
        doubt = _unquoted(fact.text, whole)
        if not doubt and said_on:
            # A call's fact may count on its clock and its day; its quotes were looked up.
            rest = _QUOTED.sub(" ", fact.text)
            loose = [
                one for one in days(rest, said_on) if one.first != said_on and not one.is_relative
            ]
            loose = [
                one for one in loose if not any(one.covers(k) for k in all_readings(whole, said_on))
            ]
            doubt = f"{loose[0].text!r} is not its day" if loose else ""
        return Origin(
            sides=frozenset(sides) if cites_words else frozenset(),
            speakers=frozenset(speakers),
            said_on=said_on,
            words=words,
            table="conversations",
            doubt=doubt,
        )

    def _record(self, fact: Fact, table: str, row: RowMapping) -> Origin:
        rows = [row, *self._around(table, row)]
        words = " ".join(_written(rows))
        doubt = _unquoted(fact.text, words)
        known_days = {_day(value) for one in rows for value in one.values()} - {None}
        known_days |= {span.first for span in days(words, date(2000, 1, 1))}
        for span in days(fact.text, max((one for one in known_days if one), default=date.max)):
            if not span.is_relative and span.first == span.last and span.first not in known_days:
                doubt = doubt or f"{span.text!r} is in no field"
        numbers = [*_numbers_of(rows), *figures(words)]
        if fact.value is not None and not isinstance(fact.value, str):
            doubt = doubt or self._doubt_value(fact, numbers)
        for figure in figures(_without_days(fact.text)):
            if figure.kind in {"amount", "percent"} and not figure.is_in(numbers):
                doubt = doubt or f"{figure.text.strip()!r} is in no field"
        for name in sorted(self.products):
            if name in fact.text and name not in words:
                doubt = doubt or f"{name!r} is in no field"
        return Origin(table=table, words=words, doubt=doubt, said_on=_day(row.get("occurred_at")))

    def _doubt_value(self, fact: Fact, numbers: list[Figure]) -> str:
        value = float(fact.value or 0)
        if "/" in fact.source or "#" in fact.source or fact.rows:
            return ""
        close = any(abs(one.value - value) < 1e-6 or abs(one.value - value * 100) < 1e-6
                    for one in numbers)  # fmt: skip
        return "" if close else f"value {fact.value!r} is in no field"

    def _around(self, table: str, row: RowMapping) -> list[RowMapping]:
        found = [
            parent
            for key, parent_table in _PARENTS.items()
            if row.get(key) is not None
            for parent in [self._row(parent_table, int(row[key]))]
            if parent is not None
        ]
        for child in _CHILDREN.get(table, ()):
            rows = self._rows(child, _KEY_OF[table], row["id"])
            found += rows
            for one in rows:
                for key in ("product_id", "contact_id"):
                    if one.get(key) is not None and child != "activities":
                        parent = self._row(_PARENTS[key], int(one[key]))
                        found += [parent] if parent is not None else []
        return found

    def _row(self, table: str, row_id: int) -> RowMapping | None:
        statement = text(f"SELECT * FROM {table} WHERE id = :id")
        return self.session.execute(statement, {"id": row_id}).mappings().first()

    def _rows(self, table: str, key: str, value: int) -> list[RowMapping]:
        statement = text(f"SELECT * FROM {table} WHERE {key} = :value")
        return list(self.session.execute(statement, {"value": value}).mappings())

    def _segments(self, conversation: int, first: str | None, last: str | None) -> list[RowMapping]:
        statement = text(
            "SELECT position, speaker, text FROM segments WHERE conversation_id = :id "
            "AND position >= :first AND position <= :last ORDER BY position"
        )
        limits = {
            "id": conversation,
            "first": int(first or 0),
            "last": int(last or first or 10**9),
        }
        return list(self.session.execute(statement, limits).mappings())

    def column(self, statement: str, **values: Any) -> list[str]:
        """Return the first column of a statement as text, without what is empty."""
        expanding: list[BindParameter[Any]] = [
            bindparam(key, expanding=True) for key, one in values.items() if isinstance(one, list)
        ]
        rows = self.session.execute(text(statement).bindparams(*expanding), values).all()
        return [str(row[0]) for row in rows if row[0]]

    @cached_property
    def products(self) -> frozenset[str]:
        """The names of all products."""
        return frozenset(self.column("SELECT name FROM products"))

    @cached_property
    def people(self) -> frozenset[str]:
        """The names of all contacts and users."""
        return frozenset(self.column("SELECT name FROM contacts UNION SELECT name FROM users"))

    @cached_property
    def companies(self) -> frozenset[str]:
        """The names of all accounts and competitors."""
        return frozenset(
            self.column(
                "SELECT name FROM accounts UNION SELECT DISTINCT competitor FROM opportunities"
            )
        )


def _unquoted(fact_text: str, whole: str) -> str:
    plain = _bare(whole)
    for match in _QUOTED.finditer(fact_text):
        for piece in re.split(r"…|\.\.\.|\[[^\]]*\]", match["words"]):
            if _bare(piece) and _bare(piece) not in plain:
                return f"{piece.strip()[:60]!r} was not said there"
    return ""


def _bare(words: str) -> str:
    return re.sub(r"[\W_]+", "", flat(words)).casefold()


def _written(rows: Iterable[RowMapping]) -> list[str]:
    return [str(value) for row in rows for value in row.values() if isinstance(value, str)]


def _numbers_of(rows: Iterable[RowMapping]) -> list[Figure]:
    found = []
    for row in rows:
        for key, value in row.items():
            if isinstance(value, bool) or value is None or isinstance(value, str):
                continue
            if key.endswith("_minor"):
                currency = row.get("currency")
                found += [
                    Figure("amount", float(value) / part, "", 0, currency)
                    for part in (1, 100, 1_000)
                ]
            elif key in {"discount", "probability"}:
                found.append(Figure("percent", float(value) * 100, "", 0))
            elif not isinstance(value, datetime | date):
                found.append(Figure("number", float(value), "", 0))
        listed, quoted = row.get("list_price_minor"), row.get("quantity")
        if listed is not None and quoted is not None:
            found.append(Figure("amount", float(listed) * float(quoted) / 100, "", 0))
    return found


def _without_days(words: str) -> str:
    kept = flat(words)
    for span in days(kept, date(2000, 1, 1)):
        kept = kept.replace(span.text, " " * len(span.text), 1)
    return kept


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}(?:[ T]|$)", value):
        return date.fromisoformat(value[:10])
    return None
