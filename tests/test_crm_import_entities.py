"""The import of every table that a mapping can fill, beyond accounts and deals."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crm import models
from crm.principal import Principal
from crm.store import Store
from ingest.crm.catalogue import ENTITIES
from ingest.crm.importer import ImportSummary, import_crm
from ingest.crm.mapping import parse_mapping
from tests.crm_exports import write_csv

# Table → columns (named as the fields they fill) and one row.
ROWS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "territories": (("name", "region"), ("Oslo", "North")),
    "teams": (("name", "parent"), ("Field", "Sales")),
    "users": (("id", "name", "email", "team"), ("u1", "Ana", "ana@x.example", "Field")),
    "accounts": (("id", "name", "owner_id", "aliases"), ("a1", "Acme", "u1", "AC; Acme Corp")),
    "contacts": (("name", "email", "account_id"), ("Cy", "cy@acme.example", "a1")),
    "products": (("name", "is_active"), ("Kite", "yes")),
    "price_books": (("name", "currency"), ("Japan", "JPY")),
    "price_book_entries": (("price_book", "product", "list_price"), ("Japan", "Kite", "500")),
    "opportunities": (
        ("id", "name", "account", "owner", "stage", "amount"),
        ("o1", "Big", "Acme Corp", "ana@x.example", "Open", "9"),
    ),
    "leads": (("name", "company", "status", "opportunity_id"), ("Di", "Deli", "new", "o1")),
    "opportunity_lines": (("opportunity", "product", "amount"), ("Big", "Kite", "7.5")),
    "opportunity_contacts": (("opportunity_id", "contact", "role"), ("o1", "Cy", "champion")),
    "stage_changes": (
        ("opportunity_id", "to_stage", "changed_at"),
        ("o1", "Open", "2026-01-02 03:04"),
    ),
    "close_date_changes": (
        ("opportunity_id", "from_on", "to_on", "changed_at"),
        ("o1", "2026-01-01", "2026-02-01", "2026-01-02"),
    ),
    "amount_changes": (
        ("opportunity_id", "from_amount", "to_amount", "changed_at"),
        ("o1", "", "9", "2026-01-02"),
    ),
    "quotes": (
        ("opportunity_id", "number", "status", "total", "discount"),
        ("o1", "Q-1", "sent", "8", "12.5%"),
    ),
    "activities": (
        ("kind", "subject", "owner", "contact", "occurred_at"),
        ("Call", "Hello", "Ana", "cy@acme.example", "2026-03-01"),
    ),
    "cases": (
        ("id", "subject", "status", "account", "satisfaction"),
        ("c1", "Broken", "open", "Acme", "4.5"),
    ),
    "quotas": (
        ("user", "starts_on", "ends_on", "amount"),
        ("Ana", "2026-01-01", "2026-03-31", "100k"),
    ),
    "aliases": (("entity", "target", "name"), ("products", "Kite", "风筝")),
}


@pytest.fixture
def take(store: Store, owner: Principal, as_of: datetime, tmp_path: Path) -> Callable[..., Any]:
    def run(tables: dict[str, tuple[Sequence[str], Sequence[str]]]) -> ImportSummary:
        parts = []
        for name, (columns, row) in tables.items():
            write_csv(tmp_path / f"{name}.csv", columns, [row])
            fields = {column: column for column in columns}
            parts.append({"file": f"{name}.csv", "entity": name, "fields": fields})
        mapping = parse_mapping(
            {"currency": "USD", "stages": {"Open": "open", "Won": "won"}, "tables": parts}, "m"
        )
        files = [tmp_path / f"{name}.csv" for name in reversed(tables)]
        return import_crm(
            store, files, mapping, principal=owner, now=as_of, rejects_dir=tmp_path / "out"
        )

    return run


def test_every_table_takes_a_row_and_keeps_it(
    store: Store, take: Callable[..., ImportSummary]
) -> None:
    first = take(ROWS)
    assert first.rejects_path is None, first.rejects_path.read_text(encoding="utf-8-sig")
    for name in ENTITIES:
        assert first.tables[name].created >= 1, name
    again = take(ROWS)
    assert (again.total.created, again.total.updated) == (0, 0)


def test_linked_rows_hold_what_the_cells_say(
    store: Store, take: Callable[..., ImportSummary]
) -> None:
    take(ROWS)
    with store.session() as session:
        entry = session.scalars(select(models.PriceBookEntry)).one()
        assert entry.list_price_minor == 500
        deal = session.scalars(select(models.Opportunity)).one()
        account = session.get_one(models.Account, deal.account_id)
        assert (account.name, account.external_id) == ("Acme", "a1")
        user = session.get_one(models.User, deal.owner_id)
        assert (user.name, user.id) == ("Ana", account.owner_id)
        team = session.get_one(models.Team, user.team_id)
        assert session.get_one(models.Team, team.parent_id).name == "Sales"
        change = session.scalars(select(models.StageChange)).one()
        assert change.changed_at == datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
        quota = session.scalars(select(models.Quota)).one()
        assert (quota.amount_minor, quota.ends_on) == (10_000_000, date(2026, 3, 31))
        activity = session.scalars(select(models.Activity)).one()
        assert activity.kind == "call"
        assert activity.contact_id == session.scalars(select(models.Contact.id)).one()
        names = {
            tuple(row) for row in session.execute(select(models.Alias.entity, models.Alias.name))
        }
        assert names == {("account", "AC"), ("account", "Acme Corp"), ("product", "风筝")}


def test_a_row_made_from_its_name_is_taken_over_by_its_id(
    store: Store, take: Callable[..., ImportSummary]
) -> None:
    deal = (("id", "account", "stage"), ("o1", "ACME", "Open"))
    take({"opportunities": deal})
    summary = take({"accounts": (("id", "name"), ("a1", "Acme"))})
    assert summary.tables["accounts"].updated == 1
    with store.session() as session:
        account = session.scalars(select(models.Account)).one()
        assert (account.external_id, account.name) == ("a1", "Acme")


def test_an_id_that_nobody_has_rejects_the_row(
    store: Store, take: Callable[..., ImportSummary]
) -> None:
    summary = take({"quotes": (ROWS["quotes"][0], ("o9", "Q-1", "sent", "8", "0"))})
    assert summary.tables["quotes"].rejected == 1
    assert summary.rejects_path is not None
    assert "no opportunities row with the id 'o9'" in summary.rejects_path.read_text("utf-8-sig")


def test_two_rows_of_one_name_make_a_reference_ambiguous(
    store: Store, take: Callable[..., ImportSummary], as_of: datetime
) -> None:
    with store.session() as session:
        for key in ("a1", "a2"):
            session.add(models.Account(source="crm", external_id=key, synced_at=as_of, name="Acme"))
    summary = take({"opportunities": (("id", "account", "stage"), ("o1", "acme", "Open"))})
    assert summary.rejects_path is not None
    assert "several accounts have this name" in summary.rejects_path.read_text("utf-8-sig")


def test_given_stage_history_is_not_doubled_by_the_import(
    store: Store, take: Callable[..., ImportSummary]
) -> None:
    columns = ("id", "name", "stage")
    take({"opportunities": (columns, ("o1", "Big", "Open"))})
    changes = (("opportunity_id", "to_stage", "changed_at"), ("o1", "Won", "2026-05-01"))
    take({"opportunities": (columns, ("o1", "Big", "Won")), "stage_changes": changes})
    with store.session() as session:
        change = session.scalars(select(models.StageChange)).one()
        assert change.changed_at == datetime(2026, 5, 1, tzinfo=UTC)
