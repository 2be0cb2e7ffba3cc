"""The import of a whole CRM export: four files, repeated, corrected, cut off, and partly bad."""

import csv
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from crm.errors import BadInput
from crm.models import (
    Account,
    AmountChange,
    CloseDateChange,
    ImportRun,
    Opportunity,
    OpportunityLine,
    PriceBookEntry,
    Product,
    Stage,
    StageChange,
    Team,
    Territory,
    User,
)
from crm.principal import Principal, Role
from crm.store import Store
from ingest.crm import importer
from ingest.crm.importer import ImportSummary, import_crm
from ingest.crm.mapping import Mapping, load_mapping
from tests.crm_exports import ACCOUNTS, PIPELINE, write_csv, write_four_files

MAPPING = Path(__file__).parent / "cases" / "crm" / "four_files.yaml"
Take = Callable[..., ImportSummary]


@pytest.fixture
def take(store: Store, owner: Principal, as_of: datetime, tmp_path: Path) -> Take:
    """Import files with a mapping, `minutes` after the frozen clock."""

    def run(
        files: list[Path], mapping: Mapping | None = None, *, minutes: int = 0, **rest: object
    ) -> ImportSummary:
        return import_crm(
            store,
            files,
            mapping or load_mapping(MAPPING),
            principal=owner,
            now=as_of + timedelta(minutes=minutes),
            rejects_dir=tmp_path / "rejects",
            **rest,  # type: ignore[arg-type]
        )

    return run


def read_rejects(summary: ImportSummary) -> list[dict[str, str]]:
    assert summary.rejects_path is not None
    with summary.rejects_path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def test_four_files_in_any_order_become_linked_rows(
    store: Store, take: Take, tmp_path: Path
) -> None:
    summary = take(write_four_files(tmp_path))
    assert summary.tables["opportunities"].created == 300
    assert summary.total.rejected == 0
    assert summary.rejects_path is None
    with store.session() as session:
        assert session.scalar(select(func.count(Account.id))) == len(ACCOUNTS)
        assert session.scalar(select(func.count(Product.id))) == 3
        line = session.scalars(
            select(OpportunityLine).where(OpportunityLine.external_id == "D00004|line")
        ).one()
        deal = session.get_one(Opportunity, line.opportunity_id)
        assert line.amount_minor == deal.amount_minor
        assert session.scalars(select(StageChange)).all() == []
        child = session.scalars(select(Account).where(Account.parent_id.is_not(None))).one()
        assert session.get_one(Account, child.parent_id).name == ACCOUNTS[-1]
        assert (child.industry, child.annual_revenue_minor) == ("technology", 1_250_000_000)
        assert session.scalar(select(func.count(PriceBookEntry.id))) == 3


def test_manager_becomes_user_with_team_and_region(
    store: Store, take: Take, tmp_path: Path
) -> None:
    take(write_four_files(tmp_path))
    with store.session() as session:
        rep = session.scalars(select(User).where(User.name == "Ben Novak")).one()
        manager = session.get_one(User, rep.manager_id)
        assert (manager.name, manager.role) == ("Rocco Vance", Role.MANAGER)
        assert rep.role == Role.REP
        assert session.get_one(Team, rep.team_id).name == "Rocco Vance"
        assert manager.team_id == rep.team_id
        assert session.get_one(Territory, rep.territory_id).region == "West"


def test_close_date_goes_where_the_stage_wants_it(store: Store, take: Take, tmp_path: Path) -> None:
    deals = write_csv(
        tmp_path / "sales_pipeline.csv",
        PIPELINE,
        [
            ("1", "Ana", "Kite", "Acme", "Won", "2026-01-01", "2026-02-02", "10"),
            ("2", "Ana", "Kite", "", "Engaging", "", "2026-12-01", ""),
        ],
    )
    take([deals])
    with store.session() as session:
        won, engaged = session.scalars(select(Opportunity).order_by(Opportunity.external_id))
        assert (won.closed_on, won.expected_close_on) == (date(2026, 2, 2), None)
        assert (engaged.closed_on, engaged.expected_close_on) == (None, date(2026, 12, 1))
        assert (engaged.account_id, engaged.amount_minor, engaged.currency) == (None, None, "USD")
        assert won.name == "Acme – Kite (1)"
        assert session.get_one(Stage, won.stage_id).status == "won"


