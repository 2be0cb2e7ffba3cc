"""Reads by rules what somebody asks the agent to do: "create a task to call Priya on Friday".

Words of customers never get here: a surface hands in what its own user typed, nothing else.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from copilot.agent.approvals.proposing import Wanted
from copilot.writers.calls.due import Due, find_due
from crm.errors import Ambiguous
from crm.models import Contact, EffectKind, Opportunity
from crm.principal import Principal
from tools.names.index import NameIndex
from tools.names.link import NameMention, find_names

_MOST = 1_000
_TASK = r"(?:task|to-?do|reminder|follow-?up)"
_ZH_TASK = r"(?:任务|待办(?:事项)?|提醒|日程)"
_ASKS = (
    re.compile(
        r"^(?:(?:please|hey|ok|can you|could you|would you)[ ,]+)*"
        rf"(?:create|add|make|set up|put in|schedule|open)(?: me)?(?: an?| the)?(?: new)? {_TASK}"
        r"(?: item)?(?: for me)?\s*(?:[:,–-]|(?:to|for|that i(?: should| have to)?)\b)?\s*"
        r"(?P<what>.+)$",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"^(?:(?:please|can you|could you)[ ,]+)*remind me(?: that i(?: should| have to)?| to)?\s+"
        r"(?P<what>.+)$",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"^(?:请|麻烦|帮我|给我|替我|你)*(?:创建|新建|建立|建|添加|新增|加|安排|设)(?:一)?[个条项]?"
        rf"(?:新的?)?{_ZH_TASK}\s*[:：,，。]?\s*(?P<what>.+)$",
        re.DOTALL,
    ),
    re.compile(r"^(?:请|麻烦|帮我|到时候?)*提醒我\s*[:：,，]?\s*(?P<what>.+)$", re.DOTALL),
    re.compile(
        r"^(?P<what>.+?)[，,。；;]\s*(?:请|麻烦|帮我|给我)*(?:创建|新建|建|添加|加)(?:一)?[个条项]?"
        rf"{_ZH_TASK}[。！!]?$",
        re.DOTALL,
    ),
)
_BEFORE_DAY = re.compile(
    r"(?:\b(?:on|by|before|until|due|for|at)(?: the)?|[于在])\s*$", re.IGNORECASE
)
_AFTER_DAY = re.compile(r"^\s*(?:之前|以前|前|那天|,|，)")
_LEADING = re.compile(r"^(?:to|that i (?:should|have to))\s+", re.IGNORECASE)
_ENDS = " \t\r\n.,;:!?。，；：！？"


def read_task(
    session: Session, text: str, *, key: str, principal: Principal, as_of: datetime
) -> Wanted | None:
    """Return the task that a text asks for, None if it asks for something else.

    The day and the names are taken from the words alone; a name that several contacts, deals or
    accounts have raises Ambiguous. The task is the caller's.
    """
    asked = " ".join(text.split())[:_MOST]
    match = next((found for pattern in _ASKS if (found := pattern.match(asked))), None)
    if match is None:
        return None
    what = match["what"].strip(_ENDS)
    due = next(iter(find_due(what, as_of.date())), None)
    subject = _LEADING.sub("", _without_day(what, due))
    if not subject:
        return None
    names = find_names(subject, NameIndex.load(session, principal)).mentions
    ties = {entity: _one_of(entity, names) for entity in ("account", "opportunity", "contact")}
    account_id, deal_id = _belongs(session, ties)
    return Wanted(
        EffectKind.CREATE_TASK,
        {
            "subject": subject,
            "due_on": due.on.isoformat() if due else None,
            "owner_id": principal.user_id,
            "account_id": account_id,
            "opportunity_id": deal_id,
            "contact_id": ties["contact"],
        },
        key,
        account_id=account_id,
        opportunity_id=deal_id,
        agent="copilot",
    )


def _without_day(what: str, due: Due | None) -> str:
    if due is None:
        return what
    before = _BEFORE_DAY.sub("", what[: due.start])
    after = _AFTER_DAY.sub("", what[due.end :])
    joiner = "" if not before.strip() or not before.isascii() else " "
    return f"{before.rstrip()}{joiner}{after.lstrip()}".strip(_ENDS)


def _one_of(entity: str, names: Sequence[NameMention]) -> int | None:
    """Return the record of this kind that the words name exactly, None if they name none."""
    for mention in names:
        fit = [one for one in mention.candidates if one.dimension == entity and one.id is not None]
        if mention.candidates[0].dimension != entity or not fit or not mention.exact:
            continue
        if mention.ambiguous:
            raise Ambiguous(
                f"several are called {mention.text!r}: say which one, with the company",
                [one.name for one in fit],
            )
        return fit[0].id
    return None


def _belongs(session: Session, ties: dict[str, int | None]) -> tuple[int | None, int | None]:
    """Return the account and the deal of the task: those named, else the named contact's."""
    account_id, deal_id = ties["account"], ties["opportunity"]
    if account_id is None and deal_id is not None:
        deal = session.get(Opportunity, deal_id)
        account_id = deal.account_id if deal else None
    if account_id is None and ties["contact"] is not None:
        contact = session.get(Contact, ties["contact"])
        account_id = contact.account_id if contact else None
    return account_id, deal_id
