"""The fixed words of documents in both languages, and how dates and quantities are written."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from prompts.library import Language


@dataclass(frozen=True)
class Wording:
    """Labels and headings in one language."""

    contents: str
    prepared_for: str
    prepared_by: str
    date: str
    confidentiality: str
    confidential: str
    draft: str
    notice: str
    page: str
    letter: str
    situation: str
    in_your_words: str
    goals: str
    solution: str
    need: str
    product: str
    how: str
    prices: str
    no: str
    quantity: str
    unit_price: str
    discount: str
    amount: str
    subtotal: str
    total: str
    total_net: str
    tax: str
    at_a_glance: str
    in_currency: str
    price_book: str
    quote: str
    valid_until: str
    breakdown: str
    others: str
    timeline: str
    milestone: str
    when: str
    owner: str
    references: str
    terms: str
    signatures: str
    signature: str
    name: str
    job_title: str
    notes: str
    to: str
    sender: str
    subject: str
    wrote: str
    gap: str
    colon: str
    comma: str


_ENGLISH = Wording(
    contents="Contents",
    prepared_for="Prepared for",
    prepared_by="Prepared by",
    date="Date",
    confidentiality="Confidentiality",
    confidential="Confidential",
    draft="DRAFT",
    notice="Open points: settle these before sending",
    page="Page {page} of {pages}",
    letter="Cover letter",
    situation="Your situation",
    in_your_words="In your words",
    goals="Goals",
    solution="Our solution",
    need="What you need",
    product="Product",
    how="How it meets the need",
    prices="Products and prices",
    no="No.",
    quantity="Quantity",
    unit_price="Unit price ({currency})",
    discount="Discount",
    amount="Amount ({currency})",
    subtotal="Subtotal",
    total="Total ({currency})",
    total_net="Total before tax ({currency})",
    tax="Tax",
    at_a_glance="At a glance",
    in_currency="All amounts in {currency}.",
    price_book="Price book: {value}.",
    quote="Quote: {value}.",
    valid_until="Valid until {value}.",
    breakdown="What the price is made of ({currency})",
    others="{count} other lines",
    timeline="Timeline",
    milestone="Milestone",
    when="When",
    owner="Responsible",
    references="References",
    terms="Terms",
    signatures="Signatures",
    signature="Signature",
    name="Name",
    job_title="Title",
    notes="Notes and sources",
    to="To",
    sender="From",
    subject="Subject",
    wrote="On {when}, {author} wrote:",
    gap=" ",
    colon=": ",
    comma=", ",
)
_CHINESE = Wording(
    contents="目录",
    prepared_for="呈送",
    prepared_by="编制",
    date="日期",
    confidentiality="保密级别",
    confidential="商业机密",
    draft="草稿",
    notice="待确认事项：发出前须逐项确认",
    page="第 {page} 页，共 {pages} 页",
    letter="致函",
    situation="贵方现状",
    in_your_words="贵方原话",
    goals="目标",
    solution="解决方案",
    need="贵方需求",
    product="产品",
    how="如何满足需求",
    prices="产品与报价",
    no="序号",
    quantity="数量",
    unit_price="单价（{currency}）",
    discount="折扣率",
    amount="金额（{currency}）",
    subtotal="小计",
    total="合计（{currency}）",
    total_net="税前合计（{currency}）",
    tax="税费",
    at_a_glance="报价概览",
    in_currency="以下金额均以 {currency} 计。",
    price_book="价目表：{value}。",
    quote="报价单：{value}。",
    valid_until="有效期至{value}。",
    breakdown="价格构成（{currency}）",
    others="其余 {count} 项",
    timeline="实施计划",
    milestone="里程碑",
    when="时间",
    owner="负责方",
    references="客户案例",
    terms="条款",
    signatures="签署",
    signature="签字",
    name="姓名",
    job_title="职务",
    notes="注释与出处",
    to="收件人",
    sender="发件人",
    subject="主题",
    wrote="{author} 于{when}写道：",
    gap="",
    colon="：",
    comma="，",
)
_WORDINGS: dict[str, Wording] = {"en": _ENGLISH, "zh": _CHINESE}


def wording(language: Language) -> Wording:
    """Return the labels of the language."""
    return _WORDINGS[language]


def show_date(day: date, language: Language) -> str:
    """Return the date in words: `5 March 2026` or `2026年3月5日`."""
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {day:%B} {day.year}"


def show_span(start: date, end: date | None, language: Language) -> str:
    """Return a day or a span of days in words."""
    if end is None or end == start:
        return show_date(start, language)
    return f"{show_date(start, language)} – {show_date(end, language)}"


def show_share(share: Decimal) -> str:
    """Return a fraction as a percentage with up to two decimals: `12.5%`."""
    return f"{_trimmed((share * 100).quantize(Decimal('0.01')))}%"


def show_quantity(quantity: Decimal, unit: str) -> str:
    """Return the quantity without needless zeros, and its unit."""
    return f"{_trimmed(quantity)} {unit}".strip()


def _trimmed(number: Decimal) -> str:
    shown = f"{number:,f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
