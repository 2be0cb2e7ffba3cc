"""Values that say themselves in many ways: money, days, shares, counts and names."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

_DIGITS = "零一二三四五六七八九"
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_NAMES = {
    "USD": ("dollars", "美元"),
    "EUR": ("euros", "欧元"),
    "GBP": ("pounds", "英镑"),
    "JPY": ("yen", "日元"),
    "CNY": ("yuan", "元"),
}


def in_words(number: int) -> str:
    """Return a number below a thousand in English words."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        tail = f"-{_ONES[number % 10]}" if number % 10 else ""
        return _TENS[number // 10] + tail
    tail = f" and {in_words(number % 100)}" if number % 100 else ""
    return f"{_ONES[number // 100]} hundred{tail}"


def in_han(number: int) -> str:
    """Return a number below one hundred million in Chinese numerals."""
    if number >= 10_000:
        head, tail = divmod(number, 10_000)
        gap = "零" if 0 < tail < 1_000 else ""
        return in_han(head) + "万" + gap + (in_han(tail) if tail else "")
    text, skipped = "", False
    for unit, name in ((1_000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit:
            text += ("零" if skipped and text else "") + _DIGITS[digit] + name
            skipped = False
        elif text:
            skipped = True
    return (text[1:] if text.startswith("一十") else text) or _DIGITS[0]


def _trim(number: float) -> str:
    return f"{number:,.4f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Money:
    """An amount in major units; specs: full sign k words round wan han yuan."""

    amount: int
    currency: str

    @property
    def other(self) -> "Money":
        """Another amount of the same order."""
        return Money(self.amount + max(self.amount * 3 // 20, 1), self.currency)

    @property
    def tenfold(self) -> "Money":
        """The amount with a digit too many."""
        return Money(self.amount * 10, self.currency)

    @property
    def rough(self) -> "Money":
        """The amount to two digits."""
        unit = 10 ** max(len(str(self.amount)) - 2, 0)
        return Money(round(self.amount / unit) * unit, self.currency)

    def __format__(self, spec: str) -> str:
        english, chinese = _NAMES[self.currency]
        forms: dict[str, Callable[[], str]] = {
            "": lambda: f"{self.currency} {self.amount:,}.00",
            "full": lambda: f"{self.currency} {self.amount:,}",
            "sign": lambda: f"{_SIGNS.get(self.currency, 'CNY ')}{self.amount:,}",
            "k": self._short,
            "words": lambda: f"{self.amount:,} {english}",
            "wan": lambda: f"{_trim(self.amount / 10_000)}万{chinese}",
            "han": lambda: f"{in_han(self.amount)}{chinese}",
            "yuan": lambda: f"{self.amount:,}{chinese}",
        }
        return forms[spec]()

    def _short(self) -> str:
        sign = _SIGNS.get(self.currency, "CNY ")
        if self.amount >= 1_000_000:
            return f"{sign}{_trim(self.amount / 1_000_000)}m"
        return f"{sign}{_trim(self.amount / 1_000)}k"


@dataclass(frozen=True)
class Day:
    """A day; specs: en us short year zh zhy part zhpart week zhweek."""

    day: date
    today: date

    @property
    def other(self) -> "Day":
        """A day in the same month, more than a week away."""
        by = 9 if self.day.day <= 15 else -9
        return Day(self.day + timedelta(days=by), self.today)

    @property
    def month_off(self) -> "Day":
        """The same day, a month later."""
        year, month = divmod(self.day.year * 12 + self.day.month, 12)
        return Day(date(year, month + 1, min(self.day.day, 28)), self.today)

    def __format__(self, spec: str) -> str:
        day = self.day
        forms: dict[str, Callable[[], str]] = {
            "": day.isoformat,
            "en": lambda: f"{day.day} {day:%B}",
            "us": lambda: f"{day:%B} {day.day}",
            "short": lambda: f"{day:%b} {day.day}",
            "year": lambda: f"{day.day} {day:%B} {day.year}",
            "zh": lambda: f"{day.month}月{day.day}日",
            "zhy": lambda: f"{day.year}年{day.month}月{day.day}日",
            "han": lambda: f"{in_han(day.month)}月{in_han(day.day)}日",
            "part": self._part,
            "zhpart": lambda: f"{day.month}月{'上中下'[min((day.day - 1) // 10, 2)]}旬",
            "week": self._week,
            "zhweek": self._zh_week,
        }
        return forms[spec]()

    def _part(self) -> str:
        return f"{('early ', 'mid-', 'late ')[min((self.day.day - 1) // 10, 2)]}{self.day:%B}"

    def _weeks(self) -> int:
        monday = self.today - timedelta(days=self.today.weekday())
        return (self.day - monday).days // 7

    def _week(self) -> str:
        named = {0: f"this {self.day:%A}", 1: f"next {self.day:%A}"}
        return named.get(self._weeks(), f"{self.day:%A}, {self:en}")

    def _zh_week(self) -> str:
        named = {0: "本周", 1: "下周"}.get(self._weeks())
        return f"{named}{'一二三四五六日'[self.day.weekday()]}" if named else f"{self:zh}"


@dataclass(frozen=True)
class Share:
    """A whole percentage; specs: word tight zh fold points."""

    percent: int

    @property
    def other(self) -> "Share":
        """Another percentage."""
        return Share(self.percent + (5 if self.percent < 60 else -15))

    def __format__(self, spec: str) -> str:
        off = 100 - self.percent
        forms: dict[str, Callable[[], str]] = {
            "": lambda: f"{self.percent} %",
            "tight": lambda: f"{self.percent}%",
            "word": lambda: f"{in_words(self.percent)} percent",
            "zh": lambda: f"百分之{in_han(self.percent)}",
            "fold": lambda: "".join(_DIGITS[int(d)] for d in str(off).rstrip("0")) + "折",
            "points": lambda: f"{self.percent}个点",
        }
        return forms[spec]()


@dataclass(frozen=True)
class Count:
    """A whole number of things; specs: word han."""

    number: int

    @property
    def other(self) -> "Count":
        """Another number of the same order."""
        return Count(self.number + max(self.number // 4, 2))

    def __format__(self, spec: str) -> str:
        forms: dict[str, Callable[[], str]] = {
            "": lambda: f"{self.number:,}",
            "word": lambda: in_words(self.number),
            "han": lambda: in_han(self.number),
        }
        return forms[spec]()


@dataclass(frozen=True)
class Person:
    """Somebody's name; `first`, `formal` and `sur` are how a letter says it."""

    name: str
    title: str = ""

    @property
    def is_han(self) -> bool:
        """Whether the name is written in Chinese."""
        return "\u4e00" <= self.name[0] <= "\u9fff"

    @property
    def first(self) -> str:
        """The given name, the whole of a Chinese one."""
        return self.name if self.is_han else self.name.split()[0]

    @property
    def sur(self) -> str:
        """The surname."""
        return self.name[0] if self.is_han else self.name.split()[-1]

    def __str__(self) -> str:
        return self.name
