"""The import of files as other CRMs and other countries write them."""

import csv
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import select

from crm.errors import BadInput
from crm.models import Account, Alias, Opportunity, OpportunityLine, Product, User
from crm.principal import Principal
from crm.store import Store
from ingest.crm.catalogue import ENTITIES
from ingest.crm.encodings import detect_encoding, sniff_delimiter
from ingest.crm.importer import ImportSummary, import_crm
from ingest.crm.mapping import Mapping, parse_mapping
from ingest.crm.names import nearest, normal
from ingest.crm.sheets import open_sheets
from ingest.crm.values import NeedsDeclaring, Notation, convert, parse_number
from tests.crm_exports import write_csv

CHINESE = ("商机编号", "商机名称", "客户", "负责人", "金额", "阶段", "预计成交日期")
DEALS = [
    ("S1", "数据平台", "蓝海科技有限公司", "王芳", "¥1,200", "谈判", "2026年12月5日"),
    ("S2", "云迁移", "蓝海科技有限公司", "李雷", "1.2万", "已赢单", "2026/10/8"),
]
Take = Callable[..., ImportSummary]


def chinese_mapping(**rest: object) -> Mapping:
    fields = dict(
        zip(
            ("id", "name", "account", "owner", "amount", "stage", "close_date"),
            CHINESE,
            strict=True,
        )
    )
    table = {"entity": "opportunities", "fields": fields}
    stages = {"谈判": {"status": "open", "probability": "60%"}, "赢单": {"status": "won"}}
    stages["赢单"]["aliases"] = "已赢单"
    return parse_mapping({"currency": "CNY", "stages": stages, "tables": [table], **rest}, "m")


def deals_mapping(fields: dict[str, object], **rest: object) -> Mapping:
    table = {"entity": "opportunities", "fields": {"id": "id", "stage": "stage", **fields}}
    whole = {"currency": "EUR", "stages": {"Open": "open", "Won": "won"}, "tables": [table]}
    return parse_mapping({**whole, **rest}, "m.yaml")


@pytest.fixture
def take(store: Store, owner: Principal, as_of: datetime, tmp_path: Path) -> Take:
    def run(path: Path, mapping: Mapping) -> ImportSummary:
        return import_crm(
            store, [path], mapping, principal=owner, now=as_of, rejects_dir=tmp_path / "out"
        )

    return run


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
def test_chinese_headings_and_values_in_every_encoding(
    store: Store, take: Take, tmp_path: Path, encoding: str
) -> None:
    path = write_csv(tmp_path / "商机.csv", CHINESE, DEALS, encoding)
    assert take(path, chinese_mapping()).total.rejected == 0
    with store.session() as session:
        first, second = session.scalars(select(Opportunity).order_by(Opportunity.external_id))
        assert (first.amount_minor, second.amount_minor) == (120_000, 1_200_000)
        assert first.expected_close_on == date(2026, 12, 5)
        assert second.closed_on == date(2026, 10, 8)
        assert set(session.scalars(select(User.name))) == {"王芳", "李雷"}
        assert session.scalars(select(Account.name)).all() == ["蓝海科技有限公司"]


def test_western_text_is_not_taken_for_chinese(tmp_path: Path) -> None:
    rows = [("Müller & Söhne",), ("Café Très Été",), ("Ærø Bådeværft",)]
    assert detect_encoding(write_csv(tmp_path / "a.csv", ("név",), rows, "cp1252")) == "cp1252"


def test_a_declared_encoding_overrides_and_is_checked(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ("会社",), [("東京ソフト",)], "shift_jis")
    with pytest.raises(BadInput, match="'utf-8' near byte"):
        open_sheets(path, encoding="utf-8")
    assert open_sheets(path, encoding="shift_jis")[0].header == ("会社",)
    with pytest.raises(BadInput, match="unknown encoding 'klingon'"):
        open_sheets(path, encoding="klingon")


