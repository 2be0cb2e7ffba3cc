"""Seeded false facts are caught, and true facts in other words let through, at measured rates."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from copilot.grounding.sentences import CitedSentence
from copilot.grounding.verifier import Ground, check_sentence
from crm.facts import Fact, FactKind

TODAY = date(2026, 11, 16)
PAIRS = yaml.safe_load((Path(__file__).parent / "cases/verifier_pairs.yaml").read_text("utf-8"))
SYMBOL = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "INR": "₹"}
WORD = {"USD": "dollars", "EUR": "euros", "GBP": "pounds", "CNY": "yuan", "INR": "rupees"}
ZH_WORD = {"USD": "美元", "EUR": "欧元", "GBP": "英镑", "CNY": "元", "INR": " INR"}
EN_NAMES = ["Boris Novak", "Umbrella Foods", "Oracle", "ISO 9001", "Kestrel Group"]
ZH_NAMES = ["钱学礼", "大地集团", "Oracle", "ISO 9001", "中科电子"]
EN_WORDS = {
    2: "two", 6: "six", 8: "eight", 11: "eleven", 12: "twelve", 14: "fourteen", 18: "eighteen",
    20: "twenty", 21: "twenty-one", 24: "twenty-four", 30: "thirty", 48: "forty-eight",
}  # fmt: skip
EN_UNIT, ZH_UNIT = {"minute": "minutes", "day": "days", "week": "weeks", "month": "months"}, {
    "minute": "分钟", "day": "天", "week": "周", "month": "个月",
}  # fmt: skip
ZH_DIGITS = "零一二三四五六七八九"


def zh_numeral(number: int) -> str:
    """Write a whole number below 10^12 in Chinese characters."""
    for scale, sign in ((10**8, "亿"), (10**4, "万")):
        if number >= scale:
            head, rest = divmod(number, scale)
            gap = "零" if rest and rest < scale // 10 else ""
            return zh_numeral(head) + sign + gap + (zh_numeral(rest) if rest else "")
    text, was_zero = "", False
    for scale, sign in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, scale)
        if digit:
            text += ("零" if was_zero and text else "") + ZH_DIGITS[digit] + sign
        was_zero = not digit
    return text.removeprefix("一") if text.startswith("一十") else text


def plain(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")


def amounts(spec: list[Any], lang: str) -> tuple[list[str], list[str]]:
    value, code = spec
    other = next(each for each in SYMBOL if each != code)
    if lang == "zh":
        wan, unit = plain(value / 1e4), ZH_WORD[code]
        right = [
            f"{SYMBOL[code]}{value:,}",
            f"{value}{unit}",
            f"{wan}万{unit}",
            f"约{plain(value * 1.02)}{unit}",
        ]
        right += [f"{zh_numeral(value)}{unit}", f"{code} {value:,}"]
        wrong = [
            f"{SYMBOL[other]}{value:,}",
            f"{plain(value / 1e3)}万{unit}",
            f"约{plain(value * 1.2)}{unit}",
        ]
        wrong += [f"{zh_numeral(value + value // 10 + 1)}{unit}", f"{plain(value * 1.02)}{unit}"]
        return right, wrong
    right = [
        f"{SYMBOL[code]}{value:,}",
        f"{code} {value:,.2f}",
        f"{value:,} {WORD[code]}",
        f"{value:,} {code}",
    ]
    right += [f"about {SYMBOL[code]}{plain(value * 1.03)}"]
    right += [f"{SYMBOL[code]}{value:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")]
    if value >= 10**6:
        right += [
            f"{SYMBOL[code]}{plain(value / 1e6)}M",
            f"{plain(value / 1e6)} million {WORD[code]}",
        ]
    else:
        right += [f"{SYMBOL[code]}{plain(value / 1e3)}k"]
    wrong = [
        f"{SYMBOL[other]}{value:,}",
        f"{SYMBOL[code]}{value * 10:,}",
        f"about {SYMBOL[code]}{plain(value * 1.15)}",
    ]
    wrong += [
        f"{SYMBOL[code]}{plain(value * 1.03)}",
        f"{code} {value + 1:,}",
        f"{SYMBOL[code]}{plain(value / 1e6)}B",
    ]
    return right, wrong


def dates(day: date, lang: str) -> tuple[list[str], list[str]]:
    moved = [day + timedelta(days=1), day - timedelta(days=7), day + timedelta(days=31)]
    if lang == "zh":
        weekday = "一二三四五六日"[day.weekday()]
        right = [
            f"{day:%Y-%m-%d}",
            f"{day.year}年{day.month}月{day.day}日",
            f"{day.month}月{day.day}号",
        ]
        right += [
            f"{zh_numeral(day.month)}月{zh_numeral(day.day)}日",
            f"{day.month}月{day.day}日（周{weekday}）",
        ]
        wrong = [f"{each.month}月{each.day}日" for each in moved] + [
            f"{day.year + 1}年{day.month}月{day.day}日"
        ]
        return right, [*wrong, f"{day.month}月{day.day}日（周{'二三四五六日一'[day.weekday()]}）"]
    right = [
        f"{day:%Y-%m-%d}",
        f"{day.day} {day:%B %Y}",
        f"{day:%b} {day.day}",
        f"{day:%A}, {day:%B} {day.day}",
    ]
    right += [
        f"{day.day} {day:%b}",
        f"{day.month}/{day.day}/{day.year}",
        f"{day:%B} {day.day}, {day.year}",
    ]
    wrong = [f"{each.day} {each:%B}" for each in moved] + [f"{day:%B} {day.day}, {day.year + 1}"]
    return right, [
        *wrong,
        f"{day + timedelta(days=2):%A}, {day:%B} {day.day}",
        f"{moved[0]:%Y-%m-%d}",
    ]


def percents(rate: float, lang: str) -> tuple[list[str], list[str]]:
    shown, off = plain(rate * 100), plain(rate * 100 + 5)
    if lang == "zh":
        right = [f"{shown}%", f"{shown} %", f"百分之{shown}", f"约{plain(rate * 102)}%"]
        if rate * 100 == int(rate * 100):
            right.append(f"百分之{zh_numeral(int(rate * 100))}")
        return right, [
            f"{off}%",
            f"百分之{off}",
            f"{plain(rate * 10)}%",
            f"约{plain(rate * 115)}%",
            shown + "个",
        ]
    right = [f"{shown}%", f"{shown} percent", f"{shown} per cent", f"roughly {plain(rate * 102)} %"]
    return right, [f"{off}%", f"{plain(rate * 1000)} percent", f"roughly {plain(rate * 120)} %"]


def numbers(value: int, lang: str) -> tuple[list[str], list[str]]:
    if lang == "zh":
        right = [str(value), zh_numeral(value), f"{value:,}", f"大约{plain(value)}"]
        if value >= 10**4:
            right.append(f"{plain(value / 1e4)}万")
        return right, [str(value + 1), zh_numeral(value + 3), str(value * 10), f"大约{value * 2}"]
    right = [
        str(value),
        f"{value:,}",
        f"about {value}",
        *([EN_WORDS[value]] if value in EN_WORDS else []),
    ]
    wrong = [str(value + 1), f"{value * 10:,}", f"about {value * 2}", "seventeen"]
    return right, wrong


def durations(spec: list[Any], lang: str) -> tuple[list[str], list[str]]:
    count, unit = spec
    units = ZH_UNIT if lang == "zh" else EN_UNIT
    gap, other = "" if lang == "zh" else " ", "month" if unit != "month" else "week"
    right = [f"{count}{gap}{units[unit]}"]
    if unit == "week":
        right.append(f"{count * 7}{gap}{units['day']}")
    if unit == "month" and count % 12 == 0:
        right.append(f"{count // 12}年" if lang == "zh" else f"{count // 12} years")
    if lang == "zh":
        right.append(f"{'两' if count == 2 else zh_numeral(count)}{units[unit]}")
    elif count in EN_WORDS:
        right.append(f"{EN_WORDS[count]} {units[unit]}")
    wrong = [
        f"{count + 1}{gap}{units[unit]}",
        f"{count}{gap}{units[other]}",
        f"{count * 2}{gap}{units[unit]}",
    ]
    return right, wrong


def forms(slot: dict[str, Any], lang: str) -> tuple[list[str], list[str]]:
    """Return the right and the wrong ways to write a slot."""
    (kind, spec), *_ = slot.items()
    if kind == "name":
        return spec, ZH_NAMES if lang == "zh" else EN_NAMES
    makers = {
        "amount": amounts,
        "date": dates,
        "percent": percents,
        "number": numbers,
        "duration": durations,
    }
    return makers[kind](spec, lang)


def variants(pair: dict[str, Any], *, wrong: bool) -> Iterator[tuple[str, str]]:
    """Yield sentences with one slot written another way, and the kind of that slot."""
    slots = {name: slot for name, slot in pair.items() if isinstance(slot, dict)}
    base = {name: forms(slot, pair["lang"])[0][0] for name, slot in slots.items()}
    for name, slot in slots.items():
        for text in forms(slot, pair["lang"])[1 if wrong else 0]:
            yield pair["sentence"].format(**{**base, name: text}), next(iter(slot))


def ground_of(pair: dict[str, Any]) -> Ground:
    fact = Fact(id="F1", kind=FactKind.RECORD, text=pair["fact"], value=pair.get("value"),
                unit=pair.get("unit"), currency=pair.get("currency"), source="r:1")  # fmt: skip
    # The names a CRM would hold: those of all facts, and the wrong ones too.
    known = [name for each in PAIRS for slot in each.values() if isinstance(slot, dict)
             for name in slot.get("name", [])]  # fmt: skip
    return Ground({"F1": fact}, TODAY, pair["lang"], [*known, *ZH_NAMES, *EN_NAMES])


def judge(*, wrong: bool) -> tuple[Counter[str], Counter[str], list[str]]:
    """Return how many variants there are and how many fail, by kind, with the surprises."""
    total, failed, surprises = Counter[str](), Counter[str](), []
    for pair in PAIRS:
        ground = ground_of(pair)
        for text, kind in variants(pair, wrong=wrong):
            problems = check_sentence(CitedSentence(text=text, facts=("F1",)), ground)
            total[kind] += 1
            failed[kind] += bool(problems)
            if bool(problems) != wrong:
                surprises.append(
                    f"{kind}: {text} {[(each.kind.value, each.value) for each in problems]}"
                )
    return total, failed, surprises


def test_at_least_99_of_100_mutated_sentences_are_caught() -> None:
    total, failed, surprises = judge(wrong=True)
    assert total.total() >= 500
    assert failed.total() / total.total() >= 0.99, "\n".join(surprises)


def test_at_most_2_of_100_correct_paraphrases_are_blocked() -> None:
    total, failed, surprises = judge(wrong=False)
    assert total.total() >= 500
    assert failed.total() / total.total() <= 0.02, "\n".join(surprises)


def test_every_kind_of_claim_is_in_the_table_in_both_languages() -> None:
    kinds = {
        (pair["lang"], next(iter(slot)))
        for pair in PAIRS
        for slot in pair.values()
        if isinstance(slot, dict)
    }
    assert len(PAIRS) >= 60
    assert kinds == {(lang, kind) for lang in ("en", "zh") for kind in
                     ("amount", "date", "percent", "number", "duration", "name")}  # fmt: skip
