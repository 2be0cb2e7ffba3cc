"""A mapping file proposed from the files themselves: their headings and a sample of their cells."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import yaml

from crm.errors import BadInput
from ingest.crm.api_names import ApiTable, api_table, is_api_header
from ingest.crm.catalogue import ENTITIES
from ingest.crm.fields import Entity, Field, Kind
from ingest.crm.headings import ACTIVITY_KINDS, FILE_WORDS, HEADINGS, LOST, OPEN, WON
from ingest.crm.names import normal
from ingest.crm.sheets import Sheet, open_sheets
from ingest.crm.values import Notation, as_text, convert, currency_of, parse_number

_SAMPLE = 20_000
_MOST_VALUES = 60
_FORMATS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y",
    "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p", "%d.%m.%Y", "%d.%m.%y",
)  # fmt: skip
_SCALES = (
    (r"\bmillions?\b|\bmm\b|百万", 10**6),
    (r"\bthousands?\b|千元", 10**3),
    (r"万", 10**4),
)
_NEEDED = {
    "users": {"name"},
    "accounts": {"name"},
    "contacts": {"name"},
    "leads": {"name", "status"},
    "products": {"name"},
    "opportunities": {"stage"},
    "opportunity_lines": {"product"},
    "activities": {"kind", "subject"},
    "cases": {"subject", "status"},
    "quotes": {"number", "status", "total"},
    "quotas": {"amount", "starts_on", "ends_on"},
}
_TELLING = {
    "users": ("manager", "team"),
    "accounts": ("industry", "employees", "annual_revenue", "parent"),
    "contacts": ("phone", "email"),
    "leads": ("status", "company"),
    "products": ("list_price", "family"),
    "opportunities": ("amount", "close_date", "expected_close_on", "stage", "account"),
    "cases": ("priority", "satisfaction", "opened_at"),
    "activities": ("occurred_at", "due_on"),
    "opportunity_lines": ("opportunity", "opportunity_id", "quantity"),
    "quotes": ("opportunity", "opportunity_id", "valid_until"),
    "quotas": ("user",),
}
_HEAD = """\
# A proposed mapping: read it, mend it, then: ingest crm FILE… --mapping THIS_FILE
# Left of a colon stands the field it fills, right of it the column of your file.
# 建议的映射:核对并修改后使用。冒号左边是目标字段,右边是文件中的列名。
"""


@dataclass(frozen=True)
class _Guess:
    """What one sheet seems to be; `written` are fields whose YAML is known already."""

    sheet: Sheet
    entity: Entity
    fields: dict[str, str]
    samples: dict[str, list[str]]
    written: dict[str, str]

    def cells(self, field: str) -> list[str]:
        """The sampled cells of a field that are not blank."""
        return self.samples[self.fields[field]]


def suggest_mapping(files: Sequence[Path]) -> str:
    """Return the text of a mapping for the files, with comments on what was guessed.

    Tables and fields come from headings (English and Chinese), stages, date formats, decimal signs
    and currencies from the first 20,000 rows.

    Raises:
        BadInput: a file is unreadable, or none of its columns is recognised.
    """
    if not files:
        raise BadInput("no file to suggest a mapping for")
    guesses = [_guess(sheet) for file in files for sheet in open_sheets(file)]
    known = [guess for guess in guesses if isinstance(guess, _Guess)]
    if not known:
        names = ", ".join(repr(file.name) for file in files)
        raise BadInput(
            f"recognised no table in {names}; is row 1 the header? else write it by hand"
        )
    currency, is_guessed = _currency(known)
    lines = [_HEAD, "source: crm"]
    remark = "  # guessed: no currency found; 未发现币种,请核对" if is_guessed else ""
    lines.append(f"currency: {currency}{remark}")
    lines += _stage_lines(known)
    lines.append("tables:")
    for guess in guesses:
        lines += _table_lines(guess) if isinstance(guess, _Guess) else _unknown_lines(guess)
    return "\n".join(lines) + "\n"


def _guess(sheet: Sheet) -> "_Guess | Sheet":
    samples: dict[str, list[str]] = {name: [] for name in sheet.header}
    for row in islice(sheet.rows(), _SAMPLE):
        if not row.flaw:
            for name, cell in zip(sheet.header, row.cells, strict=True):
                text = as_text(cell)
                if text:
                    samples[name].append(text)
    if is_api_header(sheet.header):
        named = api_table(sheet.path.stem, sheet.header)
        return _of_api(sheet, named, samples) if named else sheet
    best, best_score = None, 0.0
    for table in HEADINGS:
        fields = _matched(table, sheet.header)
        score = _score(table, fields, sheet)
        if score > best_score:
            best, best_score = (table, fields), score
    if best is None:
        return sheet
    return _Guess(sheet, ENTITIES[best[0]], _plausible(best[0], best[1], samples), samples, {})


def _of_api(sheet: Sheet, named: ApiTable, samples: dict[str, list[str]]) -> _Guess:
    """Return what an object's file is; a company's own columns go by what they are called."""
    own = {name.removesuffix("__c").replace("_", " "): name for name in sheet.header}
    extra = _matched(named.entity, [said for said, name in own.items() if said != name])
    added = {key: own[said] for key, said in extra.items() if key not in named.fields}
    fields = _plausible(named.entity, {**named.fields, **added}, samples)
    return _Guess(sheet, ENTITIES[named.entity], fields, samples, named.written)


def _matched(table: str, header: Sequence[str]) -> dict[str, str]:
    """Give each field its best heading, and each heading to the field it fits best."""
    options = []
    unique = [name for name, count in Counter(header).items() if count == 1 and name]
    for field, headings in HEADINGS[table].items():
        for name in unique:
            heading = normal(re.sub(r"[(（\[].*?[)）\]]", "", name)) or normal(name)
            if heading in headings:
                options.append((headings.index(heading), field, name))
    fields: dict[str, str] = {}
    for _, field, name in sorted(options):
        if field not in fields and name not in fields.values():
            fields[field] = name
    order = list(HEADINGS[table])
    return {field: fields[field] for field in sorted(fields, key=order.index)}


def _score(table: str, fields: dict[str, str], sheet: Sheet) -> float:
    if not _NEEDED[table] <= set(fields):
        return 0
    title = f"{sheet.path.stem} {sheet.title or ''}".casefold()
    named = 2.5 * any(word in title for word in FILE_WORDS[table])
    telling = sum(field in fields for field in _TELLING[table])
    return len(fields) + 1.5 * telling + named


def _plausible(table: str, fields: dict[str, str], samples: dict[str, list[str]]) -> dict[str, str]:
    """Leave out a column whose cells are plainly of another kind than its heading says."""
    kept = {}
    for field, column in fields.items():
        target = ENTITIES[table].fields[field]
        texts = samples[column][:200]
        if target.kind in (Kind.MONEY, Kind.NUMBER, Kind.INTEGER):
            if texts and sum(map(_is_numeric, texts)) < len(texts) / 2:
                continue
        elif target.kind is Kind.FLAG and not all(_reads(target, text) for text in texts):
            continue
        kept[field] = column
    if table == "opportunities" and "id" in kept and _repeats(samples[kept["id"]]):
        del kept["id"]
    return kept


def _repeats(texts: list[str]) -> bool:
    return len(set(texts)) < 0.95 * len(texts)


def _is_numeric(text: str) -> bool:
    for decimal in (".", ","):
        try:
            _, sign, _ = parse_number(text, decimal)
            currency_of(sign, "USD")
        except ValueError:
            continue
        return True
    return False


def _reads(target: Field, text: str) -> bool:
    try:
        convert(target, text, Notation())
    except ValueError:
        return False
    return True


def _currency(guesses: list[_Guess]) -> tuple[str, bool]:
    found: Counter[str] = Counter()
    for guess in guesses:
        for field in _of_kind(guess, Kind.MONEY):
            heading = re.search(r"[(（\[]\s*([^)）\]]{1,4})\s*[)）\]]", guess.fields[field])
            for text in [heading[1] if heading else "", *guess.cells(field)[:500]]:
                sign = _sign_of(text)
                if sign:
                    found[sign] += 1
        if "currency" in guess.fields:
            found.update(filter(None, map(_sign_of, guess.cells("currency"))))
    if found:
        return found.most_common(1)[0][0], False
    headings = "".join(name for guess in guesses for name in guess.sheet.header)
    return ("CNY" if re.search(r"[\u4e00-\u9fff]", headings) else "USD"), True


def _sign_of(text: str) -> str | None:
    try:
        sign = parse_number(text, None)[1] if any(map(str.isdigit, text)) else text.strip()
        return currency_of(sign, None)
    except ValueError:
        return None


def _stage_lines(guesses: list[_Guess]) -> list[str]:
    counted: Counter[str] = Counter()
    for guess in guesses:
        if guess.entity.name == "opportunities":
            counted.update(guess.cells("stage"))
    if not counted:
        return []
    first = [name for name, _ in counted.most_common(_MOST_VALUES)]
    ranked = sorted(first, key=_stage_rank)
    lines = ["# open, won or lost: check each, and put them in the order of your process"]
    lines += ["# 请核对每个阶段的含义(open 进行中、won 赢单、lost 输单)和顺序", "stages:"]
    return lines + [f"  {_quoted(name)}: {_stage_status(name)}" for name in ranked]


def _stage_status(name: str) -> str:
    folded = name.casefold().strip()
    for status, words in (("lost", LOST), ("won", WON)):
        for word in words:
            is_inside = word in folded if not word.isascii() and len(word) > 1 else False
            if folded == word or is_inside or re.search(rf"\b{re.escape(word)}\b", folded):
                return status
    return "open"


def _stage_rank(name: str) -> tuple[int, int, str]:
    status = _stage_status(name)
    folded = name.casefold()
    step = next((number for number, word in enumerate(OPEN) if word in folded), len(OPEN))
    return ("open", "won", "lost").index(status), step, name


def _table_lines(guess: _Guess) -> list[str]:
    lines = [f"  - file: {_quoted(guess.sheet.path.name)}"]
    if guess.sheet.title:
        lines.append(f"    sheet: {_quoted(guess.sheet.title)}")
    if guess.sheet.header_row > 1:
        lines.append(f"    header_row: {guess.sheet.header_row}")
    lines += [f"    entity: {guess.entity.name}", "    fields:"]
    for field, column in guess.fields.items():
        extras, remark = _extras(guess, field)
        if extras:
            inner = ", ".join(f"{key}: {value}" for key, value in extras.items())
            value = f"{{column: {_quoted(column)}, {inner}}}"
        else:
            value = _quoted(column)
        if field not in guess.written:
            lines.append(f"      {field}: {value}{remark}")
    lines += [f"      {field}: {text}" for field, text in guess.written.items()]
    lines += _filled_in(guess)
    used = {*guess.fields.values(), *re.findall(r"\w+", " ".join(guess.written.values()))}
    unused = [name for name in guess.sheet.header if name and name not in used]
    if unused:
        lines.append(f"      # not used / 未用: {', '.join(map(_quoted, unused))}")
    return lines


def _filled_in(guess: _Guess) -> list[str]:
    fields, name = guess.fields, guess.entity.name
    if name == "opportunities" and not {"id", "name"} & set(fields):
        key = [field for field in ("account", "product", "owner", "opened_on") if field in fields]
        return [
            f"    key: [{', '.join(key)}]  # no id and no name: check that this tells deals apart"
        ]
    return []


def _extras(guess: _Guess, field: str) -> tuple[dict[str, str], str]:
    target = guess.entity.fields[field]
    cells = guess.cells(field)
    if target.kind in (Kind.DATE, Kind.TIME):
        return _date_extras(cells)
    if target.kind in (Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.RATIO):
        return _number_extras(guess.fields[field], cells)
    if target.kind is Kind.CHOICE:
        return _choice_extras(target.name, target.choices, cells)
    if target.kind is Kind.LINK and target.entity == "products":
        return {"fuzzy": "0.9"}, "  # misspelt names go to the nearest product"
    return {}, ""


def _date_extras(cells: list[str]) -> tuple[dict[str, str], str]:
    kind = ENTITIES["opportunities"].fields["opened_on"]
    if not cells or all(_reads(kind, text) for text in cells[:2_000]):
        return {}, ""
    shares = {pattern: _share(cells, pattern) for pattern in _FORMATS}
    best = max(shares, key=lambda pattern: shares[pattern])
    if shares[best] < 0.5:
        return {}, "  # check: not every cell is a date; 请核对日期"
    ties = [pattern for pattern in _FORMATS if shares[pattern] == shares[best]]
    remark = f"  # or {ties[1]}: the cells fit both; 两种都可能,请核对" if len(ties) > 1 else ""
    return {"date_format": _quoted(best)}, remark


def _share(cells: list[str], pattern: str) -> float:
    def fits(text: str) -> bool:
        try:
            datetime.strptime(text, pattern)  # noqa: DTZ007
        except ValueError:
            return False
        return True

    return sum(map(fits, cells)) / len(cells)


def _number_extras(column: str, cells: list[str]) -> tuple[dict[str, str], str]:
    extras = {}
    if sum(bool(re.search(r"\d,\d{1,2}(\D|$)", text)) for text in cells) > len(cells) / 10:
        extras["decimal"] = '","'
    for pattern, scale in _SCALES:
        if re.search(pattern, column.casefold()):
            extras["scale"] = str(scale)
            return extras, "  # from the heading; 依据列名"
    is_small = all(_is_below(text, 100_000) for text in cells)
    if cells and is_small and "revenue" in column.casefold():
        return extras, "  # in millions? then {column: …, scale: 1000000}"
    return extras, ""


def _is_below(text: str, limit: int) -> bool:
    try:
        return abs(parse_number(text, None)[0]) < limit
    except ValueError:
        return False


def _choice_extras(
    name: str, choices: tuple[str, ...], cells: list[str]
) -> tuple[dict[str, str], str]:
    known = ACTIVITY_KINDS if name == "kind" else {choice: (choice,) for choice in choices}
    other = "task" if name == "kind" else choices[0]
    pairs: list[str] = []
    for text in dict.fromkeys(cells):
        if text.casefold() not in choices and len(pairs) < _MOST_VALUES:
            folded = text.casefold()
            hits = [choice for choice, words in known.items() if any(w in folded for w in words)]
            pairs.append(f"{_quoted(text)}: {hits[0] if hits else other}")
    if not pairs:
        return {}, ""
    return {"value_map": "{" + ", ".join(pairs) + "}"}, "  # check the values; 请核对"


def _unknown_lines(sheet: Sheet) -> list[str]:
    columns = ", ".join(map(_quoted, sheet.header))
    return [f"  # {_quoted(sheet.name)} was not recognised / 未识别; its columns: {columns}"]


def _of_kind(guess: _Guess, kind: Kind) -> list[str]:
    return [name for name in guess.fields if guess.entity.fields[name].kind is kind]


def _quoted(text: str) -> str:
    """Return the text as YAML on one line, in quotes where it needs them."""
    plain = re.fullmatch(r"[\w][\w .()（）-]*", text) and text == text.strip()
    if plain:
        return text
    dumped = yaml.safe_dump(text, allow_unicode=True, default_style='"', width=10**6)
    return dumped.strip()
