"""What documents say: totals, sections, notes, text from outside; as PDF, HTML and Markdown."""

import hashlib
import re
import struct
import zlib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from copilot.writers.documents.blocks import BarChart, Heading, Notes, Notice, Table, TimeChart
from copilot.writers.documents.brand import Brand
from copilot.writers.documents.compose import compose
from copilot.writers.documents.content import (
    MappedNeed,
    Milestone,
    OpenPoint,
    Person,
    PriceLine,
    PriceTable,
    ProposalContent,
    Quotation,
    Reference,
    Sentence,
    Situation,
    Source,
    Term,
)
from copilot.writers.documents.markdown_text import escaped, render_markdown
from copilot.writers.documents.pdf_document import render_pdf
from copilot.writers.documents.plain import clean, shortened, with_breaks
from copilot.writers.documents.totals import add_up, column_of_money
from copilot.writers.documents.web_page import render_html
from crm.errors import BadInput

HOSTILE = (
    '<script>alert(1)</script> #panic("x") $x$ [link](javascript:alert(1)) {{title}} | ** \\ `c`'
    ' =HYPERLINK("http://x.example") \x00\x07 \u202e0001\u202c مرحبا 👍 & ' + "Donaudampf" * 20
)


def line(product: str = "Sensor kit", minor: int = 48_000, **more: object) -> PriceLine:
    return PriceLine(product, minor, **more)  # type: ignore[arg-type]


def quote(currency: str = "GBP", *lines: PriceLine, **more: object) -> PriceTable:
    return PriceTable(currency, lines or (line(),), **more)  # type: ignore[arg-type]


def proposal(**more: object) -> ProposalContent:
    content = ProposalContent(
        language="en",
        title="Predictive maintenance",
        customer="Northwind Turbines plc",
        company="Fernhill Analytics",
        dated=date(2026, 3, 5),
        prepared_for=(Person("Priya Raman", "VP Operations"),),
        cover_letter=((Sentence("Thank you for the visit.", ("F1",)),),),
        situation=Situation(
            ((Sentence("Stops cost 46 hours.", ("F2", "F1")),),),
            (Quotation("We lose eleven thousand an hour.", "Priya", date(2026, 2, 12), "F2"),),
        ),
        goals=((Sentence("Fewer stops"),),),
        needs=(MappedNeed(Sentence("Know why"), "Insight Edge", (Sentence("It records."),)),),
        prices=(
            quote(
                "GBP",
                line(quantity=Decimal(36), discount=Decimal("0.12"), unit="pcs", detail="IP67"),
                line("Platform", 4_200_000, quantity=Decimal(2)),
                discount_minor=50_000,
                tax_rate=Decimal("0.2"),
                quote_number="Q-7",
            ),
        ),
        timeline=(
            Milestone("Kick-off", date(2026, 4, 13)),
            Milestone("Pilot", date(2026, 5, 11), date(2026, 7, 31), "Northwind"),
        ),
        references=(Reference("Calder Paper", (Sentence("27 % fewer stops."),)),),
        terms=(Term("Payment", ((Sentence("Due in 30 days."),),)),),
        signatories=(Person("Tom Okafor", "CFO", "Northwind"), Person("", "", "Fernhill")),
        sources=(
            Source("F1", "Visit", "conversation:12", date(2026, 2, 12)),
            Source("F2", "Call", "conversation:13"),
        ),
    )
    return replace(content, **more)  # type: ignore[arg-type]


def in_chinese(content: ProposalContent) -> ProposalContent:
    return replace(
        content,
        language="zh",
        title="预测性维护方案",
        customer="华能北方风电装备有限公司",
        cover_letter=((Sentence("感谢您的接待。", ("F1",)), Sentence("期待回复。")),),
    )


