"""Reads a request for a task: "remind me to call Priya on Friday", 给王总建一个周五的回访任务."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from copilot.agent.act_assigning import read_assignment
from copilot.agent.act_records import deal_by_own_id, target_of
from copilot.agent.act_scene import ENDS, Missing, Scene, missing
from copilot.agent.approvals.proposing import Wanted
from copilot.agent.contract import Status
from copilot.agent.recipients import HONOURED, find_person
from copilot.agent.wording import phrase
from copilot.grounding.pack.hostile import name_and_address
from copilot.writers.calls.due import Due, find_due
from crm.access import visible
from crm.errors import Ambiguous, NotFound
from crm.models import Contact, EffectKind
from tools.language import fold_script
from tools.names import NamedThing, NameMention, find_names

_TASK = r"(?:task|to-?do|reminder|follow-?up|action item)"
_ZH_TASK = r"(?:任务|待办(?:事项)?|提醒|日程|跟进事项)"
_ZH_MAKE = r"(?:创建|新建|建立|建|添加|新增|加|安排|设置|设|定|记)"
_ASKS = (
    re.compile(
        rf"^(?:create|add|make|set up|set|put in|schedule|open|log|file)(?: me)?"
        rf"(?: an?| the| another)?(?: new)? (?P<noun>{_TASK})\b(?: item)?(?: for me)?\s*"
        r"(?:[:,–-]|(?:to|that i(?: should| have to)?|called|titled)\b)?\s*(?P<what>.+)$",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"^remind me(?: again)?(?! (?:when|what|who|where|how|why|which|if|whether)\b)"
        r"(?: that i(?: should| have to)?| to)?\s+(?P<what>.+)$",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        rf"^{_ZH_MAKE}(?:一|两)?[个条项]?(?:新的?)?{_ZH_TASK}\s*[:：,，。]?\s*(?P<what>.+)$",
        re.DOTALL,
    ),
    re.compile(
        r"^(?:到时候?)?提醒我(?!什么|谁|哪|何时|多少|怎么|为什么)\s*[:：,，]?\s*(?P<what>.+)$",
        re.DOTALL,
    ),
    re.compile(
        rf"^(?P<what>.+?)[，,。；;]\s*(?:请|麻烦|帮我|给我)*{_ZH_MAKE}(?:一)?[个条项]?{_ZH_TASK}$",
        re.DOTALL,
    ),
    re.compile(
        rf"^(?:给|为|替|跟|和|与|针对|对)(?P<who>.+?){_ZH_MAKE}(?:一)?[个条项]?(?P<what>.+?)的?"
        rf"{_ZH_TASK}$",
        re.DOTALL,
    ),
    re.compile(rf"^{_ZH_MAKE}(?:一)?[个条项](?P<what>.+?)的?{_ZH_TASK}$", re.DOTALL),
)
_BARE = re.compile(
    rf"^(?:create|add|make|set up|schedule) (?:me )?(?:an? )?(?:new )?{_TASK}$"
    rf"|^{_ZH_MAKE}(?:一)?[个条项]?{_ZH_TASK}$",
    re.IGNORECASE,
)
_BEFORE_DAY = re.compile(
    r"(?:\b(?:on|by|before|until|due|for|at)(?: the)?|[于在])\s*$", re.IGNORECASE
)
_AFTER_DAY = re.compile(r"^\s*(?:之前|以前|前|那天|的|,|，)")
_LEADING = re.compile(r"^(?:to|that i (?:should|have to)|with)\s+", re.IGNORECASE)
_WITH = re.compile(r"^with\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Ties:
    """The records that the words of a task name."""

    account_id: int | None = None
    opportunity_id: int | None = None
    contact_id: int | None = None


@dataclass(frozen=True)
class _Task:
    """A task in the caller's words, the day still among them; `owner_id` is whose it is."""

    what: str
    owner_id: int | None
    behind: str = ""


def asks_task(scene: Scene, asked: str) -> bool:
    """Say whether the words ask for a task and say what is to be done."""
    try:
        return _find(scene, asked) is not None
    except Missing:
        return True


