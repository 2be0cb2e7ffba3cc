"""Cells read as values: dates, numbers, money, percentages, yes and no, in many notations."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation

from ingest.crm.fields import Field, Kind

Native = str | int | float | bool | date | datetime | time | Decimal | None
Value = str | int | bool | date | datetime | Decimal | tuple[str, ...]


class NeedsDeclaring(ValueError):
    """The notation can be read in two ways; the mapping has to say which."""


@dataclass(frozen=True)
class Notation:
    """How a column's cells are written; `scale` multiplies numbers."""

    date_formats: tuple[str, ...] = ()
    decimal: str | None = None
    scale: Decimal | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True)
class Money:
    """An amount in major units, with the currency if the cell itself names it."""

    amount: Decimal
    currency: str | None


_SYMBOLS = {
    "US$": "USD", "HK$": "HKD", "A$": "AUD", "C$": "CAD", "S$": "SGD", "NT$": "TWD", "R$": "BRL",
    "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₫": "VND", "₺": "TRY", "₽": "RUB", "zł": "PLN",
    "RMB": "CNY", "人民币": "CNY", "美元": "USD", "欧元": "EUR", "英镑": "GBP", "日元": "JPY",
    "港元": "HKD", "港币": "HKD", "円": "JPY",
}  # fmt: skip
# One sign, several currencies: the declared one decides, else the first.
_SHARED = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP"),
    "¥": ("CNY", "JPY"),
    "元": ("CNY", "HKD", "TWD"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
}
_CODES = {
    "AED", "ARS", "AUD", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK",
    "EGP", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JOD", "JPY", "KES", "KRW",
    "KWD", "KZT", "LKR", "MAD", "MOP", "MXN", "MYR", "NGN", "NOK", "NZD", "OMR", "PEN", "PHP",
    "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TND", "TRY", "TWD",
    "TZS", "UAH", "UGX", "USD", "UYU", "VND", "XAF", "XOF", "ZAR",
}  # fmt: skip
_TIMES = {
    "k": 10**3, "thousand": 10**3, "tsd": 10**3, "千": 10**3, "w": 10**4, "万": 10**4,
    "萬": 10**4, "m": 10**6, "mm": 10**6, "mn": 10**6, "mio": 10**6, "mil": 10**6,
    "million": 10**6, "百万": 10**6, "千万": 10**7, "亿": 10**8, "億": 10**8, "b": 10**9,
    "bn": 10**9, "mrd": 10**9, "billion": 10**9,
}  # fmt: skip
_NUMBER = re.compile(r"^(?P<before>[^\d.,+-]*)(?P<number>[+-]?[\d.,' ]*\d[.,]?)(?P<after>.*)$")
_GROUPED = r"[+-]?\d{{1,3}}(?:{sep}\d{{2,3}})*{sep}\d{{3}}"
_PLAIN = r"[+-]?\d*"
_TRUE = {
    "true",
    "yes",
    "y",
    "1",
    "t",
    "x",
    "active",
    "on",
    "是",
    "启用",
    "在职",
    "有效",
    "在售",
    "对",
}
_FALSE = {
    "false",
    "no",
    "n",
    "0",
    "f",
    "inactive",
    "off",
    "否",
    "停用",
    "离职",
    "无效",
    "停售",
    "错",
}
_DAY_FIRST_DOTS = re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{4})(?=$|[ T])")
_SLASHED = re.compile(r"^\d{1,2}[/\-]\d{1,2}[/\-](?:\d{4}|\d{2})(?:$|[ T,])")
_YEAR_FIRST = re.compile(r"^(\d{4})[-/.年 ]\s*(\d{1,2})[-/.月 ]\s*(\d{1,2})日?(?=$|[ T])")
_WITH_MONTH = ("%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y", "%d-%b-%y")
_EPOCHS = {"epoch": 1, "epoch_ms": 1_000}
_CLOCK = re.compile(
    r"^[T\s]*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*(.*)$"
)


def convert(field: Field, cell: Native, notation: Notation) -> Value | Money:
    """Return the value of a filled cell.

    Raises:
        NeedsDeclaring: it can be read in two ways, and the mapping does not say which.
        ValueError: it is not of the field's kind; the message says what is expected.
    """
    reader = _READERS.get(field.kind)
    return reader(field, cell, notation) if reader else as_text(cell)