def test_broken_utf8_is_refused_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("客户,金额\n蓝海科技有限公司,1\n".encode() * 50 + b"\xff\xfe broken\n")
    with pytest.raises(BadInput, match="looks like UTF-8 but is broken near byte"):
        detect_encoding(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"%PDF-1.7 \x00\x01", "is a PDF"),
        (b"\xd0\xcf\x11\xe0\x00\x00", "old .xls"),
        (b"\x00\x01\x02\x03\x00\x00\x07\x08" * 50, "is binary"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        open_sheets(path)


def test_a_missing_file_and_a_false_workbook_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no file"):
        open_sheets(tmp_path / "none.csv")
    (tmp_path / "a.xlsx").write_text("not a workbook", encoding="utf-8")
    with pytest.raises(BadInput, match="not a readable"):
        open_sheets(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("big5", "商機編號,商機名稱,客戶,負責人\nS1,數據平台,藍海科技有限公司,王芳\n"),
        ("cp932", "商談番号,名称,顧客\nS1,データ基盤の導入,青海テクノロジー株式会社\n"),
        ("euc_jp", "商談番号,名称,顧客\nS1,データ基盤の導入,青海テクノロジー株式会社\n"),
        ("cp949", "기회번호,이름,고객,담당자\nS1,데이터 플랫폼,블루오션 주식회사,김철수\n"),
    ],
)
def test_other_east_asian_encodings_have_to_be_declared(
    tmp_path: Path, encoding: str, text: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(BadInput, match="set `encoding:`"):
        detect_encoding(path)
    assert detect_encoding(path, encoding) == encoding


def _workbook(path: Path, row: str) -> Path:
    """Save a workbook whose second thousand rows are followed by `row`, as it stands."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["id", "stage"])
    for number in range(1_500):
        sheet.append([f"D{number}", "Won"])
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name].replace(b"</sheetData>", row.encode() + b"</sheetData>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return path


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("<row", "not a readable"),
        ("</sheetData>", "not a readable"),
        ('<row r="99999999999"></row>', "'99999999999'"),
        ('<row r="1600"><c r="ZZZZ1600"/></row>', "'ZZZZ1600'"),
        ('<row r="1600"><c r="XFE1600"/></row>', "'XFE1600'"),
    ],
)
def test_a_workbook_corrupt_beyond_its_first_rows_leaves_nothing(
    store: Store, take: Take, tmp_path: Path, row: str, reason: str
) -> None:
    with pytest.raises(BadInput, match=reason):
        take(_workbook(tmp_path / "a.xlsx", row), deals_mapping({"name": "id"}))
    with store.session() as session:
        assert session.scalars(select(Opportunity)).all() == []


def test_a_workbook_damaged_or_of_entities_is_refused(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "a.xlsx", "")
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 40] = bytes(40)
    (tmp_path / "b.xlsx").write_bytes(content)
    with pytest.raises(BadInput, match="not a readable"):
        open_sheets(tmp_path / "b.xlsx")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/extra.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    with pytest.raises(BadInput, match="entities"):
        open_sheets(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_sniffed(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, delimiter=delimiter)
        writer.writerows([("name", "price", "note"), ("a", "1,5", "x; y"), ("b", "2,5", "z")])
    assert sniff_delimiter(path, "utf-8") == delimiter


def test_european_numbers_and_dates(store: Store, take: Take, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id;stage;sum;closing\n1;Won;1.234,56;24.12.2026\n", encoding="cp1252")
    fields: dict[str, object] = {"amount": "sum", "close_date": "closing"}
    with pytest.raises(BadInput, match=r"'sum'.*row 2.*'1.234,56'.*decimal"):
        take(path, deals_mapping(fields | {"name": "id"}))
    take(path, deals_mapping(fields | {"name": "id"}, decimal=","))
    with store.session() as session:
        deal = session.scalars(select(Opportunity)).one()
        assert (deal.amount_minor, deal.closed_on) == (123_456, date(2026, 12, 24))


def test_ambiguous_dates_have_to_be_declared(store: Store, take: Take, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ("id", "stage", "on"), [("1", "Won", "03/04/2026")])
    with pytest.raises(BadInput, match=r"'on'.*'03/04/2026'.*day or month first"):
        take(path, deals_mapping({"close_date": "on"}))
    take(path, deals_mapping({"close_date": {"column": "on", "date_format": "%d/%m/%Y"}}))
    with store.session() as session:
        assert session.scalars(select(Opportunity.closed_on)).one() == date(2026, 4, 3)


def test_currency_comes_from_cell_column_or_default(
    store: Store, take: Take, tmp_path: Path
) -> None:
    rows = [
        ("1", "Won", "5", "usd"),
        ("2", "Won", "£5", ""),
        ("3", "Won", "5", ""),
        ("4", "Won", "500", "JPY"),
        ("5", "Won", "$5", "EUR"),
        ("6", "Won", "5", "pounds"),
    ]
    path = write_csv(tmp_path / "a.csv", ("id", "stage", "sum", "cur"), rows)
    summary = take(path, deals_mapping({"amount": "sum", "currency": "cur"}))
    assert summary.total.rejected == 2
    with store.session() as session:
        found = select(Opportunity.currency, Opportunity.amount_minor)
        assert session.execute(found.order_by(Opportunity.external_id)).all() == [
            ("USD", 500),
            ("GBP", 500),
            ("EUR", 500),
            ("JPY", 500),
        ]


def test_combined_split_constant_and_default_columns(
    store: Store, take: Take, tmp_path: Path
) -> None:
    rows = [("Ada", "Byron", "Oslo, Norway", ""), ("Bo", "", "Lima, Peru", "sales")]
    path = write_csv(tmp_path / "a.csv", ("first", "last", "place", "job"), rows)
    fields = {
        "name": ["first", "last"],
        "region": {"column": "place", "split": ",", "part": -1},
        "title": {"column": "job", "default": "none yet"},
        "role": {"constant": "manager"},
    }
    take(path, parse_mapping({"tables": [{"entity": "users", "fields": fields}]}, "m"))
    with store.session() as session:
        found = session.execute(select(User.name, User.title, User.role).order_by(User.id)).all()
        assert found == [("Ada Byron", "none yet", "manager"), ("Bo", "sales", "manager")]


def test_no_export_makes_somebody_the_owner_of_the_installation(
    store: Store, take: Take, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "a.csv", ("name", "role"), [("Ada", "Owner"), ("Bo", "rep")])
    fields: dict[str, object] = {"name": "name", "role": "role"}
    made = take(path, parse_mapping({"tables": [{"entity": "users", "fields": fields}]}, "m"))
    assert made.total.rejected == 1
    fields["role"] = {"column": "role", "value_map": {"Owner": "operations"}}
    take(path, parse_mapping({"tables": [{"entity": "users", "fields": fields}]}, "m"))
    with store.session() as session:
        found = session.execute(select(User.name, User.role).order_by(User.name)).all()
        assert found == [("Ada", "operations"), ("Bo", "rep")]


def test_workbooks_bring_native_dates_numbers_and_their_own_sheet(
    store: Store, take: Take, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["nothing here"])
    sheet = book.create_sheet("Deals")
    sheet.append(["id", "stage", "sum", "on", "product"])
    sheet.append([1001, "Won", 12.5, datetime(2026, 5, 6), "=SUM"])
    sheet.append([1002, "Open", None, "2026-07-08"])
    sheet["E2"].data_type = "s"
    path = tmp_path / "deals.xlsx"
    book.save(path)
    fields: dict[str, object] = {"amount": "sum", "close_date": "on", "product": "product"}
    assert take(path, deals_mapping(fields)).total.rejected == 0
    with store.session() as session:
        won, still = session.scalars(select(Opportunity).order_by(Opportunity.external_id))
        assert (won.external_id, won.amount_minor, won.closed_on) == (
            "1001",
            1_250,
            date(2026, 5, 6),
        )
        assert still.expected_close_on == date(2026, 7, 8)
        assert session.scalars(select(Product.name)).all() == ["=SUM"]


def test_names_link_despite_spelling_and_fuzzy_when_declared(
    store: Store, take: Take, tmp_path: Path
) -> None:
    products = write_csv(tmp_path / "p.csv", ("product",), [("Kite Pro",), ("Reef 500",)])
    take(
        products,
        parse_mapping({"tables": [{"entity": "products", "fields": {"name": "product"}}]}, "m"),
    )
    rows = [
        ("1", "Won", "ＫＩＴＥ－pro"),
        ("2", "Won", "Kyte Pro"),
        ("3", "Won", "Reef 600"),
        ("4", "Won", "K-P"),
    ]
    path = write_csv(tmp_path / "a.csv", ("id", "stage", "what"), rows)
    product = {"column": "what", "fuzzy": "0.85", "missing": "reject"}
    summary = take(
        path, deals_mapping({"product": product}, aliases={"products": {"K-P": "Kite Pro"}})
    )
    assert summary.tables["opportunities"].rejected == 1
    assert any("Kyte Pro" in note for note in summary.notes)
    with store.session() as session:
        assert session.scalars(select(Product.name).order_by(Product.id)).all() == [
            "Kite Pro",
            "Reef 500",
        ]
        lines = session.scalars(select(OpportunityLine.product_id)).all()
        assert len(lines) == 3
        assert len(set(lines)) == 1
        assert session.execute(select(Alias.entity, Alias.name)).all() == [("product", "K-P")]


def test_a_huge_cell_or_open_quote_rejects_its_row_only(
    store: Store, take: Take, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    filler = "x" * 1_200_000
    path.write_text(f"id,stage,name\n1,Won,a\n2,Won,{filler}\n3,Won,b\n", encoding="utf-8")
    summary = take(path, deals_mapping({"name": "name"}))
    assert (summary.tables["opportunities"].created, summary.total.rejected) == (2, 1)


def test_a_duplicate_header_is_refused_only_if_it_is_used(take: Take, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ("id", "stage", "sum", "sum"), [("1", "Won", "1", "2")])
    with pytest.raises(BadInput, match="'sum' 2 times"):
        take(path, deals_mapping({"amount": "sum"}))
    assert take(path, deals_mapping({})).tables["opportunities"].created == 1


@pytest.mark.parametrize(
    ("text", "decimal", "number", "sign"),
    [
        ("1,234,567.5", None, "1234567.5", ""),
        ("1.234.567,5", ",", "1234567.5", ""),
        ("1 234,5", ",", "1234.5", ""),
        ("1'234.5", None, "1234.5", ""),
        ("12,34,567", None, "1234567", ""),
        ("(1,200)", None, "-1200", ""),
        ("-$5", None, "-5", "$"),
        ("$3.4M", None, "3400000", "$"),
        ("5k EUR", None, "5000", "EUR"),
        ("12万元", None, "120000", "元"),
        ("１．５亿", None, "150000000", ""),
        ("£1.5bn", None, "1500000000", "£"),
    ],
)
def test_numbers_are_read_as_people_write_them(
    text: str, decimal: str | None, number: str, sign: str
) -> None:
    assert parse_number(text, decimal)[:2] == (Decimal(number), sign)


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "--", "1,2,3", "12.345.6"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        parse_number(text, None)


def test_a_decimal_comma_has_to_be_declared() -> None:
    with pytest.raises(NeedsDeclaring):
        parse_number("12,5", None)


@pytest.mark.parametrize(
    ("text", "value"), [("15%", "0.15"), ("15", "0.15"), ("0.15", "0.15"), ("100", "1")]
)
def test_percentages_become_fractions(text: str, value: str) -> None:
    field = ENTITIES["quotes"].fields["discount"]
    assert convert(field, text, Notation()) == Decimal(value)


def test_times_without_a_zone_are_in_the_declared_one() -> None:
    field = ENTITIES["activities"].fields["occurred_at"]
    assert convert(field, "2026/3/1 2:05 PM", Notation()) == datetime(2026, 3, 1, 14, 5, tzinfo=UTC)
    assert convert(field, "2026-03-01T08:00:00+08:00", Notation()) == datetime(
        2026, 3, 1, tzinfo=UTC
    )


def test_names_that_differ_in_a_number_or_sign_stay_apart() -> None:
    assert normal("Acme, Inc.") == normal("ＡＣＭＥ inc")
    assert normal("C++") != normal("C#")
    assert nearest("Plan 200", [normal("Plan 300")], 0.8) is None
    assert nearest("Kite Pra", [normal("Kite Pro"), normal("Kite Prx")], 0.8) is None
    assert nearest("Kite Pra", [normal("Kite Pro"), normal("Reef")], 0.8) == "kitepro"
