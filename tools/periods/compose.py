"""Joining what the rules found: years to months, parts of periods, lists, ranges, open ends."""

import re
from dataclasses import replace
from datetime import date, timedelta

from crm.period import Period
from tools.numerals import parse_int
from tools.periods.clock import Clock, Unit, one_day, part_of
from tools.periods.english import COUNT, number
from tools.periods.mention import Atom, Kind

_YEAR_AFTER = re.compile(r"\s*(?:,|\bof\b|\bin\b|\bfor\b)?\s*(?:the\s+)?", re.IGNORECASE)
_YEAR_BEFORE = re.compile(r"\s*(?:'s|的|,|-|/|\bin\b)?\s*(?:the\s+)?", re.IGNORECASE)
_PART_BEFORE = re.compile(
    rf"\b(?:the\s+)?(?P<which>first|second|third|fourth|last|final|1st|2nd|3rd|4th)\s+"
    rf"(?:(?P<count>{COUNT})\s+)?(?P<unit>day|week|month|quarter|half|halve)s?\s+(?:of|in)\s+"
    rf"(?:the\s+)?$",
    re.IGNORECASE,
)
_PART_AFTER = re.compile(
    r"的?(?P<which>前|头|最后|第|首|末)(?P<n>\d{1,3}|[一二两三四五六七八九十]{1,3})?个?"
    r"(?P<unit>月|周|季度|天|日)(?![底末初])"
)
_UNITS: dict[str, Unit] = {"月": "month", "周": "week", "季度": "quarter", "天": "day", "日": "day"}
_EDGE_BEFORE = re.compile(
    r"\b(?:the\s+)?(?P<edge>start|beginning|end|close)\s+of\s+(?:the\s+)?$", re.IGNORECASE
)
_EDGE_AFTER = re.compile(r"的?年?月?(?P<edge>底|末|初)(?!步)")
_LIST_GAP = re.compile(
    r"\s*(?:,|;|/|&|\band\b|\bor\b|\bvs\b\.?|\bversus\b|\bwith\b|\bto\b|\bthan\b"
    r"|\bcompared\s+(?:to|with)\b|\bagainst\b|和|与|跟|、|以及|及|对比|相比|比|较|还是|或)\s*"
    r"(?:\b(?:in|of|for|the|with)\s+)*",
    re.IGNORECASE,
)
_RANGE_GAP = re.compile(
    r"\s*(?:-|–|—|~|\bto\b|\btill\b|\buntil\b|\bthrough\b|\bthru\b|\bup\s+to\b|到|至|直到)\s*(?:the\s+)?",
    re.IGNORECASE,
)
_BETWEEN_GAP = re.compile(r"\s*(?:\band\b|和|与|&)\s*(?:the\s+)?", re.IGNORECASE)
_FROM = re.compile(r"(?:\bfrom\s+(?:the\s+)?|从|自从|自)\s*$", re.IGNORECASE)
_BETWEEN = re.compile(r"(?:\bbetween\s+(?:the\s+)?|介于|在)\s*$", re.IGNORECASE)
_BETWEEN_END = re.compile(r"\s*(?:之间|期间|间)")
_COMPARING = re.compile(
    r"\b(?:compar\w*|change[ds]?|grow\w*|grew|went|moved?|rose|fell|increase[ds]?|decrease[ds]?)\b"
    r"[^.?!]*$",
    re.IGNORECASE,
)
_OPENINGS: tuple[tuple[Kind, "re.Pattern[str]"], ...] = (
    (
        "since",
        re.compile(
            r"\b(?:since|starting(?:\s+(?:from|in|on))?|beginning(?:\s+(?:in|on))|as\s+from)\s+"
            r"(?:the\s+)?$",
            re.IGNORECASE,
        ),
    ),
    ("before", re.compile(r"\b(?:before|prior\s+to|earlier\s+than)\s+(?:the\s+)?$", re.IGNORECASE)),
    ("after", re.compile(r"\b(?:after|later\s+than|following)\s+(?:the\s+)?$", re.IGNORECASE)),
    (
        "until",
        re.compile(
            r"(?:\b(?:until|till|through|up\s+(?:to|until)|by|no\s+later\s+than|as\s+(?:of|at))\s+"
            r"(?:the\s+)?|截至到?|截止到?|直到|到|不晚于)\s*$",
            re.IGNORECASE,
        ),
    ),
)
_CLOSINGS: tuple[tuple[Kind, "re.Pattern[str]"], ...] = (
    ("since", re.compile(r"\s*(?:以来|至今|到现在|到目前为止|迄今|起(?![来步])|开始)")),
    (
        "since",
        re.compile(r"\s+(?:on|onwards?|forward|to\s+date|to\s+now|until\s+now)\b", re.IGNORECASE),
    ),
    ("before", re.compile(r"\s*(?:之前|以前|前(?![\d一二三四五六七八九十几年]))")),
    ("after", re.compile(r"\s*(?:之后|以后|过后|后(?![\d一二三四五六七八九十续来]))")),
    ("until", re.compile(r"\s*(?:为止|止)")),
)


