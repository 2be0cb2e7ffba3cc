"""Which colleague the words mean: by name, first name, title of courtesy or number."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.recipients import HONOURED
from copilot.grounding.pack.hostile import name_and_address
from crm.access import visible
from crm.models import User
from crm.principal import Principal, Role
from tools.language import fold_script, has_han

_NO_COLLEAGUES = frozenset({Role.PARTNER.value, Role.SERVICE.value, Role.CUSTOMER.value})
_NUMBERED = re.compile(r"\(?user\s*[:#]\s*(\d{1,9})\)?", re.IGNORECASE)
_LONGEST = 80


@dataclass(frozen=True)
class Colleague:
    """Somebody of ours who works here now."""

    id: int
    name: str

    def shown(self) -> str:
        """Return the colleague with the address that names exactly this one."""
        return name_and_address("user", self.id, self.name)


@dataclass(frozen=True)
class Led:
    """Whom a text begins with, and the rest of it."""

    people: tuple[Colleague, ...]
    said: str
    rest: str


def find_colleagues(session: Session, said: str, principal: Principal) -> list[Colleague]:
    """Return those whom the words may mean, a full name before a part of one; maybe nobody."""
    wanted = _folded(said)
    if not wanted or len(wanted) > _LONGEST:
        return []
    people = _colleagues(session, principal)
    numbered = _NUMBERED.search(said)
    if numbered is not None:
        return [one for one in people if one.id == int(numbered[1])]
    exact = [one for one in people if wanted == _folded(one.name)]
    return exact or [one for one in people if wanted in _forms(one) or _is_honoured(one, wanted)]


def led_by_colleague(session: Session, text: str, principal: Principal) -> Led | None:
    """Return whom a text begins with, by the longest name that fits; None where by nobody."""
    folded = _folded(text)
    found: dict[str, list[Colleague]] = {}
    honoured = HONOURED.match(folded)
    for one in _colleagues(session, principal):
        for form in _forms(one):
            if folded.startswith(form) and not _goes_on(form, folded):
                found.setdefault(form, []).append(one)
        if honoured is not None and _is_honoured(one, honoured[0]):
            found.setdefault(honoured[0], []).append(one)
    if not found:
        return None
    said = max(found, key=len)
    return Led(tuple(found[said]), said, text.strip()[len(said) :])


def is_colleague_said(session: Session, user_id: int, text: str, principal: Principal) -> bool:
    """Say whether the words name this colleague."""
    folded = _folded(text)
    if any(int(number) == user_id for number in _NUMBERED.findall(text)):
        return True
    one = next((each for each in _colleagues(session, principal) if each.id == user_id), None)
    if one is None:
        return False
    honoured = any(_is_honoured(one, match[0]) for match in HONOURED.finditer(folded))
    return honoured or any(_stands_in(form, folded) for form in _forms(one))


def _colleagues(session: Session, principal: Principal) -> Sequence[Colleague]:
    statement = (
        select(User.id, User.name)
        .where(
            User.is_active,
            User.deleted_at.is_(None),
            User.role.not_in(_NO_COLLEAGUES),
        )
        .order_by(User.name, User.id)
    )
    rows = session.execute(visible(statement, User, principal))
    return [Colleague(*row) for row in rows]


def _forms(one: Colleague) -> Iterator[str]:
    """Yield what a colleague may be called: the full name, and parts of it."""
    name = _folded(one.name)
    if name:
        yield name
    if has_han(name):
        if len(name) > 2:
            yield name[1:]
        return
    yield from (word for word in name.split() if len(word) > 1 and word != name)


def _is_honoured(one: Colleague, said: str) -> bool:
    match, name = HONOURED.fullmatch(said), _folded(one.name)
    return match is not None and has_han(name) and name.startswith(match["surname"])


def _goes_on(form: str, text: str) -> bool:
    """Say whether the word does not end where the form does: "Ben" is not in "Benefits"."""
    after = text[len(form) : len(form) + 1]
    return form[-1].isascii() and form[-1].isalnum() and after.isascii() and after.isalnum()


def _stands_in(form: str, text: str) -> bool:
    edge = r"(?![a-z0-9_])" if form[-1].isascii() else ""
    start = r"(?<![a-z0-9_])" if form[0].isascii() else ""
    return re.search(start + re.escape(form) + edge, text) is not None


def _folded(text: str) -> str:
    return fold_script(" ".join(text.split())).casefold()
