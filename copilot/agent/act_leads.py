"""Which lead the words mean: by name, by company, or by both."""

import re
from collections.abc import Iterator

from sqlalchemy import select

from copilot.agent.act_scene import ENDS, Scene
from copilot.agent.recipients import HONOURED
from crm.access import visible
from crm.models import Lead
from tools.language import fold_script, has_han

LEAD = re.compile(r"\bleads?\b|线索", re.IGNORECASE)
"""Words that say that a lead is meant, and no contact or deal."""

_FILLING = frozenset(
    ("the", "a", "an", "our", "my", "lead", "leads", "from", "of", "at", "with", "for", "who",
     "and", "mr", "mrs", "ms", "dr", "ltd", "limited", "inc", "llc", "co", "corp", "company",
     "gmbh", "ag", "sa", "plc")
)  # fmt: skip
_ZH_FILLING = re.compile(r"(?:公司|线索|那个|这个|来自|的|条|位|\s)")
_WORDS = re.compile(r"[^\W_]+")
_LONGEST = 120


def find_leads(scene: Scene, said: str) -> list[int]:
    """Return the leads whose name, company or both the words are; of parts of names only then.

    The words may not hold anything else.
    """
    wanted = _folded(said)
    if not wanted or len(wanted) > _LONGEST:
        return []
    exact, part = [], []
    for row_id, name, company in _leads(scene):
        if wanted in (name, company):
            exact.append(row_id)
        elif _fits(wanted, name, company):
            part.append(row_id)
    return exact or part


def is_lead_said(name: str, company: str | None, text: str) -> bool:
    """Say whether the words hold the lead's name, a word of it, or its company."""
    said, plain = _folded(text), _folded(name)
    if has_han(plain):
        is_named = plain in said or any(
            plain.startswith(match["surname"]) for match in HONOURED.finditer(said)
        )
    else:
        is_named = bool(_words(plain) & _words(said))
    at = _folded(company or "")
    return is_named or (bool(at) and (at in said if has_han(at) else _words(at) <= _words(said)))


def _leads(scene: Scene) -> Iterator[tuple[int, str, str]]:
    statement = select(Lead.id, Lead.name, Lead.company).order_by(Lead.name, Lead.id)
    for row in scene.session.execute(visible(statement, Lead, scene.principal)):
        yield row[0], _folded(row[1]), _folded(row[2] or "")


def _fits(wanted: str, name: str, company: str) -> bool:
    if has_han(wanted):
        return _fits_in_chinese(wanted, name, company)
    words = _words(wanted)
    return bool(words) and words <= _words(name) | _words(company)


def _fits_in_chinese(wanted: str, name: str, company: str) -> bool:
    rest = wanted
    for part in (company, name):
        if part and part in rest:
            rest = rest.replace(part, " ", 1)
    rest = _ZH_FILLING.sub("", rest)
    if rest and has_han(name) and len(name) <= 4:
        honoured = HONOURED.fullmatch(rest)
        if honoured is not None and name.startswith(honoured["surname"]):
            return True
    return not rest and bool(_ZH_FILLING.sub("", wanted))


def _words(text: str) -> set[str]:
    return set(_WORDS.findall(text)) - _FILLING


def _folded(text: str) -> str:
    return fold_script(" ".join(text.split())).casefold().strip(ENDS)
