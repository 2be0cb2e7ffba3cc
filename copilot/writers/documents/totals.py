"""Adds up a quote, and refuses one whose own figures do not add up."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from copilot.writers.documents.content import PriceLine, PriceTable
from crm.errors import BadInput
from crm.money import exponent, format_money, to_major


@dataclass(frozen=True)
class Totals:
    """The amounts of one quote in minor units; `lines` in the order of the table's lines."""

    lines: tuple[int, ...]
    subtotal_minor: int
    discount_minor: int
    net_minor: int
    tax_minor: int | None
    total_minor: int


def add_up(table: PriceTable) -> Totals:
    """Return the totals: each line rounded half up to a minor unit, then summed.

    Raises:
        BadInput: an amount, quantity, discount or rate is out of range, or an amount that the
            quote states differs from the computed one; the message shows both.
    """
    _check_ranges(table)
    lines = tuple(_line_amount(line, table.currency) for line in table.lines)
    subtotal = sum(lines)
    if table.discount_minor > max(subtotal, 0):
        raise BadInput(
            f"quote discount {_shown(table.discount_minor, table)!r} is more than the lines' sum "
            f"{_shown(subtotal, table)!r}: correct the discount of {_name(table)}"
        )
    net = subtotal - table.discount_minor
    if table.stated_total_minor is not None and table.stated_total_minor != net:
        raise BadInput(
            f"{_name(table)} states a total of {_shown(table.stated_total_minor, table)!r}, but "
            f"its lines less discount come to {_shown(net, table)!r}: correct the quote first"
        )
    tax = None if table.tax_rate is None else _rounded(Decimal(net) * table.tax_rate)
    return Totals(
        lines=lines,
        subtotal_minor=subtotal,
        discount_minor=table.discount_minor,
        net_minor=net,
        tax_minor=tax,
        total_minor=net + (tax or 0),
    )


def column_of_money(amounts: tuple[int, ...], currency: str) -> tuple[str, ...]:
    """Return the amounts as plain numbers with the same decimals, for one column of a table.

    Decimals appear in all of them if any amount needs them; the currency belongs in the head.
    """
    unit = 10 ** exponent(currency)
    digits = exponent(currency) if any(amount % unit for amount in amounts) else 0
    return tuple(f"{to_major(amount, currency):,.{digits}f}" for amount in amounts)


def _line_amount(line: PriceLine, currency: str) -> int:
    amount = _rounded(Decimal(line.list_price_minor) * line.quantity * (1 - line.discount))
    if line.stated_minor is not None and line.stated_minor != amount:
        raise BadInput(
            f"line {line.product!r} states {format_money(line.stated_minor, currency)!r}, but "
            f"{line.quantity} × {format_money(line.list_price_minor, currency)} less "
            f"{line.discount:%} is {format_money(amount, currency)!r}: correct the quote first"
        )
    return amount


def _check_ranges(table: PriceTable) -> None:
    if len(table.currency) != 3 or not (table.currency.isascii() and table.currency.isupper()):
        raise BadInput(f"currency {table.currency!r}: give an ISO 4217 code such as 'EUR'")
    if not table.lines:
        raise BadInput(f"{_name(table)} has no lines: add one, or leave the table out")
    if table.discount_minor < 0:
        raise BadInput(
            f"discount_minor {table.discount_minor!r}: give what is taken off, 0 or more"
        )
    if table.tax_rate is not None and not 0 <= table.tax_rate < 1:
        raise BadInput(f"tax_rate {table.tax_rate!r}: give a fraction such as Decimal('0.13')")
    for line in table.lines:
        if not 0 <= line.discount <= 1:
            raise BadInput(
                f"discount {line.discount!r} of {line.product!r}: give a fraction from 0 to 1"
            )
        if not (line.quantity.is_finite() and line.quantity > 0):
            raise BadInput(f"quantity {line.quantity!r} of {line.product!r}: must be above 0")


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _shown(amount_minor: int, table: PriceTable) -> str:
    return format_money(amount_minor, table.currency)


def _name(table: PriceTable) -> str:
    return f"quote {table.quote_number or table.title or table.currency!r}"