def compose(text: str, atoms: list[Atom], clock: Clock) -> list[Atom]:
    """Return finished atoms in text order; weak ones that nothing joined are gone."""
    atoms = _join_years(text, atoms)
    atoms = _take_parts(text, atoms)
    atoms = _take_edges(text, atoms)
    atoms = _join_ranges(text, atoms, clock)
    atoms = _share_years(text, atoms)
    atoms = [_opened(text, atom, clock) for atom in atoms]
    return [atom for atom in atoms if not atom.is_weak]


def _join_years(text: str, atoms: list[Atom]) -> list[Atom]:
    joined: list[Atom] = []
    taken: set[int] = set()
    for index, atom in enumerate(atoms):
        if not atom.is_floating:
            continue
        partner = _year_beside(text, atoms, index, taken)
        if partner is None:
            continue
        taken |= {index, partner}
        dated = _in_year_of(atom, atoms[partner])
        if dated:
            joined.append(dated)
    rest = [atom for index, atom in enumerate(atoms) if index not in taken]
    return sorted(joined + rest, key=lambda atom: atom.start)


def _year_beside(text: str, atoms: list[Atom], index: int, taken: set[int]) -> int | None:
    atom, found = atoms[index], []
    after, before = index + 1, index - 1
    if after < len(atoms) and atoms[after].is_year:
        gap = text[atom.end : atoms[after].start]
        if _YEAR_AFTER.fullmatch(gap):
            found.append((len(gap.strip()), after))
    if before >= 0 and atoms[before].is_year and before not in taken:
        gap = text[atoms[before].end : atom.start]
        if _YEAR_BEFORE.fullmatch(gap):
            found.append((len(gap.strip()), before))
    return min(found)[1] if found else None


def _in_year_of(atom: Atom, year: Atom) -> Atom | None:
    named = year.fiscal_year if atom.is_fiscal else year.calendar_year
    dated = _dated(atom, named) if named is not None else None
    if dated is None:
        return None
    return replace(dated, start=min(atom.start, year.start), end=max(atom.end, year.end))


def _dated(atom: Atom, year: int) -> Atom | None:
    period = atom.in_year(year) if atom.in_year else None
    return replace(atom, period=period, year_used=year, is_weak=False) if period else None


def _take_parts(text: str, atoms: list[Atom]) -> list[Atom]:
    made = list(atoms)
    for atom in atoms:
        part = _part_before(text, atom) or _part_after(text, atom)
        if part and atom in made:
            made = [other for other in made if other.end <= part.start or other.start >= part.end]
            made.append(part)
    return sorted(made, key=lambda atom: atom.start)


def _part_before(text: str, atom: Atom) -> Atom | None:
    match = _PART_BEFORE.search(text[: atom.start])
    if not match:
        return None
    count = number(match["count"]) if match["count"] else 1
    which = match["which"].lower()
    unit: Unit = match["unit"].lower().replace("halve", "half")  # type: ignore[assignment]
    if which in ("last", "final"):
        bounds = (-(count or 1), -1)
    else:
        first = number(which) or 1
        bounds = (first, (count or 1) if first == 1 else first)
    return _part(atom, unit, bounds, (match.start(), atom.end))


def _part_after(text: str, atom: Atom) -> Atom | None:
    match = _PART_AFTER.match(text, atom.end)
    if not match:
        return None
    count = parse_int(match["n"]) if match["n"] else 1
    if not count:
        return None
    first = {"最后": -count, "第": count, "末": -1}.get(match["which"], 1)
    last = -1 if first < 0 else count
    return _part(atom, _UNITS[match["unit"]], (first, last), (atom.start, match.end()))


def _part(atom: Atom, unit: Unit, bounds: tuple[int, int], span: tuple[int, int]) -> Atom | None:
    if atom.kind not in ("year", "half", "quarter", "month", "week"):
        return None
    period = part_of(atom.period, unit, *bounds)
    kind: Kind = unit if bounds[0] == bounds[1] else "range"
    return Atom(span[0], span[1], period, kind) if period else None


def _take_edges(text: str, atoms: list[Atom]) -> list[Atom]:
    made: list[Atom] = []
    for atom in atoms:
        if made and atom.start < made[-1].end:
            continue
        before = _EDGE_BEFORE.search(text[: atom.start])
        after = _EDGE_AFTER.match(text, atom.end)
        if atom.kind not in ("year", "half", "quarter", "month", "week") or not (before or after):
            made.append(atom)
        elif before:
            is_start = before["edge"].lower() in ("start", "beginning")
            made.append(replace(_edge(atom, is_start), start=before.start()))
        elif after:
            made.append(replace(_edge(atom, after["edge"] == "初"), end=after.end()))
    return made


def _edge(atom: Atom, is_start: bool) -> Atom:
    def day(period: Period | None) -> Period | None:
        return one_day(period.start if is_start else period.end) if period else None

    in_year = atom.in_year
    return replace(
        atom,
        period=one_day(atom.period.start if is_start else atom.period.end),
        kind="day",
        in_year=(lambda year: day(in_year(year))) if in_year else None,
        fiscal_year=None,
        calendar_year=None,
        is_weak=False,
        is_end_edge=not is_start,
    )


