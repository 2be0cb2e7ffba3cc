"""Amounts as said in a deal's talk, and whether they can be this deal's at all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from copilot.grounding.dates import find_dates, find_times
from copilot.grounding.quantities import Quantity, find_quantities
from copilot.grounding.sentences import ProblemKind
from copilot.writers.calls.notes import DealContext, Talk

_GRAND = re.compile(r"(?<=\w) grand\b", re.IGNORECASE)
# What is counted stands right behind its number: "40 gateways", 四十个测点, "4,000 users".
_COUNTED = re.compile(
    r"\s?[个台套人名家次条天年月周项块点份张位件批]"
    r"|[ -](?!a |an |all|and|at|but|for|if|in|instead|is|now|on|or|per|plus|so|that|then|this|to|"
    r"total|was|we|which|will|with|without|would|you|net|flat|grand|thousand|k\b)[a-z]{3,}",
    re.IGNORECASE,
)
_LEAST_BARE = 1000
_NEAREST, _FARTHEST = Decimal("0.1"), Decimal("10")
_CURRENCIES = ("USD", "EUR", "GBP", "CNY")


@dataclass(frozen=True)
class Sum:
    """An amount in major units of a currency, where it stands, and whether it said its currency."""

    value: Decimal
    currency: str
    start: int
    end: int
    is_explicit: bool

    def text(self) -> str:
        """Return the amount as a person would type it: `15000 EUR`."""
        plain = f"{self.value.normalize():f}"
        return f"{plain} {self.currency}"


def find_sums(text: str, deal: DealContext, talk: Talk) -> list[Sum]:
    """Return the amounts of money in a text that lie within a tenth and ten times the deal's.

    A bare number counts where it is as large as deals are; "a hundred and eighty" in talk of a
    deal of 240,000 means thousands. Another currency than the deal's is left out.
    """
    _, rest = find_dates(text, talk.day)
    _, rest = find_times(rest)
    # Same length, so that places stay true: "ninety grand" is ninety thousand.
    found, _ = find_quantities(_GRAND.sub(" k    ", rest))
    sums = [
        made
        for each in found
        if (made := _sum(each, deal)) is not None
        and (made.is_explicit or not _COUNTED.match(rest[each.end :]))
    ]
    return [each for each in sums if _is_sane(each, deal)]


def _sum(quantity: Quantity, deal: DealContext) -> Sum | None:
    value = Decimal(str(quantity.values[0]))
    if quantity.kind is ProblemKind.AMOUNT:
        currency = _currency(quantity.unit, deal.currency)
        if not currency:
            return None
        return Sum(value, currency, quantity.start, quantity.end, True)
    if quantity.kind is not ProblemKind.NUMBER or not deal.currency:
        return None
    if value < _LEAST_BARE and deal.amount is not None and deal.amount >= 10 * _LEAST_BARE:
        value *= 1000
        if not deal.amount / 4 <= value <= deal.amount * 4:
            return None
    if value < _LEAST_BARE:
        return None
    return Sum(value, deal.currency, quantity.start, quantity.end, False)


def _currency(units: Sequence[str] | frozenset[str], of_deal: str) -> str:
    if of_deal and of_deal in units:
        return of_deal
    # A "dollar" in a deal in Australian ones is that.
    if of_deal.endswith("D") and set(units) == {"USD"}:
        return of_deal
    if of_deal:
        return ""
    return next((code for code in _CURRENCIES if code in units), min(units, default=""))


def _is_sane(each: Sum, deal: DealContext) -> bool:
    if each.value <= 0:
        return False
    if deal.amount is None or deal.amount <= 0:
        return True
    return deal.amount * _NEAREST <= each.value <= deal.amount * _FARTHEST