def test_the_same_input_twice_changes_nothing(take: Take, tmp_path: Path) -> None:
    files = write_four_files(tmp_path)
    first = take(files)
    second = take(files, minutes=5)
    assert first.total.created > 300
    assert (second.total.created, second.total.updated) == (0, 0)
    assert second.tables["opportunities"].unchanged == 300
    assert second.tables["users"].unchanged == 5


def test_a_corrected_deal_updates_and_leaves_its_history(
    store: Store, take: Take, tmp_path: Path, as_of: datetime
) -> None:
    def deal(stage: str, close: str, amount: str) -> Path:
        row = ("1", "Ana", "Kite", "Acme", stage, "2026-01-01", close, amount)
        return write_csv(tmp_path / "sales_pipeline.csv", PIPELINE, [row])

    take([deal("Prospecting", "2026-11-30", "100")])
    summary = take([deal("Engaging", "2026-12-31", "80.5")], minutes=1)
    assert summary.tables["opportunities"].updated == 1
    with store.session() as session:
        found = session.scalars(select(Opportunity)).one()
        assert found.amount_minor == 8050
        stage = session.scalars(select(StageChange)).one()
        assert stage.to_stage_id == found.stage_id != stage.from_stage_id
        assert stage.changed_at == as_of + timedelta(minutes=1)
        moved = session.scalars(select(CloseDateChange)).one()
        assert (moved.from_on, moved.to_on) == (date(2026, 11, 30), date(2026, 12, 31))
        worth = session.scalars(select(AmountChange)).one()
        assert (worth.from_minor, worth.to_minor) == (10_000, 8_050)


def test_a_cleared_cell_clears_and_a_cleared_product_drops_its_line(
    store: Store, take: Take, tmp_path: Path
) -> None:
    row = ["1", "Ana", "Kite", "Acme", "Engaging", "2026-01-01", "2026-12-01", "10"]
    take([write_csv(tmp_path / "sales_pipeline.csv", PIPELINE, [row])])
    row[2], row[3], row[7] = "", "", ""
    take([write_csv(tmp_path / "sales_pipeline.csv", PIPELINE, [row])], minutes=1)
    with store.session() as session:
        deal = session.scalars(select(Opportunity)).one()
        assert (deal.account_id, deal.amount_minor) == (None, None)
        assert session.scalars(select(OpportunityLine)).all() == []


def test_an_import_cut_off_is_repeated_without_doubles(
    store: Store, take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "BATCH", 50)
    files = write_four_files(tmp_path)

    def stop(label: str, done: int, total: int | None) -> None:
        if label == "sales_pipeline.csv" and done >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(files, progress=stop)
    with store.session() as session:
        assert session.scalar(select(func.count(Opportunity.id))) == 100
        assert session.scalars(select(ImportRun)).one().finished_at is None
    summary = take(files, minutes=1)
    assert summary.tables["opportunities"].created == 200
    assert summary.tables["opportunities"].unchanged == 100
    with store.session() as session:
        assert session.scalar(select(func.count(Opportunity.id))) == 300
        assert session.scalar(select(func.count(OpportunityLine.id))) == 300
        assert session.scalar(select(func.count(Account.id))) == len(ACCOUNTS)