def _join_ranges(text: str, atoms: list[Atom], clock: Clock) -> list[Atom]:
    made: list[Atom] = []
    for atom in atoms:
        joined = _range(text, made[-1], atom, clock) if made else None
        if joined:
            made[-1] = joined
        else:
            made.append(atom)
    return made


def _range(text: str, left: Atom, right: Atom, clock: Clock) -> Atom | None:
    if left.kind in ("range", "rolling", "vague") or right.kind in ("range", "rolling", "vague"):
        return None
    before, gap = text[: left.start], text[left.end : right.start]
    start_word, between = _FROM.search(before), _BETWEEN.search(before)
    closing = _BETWEEN_END.match(text, right.end)
    if _RANGE_GAP.fullmatch(gap):
        if "to" in gap.lower() and _COMPARING.search(before):
            return None
        opening = start_word
    elif _BETWEEN_GAP.fullmatch(gap) and ((between and gap.strip() == "and") or closing):
        opening = between
    else:
        return None
    bounds = _bounds(left, right, clock)
    if bounds is None:
        return None
    end = closing.end() if closing else right.end
    return Atom(
        opening.start() if opening else left.start,
        end,
        bounds,
        "range",
        is_ambiguous=left.is_ambiguous or right.is_ambiguous,
    )


def _bounds(left: Atom, right: Atom, clock: Clock) -> Period | None:
    first, last = left.period, right.period
    if left.is_floating and right.year_used is not None:
        first = _aligned(left, right.year_used, -1, last) or first
    elif left.is_floating and not right.is_floating:
        first = _aligned(left, last.end.year, -1, last) or first
    elif right.is_floating and left.in_year:
        year = left.year_used or _year_of(left, clock)
        last = _aligned(right, year, 1, first) or last
    elif right.is_floating:
        last = _aligned(right, first.start.year, 1, first) or last
    return Period(first.start, last.end) if first.start <= last.end else None


def _aligned(atom: Atom, year: int, step: int, other: Period) -> Period | None:
    if atom.in_year is None:
        return None
    period = atom.in_year(year)
    is_crossed = period and (period.start > other.end if step < 0 else period.end < other.start)
    return atom.in_year(year + step) if is_crossed else period


def _year_of(atom: Atom, clock: Clock) -> int:
    start = atom.period.start
    return clock.calendar.quarter_of(start)[0] if atom.is_fiscal else start.year


def _share_years(text: str, atoms: list[Atom]) -> list[Atom]:
    made = list(atoms)
    for index in range(len(made) - 2, -1, -1):
        made[index] = _shared(text, made, index, index + 1)
    for index in range(1, len(made)):
        made[index] = _shared(text, made, index, index - 1)
    return made


def _shared(text: str, atoms: list[Atom], index: int, other: int) -> Atom:
    atom, partner = atoms[index], atoms[other]
    low, high = sorted((index, other))
    gap = text[atoms[low].end : atoms[high].start]
    if atom.kind != partner.kind or not _LIST_GAP.fullmatch(gap):
        return atom
    if atom.is_floating and partner.year_used is not None:
        dated = _dated(atom, partner.year_used)
        if dated and dated.period != partner.period:
            return dated
    is_pair = atom.kind == "month" or not partner.is_weak
    return replace(atom, is_weak=False) if atom.is_weak and is_pair else atom


def _opened(text: str, atom: Atom, clock: Clock) -> Atom:
    if atom.kind in ("rolling", "vague", "range", "to_date"):
        return atom
    opening = _opening(text, atom)
    if opening is None:
        return atom
    kind, start, end = opening
    # "Before the end of June" takes the last day in.
    kind = "until" if kind == "before" and atom.is_end_edge else kind
    period = _open_period(kind, atom.period, clock)
    if period is None:
        return atom
    return replace(
        atom,
        start=start,
        end=end,
        period=period,
        kind=kind,
        is_weak=atom.is_weak and kind in ("after", "before") and atom.is_year,
        is_open_start=kind in ("before", "until"),
        is_open_end=kind in ("since", "after"),
    )


def _opening(text: str, atom: Atom) -> tuple[Kind, int, int] | None:
    before = text[: atom.start]
    start_word = _FROM.search(before)
    for kind, pattern in _CLOSINGS:
        match = pattern.match(text, atom.end)
        if match and (kind != "since" or start_word or match.group().strip()[0] >= "\u4e00"):
            return kind, start_word.start() if start_word else atom.start, match.end()
    for kind, pattern in _OPENINGS:
        match = pattern.search(before)
        if match:
            return kind, match.start(), atom.end
    return None


def _open_period(kind: Kind, period: Period, clock: Clock) -> Period | None:
    if kind == "before":
        return Period(date.min, period.start - timedelta(days=1))
    if kind == "until":
        return Period(date.min, period.end)
    start = period.start if kind == "since" else period.end + timedelta(days=1)
    return Period(start, clock.today if start <= clock.today else date.max)