def as_text(cell: Native) -> str:
    """Return a cell as text: whole floats without `.0`, days without midnight."""
    if isinstance(cell, str):
        return cell.replace("\0", "").strip()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(" ") if cell.time() != time() else cell.date().isoformat()
    return "" if cell is None else str(cell)


def parse_number(text: str, decimal: str | None) -> tuple[Decimal, str, bool]:
    """Return (number, currency sign or code or "", whether it is a percentage).

    Understands thousands separators, currency signs and codes, `k`, `M`, `bn`, `万`, `亿`, `%`, and
    negatives as `-5`, `5-` or `(5)`.
    """
    tidy = unicodedata.normalize("NFKC", text).replace("−", "-").replace("’", "'").strip()
    is_negative = (tidy.startswith("(") and tidy.endswith(")")) or tidy.endswith("-")
    tidy = tidy.strip("()").removesuffix("-").strip()
    if tidy.startswith("-"):
        is_negative, tidy = True, tidy[1:].strip()
    found = _NUMBER.match(tidy)
    if not found:
        raise ValueError("expected a number")
    number = _plain_number(found["number"].replace(" ", "").replace("'", ""), decimal)
    after = found["after"].strip()
    is_percent = after.endswith("%")
    times, sign_after = _suffix(after.removesuffix("%").strip())
    sign = found["before"].strip() or sign_after
    return (-number if is_negative else number) * times, sign, is_percent


def _suffix(after: str) -> tuple[int, str]:
    lowered = after.casefold()
    for length in range(len(lowered), 0, -1):
        head, rest = lowered[:length].rstrip(), after[length:].strip()
        is_word = not (rest and rest[0].isascii() and rest[0].isalpha() and head.isascii())
        if head in _TIMES and (is_word or after[length : length + 1] == " "):
            return _TIMES[head], rest
    return 1, after


def _plain_number(text: str, decimal: str | None) -> Decimal:
    point = decimal or "."
    comma = "," if point == "." else "."
    grouped, mark = _GROUPED.format(sep=re.escape(comma)), re.escape(point)
    if re.fullmatch(rf"(?:{grouped}|{_PLAIN})(?:{mark}\d*)?", text):
        try:
            return Decimal(text.replace(comma, "").replace(point, "."))
        except InvalidOperation:
            raise ValueError("expected a number") from None
    if decimal is None and re.fullmatch(r"[+-]?[\d.]*,\d*", text):
        raise NeedsDeclaring('looks like a decimal comma; declare `decimal: ","`')
    raise ValueError(f"expected a number with decimal {point!r}")


def _numeric(field: Field, cell: Native, notation: Notation) -> Value:
    number, sign, is_percent = _any_number(cell, notation)
    if sign:
        raise ValueError("expected a number")
    if field.kind is Kind.RATIO:
        # A percentage without its sign: 15 can only mean 15 %.
        is_percent = is_percent or (notation.scale is None and abs(number) > 1)
        number = number / 100 if is_percent else number
        if not 0 <= number <= 1:
            raise ValueError("expected a percentage from 0 to 100, or a fraction of 1")
        return number
    if field.kind is Kind.NUMBER:
        return number
    if number != int(number):
        raise ValueError("expected a whole number")
    if abs(number) >= 2**31:
        raise ValueError("number too large")
    return int(number)


def _any_number(cell: Native, notation: Notation) -> tuple[Decimal, str, bool]:
    if isinstance(cell, bool | date | time):
        raise ValueError("expected a number")
    if isinstance(cell, int | float | Decimal):
        parsed = Decimal(str(cell)), "", False
    else:
        parsed = parse_number(as_text(cell), notation.decimal)
    if not parsed[0].is_finite():
        raise ValueError("expected a number")
    return parsed[0] * (notation.scale or 1), parsed[1], parsed[2]


def _money(_field: Field, cell: Native, notation: Notation) -> Money:
    amount, sign, is_percent = _any_number(cell, notation)
    if is_percent:
        raise ValueError("expected an amount, not a percentage")
    if abs(amount) >= 10**15:
        raise ValueError("amount too large")
    return Money(amount, sign or None)