def read_task(scene: Scene, asked: str) -> Wanted | None:
    """Return the task that a request asks for, None if it asks for something else.

    The day and the names are taken from the words alone; the task is the caller's unless they give
    it to a colleague. Raises Missing where nothing is said of what is to be done, or a name is that
    of several.
    """
    if _BARE.match(asked) and not scene.given.get("what"):
        raise missing(scene, "act_what_task", slot="what")
    task = _find(scene, asked)
    if task is None:
        return None
    due = next(iter(find_due(task.what, scene.today)), None)
    is_with = _WITH.match(task.what)
    subject = task.what if is_with else _LEADING.sub("", _without_day(task.what, due))
    subject = f"{subject}{task.behind}"
    if not subject.strip(ENDS):
        raise missing(scene, "act_what_task", slot="what")
    ties = _ties(scene, scene.given.get("record", subject))
    return Wanted(
        EffectKind.CREATE_TASK,
        {
            "subject": subject,
            "due_on": due.on.isoformat() if due else None,
            "owner_id": task.owner_id,
            "account_id": ties.account_id,
            "opportunity_id": ties.opportunity_id,
            "contact_id": ties.contact_id,
        },
        key="",
        account_id=ties.account_id,
        opportunity_id=ties.opportunity_id,
    )


def _find(scene: Scene, asked: str) -> _Task | None:
    mine = scene.principal.user_id
    given = scene.given.get("what")
    if given:
        return _Task(given, mine)
    assigned = read_assignment(scene, asked)
    if assigned is not None:
        return _Task(assigned.what, assigned.colleague.id)
    match = next((found for pattern in _ASKS if (found := pattern.match(asked))), None)
    if match is None:
        return None
    what = _what(match)
    return _Task(what, mine, match.groupdict().get("who") or "") if what else None


def _what(match: re.Match[str]) -> str:
    what = match["what"].strip(ENDS)
    noun = match.groupdict().get("noun") or ""
    # "a follow-up with Priya" says what is to be done by its noun.
    return f"{noun} {what}" if re.match(r"(?:with|for)\b", what) and "follow" in noun else what


def _without_day(what: str, due: Due | None) -> str:
    if due is None:
        return what
    before = _BEFORE_DAY.sub("", what[: due.start])
    after = _AFTER_DAY.sub("", what[due.end :])
    joiner = "" if not before.strip() or not before.isascii() else " "
    return f"{before.rstrip()}{joiner}{after.lstrip()}".strip(ENDS)


def _ties(scene: Scene, subject: str) -> _Ties:
    """Return what the subject names, and the account and deal that follow from that."""
    names = find_names(subject, scene.index).mentions
    account_id = _one_of(scene, "account", names)
    deal_id = _one_of(scene, "opportunity", names) or deal_by_own_id(scene, subject)
    if account_id is None and deal_id is not None:
        account_id = target_of(scene, "opportunity", deal_id).account_id
    contact_id = _one_of(scene, "contact", names, account_id) or _honoured(scene, subject)
    if account_id is None and contact_id is not None:
        account_id = target_of(scene, "contact", contact_id).account_id
    return _Ties(account_id, deal_id, contact_id)


def _one_of(
    scene: Scene, entity: str, names: Sequence[NameMention], account_id: int | None = None
) -> int | None:
    """Return the record of this kind that the words name exactly, None if they name none.

    Of several contacts with one name those at the account that is named as well are meant.
    """
    for mention in names:
        fit = [one for one in mention.candidates if one.dimension == entity and one.id is not None]
        if mention.candidates[0].dimension != entity or not fit or not mention.exact:
            continue
        if len(fit) > 1 and account_id is not None:
            fit = _at(scene, account_id, fit) or fit
        if len(fit) > 1:
            text = phrase("ambiguous", scene.language, called=f"“{mention.text}”")
            shown = [name_and_address(entity, one.id, one.name) for one in fit]
            raise Missing(Status.AMBIGUOUS, text, shown, slot="record")
        return fit[0].id
    return None


def _at(scene: Scene, account_id: int, people: list[NamedThing]) -> list[NamedThing]:
    there = select(Contact.id).where(
        Contact.account_id == account_id, Contact.id.in_([one.id for one in people])
    )
    ids = set(scene.session.scalars(visible(there, Contact, scene.principal)))
    return [one for one in people if one.id in ids]


def _honoured(scene: Scene, subject: str) -> int | None:
    """Return the contact whom 王总 means; nobody's task is tied to nobody."""
    match = HONOURED.search(fold_script(subject))
    if match is None:
        return None
    try:
        found = find_person(scene.session, match[0], scene.index, principal=scene.principal)
    except NotFound:
        return None
    except Ambiguous as error:
        text = phrase("ambiguous", scene.language, called=f"“{match[0]}”")
        raise Missing(Status.AMBIGUOUS, text, error.candidates, slot="record") from None
    return found.contact_id
