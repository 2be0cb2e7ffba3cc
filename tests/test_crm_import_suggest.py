"""The suggested mapping: good enough to import with, unedited, on files of several kinds."""

from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import func, select

from crm.errors import BadInput
from crm.models import Account, Activity, Contact, Lead, Opportunity, Stage, User
from crm.principal import Principal
from crm.store import Store
from ingest.crm.api_names import api_table, is_api_header
from ingest.crm.importer import ImportSummary, import_crm
from ingest.crm.mapping import load_mapping
from ingest.crm.suggest import suggest_mapping
from tests.crm_exports import write_csv, write_four_files


def import_suggested(
    store: Store, files: list[Path], owner: Principal, now: datetime, folder: Path
) -> ImportSummary:
    path = folder / "suggested.yaml"
    path.write_text(suggest_mapping(files), encoding="utf-8")
    return import_crm(
        store, files, load_mapping(path), principal=owner, now=now, rejects_dir=folder / "out"
    )


def test_four_files_import_unedited(
    store: Store, owner: Principal, as_of: datetime, tmp_path: Path
) -> None:
    files = write_four_files(tmp_path)
    summary = import_suggested(store, files, owner, as_of, tmp_path)
    assert summary.total.rejected <= 0.05 * summary.total.read
    assert summary.tables["opportunities"].created >= 0.95 * 300
    with store.session() as session:
        found = {stage.name: stage.status for stage in session.scalars(select(Stage))}
        assert found["Won"] == "won"
        assert found["Lost"] == "lost"
        assert found["Engaging"] == found["Prospecting"] == "open"
        linked = select(func.count(Opportunity.id)).where(Opportunity.account_id.is_not(None))
        assert session.scalar(linked) == 300 - 43


def test_names_of_other_products_exports_are_known(
    store: Store, owner: Principal, as_of: datetime, tmp_path: Path
) -> None:
    header = ("Opportunity ID", "Opportunity Name", "Account Name", "Opportunity Owner", "Stage")
    rows = [
        ("006A", "Acme - Kite", "Acme", "Ana", "Closed Won", "12/31/2026", "1,500.00"),
        ("006B", "Beta - Kite", "Beta", "Ana", "Negotiation/Review", "1/15/2027", "2,500.00"),
    ]
    first = write_csv(tmp_path / "report1.csv", (*header, "Close Date", "Amount"), rows)
    text = suggest_mapping([first])
    assert 'date_format: "%m/%d/%Y"' in text
    assert "Closed Won: won" in text
    summary = import_suggested(store, [first], owner, as_of, tmp_path)
    assert summary.tables["opportunities"].created == 2


_OBJECTS = {
    "User": (("Id", "Username", "Name", "Email", "IsActive"),
             [("005A", "ana@x.example.uat", "Ana Lind", "ana@x.example", "true")]),
    "Account": (("Id", "Name", "Website", "OwnerId"), [("001A", "Acme", "acme.example", "005A")]),
    "Contact": (("Id", "AccountId", "FirstName", "LastName", "Email"),
                [("003A", "001A", "Bo", "Kerr", "bo@acme.example")]),
    "Lead": (("Id", "FirstName", "LastName", "Company", "Status", "OwnerId"),
             [("00QA", "Cy", "Ode", "Beta", "Open", "00GQUEUE")]),
    "Opportunity": (
        ("Id", "Name", "AccountId", "OwnerId", "StageName", "Amount", "CloseDate",
         "Loss_Reason__c"),
        [("006A", "Kite", "001A", "005A", "Closed Lost", "1500.00", "2026-12-31", "Price")]),
    "Task": (("Id", "Subject", "WhoId", "WhatId", "OwnerId", "ActivityDate"),
             [("00TA", "Call", "003A", "006A", "005A", "2026-12-01"),
              ("00TB", "Write", "", "001A", "005A", "2026-12-02")]),
    "Pricebook2": (("Id", "Name", "IsActive"), [("01sA", "Standard", "true")]),
}  # fmt: skip


