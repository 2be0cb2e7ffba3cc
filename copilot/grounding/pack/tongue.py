"""In which language a draft or a proposal is written."""

from collections.abc import Iterable, Sequence

from copilot.grounding.pack.history import History, Talk
from copilot.grounding.pack.scope import Scope
from crm.models import Contact
from tools.language import Language, detect_language

_CHINESE = ("zh", "chi", "cn", "中", "cmn", "yue")


def language_of(
    scope: Scope, history: History, contact: Contact | None, asked: Language | None
) -> Language:
    """Return the language asked for, else the answered mail's, else the one last spoken.

    Spoken with this contact before spoken with anybody there; then what the CRM holds of the
    contact; then the one that the customer's name is in.
    """
    if asked is not None:
        return asked
    known = contact.language if contact else None
    with_them = _last_spoken(history.talks, contact)
    mail = scope.mail.language if scope.mail else None
    named = scope.account or scope.contact or scope.deal
    return first_language(
        (mail, with_them, _last_spoken(history.talks, None), known),
        named=named.name if named else scope.subject,
    )


def first_language(names: Iterable[str | None], *, named: str) -> Language:
    """Return the first language that records name, else the one that `named` is written in."""
    known = next((name for name in names if name), None)
    return _read(known) if known else detect_language(named)


def _read(name: str) -> Language:
    return "zh" if name.strip().casefold().startswith(_CHINESE) else "en"


def _last_spoken(talks: Sequence[Talk], contact: Contact | None) -> str | None:
    for talk in talks:
        is_theirs = contact is None or any(one.contact_id == contact.id for one in talk.people)
        if is_theirs and talk.row.language:
            return talk.row.language
    return None
