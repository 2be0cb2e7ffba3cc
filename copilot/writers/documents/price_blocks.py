"""The section on products and prices: a table a quote, its totals, and what they are made of."""

from copilot.writers.documents.blocks import (
    Bar,
    BarChart,
    Block,
    Bullets,
    Cell,
    Column,
    Heading,
    Paragraph,
    Run,
    Table,
    TotalRow,
)
from copilot.writers.documents.content import PriceLine, PriceTable
from copilot.writers.documents.endnotes import EndNotes
from copilot.writers.documents.plain import one_line, shortened
from copilot.writers.documents.timescale import LABEL_COLUMNS
from copilot.writers.documents.totals import Totals, add_up, column_of_money
from copilot.writers.documents.wording import show_date, show_quantity, show_share, wording
from crm.money import format_money
from prompts.library import Language

MOST_BARS = 8


def price_blocks(
    tables: tuple[PriceTable, ...], notes: EndNotes, language: Language
) -> list[Block]:
    """Return the blocks of all quotes; with several, their totals side by side, never summed.

    Raises:
        BadInput: a quote does not add up.
    """
    added = [(table, add_up(table)) for table in tables]
    blocks: list[Block] = []
    if len(tables) > 1:
        blocks.append(_overview(added, language))
    for table, totals in added:
        if len(tables) > 1 or table.title:
            blocks.append(Heading(_title(table), 2))
        preamble = Run(_preamble(table, language), notes.numbers(table.sources))
        blocks.append(Paragraph((preamble,)))
        blocks.append(_price_table(table, totals, language))
        chart = _breakdown(table, totals, language)
        blocks += [chart] if chart else []
        blocks += [Paragraph(runs) for runs in [notes.runs(table.remarks)] if runs]
    return blocks


def _title(table: PriceTable) -> str:
    return one_line(table.title) or table.currency


def _overview(added: list[tuple[PriceTable, Totals]], language: Language) -> Bullets:
    colon = wording(language).colon
    return Bullets(
        tuple(
            (Run(f"{_title(table)}{colon}{format_money(totals.total_minor, table.currency)}"),)
            for table, totals in added
        )
    )


def _preamble(table: PriceTable, language: Language) -> str:
    words = wording(language)
    parts = [words.in_currency.format(currency=table.currency)]
    if table.quote_number:
        parts.append(words.quote.format(value=one_line(table.quote_number)))
    if table.price_book:
        parts.append(words.price_book.format(value=one_line(table.price_book)))
    if table.valid_until is not None:
        parts.append(words.valid_until.format(value=show_date(table.valid_until, language)))
    return words.gap.join(parts)


def _price_table(table: PriceTable, totals: Totals, language: Language) -> Table:
    words = wording(language)
    with_discount = any(line.discount for line in table.lines)
    amounts = column_of_money(
        (
            *totals.lines,
            totals.subtotal_minor,
            -totals.discount_minor,
            totals.net_minor,
            totals.tax_minor or 0,
            totals.total_minor,
        ),
        table.currency,
    )
    prices = column_of_money(tuple(line.list_price_minor for line in table.lines), table.currency)
    columns = [
        Column(words.no, 0.5, is_number=True),
        Column(words.product, 2.9),
        Column(words.quantity, 1.0, is_number=True),
        Column(words.unit_price.format(currency=table.currency), 1.6, is_number=True),
        *([Column(words.discount, 0.95, is_number=True)] if with_discount else []),
        Column(words.amount.format(currency=table.currency), 1.6, is_number=True),
    ]
    rows = tuple(
        (
            (Run(str(at + 1)),),
            _product_cell(line),
            (Run(show_quantity(line.quantity, one_line(line.unit))),),
            (Run(prices[at]),),
            *([_discount_cell(line)] if with_discount else []),
            (Run(amounts[at]),),
        )
        for at, line in enumerate(table.lines)
    )
    return Table(tuple(columns), rows, _total_rows(table, totals, amounts[-5:], language))


def _product_cell(line: PriceLine) -> Cell:
    detail = one_line(line.detail)
    small = (Run(f"\n{detail}", is_small=True),) if detail else ()
    return (Run(one_line(line.product)), *small)


def _discount_cell(line: PriceLine) -> Cell:
    return (Run(show_share(line.discount) if line.discount else "–"),)


def _total_rows(
    table: PriceTable, totals: Totals, shown: tuple[str, ...], language: Language
) -> tuple[TotalRow, ...]:
    words = wording(language)
    subtotal, discount, net, tax, total = shown
    rows = []
    if totals.discount_minor:
        rows += [TotalRow(words.subtotal, subtotal), TotalRow(words.discount, discount)]
    if totals.tax_minor is not None and table.tax_rate is not None:
        label = f"{one_line(table.tax_name) or words.tax} {show_share(table.tax_rate)}"
        rows += [
            TotalRow(words.total_net.format(currency=table.currency), net),
            TotalRow(label, tax),
        ]
    rows.append(TotalRow(words.total.format(currency=table.currency), total, is_grand=True))
    return tuple(rows)


def _breakdown(table: PriceTable, totals: Totals, language: Language) -> BarChart | None:
    """Return the largest lines as bars, the rest as one, or None where there is one line only."""
    words = wording(language)
    by_product: dict[str, int] = {}
    for line, amount in zip(table.lines, totals.lines, strict=True):
        name = one_line(line.product)
        by_product[name] = by_product.get(name, 0) + amount
    ranked = sorted(by_product.items(), key=lambda item: -item[1])
    ranked = [(name, amount) for name, amount in ranked if amount > 0]
    if len(ranked) < 2:
        return None
    rest = ranked[MOST_BARS:]
    bars = ranked[:MOST_BARS]
    if rest:
        bars.append((words.others.format(count=len(rest)), sum(amount for _, amount in rest)))
    longest = max(amount for _, amount in bars)
    values = column_of_money(tuple(amount for _, amount in bars), table.currency)
    shown = tuple(
        Bar(shortened(name, LABEL_COLUMNS), amount / longest, value)
        for (name, amount), value in zip(bars, values, strict=True)
    )
    title = words.breakdown.format(currency=table.currency)
    alt = "; ".join(f"{bar.label}{words.colon}{bar.value}" for bar in shown)
    return BarChart(title, shown, f"{title}{words.colon}{alt}")
