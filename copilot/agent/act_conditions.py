"""Knows a request that is to be done only then: "move Acme to Won if she agrees", 如果他同意就…."""

import re

from copilot.agent.act_changes import find_change
from copilot.agent.act_discounts import asks_discount
from copilot.agent.act_mails import asks_mail
from copilot.agent.act_scene import Scene, plain_request
from copilot.agent.act_tasks import asks_task
from copilot.agent.effects.fields import FIELDS, FieldShape
from copilot.grounding.quantities import blank
from tools.names import find_names

QUOTED = re.compile(
    r"\"[^\"]*\"|“[^”]*”|‘[^’]*’|「[^」]*」|『[^』]*』|(?<!\w)'[^']*'(?!\w)", re.DOTALL
)
_EN_IF = r"(?:if|once|when|whenever|unless|as soon as|provided|in case|depending on)\b"
_ZH_IF = r"(?:如果|假如|假设|要是|倘若|若是|一旦|只要|除非|等到|视情况)"
_IF = re.compile(
    rf"(?:(?<=\s)|(?<=[,;，；]))(?:and |but |only |, ?)*{_EN_IF}|{_ZH_IF}|等.{{1,12}}[后再]",
    re.IGNORECASE,
)
_FIRST = re.compile(
    rf"^(?P<said>(?:{_EN_IF}|{_ZH_IF}|等)[^,，]{{1,200}}?)"
    r"(?:\s*[,，]\s*(?:then|就|则|那么?|再)*\s*|(?<=[\u4e00-\u9fff])(?:就|则|再))(?P<rest>.+)$",
    re.IGNORECASE,
)
_IF_ALONE = re.compile(rf"{_EN_IF}|{_ZH_IF}", re.IGNORECASE)
_REASON = re.compile(
    r"\b(?:because|since|due to|given that|reason)\b|因为|由于|理由|原因", re.IGNORECASE
)
_MOST = 80


def condition_of(scene: Scene, asked: str) -> str:
    """Return the condition on which a change, discount or mail is asked for; empty without one.

    A condition within a task, a text or quotation marks is a part of it.
    """
    first = _FIRST.match(_plain(scene, asked))
    if first is not None:
        rest = plain_request(asked[first.start("rest") :])
        if asks_task(scene, rest) or _is_done_at_once(scene, rest):
            return asked[: first.end("said")][:_MOST]
    if asks_task(scene, asked) or not _is_done_at_once(scene, asked):
        return ""
    reason = _REASON.search(asked) if asks_discount(asked) else None
    found = _IF.search(_plain(scene, asked), 0, reason.start() if reason else len(asked))
    return asked[found.start() :].strip(" ,;，；")[:_MOST] if found else ""


def _is_done_at_once(scene: Scene, asked: str) -> bool:
    """Say whether the words ask for what leaves no room for an "if" within it."""
    if asks_discount(asked) or asks_mail(asked):
        return True
    change = find_change(scene, asked)
    if change is None:
        return False
    shapes = {fields.get(name) for name, _ in change.values for fields in FIELDS.values()}
    return change.is_move or FieldShape.TEXT not in shapes


def _plain(scene: Scene, asked: str) -> str:
    """Return the words with blanks for what is quoted, and for names of records."""
    for match in QUOTED.finditer(asked):
        asked = blank(asked, *match.span())
    for mention in find_names(asked, scene.index).mentions:
        if mention.exact and not _IF_ALONE.fullmatch(mention.text):
            asked = blank(asked, *mention.span)
    return asked
