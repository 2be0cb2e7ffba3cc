"""Reads a request for a task: "remind me to call Priya on Friday", 给王总建一个周五的回访任务."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from copilot.agent.act_assigning import read_assignment
from copilot.agent.act_records import deal_by_own_id, target_of
from copilot.agent.act_scene import ENDS, Missing, Scene, days_in, missing, plain_request
from copilot.agent.approvals.proposing import Wanted
from copilot.agent.contract import Status
from copilot.agent.recipients import HONOURED, find_person
from copilot.agent.wording import phrase
from copilot.grounding.pack.hostile import name_and_address
from copilot.writers.calls.due import Due
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
    r"(?:\b(?:on|by|before|until|due|for|at|in)(?: the)?|[于在])\s*$", re.IGNORECASE
)
_AFTER_DAY = re.compile(r"^\s*(?:之前|以前|前|那天|的|,|，)")
# "Move the workshop to next week" says where it goes, and not by when that is to be done.
_GOES_TO = re.compile(r"\bto\s*$|[到至成]\s*$", re.IGNORECASE)
_ENDS_BY = re.compile(r"^\s*(?:之前|以前|前|内)")
# A month, quarter or year by its name alone is what a paper is about as often as a term.
_SPAN = re.compile(
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|q[1-4]|fy|h[12])?[ ,]*(?:20\d\d)?"
    r"|(?:20\d\d年)?(?:[\d一二三四五六七八九十]{1,2}月份?|第?[一二三四]季度|[上下]半年)?",
    re.IGNORECASE,
)
_OPENING = re.compile(r"(?:(?:on|by|before|until|in|at)\s+(?:the\s+)?|[于在到])?", re.IGNORECASE)
_AFTER_LEAD = re.compile(
    r"(?:之前|以前|前|那天|的时候|时)?\s*(?:at \d{1,2}(?:[:.]\d{2})?\s*(?:am|pm|o['’]clock)?"
    r"|(?:上午|下午|早上|晚上|中午|傍晚)?(?:[\d一二三四五六七八九十两]{1,3}(?:点半?|[:：]\d{2})"
    r"(?:\d{1,2}分?)?)?(?:左右|之?前)?)\s*[,，]?\s*",
    re.IGNORECASE,
)
_LEADING = re.compile(r"^(?:to|that i (?:should|have to)|with)\s+", re.IGNORECASE)
_THAT_DEAL = re.compile(
    r"\b(?:that|this|the) (?:deal|opportunity)\b|[这那该](?:个|笔|条)?(?:商机|单子|项目)",
    re.IGNORECASE,
)
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
    due = _due(scene, task.what)
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


def _due(scene: Scene, what: str) -> Due | None:
    """Return the day of a task: of several the one that a word like "by" leads to, else the first.

    "Prepare the June report" has none: no word leads to that month.
    """

    def is_led(day: Due) -> bool:
        ends = _ENDS_BY.match(what[day.end :])
        return (ends or _BEFORE_DAY.search(what[: day.start])) is not None

    days = [
        one
        for one in days_in(scene, what)
        if (is_led(one) or not one.is_vague or not _SPAN.fullmatch(one.raw))
        and not _GOES_TO.search(what[: one.start])
    ]
    return min(days, key=lambda one: (one.is_vague, not is_led(one)), default=None)


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
        return _find_behind_day(scene, asked)
    what = _what(match)
    return _Task(what, mine, match.groupdict().get("who") or "") if what else None


def _find_behind_day(scene: Scene, asked: str) -> _Task | None:
    """Read 周五提醒我… and "on Friday remind me to …": the day comes first, as in the task then."""
    opening = _OPENING.match(asked)
    days = days_in(scene, asked)
    if opening is None or not days or days[0].start > opening.end():
        return None
    behind = _AFTER_LEAD.match(asked, days[0].end)
    at = behind.end() if behind else days[0].end
    rest = plain_request(asked[at:])
    task = _find(scene, rest) if rest and not days_in(scene, rest) else None
    if task is None:
        return None
    said = asked[:at].strip(ENDS)
    joiner = " " if said.isascii() else ""
    return replace(task, what=f"{said}{joiner}{task.what}")


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
    if deal_id is None and account_id is None and _THAT_DEAL.search(subject):
        deal_id = scene.focus.get("opportunity_id")
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
