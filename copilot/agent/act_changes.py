"""Reads a request to change fields of a record: "set the next step of D00001 to …", 把…改成…."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from copilot.agent.act_leads import LEAD
from copilot.agent.act_records import Target, deal_by_own_id, find_deal, find_target
from copilot.agent.act_scene import Scene, days_in
from copilot.agent.act_words import FIELD, entities_with, field_called, is_stage, value_for
from copilot.agent.approvals.proposing import Wanted
from copilot.agent.effects.record_updates import update_payload
from crm.models import EffectKind
from tools.names import find_names

_F = rf"(?:{FIELD})"
_EN_VERB = (
    r"(?:set|change|update|edit|make|put|correct|move|push|pull|shift|postpone|delay|extend"
    r"|bring forward|advance|adjust|fix|raise|lower|reduce|increase)(?: out| back| up)?"
)
_EN_TO = r"(?:\s+(?:(?:in)?to(?: be| read| say)?|as|(?<!lead )from .{1,80}? to)\b|\s*[:=])"
_ZH_VERB = r"(?:修改|更新|设置|设定|调整|更改|变更|改|填写)"
_ZH_TO = (
    r"(?:改|更改|更新|设置|设定|设|调整|调|修改|变更|推迟|提前|延期|延后|延|填写?|写|定|标记?)"
    r"(?:成|为|到|至|在)?|为|成|到|至|[:：=]"
)
_ONE_FIELD = (
    re.compile(
        rf"^{_EN_VERB} (?:the )?(?P<field>{_F})\s+(?:of|for|on|in|at)\s+(?P<record>.+?)"
        rf"{_EN_TO}\s*(?P<value>.+)$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^{_EN_VERB} (?:the )?(?P<record>.+?)(?:['’]s|['’])\s+(?P<field>{_F}){_EN_TO}\s*"
        r"(?P<value>.+)$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^{_EN_VERB} (?:its|the|this deal's)?\s*(?P<field>{_F}){_EN_TO}\s*"
        r"(?P<value>[\"“'‘].+[\"”'’]|.+?)\s+(?:on|for|in)\s+(?P<record>(?:deal |the )?[^\"“”]+)$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^{_EN_VERB} (?:(?P<record>its|the|this deal's)\s+)?(?P<field>{_F}){_EN_TO}\s*"
        r"(?P<value>.+)$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^(?:把|将)?(?P<record>[^，,。]+?)的(?P<field>{_F})\s*(?:{_ZH_TO})\s*[:：]?\s*(?P<value>.+)$",
    ),
    re.compile(
        rf"^(?:把|将)(?P<record>)(?P<field>{_F})\s*(?:{_ZH_TO})\s*[:：]?\s*(?P<value>.+)$",
    ),
    re.compile(
        rf"^{_ZH_VERB}(?P<record>[^，,。]+?)的(?P<field>{_F})\s*(?:为|成|到|至|[:：=])\s*(?P<value>.+)$",
    ),
)
_MOVED = (
    re.compile(rf"^{_EN_VERB} (?P<record>.+?) (?:in)?to (?:the )?(?P<value>.+)$", re.IGNORECASE),
    re.compile(r"^(?:mark|flag) (?P<record>.+?) (?:as|to) (?:a )?(?P<value>.+)$", re.IGNORECASE),
    re.compile(
        r"^(?:把|将)(?P<record>.+?)(?:推进|推|移动|移|放|转|挪|调整|调|改|推迟|提前|延期|延后|标记?)"
        r"(?:到|至|入|进|为|成)(?P<value>.+)$"
    ),
)
_MOVES = re.compile(r"(?:move|advance|mark)\b|(?:把|将).*(?:推进|移动?|标记?)", re.IGNORECASE)
_EMPTIED = (
    re.compile(
        rf"^(?:clear|empty|remove|delete|erase) (?:the )?(?P<field>{_F}) (?:of|for|on|from|in)"
        r" (?P<record>.+)$",
        re.IGNORECASE,
    ),
    re.compile(rf"^(?:把|将)?(?:清空|清除|删除|去掉)(?P<record>.+?)的(?P<field>{_F})$"),
    re.compile(rf"^(?:把|将)(?P<record>.+?)的(?P<field>{_F})(?:清空|清除|删除|去掉)$"),
)
_MORE = re.compile(
    rf"\s*(?:,|，|；|;)?\s*(?:\band\b|，|并且?|以及|同时)\s*(?:(?:set|change|update|move) )?"
    rf"(?:把|将)?(?:the |its )?(?P<field>{_F})\s*(?:(?:in)?to|as|{_ZH_TO})\s*(?P<value>.+)$",
    re.IGNORECASE,
)
_CLOSED = "expected_close_on"


_NO_RECORD = frozenset({"", "its", "the", "this deal's"})


@dataclass(frozen=True)
class Change:
    """Which fields of what are to have which values, still in the caller's words.

    `is_move` where the value alone says which field is meant: "move Acme to Negotiation".
    """

    record: str
    values: tuple[tuple[str, str | None], ...]
    is_move: bool = False

    @property
    def is_postponing(self) -> bool:
        """Say whether a day alone makes it one: "move the meeting to Monday" is none of a deal."""
        return self.is_move and self.values[0][0] == _CLOSED

    @property
    def names_its_record(self) -> bool:
        """Say whether the words name what is to be changed."""
        return self.record.strip().lower() not in _NO_RECORD


def read_change(scene: Scene, asked: str) -> Wanted | None:
    """Return the change of a record that a request asks for, None if it asks for something else.

    Raises Missing where the record, or a value, is not clear from the words alone.
    """
    change = find_change(scene, asked)
    if change is None:
        return None
    target = _target(scene, change)
    values = {
        name: value_for(scene, target.entity, target.id, name, words) if words else None
        for name, words in change.values
    }
    payload = update_payload(
        scene.session, target.entity, target.id, values, principal=scene.principal
    )
    return Wanted(
        EffectKind.UPDATE_RECORD,
        payload,
        key="",
        account_id=target.account_id,
        opportunity_id=target.opportunity_id,
    )


def find_change(scene: Scene, asked: str) -> Change | None:
    """Return the change that the words ask for, None if they ask for something else."""
    for pattern in _EMPTIED:
        match = pattern.match(asked)
        if match is not None:
            return Change(match["record"], ((field_called(match["field"]), None),))
    for pattern in _ONE_FIELD:
        match = pattern.match(asked)
        if match is not None:
            first = (field_called(match["field"]), match["value"])
            return Change(match["record"] or "", tuple(_split(*first)))
    return _moved(scene, asked)


def _moved(scene: Scene, asked: str) -> Change | None:
    """Read "move Acme to Negotiation" and "push it to 30 June": the value says which field."""
    for pattern in _MOVED:
        match = pattern.match(asked)
        if match is None:
            continue
        if LEAD.search(match["record"]) and _MOVES.match(asked):
            return Change(match["record"], (("status", match["value"]),), is_move=True)
        if is_stage(scene, match["value"]):
            return Change(match["record"], (("stage", match["value"]),), is_move=True)
        if days_in(scene, match["value"]):
            return Change(match["record"], ((_CLOSED, match["value"]),), is_move=True)
        if _MOVES.match(asked) and names_a_record(scene, match["record"]):
            # The stage is asked back with those that there are.
            return Change(match["record"], (("stage", match["value"]),), is_move=True)
    return None


def names_a_record(scene: Scene, words: str) -> bool:
    """Say whether the words hold the name or the own id of a deal or an account."""
    if deal_by_own_id(scene, words) is not None:
        return True
    kinds = {"opportunity", "account"}
    return any(
        one.exact and one.candidates[0].dimension in kinds
        for one in find_names(words, scene.index).mentions
    )


def _split(name: str, value: str) -> Iterator[tuple[str, str]]:
    """Yield one field and value after the other: "… to X and the close date to 30 June"."""
    is_quoted = value.strip()[:1] in '"“「『'
    more = None if is_quoted and value.strip()[-1:] in '"”」』' else _MORE.search(value)
    if more is None:
        yield name, value
        return
    yield name, value[: more.start()]
    yield from _split(field_called(more["field"]), more["value"])


def _target(scene: Scene, change: Change) -> Target:
    fields = [entities_with(name) for name, _ in change.values]
    shared = tuple(one for one in fields[0] if all(one in others for others in fields[1:]))
    if "opportunity" in shared and shared[0] == "opportunity" and "lead" not in shared:
        return find_deal(scene, change.record)
    # Fields of two kinds of records: the first names the record, the effect refuses the other.
    return find_target(scene, change.record, shared or fields[0])
