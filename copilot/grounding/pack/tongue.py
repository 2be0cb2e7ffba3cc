"""In which language a draft is written."""

from collections.abc import Sequence

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
    for name in (mail, with_them, _last_spoken(history.talks, None), known):
        if name:
            return read_language(name)
    named = scope.account or scope.contact or scope.deal
    return detect_language(named.name if named else scope.subject)


def read_language(name: str) -> Language:
    """Return the language that a record names, English for all but Chinese."""
    return "zh" if name.strip().casefold().startswith(_CHINESE) else "en"


def _last_spoken(talks: Sequence[Talk], contact: Contact | None) -> str | None:
    for talk in talks:
        is_theirs = contact is None or any(one.contact_id == contact.id for one in talk.people)
        if is_theirs and talk.row.language:
            return talk.row.language
    return None