def hostile() -> ProposalContent:
    return proposal(
        title=HOSTILE,
        subtitle=HOSTILE,
        customer=HOSTILE,
        cover_letter=((Sentence(HOSTILE, is_open=True),),),
        situation=Situation((), (Quotation(HOSTILE, HOSTILE, date(2026, 1, 1), "F1"),)),
        needs=(MappedNeed(Sentence(HOSTILE), HOSTILE, (Sentence(HOSTILE),)),),
        prices=(quote("GBP", line(HOSTILE, detail=HOSTILE), line("Other"), title=HOSTILE),),
        timeline=(Milestone(HOSTILE, date(2026, 1, 1)), Milestone("End", date(2029, 1, 1))),
        signatories=(Person(HOSTILE, HOSTILE, HOSTILE),),
    )


def picture() -> bytes:
    """Return a PNG of one red dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    dots = zlib.compress(b"\x00\xff\x00\x00")
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", dots), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def pdf_text(packed: bytes) -> str:
    pages = [page.extract_text() for page in PdfReader(BytesIO(packed)).pages]
    return re.sub("\\s+", " ", " ".join(pages).replace("\u200b", ""))


def test_totals_follow_from_lines_discount_and_tax() -> None:
    table = quote(
        "EUR",
        line(minor=333, quantity=Decimal(3), discount=Decimal("0.1")),
        line(minor=1_000),
        discount_minor=99,
        tax_rate=Decimal("0.19"),
    )
    totals = add_up(table)
    assert totals.lines == (899, 1_000)  # 3 × 3.33 less 10 % is 8.991
    assert (totals.subtotal_minor, totals.net_minor) == (1_899, 1_800)
    assert (totals.tax_minor, totals.total_minor) == (342, 2_142)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (quote("GBP", line(stated_minor=48_001)), "480.01"),
        (quote("GBP", stated_total_minor=47_999), "479.99"),
        (quote("GBP", discount_minor=48_001), "480.01"),
        (quote("GBP", discount_minor=-1), "-1"),
        (quote("GBP", line(discount=Decimal("12"))), "fraction"),
        (quote("GBP", line(quantity=Decimal(0))), "quantity"),
        (quote("GBP", line(quantity=Decimal("NaN"))), "quantity"),
        (quote("pounds"), "pounds"),
        (quote("GBP", tax_rate=Decimal(19)), "fraction"),
        (PriceTable("GBP", ()), "no lines"),
    ],
)
def test_a_quote_that_does_not_add_up_is_refused(table: PriceTable, told: str) -> None:
    with pytest.raises(BadInput, match=re.escape(told)):
        compose(proposal(prices=(table,)))


def test_stated_amounts_that_agree_are_accepted() -> None:
    table = quote("GBP", line(stated_minor=48_000), stated_total_minor=48_000)
    assert add_up(table).total_minor == 48_000


def test_half_a_minor_unit_is_rounded_up_in_each_line() -> None:
    half = line(minor=5, discount=Decimal("0.5"))
    totals = add_up(quote("EUR", half, half, tax_rate=Decimal("0.25")))
    assert (totals.lines, totals.tax_minor, totals.total_minor) == ((3, 3), 2, 8)


def test_money_in_a_column_has_the_same_decimals() -> None:
    assert column_of_money((100_000, 250), "USD") == ("1,000.00", "2.50")
    assert column_of_money((100_000, 200), "USD") == ("1,000", "2")
    assert column_of_money((1_234,), "JPY") == ("1,234",)
    assert column_of_money((1_234,), "KWD") == ("1.234",)


def test_amounts_of_several_currencies_are_shown_but_never_summed() -> None:
    tables = (quote("EUR"), quote("JPY"), quote("CNY"))
    text = render_markdown(proposal(prices=tables))
    assert "EUR: €480" in text
    assert "JPY: JP¥48,000" in text
    assert "CNY: ¥480" in text
    assert "48,960" not in text


def test_price_table_shows_lines_discount_tax_and_total() -> None:
    tables = [each for each in compose(proposal()).blocks if isinstance(each, Table)]
    prices = next(each for each in tables if each.totals)
    assert [cell[0].text for cell in prices.rows[0]] == [
        "1", "Sensor kit", "36 pcs", "480", "12%", "15,206.40",
    ]  # fmt: skip
    assert [total.value for total in prices.totals] == [
        "99,206.40", "-500.00", "98,706.40", "19,741.28", "118,447.68",
    ]  # fmt: skip
    assert [total.is_grand for total in prices.totals] == [False] * 4 + [True]


def test_a_section_without_content_is_left_out() -> None:
    bare = ProposalContent("en", "Quote", "A", "B", date(2026, 3, 5))
    assert compose(bare).blocks == ()
    headings = [each.text for each in compose(proposal()).blocks if isinstance(each, Heading)]
    assert "Our solution" in headings
    assert "Our solution" not in [
        each.text for each in compose(proposal(needs=())).blocks if isinstance(each, Heading)
    ]


def test_notes_are_numbered_by_first_mention() -> None:
    document = compose(proposal())
    notes = next(each for each in document.blocks if isinstance(each, Notes))
    assert notes.items == ("Visit, 12 February 2026 [conversation:12]", "Call [conversation:13]")


def test_notes_can_be_left_out_of_every_format() -> None:
    content = proposal()
    for text in (
        render_markdown(content, with_notes=False),
        render_html(content, with_notes=False),
        pdf_text(render_pdf(content, with_notes=False)),
    ):
        assert "conversation:12" not in text
        assert "Thank you for the visit." in text
    assert "conversation:12" in pdf_text(render_pdf(content))


def test_a_citation_without_source_is_refused() -> None:
    with pytest.raises(BadInput, match="'F9'"):
        compose(proposal(goals=((Sentence("More", ("F9",)),),)), with_notes=False)


def test_milestones_that_run_backwards_are_refused() -> None:
    backwards = Milestone("Pilot", date(2026, 5, 2), date(2026, 5, 1))
    with pytest.raises(BadInput, match="2026-05-01"):
        compose(proposal(timeline=(backwards,)))


def test_open_sentences_and_points_mark_the_document_as_draft() -> None:
    assert compose(proposal()).draft_mark == ""
    content = proposal(
        goals=((Sentence("[how many?]", is_open=True),),),
        open_points=(OpenPoint("Terms", "ask legal"),),
    )
    document = compose(content)
    assert document.draft_mark == "DRAFT"
    notice = next(each for each in document.blocks if isinstance(each, Notice))
    assert notice.items == ("Terms: ask legal", "[how many?]")


def test_bars_are_the_largest_lines_and_the_rest_is_one_bar() -> None:
    lines = tuple(line(f"Item {at}", 100 * (at + 1)) for at in range(12))
    document = compose(proposal(prices=(quote("USD", *lines),)))
    chart = next(each for each in document.blocks if isinstance(each, BarChart))
    assert [bar.label for bar in chart.bars] == [
        *(f"Item {at}" for at in range(11, 3, -1)), "4 other lines",
    ]  # fmt: skip
    assert (chart.bars[0].share, chart.bars[0].value) == (1.0, "12")
    assert chart.bars[-1].value == "10"


def test_time_axis_places_milestones_between_first_and_last_day() -> None:
    plan = (
        Milestone("Start", date(2026, 1, 1)),
        Milestone("Middle", date(2026, 4, 11), date(2026, 7, 20)),
        Milestone("End", date(2027, 2, 5)),
    )
    chart = next(
        each for each in compose(proposal(timeline=plan)).blocks if isinstance(each, TimeChart)
    )
    assert [(span.start, span.end) for span in chart.spans] == [(0, 0), (0.25, 0.5), (1, 1)]
    assert [tick.label for tick in chart.ticks][:2] == ["Jan 2026", "Mar 2026"]
    assert all(0 <= tick.at <= 1 for tick in chart.ticks)


@pytest.mark.parametrize("days", [1, 6, 40, 63, 400, 4_000, 40_000])
def test_time_axis_has_a_few_marks_at_any_length(days: int) -> None:
    last = date.fromordinal(date(2026, 3, 15).toordinal() + days)
    plan = (Milestone("A", date(2026, 3, 15)), Milestone("B", last))
    blocks = compose(proposal(timeline=plan)).blocks
    chart = next(each for each in blocks if isinstance(each, TimeChart))
    assert 1 <= len(chart.ticks) <= 9
    assert all(0 <= tick.at <= 1 for tick in chart.ticks)


def test_text_from_outside_loses_control_and_reordering_characters() -> None:
    assert clean("a\x00b\x1bc\u202e1.000\u202c\ud800\ufffe d\r\ne") == "a b c1.000 d\ne"
    assert clean("  两　千 ") == "两 千"


def test_only_overlong_words_get_places_to_break() -> None:
    assert with_breaks("Incomprehensibilities are fine") == "Incomprehensibilities are fine"
    broken = with_breaks("x" * 60)
    assert broken.replace("\u200b", "") == "x" * 60
    assert max(len(part) for part in broken.split("\u200b")) <= 12
    assert with_breaks("预测性维护" * 20) == "预测性维护" * 20


def test_running_titles_are_cut_by_width() -> None:
    assert shortened("预测性维护方案", 8) == "预测性…"
    assert shortened("Proposal", 8) == "Proposal"


def test_pdf_has_text_pages_numbers_and_embedded_fonts() -> None:
    packed = render_pdf(proposal())
    reader = PdfReader(BytesIO(packed))
    text = pdf_text(packed)
    pages = len(reader.pages)
    assert pages >= 3  # cover, contents, body
    assert f"Page {pages} of {pages}" in text
    for wanted in ("Northwind Turbines plc", "118,447.68", "Tax 20%"):
        assert wanted in text
    assert reader.metadata is not None
    assert reader.metadata.title == "Predictive maintenance"
    fonts = [
        font.get_object()
        for page in reader.pages
        for font in page["/Resources"].get("/Font", {}).values()
    ]
    assert fonts
    for font in fonts:
        descendant = font["/DescendantFonts"][0].get_object()
        descriptor = descendant["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_pdf_in_chinese_has_chinese_text_and_labels() -> None:
    text = pdf_text(render_pdf(in_chinese(proposal())))
    for wanted in ("华能北方风电装备有限公司", "目录", "产品与报价", "2026年3月5日"):
        assert wanted in text.replace(" ", "")


def test_pdf_repeats_the_table_head_on_each_page_of_a_long_quote() -> None:
    lines = tuple(line(f"Item {at}", 1_000) for at in range(90))
    packed = render_pdf(proposal(prices=(quote("USD", *lines),)))
    texts = [page.extract_text() for page in PdfReader(BytesIO(packed)).pages]
    with_items = [text for text in texts if re.search(r"\bItem \d+\b.*\b10\b", text)]
    assert len(with_items) > 2
    assert all("Amount (USD)" in text for text in with_items)


@pytest.mark.parametrize("make", [proposal, lambda: in_chinese(proposal()), hostile])
def test_the_same_content_gives_the_same_bytes(make) -> None:  # type: ignore[no-untyped-def]
    assert render_pdf(make()) == render_pdf(make())
    assert render_html(make()) == render_html(make())
    assert render_markdown(make()) == render_markdown(make())


def test_markup_in_content_stays_text_in_pdf() -> None:
    text = pdf_text(render_pdf(hostile()))
    assert "<script>alert(1)</script>" in text
    assert '#panic("x")' in text
    assert "\u202e" not in text


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.sources += [
            value or "" for name, value in attrs if name in ("src", "href") or name.startswith("on")
        ]


def test_html_escapes_content_and_reaches_for_nothing_outside() -> None:
    page = _Page()
    text = render_html(hostile())
    page.feed(text)
    assert "script" not in page.tags
    assert {"table", "thead", "figure", "nav"} <= page.tags
    assert all(each.startswith(("#", "data:image/")) for each in page.sources)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_html_notes_and_headings_are_reachable_by_their_links() -> None:
    text = render_html(proposal())
    targets = re.findall(r'href="#([^"]+)"', text)
    assert {"note-1", "note-2", "part-1"} <= set(targets)
    assert all(f'id="{target}"' in text for target in targets)


def test_markdown_shows_markup_as_text() -> None:
    text = render_markdown(hostile())
    assert "<script>" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    for row in (each for each in text.splitlines() if "Sensor" in each or "Other" in each):
        assert len(re.findall(r"(?<!\\)\|", row)) in (3, 6, 7)


@pytest.mark.parametrize(
    ("plain", "shown"),
    [
        ("1. not a list", "1\\. not a list"),
        ("- not a list", "\\- not a list"),
        ("480.00", "480.00"),
        ("-2,500.00", "-2,500.00"),
        ("===", "\\==="),
        ("# a", "\\# a"),
        ("a_b*c", "a\\_b\\*c"),
    ],
)
def test_markdown_escapes_only_what_would_be_markup(plain: str, shown: str) -> None:
    assert escaped(plain) == shown


def test_brand_colours_and_logo_reach_pdf_and_html() -> None:
    brand = Brand(accent="AA2200", logo=picture())
    assert "#AA2200" in render_html(proposal(), brand=brand)
    cover = PdfReader(BytesIO(render_pdf(proposal(), brand=brand))).pages[0]
    assert "/XObject" in cover["/Resources"]
    assert "Fernhill" not in cover.extract_text().split("Predictive")[0]


@pytest.mark.parametrize(
    "faulty",
    [{"accent": "red"}, {"logo": b"<svg/>"}, {"logo": b"\x89PNG\r\n\x1a\n" + bytes(2_000_001)}],
)
def test_a_brand_that_cannot_be_used_is_refused(faulty: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Brand(**faulty)  # type: ignore[arg-type]


def test_a_logo_that_is_damaged_is_refused() -> None:
    with pytest.raises(BadInput, match="logo"):
        render_pdf(proposal(), brand=Brand(logo=picture()[:40]))


def test_an_unknown_font_is_refused_with_the_fonts_there_are() -> None:
    with pytest.raises(BadInput, match="Noto Sans SC"):
        render_pdf(proposal(), brand=Brand(fonts=("Comic Grotesk",)))


def test_the_style_sheet_of_a_page_is_not_escaped() -> None:
    style = render_html(proposal()).split("<style>")[1].split("</style>")[0]
    assert '"PingFang SC"' in style
    assert "&" not in style


def test_the_chinese_font_is_the_one_that_was_published() -> None:
    package = find_spec("justmytype_intl_cjk")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "fonts" / "ofl" / "notosanssc"
    digest = hashlib.sha256((folder / "NotoSansSC[wght].ttf").read_bytes()).hexdigest()
    assert digest == "a3041811a78c361b1de50f953c805e0244951c21c5bd412f7232ef0d899af0da"
    assert "SIL OPEN FONT LICENSE" in (folder / "OFL.txt").read_text()


def test_the_letter_and_the_prices_have_pages_of_their_own() -> None:
    starts = [
        block.text
        for block in compose(proposal()).blocks
        if isinstance(block, Heading) and block.starts_page
    ]
    assert starts == ["Your situation", "Products and prices"]
    reader = PdfReader(BytesIO(render_pdf(proposal())))
    of_letter = next(page for page in list(reader.pages)[2:] if "Thank you" in page.extract_text())
    assert "Your situation" not in of_letter.extract_text()


def test_needs_without_any_product_have_no_column_for_it() -> None:
    need = MappedNeed(Sentence("Know why"), "", (Sentence("It records."),))
    tables = [
        block
        for block in compose(proposal(needs=(need,), prices=(), timeline=())).blocks
        if isinstance(block, Table)
    ]
    assert [column.title for column in tables[0].columns] == [
        "What you need",
        "How it meets the need",
    ]


def test_price_tables_and_milestones_show_what_they_rest_on() -> None:
    content = proposal(
        cover_letter=(),
        situation=Situation(),
        prices=(quote(sources=("F2",)),),
        timeline=(Milestone("Kick-off", date(2026, 4, 13), sources=("F1",)),),
    )
    notes = next(block for block in compose(content).blocks if isinstance(block, Notes))
    assert [item.split(",")[0].split(" ")[0] for item in notes.items] == ["Call", "Visit"]


def test_english_quotation_marks_are_not_as_wide_as_chinese_characters() -> None:
    content = proposal(
        cover_letter=((Sentence("It’s “done” — we’re here."),),), situation=Situation()
    )
    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in PdfReader(BytesIO(render_pdf(content))).pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert any("NotoSansKR" in name.replace("-", "").replace(" ", "") for name in fonts)