def currency_of(sign: str | None, declared: str | None) -> str | None:
    """Return the currency that a cell's sign means, given the declared one; None if unknown.

    Raises:
        ValueError: the sign is no currency.
    """
    if not sign:
        return declared
    known = _SYMBOLS.get(sign) or _SYMBOLS.get(sign.upper())
    if known:
        return known
    if sign.casefold() in _SHARED:
        shared = _SHARED[sign.casefold()]
        return declared if declared in shared else shared[0]
    if sign.upper() in _CODES:
        return sign.upper()
    raise ValueError(f"{sign!r} is no currency or unit known here")


def _day(_field: Field, cell: Native, notation: Notation) -> date:
    moment = _parsed_time(cell, notation)
    if isinstance(moment, datetime):
        return moment.astimezone(notation.zone).date() if moment.tzinfo else moment.date()
    return moment


def _moment(_field: Field, cell: Native, notation: Notation) -> datetime:
    moment = _parsed_time(cell, notation)
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(), notation.zone)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=notation.zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("date out of range") from None


def _parsed_time(cell: Native, notation: Notation) -> date:
    if isinstance(cell, date):
        return cell
    unit = next((_EPOCHS[name] for name in notation.date_formats if name in _EPOCHS), None)
    if unit and not isinstance(cell, bool | time):
        return _since_epoch(cell, unit)
    if not isinstance(cell, str):
        raise ValueError("expected a date")
    text = unicodedata.normalize("NFKC", as_text(cell))
    if notation.date_formats:
        return _declared_time(text, notation.date_formats)
    return _guessed_time(text)


def _since_epoch(cell: Native, unit: int) -> datetime:
    try:
        return datetime.fromtimestamp(float(as_text(cell)) / unit, UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError("expected seconds or milliseconds since 1970") from None


def _declared_time(text: str, formats: Sequence[str]) -> date:
    for pattern in formats:
        try:
            found = datetime.strptime(text, pattern)  # noqa: DTZ007 (the zone comes later)
        except ValueError:
            continue
        return found if "%H" in pattern or "%I" in pattern else found.date()
    raise ValueError(f"expected a date like {' or '.join(formats)}")


def _guessed_time(text: str) -> date:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return _spelt_time(text)
    return found if len(text) > 10 else found.date()


def _spelt_time(text: str) -> date:
    if _SLASHED.match(text):
        raise NeedsDeclaring(
            "day or month first? declare `date_format`, such as %d/%m/%Y or %m/%d/%Y"
        )
    for pattern, is_year_first in ((_YEAR_FIRST, True), (_DAY_FIRST_DOTS, False)):
        found = pattern.match(text)
        if found:
            first, middle, last = (int(part) for part in found.groups())
            year, day = (first, last) if is_year_first else (last, first)
            return _with_clock(date(year, middle, day), text[found.end() :])
    named = " ".join(text.replace(",", " ").split())
    for shape in _WITH_MONTH:
        try:
            return datetime.strptime(named, shape).date()  # noqa: DTZ007
        except ValueError:
            continue
    raise ValueError("expected a date such as 2026-03-31; else declare `date_format`")


def _with_clock(day: date, rest: str) -> date:
    if not rest.strip():
        return day
    found = _CLOCK.match(rest)
    if not found or found[5]:
        raise ValueError("expected a date such as 2026-03-31 14:05")
    hour = int(found[1])
    if found[4]:
        hour = hour % 12 + (12 if found[4][0] in "Pp" else 0)
    return datetime.combine(day, time(hour, int(found[2]), int(found[3] or 0)))


def _flag(_field: Field, cell: Native, _notation: Notation) -> bool:
    if isinstance(cell, bool):
        return cell
    folded = as_text(cell).casefold()
    if folded in _TRUE:
        return True
    if folded in _FALSE:
        return False
    raise ValueError("expected yes or no")


def _choice(field: Field, cell: Native, _notation: Notation) -> str:
    folded = as_text(cell).casefold()
    if folded not in field.choices:
        raise ValueError(f"expected one of {', '.join(field.choices)}; add a value_map")
    return folded


def _names(_field: Field, cell: Native, _notation: Notation) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[;；|]", as_text(cell)) if part.strip())


_READERS: dict[Kind, Callable[[Field, Native, Notation], Value | Money]] = {
    Kind.DATE: _day,
    Kind.TIME: _moment,
    Kind.MONEY: _money,
    Kind.INTEGER: _numeric,
    Kind.NUMBER: _numeric,
    Kind.RATIO: _numeric,
    Kind.FLAG: _flag,
    Kind.CHOICE: _choice,
    Kind.NAMES: _names,
}
