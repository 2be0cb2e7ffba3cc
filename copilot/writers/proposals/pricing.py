"""Prices by code: the newest valid quote with the deal's lines, else list prices as indication."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from copilot.writers.documents.content import PriceLine, PriceTable, Sentence
from copilot.writers.documents.wording import show_date, show_quantity, show_share
from copilot.writers.proposals.evidence import OfferLine, ProposalEvidence
from copilot.writers.proposals.notebook import Notebook
from copilot.writers.proposals.outsiders import described
from copilot.writers.proposals.wording import phrase
from crm.models import Quote
from crm.money import format_money

_DEAD = (
    "expire", "supersede", "replace", "reject", "denied", "declin", "cancel", "void", "withdraw",
    "lost", "archiv", "失效", "过期", "作废", "取消", "拒", "撤", "替换",
)  # fmt: skip
_AGREED = ("accepted", "signed", "已接受", "已签")
_UNSURE = ("draft", "review", "pending", "new", "草稿", "审")
_NAMED = 10
# Lines are often rounded to whole tens; a discount that misses by more is worth a look.
_ROUNDING = Decimal("0.01")


@dataclass(frozen=True)
class Offer:
    """The price tables; `is_binding` says that all are valid quotes that add up."""

    tables: tuple[PriceTable, ...]
    is_binding: bool
    valid_until: date | None = None


@dataclass(frozen=True)
class _Priced:
    """A line with its price: as listed (exact, not rounded) and as the deal has it."""

    line: OfferLine
    list_minor: int | None
    amount_minor: int

    @property
    def listed(self) -> Decimal | None:
        if self.list_minor is None:
            return None
        return Decimal(self.list_minor) * self.line.quantity


def price_offer(evidence: ProposalEvidence, notebook: Notebook, valid_days: int | None) -> Offer:
    """Return what the customer is asked to pay, and note in words whatever does not add up.

    Each currency is a table of its own; nothing is converted, adjusted or taxed.
    """
    newest: dict[str, Quote] = {}
    for quote in evidence.quotes:
        if stands(quote, evidence.today):
            newest.setdefault(quote.currency, quote)
    if newest:
        found = [_Table(evidence, notebook, quote).quoted(quote) for quote in newest.values()]
        days = [table.valid_until for table, _ in found if table and table.valid_until]
        return Offer(
            tables=tuple(table for table, _ in found if table),
            is_binding=all(is_sound for _, is_sound in found),
            valid_until=min(days, default=_asked(evidence, valid_days)),
        )
    _ask_for_quote(evidence, notebook)
    until = _asked(evidence, valid_days)
    table = _Table(evidence, notebook, None).indicative(until)
    return Offer((table,) if table else (), is_binding=False, valid_until=until)


def stands(quote: Quote, today: date) -> bool:
    """Say whether a quote was accepted or still may be; the words of other CRMs are known, too."""
    status = quote.status.casefold()
    if any(word in status for word in _AGREED):
        return True
    is_dead = any(word in status for word in _DEAD)
    return not is_dead and (quote.valid_until is None or quote.valid_until >= today)


def _asked(evidence: ProposalEvidence, valid_days: int | None) -> date | None:
    return evidence.today + timedelta(days=valid_days) if valid_days else None


def _ask_for_quote(evidence: ProposalEvidence, notebook: Notebook) -> None:
    if not evidence.quotes:
        notebook.ask("prices", "open_hidden_quote" if evidence.hides_quotes else "open_no_quote")
        return
    last = evidence.quotes[0]
    until = show_date(last.valid_until, evidence.language) if last.valid_until else "–"
    notebook.ask(
        "prices",
        "open_expired",
        number=last.number,
        status=last.status,
        until=until,
        total=format_money(last.total_minor, last.currency),
    )


class _Table:
    """One price table on its way."""

    def __init__(self, evidence: ProposalEvidence, notebook: Notebook, quote: Quote | None) -> None:
        self._evidence, self._notebook, self._quote = evidence, notebook, quote
        self._language = evidence.language
        self._currency = quote.currency if quote else evidence.deal.currency
        self._discount = quote.discount if quote else Decimal(0)
        self._unpriced: list[OfferLine] = []
        self._books: dict[str, None] = {}

    def quoted(self, quote: Quote) -> tuple[PriceTable | None, bool]:
        """Return the quote as a table, and whether its figures agree with each other."""
        self._ask_about_quote(quote)
        priced = self._priced(with_amounts=True)
        if not priced:
            return self._whole(quote), False
        total, whole = sum(each.amount_minor for each in priced), quote.total_minor
        after = _rounded(Decimal(total) * (1 - self._discount))
        off = total - whole if total != whole and self._discount and after == whole else 0
        is_sound = total - off == whole and not self._unpriced
        if total - off != whole:
            self._ask_gap(
                "open_lines_differ", whole - total, number=quote.number,
                stated=self._money(whole), sum=self._money(total),
            )  # fmt: skip
        is_even = off > 0 or self._ask_about_discount(priced, quote)
        lines = tuple(self._line(each) for each in priced)
        return self._table(
            lines,
            discount_minor=off,
            stated_total_minor=whole if is_sound else None,
            is_settled=is_sound,
        ), is_sound and is_even

    def indicative(self, until: date | None) -> PriceTable | None:
        """Return list prices times quantities, None where nothing has a price."""
        if not self._evidence.lines:
            self._notebook.ask("prices", "open_no_lines")
        priced = self._priced(with_amounts=False)
        if not priced:
            return None
        total = sum(each.amount_minor for each in priced)
        self._notebook.ask("prices", "open_indicative", total=self._money(total))
        amount = self._evidence.deal.amount_minor
        if amount is not None and amount != total:
            self._ask_gap(
                "open_deal_amount", amount - total,
                amount=self._money(amount), total=self._money(total),
            )  # fmt: skip
        return self._table(tuple(self._line(each) for each in priced), valid_until=until)

    def _table(
        self,
        lines: tuple[PriceLine, ...],
        *,
        discount_minor: int = 0,
        stated_total_minor: int | None = None,
        is_settled: bool = True,
        valid_until: date | None = None,
    ) -> PriceTable:
        quote, notebook = self._quote, self._notebook
        sources = self._sources()
        remarks = [] if quote else [notebook.say(phrase("indicative", self._language), *sources)]
        if quote and not is_settled and not self._unpriced:
            remarks.append(self._gap_remark(quote, lines))
        remarks += [self._missing_remark(line) for line in self._unpriced]
        return PriceTable(
            currency=self._currency,
            lines=lines,
            discount_minor=discount_minor,
            stated_total_minor=stated_total_minor,
            price_book=next(iter(self._books)) if len(self._books) == 1 else "",
            quote_number=quote.number if quote else "",
            valid_until=quote.valid_until if quote else valid_until,
            remarks=tuple(remarks),
            sources=sources,
        )

    def _whole(self, quote: Quote) -> PriceTable:
        """Return a quote without products as one line."""
        self._notebook.ask("prices", "open_no_detail", number=quote.number)
        name = phrase("whole_quote", self._language, number=quote.number)
        line = PriceLine(name, quote.total_minor, stated_minor=quote.total_minor)
        return self._table((line,), stated_total_minor=quote.total_minor)

    def _priced(self, *, with_amounts: bool) -> list[_Priced]:
        found = []
        is_same = self._currency == self._evidence.deal.currency
        for line in self._evidence.lines:
            if line.quantity <= 0:
                quantity = show_quantity(line.quantity, "")
                self._ask("open_quantity", product=line.product.name, quantity=quantity)
                continue
            entry = self._evidence.prices.get((self._currency, line.product.id))
            list_minor = entry.amount_minor if entry else None
            if entry:
                self._books[entry.book] = None
            else:
                self._ask("open_no_price", product=line.product.name, currency=self._currency)
            amount = line.amount_minor if is_same and (with_amounts or not entry) else None
            if amount is None and list_minor is not None:
                amount = _rounded(list_minor * line.quantity * (1 - self._discount))
            if amount is None or amount < 0:
                self._unpriced.append(line)
            else:
                found.append(_Priced(line, list_minor, amount))
        return found

    def _line(self, priced: _Priced) -> PriceLine:
        """Return the line so that price × quantity less discount is what the deal has."""
        line, listed = priced.line, priced.listed
        detail = described(line.product)
        if priced.list_minor is not None and listed and priced.amount_minor <= listed:
            off = 1 - Decimal(priced.amount_minor) / listed
            off = off if _rounded(listed) != priced.amount_minor else Decimal(0)
            return PriceLine(
                line.product.name, priced.list_minor, line.quantity, off,
                detail=detail, stated_minor=priced.amount_minor,
            )  # fmt: skip
        each = Decimal(priced.amount_minor) / line.quantity
        if each == each.to_integral_value():
            return PriceLine(line.product.name, int(each), line.quantity, detail=detail)
        units = phrase("units", self._language, quantity=show_quantity(line.quantity, ""))
        return PriceLine(line.product.name, priced.amount_minor, detail=units)

    def _ask_about_quote(self, quote: Quote) -> None:
        if any(word in quote.status.casefold() for word in _UNSURE):
            self._ask("open_draft", number=quote.number, status=quote.status)
        deal = self._evidence.deal
        if quote.currency != deal.currency:
            self._ask(
                "open_currency", number=quote.number, quote=quote.currency, deal=deal.currency
            )

    def _ask_about_discount(self, priced: list[_Priced], quote: Quote) -> bool:
        """Note what the quote's discount does not explain; say if there is nothing."""
        uneven = [each for each in priced if self._is_uneven(each)]
        for each in uneven:
            listed = _rounded(each.listed or Decimal(0))
            self._ask_gap(
                "open_line", each.amount_minor - listed, product=each.line.product.name,
                amount=self._money(each.amount_minor), listed=self._money(listed),
            )  # fmt: skip
        if not self._discount or any(each.listed is None for each in priced):
            return not uneven
        listed_sum = sum((each.listed or Decimal(0) for each in priced), Decimal(0))
        computed = _rounded(listed_sum * (1 - self._discount))
        if computed == quote.total_minor:
            return not uneven
        self._ask_gap(
            "open_discount", quote.total_minor - computed, number=quote.number,
            discount=show_share(self._discount), computed=self._money(computed),
            stated=self._money(quote.total_minor),
        )  # fmt: skip
        return False

    def _is_uneven(self, priced: _Priced) -> bool:
        if priced.listed is None:
            return False
        expected = priced.listed * (1 - self._discount)
        gap = abs(priced.amount_minor - expected)
        return gap > (expected * _ROUNDING if self._discount else Decimal("0.5"))

    def _gap_remark(self, quote: Quote, lines: tuple[PriceLine, ...]) -> Sentence:
        total = sum(
            line.stated_minor or _rounded(line.list_price_minor * line.quantity) for line in lines
        )
        text = phrase(
            "lines_differ", self._language, number=quote.number,
            stated=self._money(quote.total_minor), sum=self._money(total),
        )  # fmt: skip
        return self._notebook.leave_open("prices", text)

    def _missing_remark(self, line: OfferLine) -> Sentence:
        text = phrase(
            "no_price", self._language, product=line.product.name,
            quantity=show_quantity(line.quantity, ""), currency=self._currency,
        )  # fmt: skip
        return self._notebook.leave_open("prices", text)

    def _sources(self) -> tuple[str, ...]:
        quote, notebook, language = self._quote, self._notebook, self._language
        ids = []
        if quote:
            until = show_date(quote.valid_until, language) if quote.valid_until else ""
            text = phrase(
                "fact_quote", language, number=quote.number, status=quote.status,
                total=self._money(quote.total_minor), discount=show_share(quote.discount),
                until=phrase("fact_until", language, day=until) if until else "",
            )  # fmt: skip
            ids.append(notebook.record(text, f"quote:{quote.id}", is_approved=True))
        for line in self._evidence.lines:
            entry = self._evidence.prices.get((self._currency, line.product.id))
            if entry:
                price = format_money(entry.amount_minor, entry.currency)
                text = phrase(
                    "fact_price", language, book=entry.book, product=line.product.name, price=price
                )
                notebook.record(text, f"price_book_entry:{entry.entry_id}", is_approved=True)
        if self._evidence.lines:
            ids.append(
                notebook.record(self._lines_text(), f"opportunity:{self._evidence.deal.id}#lines")
            )
        for book in self._books:
            text = phrase("fact_book", language, book=book, currency=self._currency)
            ids.append(notebook.record(text, f"price_book:{book}", is_approved=True))
        return tuple(ids)

    def _lines_text(self) -> str:
        lines = self._evidence.lines
        parts = [
            f"{line.product.name} × {show_quantity(line.quantity, '')}" for line in lines[:_NAMED]
        ]
        if len(lines) > _NAMED:
            parts.append(phrase("more_lines", self._language, count=len(lines) - _NAMED))
        listed = ", ".join(parts)
        return phrase("fact_lines", self._language, listed=listed)

    def _ask(self, name: str, **values: object) -> None:
        self._notebook.ask("prices", name, **values)

    def _ask_gap(self, name: str, gap_minor: int, **values: object) -> None:
        self._ask(name, gap=self._money(abs(gap_minor)), **values)

    def _money(self, amount_minor: int) -> str:
        return format_money(amount_minor, self._currency)


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))
