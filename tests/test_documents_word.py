"""Word documents: what python-docx reads back, and templates that companies bring."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import docx
import pytest
from docx.document import Document as WordFile
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import RGBColor

from copilot.writers.documents.content import PriceLine, PriceTable, Sentence
from copilot.writers.documents.word_document import render_docx
from copilot.writers.documents.word_styles import plain_template
from crm.errors import BadInput
from tests.test_documents import hostile, in_chinese, proposal
from tests.test_documents_mail import letter


def opened(packed: bytes) -> WordFile:
    return docx.Document(BytesIO(packed))


def all_text(document: WordFile) -> str:
    return "".join(
        node.text or "" for node in document.element.body.iter() if node.tag.endswith("}t")
    )


def markup(packed: bytes, name: str = "word/document.xml") -> str:
    with ZipFile(BytesIO(packed)) as archive:
        return archive.read(name).decode()


def company_template(
    path: Path, *paragraphs: str, change: Callable[[WordFile], None] | None = None
) -> Path:
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    if change is not None:
        change(document)
    document.save(str(path))
    return path


def test_headings_have_word_styles_and_links_from_the_contents() -> None:
    packed = render_docx(proposal())
    document = opened(packed)
    headings = [p.text for p in document.paragraphs if p.style and p.style.name == "Heading 1"]
    assert headings[:2] == ["Cover letter", "Your situation"]
    xml = markup(packed)
    anchors = re.findall(r'w:hyperlink w:anchor="(\w+)"', xml)
    assert anchors
    assert set(anchors) == set(re.findall(r'w:bookmarkStart w:id="\d+" w:name="(\w+)"', xml))
    assert "TOC \\o" in xml


def test_money_stands_right_under_a_head_that_repeats() -> None:
    document = opened(render_docx(proposal()))
    table = next(t for t in document.tables if t.cell(0, 0).text == "No.")
    assert table.style is not None
    assert table.style.name == "Proposal Table"
    amount = table.rows[1].cells[-1].paragraphs[0]
    assert amount.text == "15,206.40"
    assert amount.style.paragraph_format.alignment == WD_ALIGN_PARAGRAPH.RIGHT
    assert table.rows[-1].cells[-1].text == "118,447.68"
    assert "tblHeader" in table.rows[0]._tr.xml
    assert "tblHeader" not in table.rows[1]._tr.xml


def test_running_lines_carry_customer_date_confidentiality_and_page_fields() -> None:
    section = opened(render_docx(proposal(confidentiality="Board only"))).sections[0]
    assert "Northwind Turbines plc" in section.header.paragraphs[0].text
    foot = section.footer.paragraphs[0]
    assert "Board only" in foot.text
    assert "5 March 2026" in foot.text
    codes = re.findall(r"<w:instrText[^>]*> (\w+) <", foot._p.xml)
    assert codes == ["PAGE", "NUMPAGES"]
    assert section.different_first_page_header_footer


def test_charts_are_pictures_with_a_description() -> None:
    xml = markup(render_docx(proposal()))
    assert xml.count("<pic:pic") == 2
    assert 'descr="What the price is made of (GBP): Platform: 84,000.00; Sensor kit' in xml


def test_chinese_documents_carry_chinese_labels_and_language() -> None:
    packed = render_docx(in_chinese(proposal()))
    assert "产品与报价" in all_text(opened(packed))
    assert 'w:eastAsia="zh-CN"' in markup(packed, "word/styles.xml")
    foot = opened(packed).sections[0].footer.paragraphs[0].text
    assert re.search(r"第 \d+ 页，共 \d+ 页", foot)


def test_no_placeholder_is_left_and_the_same_content_gives_the_same_bytes() -> None:
    for content in (proposal(), in_chinese(proposal()), letter()):
        packed = render_docx(content)
        assert packed == render_docx(content)
        assert "{{" not in all_text(opened(packed))


def test_text_from_outside_is_text_and_no_field_link_or_placeholder() -> None:
    packed = render_docx(hostile())
    text = all_text(opened(packed))
    assert "<script>alert(1)</script>" in text
    assert '=HYPERLINK("http://x.example")' in text
    assert "{{title}}" in text
    codes = set(re.findall(r"<w:instrText[^>]*>\s*(\w+)", markup(packed)))
    assert codes == {"TOC"}
    with ZipFile(BytesIO(packed)) as archive:
        links = archive.read("word/_rels/document.xml.rels").decode()
    assert "TargetMode" not in links


def test_open_sentences_are_highlighted() -> None:
    content = proposal(goals=((Sentence("[how many?]", is_open=True),),))
    document = opened(render_docx(content))
    marked = [r.text for p in document.paragraphs for r in p.runs if r.font.highlight_color]
    assert marked == ["[how many?]"]
    assert "DRAFT" in document.sections[0].header.paragraphs[0].text


def test_forty_lines_of_huge_amounts_stay_whole() -> None:
    lines = tuple(PriceLine(f"Item {at}", 123_456_789_012 + at) for at in range(40))
    document = opened(render_docx(proposal(prices=(PriceTable("JPY", lines),))))
    table = next(t for t in document.tables if t.cell(0, 0).text == "No.")
    assert len(table.rows) == 42
    assert table.rows[-1].cells[-1].text == "4,938,271,561,260"


def test_a_letter_has_no_cover_and_ends_with_the_sender() -> None:
    document = opened(render_docx(letter(), with_notes=False))
    text = [p.text for p in document.paragraphs if p.text]
    assert "Hi Priya," in text
    assert text[-1].startswith("Best regards,\nAnna Lindqvist")
    assert 'w:type="page"' not in document.element.xml


def test_a_company_template_keeps_its_words_and_look(tmp_path: Path) -> None:
    def look(document: WordFile) -> None:
        document.styles["Heading 1"].font.color.rgb = RGBColor(0xAA, 0x22, 0x00)
        document.sections[0].footer.paragraphs[0].text = "Acme {{date}} / {{page}}"

    path = company_template(
        tmp_path / "ours.docx",
        "Acme for {{ customer }}",
        "{{body}}",
        "Registered in Leeds",
        change=look,
    )
    document = opened(render_docx(proposal(), path))
    text = [p.text for p in document.paragraphs]
    assert text[0] == "Acme for Northwind Turbines plc"
    assert text[-1] == "Registered in Leeds"
    assert "Thank you for the visit.1" in text
    assert document.styles["Heading 1"].font.color.rgb == RGBColor(0xAA, 0x22, 0x00)
    foot = document.sections[0].footer.paragraphs[0]
    assert foot.text.startswith("Acme 5 March 2026 / Page 1")
    assert document.styles["Table Number"].paragraph_format.alignment == WD_ALIGN_PARAGRAPH.RIGHT


def test_a_placeholder_that_word_has_split_is_still_filled(tmp_path: Path) -> None:
    def split(document: WordFile) -> None:
        paragraph = document.add_paragraph()
        for part in ("For {", "{cust", "omer}", "} and {{date", "}}!"):
            paragraph.add_run(part)

    path = company_template(tmp_path / "split.docx", "{{body}}", change=split)
    text = [p.text for p in opened(render_docx(proposal(), path)).paragraphs]
    assert text[-1] == "For Northwind Turbines plc and 5 March 2026!"


def test_all_faults_of_a_template_are_told_at_once(tmp_path: Path) -> None:
    def change(document: WordFile) -> None:
        document.styles.add_style("Table Text", WD_STYLE_TYPE.CHARACTER)

    path = company_template(
        tmp_path / "bad.docx", "{{custmer}}", "{{title", "see {{facts}}", change=change
    )
    with pytest.raises(BadInput) as told:
        render_docx(proposal(), path)
    message = str(told.value)
    for wanted in (
        "'bad.docx'", "write {{customer}}", "not closed", "{{facts}} must stand alone",
        "no {{body}}", "'Table Text' must be a paragraph style",
    ):  # fmt: skip
        assert wanted in message


def test_a_second_body_is_refused(tmp_path: Path) -> None:
    path = company_template(tmp_path / "two.docx", "{{body}}", "{{body}}")
    with pytest.raises(BadInput, match="stands 2 times"):
        render_docx(proposal(), path)


@pytest.mark.parametrize("packed", [b"", b"not a zip", b"PK\x03\x04cut off"])
def test_a_file_that_is_no_word_document_is_refused(tmp_path: Path, packed: bytes) -> None:
    path = tmp_path / "broken.docx"
    path.write_bytes(packed)
    with pytest.raises(BadInput, match="not a Word document"):
        render_docx(proposal(), path)


def test_a_missing_template_and_one_with_macros_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        render_docx(proposal(), tmp_path / "nowhere.docx")
    path = tmp_path / "macros.docx"
    path.write_bytes(plain_template("proposal"))
    with ZipFile(path, "a") as archive:
        archive.writestr("word/vbaProject.bin", b"x")
    with pytest.raises(BadInput, match="macros"):
        render_docx(proposal(), path)


def test_our_own_template_saved_to_a_file_is_a_valid_company_template(tmp_path: Path) -> None:
    path = tmp_path / "start.docx"
    path.write_bytes(plain_template("proposal"))
    assert markup(render_docx(proposal(), path)) == markup(render_docx(proposal()))


def test_content_that_looks_like_a_placeholder_is_not_filled() -> None:
    content = proposal(title="{{body}}", goals=((Sentence("{{customer}} {{date}}"),),))
    texts = [p.text for p in opened(render_docx(content)).paragraphs]
    assert texts.index("{{body}}") < texts.index("Contents") < texts.index("Cover letter")
    assert "{{customer}} {{date}}" in texts


def test_a_block_in_a_cell_leaves_the_paragraph_that_word_wants_there(tmp_path: Path) -> None:
    def change(document: WordFile) -> None:
        document.add_table(1, 1).cell(0, 0).paragraphs[0].add_run("{{facts}}")

    path = company_template(tmp_path / "cell.docx", "{{body}}", change=change)
    cell = opened(render_docx(proposal(), path)).tables[-1].cell(0, 0)
    assert cell.tables[0].cell(0, 0).text == "Prepared for"
    assert cell._tc[-1].tag.endswith("}p")


def test_a_block_in_a_footer_is_refused(tmp_path: Path) -> None:
    def change(document: WordFile) -> None:
        document.sections[0].footer.paragraphs[0].text = "{{facts}}"

    path = company_template(tmp_path / "foot.docx", "{{body}}", change=change)
    with pytest.raises(BadInput, match="header or footer"):
        render_docx(proposal(), path)
