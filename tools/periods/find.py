"""Finding every period that a question names, in English and Chinese."""

from dataclasses import replace
from datetime import date

from crm.period import FiscalCalendar
from tools.language import Language, fold_script
from tools.periods import chinese, english
from tools.periods.clock import Clock
from tools.periods.compose import compose
from tools.periods.mention import Atom, PeriodMention, Rule

MAX_CHARS = 4000


def find_periods(
    text: str, *, today: date, calendar: FiscalCalendar, language: Language | None = None
) -> list[PeriodMention]:
    """Return the periods named in a text, in its order, without overlaps.

    Quarters, halves, "this year" and the like follow the fiscal calendar; months, days and a bare
    "2017" the civil one. "Q2" alone is this fiscal year's; "March" alone is the last one begun.
    "Last 30 days" ends today; "last two quarters" are whole ones. What is named too vaguely to
    resolve ("recently") is the last 90 days with kind "vague". Only the first 4,000 characters are
    read. With `language` "en", Chinese rules are left out; English ones hold in both.
    """
    folded = fold_script(text[:MAX_CHARS])
    clock = Clock(today, calendar)
    rules = english.RULES if language == "en" else english.RULES + chinese.RULES
    atoms = compose(folded, _find_atoms(folded, rules, clock), clock)
    return [_mention(text, atom, clock) for atom in _without_overlaps(atoms)]


def _find_atoms(text: str, rules: tuple[Rule, ...], clock: Clock) -> list[Atom]:
    found: list[Atom] = []
    for rule in rules:
        for match in rule.pattern.finditer(text):
            atom = rule.build(match, clock)
            if atom:
                found.append(atom)
    return _without_overlaps(found)


def _without_overlaps(atoms: list[Atom]) -> list[Atom]:
    kept: list[Atom] = []
    for atom in sorted(atoms, key=lambda atom: (atom.start - atom.end, atom.start)):
        if all(atom.end <= other.start or atom.start >= other.end for other in kept):
            kept.append(atom)
    return sorted(kept, key=lambda atom: atom.start)


def _mention(text: str, atom: Atom, clock: Clock) -> PeriodMention:
    named = text[atom.start : atom.end]
    period = replace(atom.period, label=named.strip())
    return PeriodMention(
        start_char=atom.start,
        end_char=atom.end,
        text=named,
        period=period,
        kind=atom.kind,
        is_open_start=atom.is_open_start,
        is_open_end=atom.is_open_end,
        is_future=period.start > clock.today,
        is_ambiguous=atom.is_ambiguous,
    )
