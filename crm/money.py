"""Money: minor units and currency in storage, major units at the edges."""

from decimal import ROUND_HALF_UP, Decimal

# ISO 4217 exponents that differ from 2.
_EXPONENTS = {
    "JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "XAF": 0, "XOF": 0, "PYG": 0, "UGX": 0,
    "BHD": 3, "KWD": 3, "OMR": 3, "TND": 3, "JOD": 3, "IQD": 3, "LYD": 3,
}  # fmt: skip
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "JPY": "JP¥", "HKD": "HK$", "INR": "₹"}


def exponent(currency: str) -> int:
    """Return how many decimals the currency's minor unit has."""
    return _EXPONENTS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """Return the amount in minor units, rounded half up."""
    scaled = amount.scaleb(exponent(currency))
    return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_major(amount_minor: int | float | Decimal, currency: str) -> Decimal:
    """Return the amount in major units."""
    return Decimal(str(amount_minor)).scaleb(-exponent(currency))


def format_money(amount_minor: int | float | Decimal, currency: str) -> str:
    """Return the amount for people: `$1,234.50`, `¥120,000`; unknown symbols show the code."""
    digits = exponent(currency)
    major = round(to_major(amount_minor, currency), digits)
    shown = f"{major:,.{digits}f}"
    if digits and shown.endswith("." + "0" * digits):
        shown = shown[: -digits - 1]
    symbol = _SYMBOLS.get(currency)
    sign, shown = ("-", shown[1:]) if shown.startswith("-") else ("", shown)
    return f"{sign}{symbol}{shown}" if symbol else f"{sign}{shown} {currency}"


def unusual_exponents() -> dict[int, tuple[str, ...]]:
    """Return the currencies whose minor unit does not have two decimals, by their decimals."""
    found = set(_EXPONENTS.values())
    return {digits: tuple(c for c, e in _EXPONENTS.items() if e == digits) for digits in found}
