"""Records from memory into the tables: shapes, promises, last word, speed."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from crm.models import Account, Opportunity, StageChange, User
from crm.principal import Principal
from crm.store import Store
from ingest.crm.mapping import Mapping, parse_mapping
from ingest.sources.records import store_records
from ingest.sources.run import Stored
from ingest.sources.source import Gone, TableRows
from tests.source_sync import shown

MAPPING: dict[str, Any] = {
    "source": "crm",
    "currency": "USD",
    "stages": {"New": "open", "Won": "won"},
    "tables": [
        {"object": "people", "entity": "users", "fields": {"id": "id", "name": "name"}},
        {
            "object": "firms",
            "entity": "accounts",
            "fields": {"id": "id", "name": "name", "city": "city", "parent_id": "parent"},
        },
        {
            "object": "deals",
            "entity": "opportunities",
            "fields": {
                "id": "id", "name": "name", "account_id": "firm", "owner_id": "owner",
                "stage": "stage", "amount": "amount",
            },
        },
    ],
}  # fmt: skip


class Source:
    name = "crm"

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping


class Take:
    def __init__(self, store: Store, owner: Principal, now: datetime, rejects: Path) -> None:
        self.store, self.owner, self.now, self.rejects = store, owner, now, rejects
        self.source = Source(parse_mapping(MAPPING, "test"))

    def __call__(self, *, gone: tuple[Gone, ...] = (), **tables: Any) -> Stored:
        rows = [TableRows(name, tuple(listed)) for name, listed in tables.items()]
        return store_records(
            self.store, self.source, rows, gone,
            principal=self.owner, now=self.now, rejects_dir=self.rejects,
        )  # fmt: skip


@pytest.fixture
def take(store: Store, owner: Principal, as_of: datetime, tmp_path: Path) -> Take:
    return Take(store, owner, as_of, tmp_path / "rejects")


def test_an_absent_field_stays_and_a_null_clears(
    store: Store, owner: Principal, take: Take
) -> None:
    take(firms=[{"id": 1, "name": "A", "city": "Oslo"}, {"id": 2, "name": "B", "city": "Rome"}])
    take(firms=[{"id": 1, "name": "A2"}, {"id": 2, "name": "B2", "city": None}])
    found = {one.name: one.city for one in shown(store, Account, owner)}
    assert found == {"A2": "Oslo", "B2": None}


def test_of_two_records_for_one_row_the_later_counts(
    store: Store, owner: Principal, take: Take
) -> None:
    stored = take(firms=[{"id": 1, "name": "Old"}, {"id": 1, "name": "New"}])
    assert (stored.created, stored.unchanged, stored.rejected) == (1, 1, 0)
    assert [one.name for one in shown(store, Account, owner)] == ["New"]


def test_a_promised_row_is_hidden_until_its_record_comes(
    store: Store, owner: Principal, take: Take
) -> None:
    first = take(deals=[{"id": "d", "name": "D", "firm": "f", "stage": "New", "amount": 5}])
    assert (first.created, first.rejected) == (1, 0)
    assert shown(store, Account, owner) == []
    second = take(firms=[{"id": "f", "name": "Firm", "parent": "later"}])
    assert (second.created, second.updated) == (1, 0)
    firm = shown(store, Account, owner)[0]
    assert shown(store, Opportunity, owner)[0].account_id == firm.id
    take(firms=[{"id": "later", "name": "Parent"}])
    parents = {one.name: one.parent_id for one in shown(store, Account, owner)}
    assert parents["Firm"] is not None
    with store.session() as session:
        assert session.get_one(Account, parents["Firm"]).name == "Parent"
        assert session.scalar(select(func.count(Account.id))) == 2


def test_a_changed_deal_leaves_history_where_the_source_has_none(
    store: Store, owner: Principal, take: Take, as_of: datetime
) -> None:
    take(deals=[{"id": "d", "name": "D", "stage": "New", "amount": 5}])
    take(deals=[{"id": "d", "name": "D", "stage": "Won", "amount": 5}])
    assert [one.changed_at for one in shown(store, StageChange, owner)] == [as_of]


def test_a_deletion_of_what_never_came_does_nothing(
    store: Store, owner: Principal, take: Take
) -> None:
    assert take(gone=(Gone("firms", "9"), Gone("unheard", "9"))).deleted == 0
    take(firms=[{"id": 9, "name": "Nine"}])
    assert [one.name for one in shown(store, Account, owner)] == ["Nine"]


def test_deleted_twice_is_deleted_once(store: Store, owner: Principal, take: Take) -> None:
    take(firms=[{"id": 9, "name": "Nine"}])
    gone = (Gone("firms", "9"),)
    assert (take(gone=gone).deleted, take(gone=gone).deleted) == (1, 0)
    assert shown(store, Account, owner) == []


def test_hostile_values_are_stored_as_text_or_refused(
    store: Store, owner: Principal, take: Take
) -> None:
    stored = take(
        firms=[
            {"id": 1, "name": "zer\0o", "city": ["a", {"b": 1}]},
            {"id": 2, "name": "half \ud83d", "city": {"x": "'; DROP TABLE accounts; --"}},
            {"id": 3, "name": "x" * 5_000},
        ]
    )
    assert (stored.created, stored.rejected) == (2, 1)
    names = {one.name: one.city for one in shown(store, Account, owner)}
    assert names["zero"] == 'a; {"b": 1}'
    assert names["half ?"] == '{"x": "\'; DROP TABLE accounts; --"}'


@pytest.mark.slow
def test_fifty_thousand_deals_in_portions(
    store: Store, owner: Principal, take: Take, capsys: pytest.CaptureFixture[str]
) -> None:
    def portions() -> Iterator[list[dict[str, Any]]]:
        for first in range(0, 50_000, 2_000):
            yield [
                {
                    "id": f"d{number}", "name": f"Deal {number}", "firm": f"f{number % 5_000}",
                    "owner": f"u{number % 50}", "stage": ("New", "Won")[number % 2],
                    "amount": number,
                }
                for number in range(first, first + 2_000)
            ]  # fmt: skip

    started = time.perf_counter()
    created = sum(take(deals=rows).created for rows in portions())
    took = time.perf_counter() - started
    with capsys.disabled():
        print(f"\n50,000 deals in portions of 2,000: {took:.1f} s, {50_000 / took:,.0f} a second")  # noqa: T201
    assert created == 50_000
    with store.session() as session:
        assert session.scalar(select(func.count(Account.id))) == 5_000
        assert session.scalar(select(func.count(User.id))) == 50
