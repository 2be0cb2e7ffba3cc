"""Whatever characters a customer or a transcript holds, every format can be made and read."""

from datetime import UTC, date, datetime
from email import message_from_bytes
from email.policy import default
from io import BytesIO

import docx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from copilot.writers.documents.content import (
    EarlierMail,
    LetterContent,
    MappedNeed,
    Milestone,
    Person,
    PriceLine,
    PriceTable,
    ProposalContent,
    Quotation,
    Sentence,
    Situation,
    Source,
    Term,
)
from copilot.writers.documents.mail_message import render_eml
from copilot.writers.documents.markdown_text import render_markdown
from copilot.writers.documents.pdf_document import render_pdf
from copilot.writers.documents.plain import clean
from copilot.writers.documents.web_page import render_html
from copilot.writers.documents.word_document import render_docx

anything = st.text(st.characters(), max_size=60) | st.sampled_from(
    ["", " ", "\n", "{{body}}", "]]>", "#{", "\\u{0}", "=1+1", "\ud800", "\ufffe", "\x00", "ﷺ" * 9]
)
calmly = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
seldom = settings(calmly, max_examples=8)


def proposal_of(words: list[str]) -> ProposalContent:
    one, two, three, four = words
    said = Sentence(one, ("F1",))
    return ProposalContent(
        language="zh" if len(one) % 2 else "en",
        title=two,
        subtitle=three,
        customer=four,
        company=one,
        dated=date(2026, 3, 5),
        confidentiality=two,
        prepared_by=Person(three, four),
        cover_letter=((said, Sentence(two, is_open=True)), (Sentence(three),)),
        situation=Situation((), (Quotation(four, one, date(2026, 1, 1), "F1"),)),
        goals=((Sentence(two),),),
        needs=(MappedNeed(said, two, (Sentence(three),)),),
        prices=(
            PriceTable("EUR", (PriceLine(one, 1, detail=two), PriceLine(three, 2)), title=four),
        ),
        timeline=(Milestone(one, date(2026, 1, 1), owner=two), Milestone(three, date(2026, 2, 1))),
        terms=(Term(four, ((Sentence(one),),)),),
        signatories=(Person(one, two, three),),
        sources=(Source("F1", two, three),),
    )


@seldom
@given(st.lists(anything, min_size=4, max_size=4))
def test_any_text_gives_a_proposal_that_opens(words: list[str]) -> None:
    content = proposal_of(words)
    assert len(PdfReader(BytesIO(render_pdf(content))).pages) >= 2
    document = docx.Document(BytesIO(render_docx(content)))
    assert any(p.style.name == "Heading 1" for p in document.paragraphs if p.style)
    html, markdown = render_html(content), render_markdown(content)
    for text in (html, markdown):
        assert clean(text).split() == text.replace("\xa0", " ").split()
        text.encode()


@calmly
@given(st.lists(anything, min_size=4, max_size=4))
def test_any_text_gives_a_message_with_its_headers_whole(words: list[str]) -> None:
    one, two, three, four = words
    person = Person(one, two, three, "a@example.com")
    letter = LetterContent(
        "en", two, person, (Person(three, email="b@example.com"),), date(2026, 3, 5), one,
        ((Sentence(four),),), two,
        in_reply_to=EarlierMail("<a@b>", one, datetime(2026, 3, 4, tzinfo=UTC), four),
    )  # fmt: skip
    packed = render_eml(letter, message_id="<c@d>", sent_at=datetime(2026, 3, 5, tzinfo=UTC))
    message = message_from_bytes(packed, policy=default)
    assert sorted(message.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "X-Unsent",
         "MIME-Version", "Content-Type"]
    )  # fmt: skip
    assert message["To"].addresses[0].addr_spec == "b@example.com"
    assert message["In-Reply-To"] == "<a@b>"
