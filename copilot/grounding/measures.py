"""Whether a quantity of a fact is the one that a sentence claims: kind, unit and value."""

import re
from collections.abc import Iterator

from copilot.grounding.currencies import currency_set
from copilot.grounding.quantities import DURATIONS, FRACTION_WORDS, Quantity
from copilot.grounding.sentences import ProblemKind


def fact_quantities(value: float, unit: str | None, currency: str | None) -> Iterator[Quantity]:
    """Yield what a fact's plain value supports: money, a ratio as a percentage, days, a count."""

    def of(kind: ProblemKind, number: float, marks: frozenset[str] = frozenset()) -> Quantity:
        return Quantity(kind, (number,), str(value), 0, 0, marks)

    if currency:
        yield of(ProblemKind.AMOUNT, value, currency_set(currency))
        return
    if unit == "ratio" or (unit is None and 0 < abs(value) < 1):
        yield of(ProblemKind.PERCENTAGE, value)
        return
    name = (unit or "").lower().removesuffix("s")
    if name in DURATIONS:
        duration, factor = DURATIONS[name]
        yield of(ProblemKind.DURATION, value * factor, frozenset([duration]))
    if unit in {"percent", "%"}:
        yield of(ProblemKind.PERCENTAGE, value / 100)
    yield of(ProblemKind.NUMBER, value)


_TOLERANCE = 1e-9
_ROUGH = 0.05
_NEXT_ROUND = 1.34


def supports(fact: Quantity, claim: Quantity) -> bool:
    """Say whether a quantity of a fact is the one claimed: same kind, unit and value."""
    if not comparable(fact, claim):
        return False
    if claim.is_over and any(
        mine <= theirs < mine * _NEXT_ROUND for mine in claim.values for theirs in fact.values
    ):
        return True
    is_share = claim.kind is ProblemKind.PERCENTAGE and "hundred" in claim.raw
    if fact.kind is ProblemKind.NUMBER and is_share:
        return any(
            abs(mine * 100 - theirs) < _ROUGH for mine in claim.values for theirs in fact.values
        )
    room = _ROUGH if claim.is_rough else max(_TOLERANCE, _rounding(claim))
    if claim.raw.lower() in FRACTION_WORDS or "分之" in claim.raw:
        room = max(room, 0.015)
    factor = _factor(fact, claim)
    return any(
        abs(mine - theirs * factor) <= room * max(abs(theirs * factor), _TOLERANCE)
        for mine in claim.values
        for theirs in fact.values
    )


_DAY_SECONDS = 86_400
_SCALED = re.compile(
    r"\d[\d.,]*\s?(?:[kKmM]|mn|bn|thousand|million|billion|万|亿|千)", re.IGNORECASE
)
_PRECISE = 3


def _rounding(claim: Quantity) -> float:
    """Return how far a figure told in thousands or millions, to three digits, may be off."""
    match = _SCALED.search(claim.raw)
    digits = re.sub(r"\D", "", match.group()).lstrip("0") if match else ""
    return 0.5 * 10.0 ** (1 - len(digits)) if len(digits) >= _PRECISE else 0.0


def _factor(fact: Quantity, claim: Quantity) -> float:
    """Return what turns the fact's hours into the claim's days, or the other way round."""
    if fact.kind is not ProblemKind.DURATION or fact.unit & claim.unit:
        return 1.0
    return 1 / _DAY_SECONDS if fact.unit == {"s"} else _DAY_SECONDS


def is_alike(fact: Quantity, claim: Quantity) -> bool:
    """Say whether two quantities are of one kind, in whatever unit."""
    return fact.kind is claim.kind or comparable(fact, claim)


def comparable(fact: Quantity, claim: Quantity) -> bool:
    """Say whether two quantities are of one kind and unit, whatever their values."""
    if claim.kind is ProblemKind.NUMBER:
        return fact.kind in {ProblemKind.NUMBER, ProblemKind.AMOUNT}
    if claim.kind is ProblemKind.PERCENTAGE and fact.kind is ProblemKind.NUMBER:
        return any(0 < value < 1 for value in fact.values) or "hundred" in claim.raw
    if fact.kind is not claim.kind:
        return False
    if not claim.unit or fact.unit & claim.unit:
        return True
    return fact.kind is ProblemKind.DURATION and fact.unit | claim.unit == {"s", "d"}


def unit_factor(raw: str) -> float:
    """Return how many of its class's units the unit of a written duration is: 12 for years."""
    names = [name for name in DURATIONS if re.search(rf"{name}s?$", raw.lower())]
    return float(DURATIONS[max(names, key=len)][1]) if names else 1.0