def test_bad_rows_are_explained_and_good_rows_go_in(
    store: Store, take: Take, tmp_path: Path
) -> None:
    path = tmp_path / "sales_pipeline.csv"
    path.write_text(
        ",".join(PIPELINE) + "\n"
        "1,Ana,Kite,Acme,Won,2026-01-01,2026-02-02,10\n"
        "\n"
        "2,Ana,Kite,Acme,Dreaming,2026-01-01,2026-02-02,10\n"
        "3,Ana,Kite,Acme,Won,2026-13-01,2026-02-02,ten\n"
        "4,Ana,Kite\n"
        "5,Ana,Kite,Acme,Won,2026-01-01,2026-02-02,10,extra\n"
        ",Ana,Kite,Acme,,2026-01-01,2026-02-02,10\n"
        '6,Ana,Kite,=HYPERLINK("x"),Won,2026-01-01,2026-02-02,10\n'
        "1,Ana,Kite,Acme,Won,2026-01-01,2026-02-02,11\n",
        encoding="utf-8",
    )
    summary = take([path])
    rejects = read_rejects(summary)
    assert sorted((int(item["row"]), item["field"], item["value"]) for item in rejects) == [
        (4, "stage", "Dreaming"),
        (5, "amount", "ten"),
        (5, "opened_on", "2026-13-01"),
        (6, "", "4"),
        (7, "", "5"),
        (8, "stage", ""),
        (10, "", "1"),
    ]
    assert all(item["reason"] and item["file"] == "sales_pipeline.csv" for item in rejects)
    assert summary.tables["opportunities"].rejected == 6
    assert summary.tables["opportunities"].created == 2
    assert any("rejected" in line for line in summary.lines())
    with store.session() as session:
        names = set(session.scalars(select(Account.name)))
        assert names == {"Acme", '=HYPERLINK("x")'}


def test_a_run_is_written_with_its_counts(
    store: Store, take: Take, tmp_path: Path, as_of: datetime
) -> None:
    summary = take(write_four_files(tmp_path))
    with store.session() as session:
        run = session.get_one(ImportRun, summary.run_id)
        assert (run.source, run.kind, run.started_at) == ("export", "crm", as_of)
        assert run.read == summary.total.read == 300 + len(ACCOUNTS) + 5 + 3
        assert (run.created, run.rejected) == (summary.total.created, 0)
        assert run.finished_at is not None
        assert "accounts.csv" in run.inputs


def test_nothing_is_written_when_a_later_file_is_unusable(
    store: Store, take: Take, tmp_path: Path
) -> None:
    files = write_four_files(tmp_path)
    (tmp_path / "products.csv").write_text("product,series\nKite,K\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"no column 'sales_price'.*'product', 'series'"):
        take(files)
    with store.session() as session:
        assert session.scalar(select(func.count(Account.id))) == 0
        assert session.scalar(select(func.count(ImportRun.id))) == 0


def test_a_file_that_fits_no_table_is_named(take: Take, tmp_path: Path) -> None:
    other = write_csv(tmp_path / "weather.csv", ("day", "rain"), [("1", "2")])
    with pytest.raises(BadInput, match=r"'weather.csv', whose columns are 'day', 'rain'"):
        take([other])


def test_a_renamed_file_is_known_by_its_columns(take: Take, tmp_path: Path) -> None:
    renamed = write_csv(tmp_path / "export (3).csv", ("product", "series", "sales_price"), [])
    assert take([renamed]).tables["stages"].created == 4


def test_a_naive_clock_is_refused(store: Store, owner: Principal, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="time zone"):
        import_crm(
            store,
            write_four_files(tmp_path),
            load_mapping(MAPPING),
            principal=owner,
            now=datetime(2026, 1, 1),
            rejects_dir=tmp_path,
        )


def test_lookups_do_not_grow_with_the_rows(store: Store, take: Take, tmp_path: Path) -> None:
    seen: list[str] = []
    event.listen(
        store.engine, "before_cursor_execute", lambda *given: seen.append(given[2]), named=False
    )
    take(write_four_files(tmp_path, deals=50), minutes=1)
    few = len(seen)
    seen.clear()
    take(write_four_files(tmp_path, deals=1_500), minutes=2)
    assert len(seen) <= few + 10
