"""Reads to whom of us a task is given: "remind Ben to send the quote", 让李娜周五前回访."""

import re
from dataclasses import dataclass

from copilot.agent.act_scene import ENDS, Missing, Scene, days_in, missing
from copilot.agent.colleagues import Colleague, find_colleagues, led_by_colleague
from copilot.agent.contract import Status
from copilot.agent.wording import phrase
from tools.names import find_names

_NOUN = r"(?:task|to-?do|reminder|follow-?up|action item)"
_TO = r"(?:\s*[:,–-]\s*|\s+(?:to|that (?:he|she|they) (?:should|must|has to|have to))\s+)"
_WHO = r"(?P<who>(?!me\b|myself\b|us\b|you\b|everyone\b|everybody\b)[^,;:!?]{1,60}?)"
# These say that somebody else is to do it, whoever that is.
_ORDERS = (
    re.compile(rf"^remind {_WHO}{_TO}(?P<what>.+)$", re.IGNORECASE | re.DOTALL),
    re.compile(
        rf"^(?:assign|give|delegate|hand)(?: over)? (?:an? |the |this )?(?:new )?{_NOUN} to {_WHO}"
        rf"{_TO}(?P<what>.+)$",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        rf"^(?:assign|give|hand) {_WHO} (?:an?|the) (?:new )?{_NOUN}{_TO}(?P<what>.+)$",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"^(?:分配|指派|布置|交办|派)(?:一)?[个条项]?(?:任务|待办)给(?P<who>[^:：,，]{1,30})"
        r"[:：,，]\s*(?P<what>.+)$",
        re.DOTALL,
    ),
    re.compile(
        r"^(?:分配|指派|布置|交办?|派)给(?P<who>[^:：,，]{1,30}?)(?:一)?[个条项]?(?:任务|待办)"
        r"[:：,，]\s*(?P<what>.+)$",
        re.DOTALL,
    ),
)
# These may as well name a customer, a day or nobody: only a colleague makes them an order.
_PERHAPS = (
    re.compile(
        rf"^(?:create|add|make|set up|schedule|open|log)(?: an?| the| another)?(?: new)? {_NOUN}"
        rf" for {_WHO}{_TO}(?P<what>.+)$",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(rf"^(?:ask|tell|get) {_WHO} to (?P<what>.+)$", re.IGNORECASE | re.DOTALL),
    re.compile(
        r"^(?:给|为|替)(?P<who>.{1,30}?)(?:创建|新建|建立|建|添加|新增|加|安排|设置|设|定|记|布置)"
        r"(?:一)?[个条项]?(?P<what>.*?)的?(?:任务|待办(?:事项)?|提醒)"
        r"(?:\s*[:：,，]\s*(?P<more>.+))?$",
        re.DOTALL,
    ),
)
_TELLS = re.compile(
    r"^(?:到时候?)?(?:让|叫|派|通知|提醒|安排|要求|交代)(?!我)(?P<rest>.+)$", re.DOTALL
)
_ZH_TO = re.compile(r"^(?:的时候|去|来|要|得|记得|务必)?[:：,，]?\s*")
# 李娜说了什么 and 提醒李娜了吗 tell or ask of somebody.
_TOLD = re.compile(r"^(?:了|过|的|说|是|和|与|、|什么|哪|多少|怎么|为什么)")
_LEAST = 2


@dataclass(frozen=True)
class Assignment:
    """Who is to do what, the day still among the words."""

    colleague: Colleague
    what: str


def read_assignment(scene: Scene, asked: str) -> Assignment | None:
    """Return what a colleague is to do, None if the words give nobody a task.

    Raises Missing where the name is that of several colleagues, or of nobody who works here.
    """
    for pattern in _ORDERS:
        match = pattern.match(asked)
        if match is not None:
            return _assigned(scene, match, needs_one=True)
    for pattern in _PERHAPS:
        match = pattern.match(asked)
        if match is not None and (found := _assigned(scene, match, needs_one=False)):
            return found
    return _told(scene, asked)


def _assigned(scene: Scene, match: re.Match[str], *, needs_one: bool) -> Assignment | None:
    who, what = match["who"].strip(ENDS), match["what"].strip(ENDS)
    what = (match.groupdict().get("more") or "").strip(ENDS) or what
    day = next(iter(days_in(scene, who)), None)
    if day is not None:
        what = f"{what} {who[day.start : day.end]}"
        name = re.sub(r"\s+(?:on|by|at)\s*$", "", who[: day.start]) + who[day.end :]
    else:
        name = who
    said = scene.given.get("assignee", name.strip(ENDS))
    people = find_colleagues(scene.session, said, scene.principal)
    if not people and not needs_one:
        return None
    if not people and not _is_a_name(scene, said):
        return None
    return Assignment(_one(scene, said, people), what) if what else None


def _is_a_name(scene: Scene, said: str) -> bool:
    """Say whether the words may be somebody's name: a known one, or one with a capital."""
    return bool(find_names(said, scene.index).mentions) or said[:1].isupper() or not said.isascii()


def _told(scene: Scene, asked: str) -> Assignment | None:
    """Read 让李娜周五前回访王伟: the name stands where no sign ends it."""
    match = _TELLS.match(asked)
    if match is None:
        return None
    led = led_by_colleague(scene.session, match["rest"], scene.principal)
    if led is None or _TOLD.match(led.rest):
        return None
    what = _ZH_TO.sub("", led.rest).strip(ENDS)
    if len(what) < _LEAST:
        return None
    people = list(led.people)
    given = scene.given.get("assignee")
    if given is not None:
        people = find_colleagues(scene.session, given, scene.principal)
    return Assignment(_one(scene, led.said, people), what)


def _one(scene: Scene, said: str, people: list[Colleague]) -> Colleague:
    if len(people) == 1:
        return people[0]
    if not people:
        raise missing(scene, "act_no_colleague", slot="assignee", who=f"“{said}”")
    text = phrase("ambiguous", scene.language, called=f"“{said}”")
    raise Missing(Status.AMBIGUOUS, text, [one.shown() for one in people], slot="assignee")