def test_files_named_as_salesforces_objects_are_known_by_their_columns(
    store: Store, owner: Principal, as_of: datetime, tmp_path: Path
) -> None:
    files = {
        name: write_csv(tmp_path / f"{name}.csv", header, rows, encoding="utf-8-sig")
        for name, (header, rows) in _OBJECTS.items()
    }
    assert "# Pricebook2.csv was not recognised" in suggest_mapping(list(files.values()))
    del files["Pricebook2"]
    summary = import_suggested(store, list(files.values()), owner, as_of, tmp_path)

    assert summary.total.rejected == 0
    with store.session() as session:
        deal = session.scalars(select(Opportunity)).one()
        account, user = (
            session.get_one(Account, deal.account_id), session.get_one(User, deal.owner_id),
        )  # fmt: skip
        assert (deal.external_id, account.name, user.name) == ("006A", "Acme", "Ana Lind")
        assert (deal.amount_minor, deal.lost_reason) == (150_000, "Price")
        assert session.scalars(select(Contact.name)).one() == "Bo Kerr"
        lead = session.scalars(select(Lead)).one()
        assert (lead.name, lead.owner_id) == ("Cy Ode", None)
        tasks = session.scalars(select(Activity).order_by(Activity.external_id)).all()
        assert [one.opportunity_id for one in tasks] == [deal.id, None]


@pytest.mark.parametrize(
    ("stem", "entity"),
    [
        ("Opportunity", "opportunities"), ("extract-Opportunity-2026", "opportunities"),
        ("accounts", "accounts"), ("PRODUCT2", "products"), ("PricebookEntry", None),
        ("export", None),
    ],
)  # fmt: skip
def test_an_object_is_told_by_the_words_of_its_files_name(stem: str, entity: str | None) -> None:
    found = api_table(stem, ["Id", "Name", "StageName"])

    assert (found and found.entity) == entity


def test_headings_that_people_read_are_no_interfaces_names() -> None:
    assert is_api_header(["Id", "AccountId", "Loss_Reason__c", "UserRole.Name"])
    assert not is_api_header(["Id", "Account Name"])
    assert not is_api_header(["ID", "Name"])


def test_chinese_headings_and_european_numbers_are_known(
    store: Store, owner: Principal, as_of: datetime, tmp_path: Path
) -> None:
    header = ("商机名称", "客户", "负责人", "金额(万元)", "阶段", "预计成交日期")
    rows = [("云迁移", "蓝海科技", "王芳", "1,5", "赢单", "2026-10-08")] * 1
    path = write_csv(tmp_path / "导出.csv", header, rows, "gb18030")
    text = suggest_mapping([path])
    assert "currency: CNY" in text
    assert "赢单: won" in text
    import_suggested(store, [path], owner, as_of, tmp_path)
    with store.session() as session:
        assert session.scalars(select(Opportunity.amount_minor)).one() == 1_500_000
        assert session.scalars(select(Account.name)).one() == "蓝海科技"


def test_each_sheet_of_a_workbook_is_suggested(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Companies"
    book.active.append(["Company name", "Industry", "Annual Revenue"])
    book.active.append(["Acme", "Retail", 5])
    deals = book.create_sheet("Deals")
    deals.append(["Deal Name", "Deal Stage", "Amount", "Weather"])
    deals.append(["Kite", "Closed lost", 5, "rain"])
    path = tmp_path / "hub.xlsx"
    book.save(path)
    text = suggest_mapping([path])
    assert "sheet: Companies\n    entity: accounts" in text
    assert "sheet: Deals\n    entity: opportunities" in text
    assert "Closed lost: lost" in text
    assert "# not used / 未用: Weather" in text


def test_unknown_files_are_refused_with_their_names(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "weather.csv", ("day", "rain"), [("1", "2")])
    with pytest.raises(BadInput, match=r"weather\.csv"):
        suggest_mapping([path])
