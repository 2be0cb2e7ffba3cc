"""Takes apart what is asked for in one breath: several requests, each read by itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from copilot.agent.act_changes import Change, find_change, names_a_record
from copilot.agent.act_conditions import QUOTED
from copilot.agent.act_discounts import asks_discount
from copilot.agent.act_mails import asks_mail, names_a_draft
from copilot.agent.act_scene import Scene, plain_request
from copilot.agent.act_tasks import asks_task

MOST_PARTS = 6
_MOST_JOINTS = 40
_JOINT = re.compile(
    r"\s*[,;.!?]\s+(?:(?:and|then|also|plus)\s+)*"
    r"|\s+(?:(?:and|then|also|plus|as well as)\s+)+"
    r"|\s*(?:[，；;。！？]|,(?!\d))\s*(?:(?:并且?|同时|另外|然后|再|还有|以及|也|顺便|最后)[，,]?\s*)*"
    r"|(?:并且?|同时|另外|然后|以及|顺便|再)",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"(?:create|add|make|set|put|schedule|open|log|file|remind|assign|give|delegate|ask|tell"
    r"|change|update|edit|correct|move|push|pull|shift|postpone|delay|extend|bring|advance"
    r"|adjust|fix|raise|lower|reduce|increase|mark|flag|clear|empty|remove|delete|erase|request|apply|propose|submit|get|grant"
    r"|offer|send|mail|e-?mail|dispatch|save|store|keep|place|copy)\b"
    r"|[把将给对为替让叫派跟和与针]|创建|新建|建|添加|新增|加|安排|设|定|记|提醒|到时候?提醒|通知|要求"
    r"|修改|更新|调整|更改|变更|改|填写|清|删除|去掉|申请|请求|提交|发|寄|保存|存",
    re.IGNORECASE,
)
# What is to be done only then belongs to the task that speaks of it.
_LATER = re.compile(
    r"\b(?:if|once|when|unless|until|after(?:wards)?|as soon as|depending|provided|in case)\b"
    r"|如果|若|假如|一旦|的话|之后|以后|等到|等.{1,12}[后再]|视情况",
    re.IGNORECASE,
)
_DICTATES = re.compile(
    r"[^:：]{0,60}\b(?:task|to-?do|reminder|follow-?up|remind me)\b[^:：]{0,40}[:：]"
    r"|[^:：]{0,40}(?:任务|待办|提醒)[^:：]{0,20}[:：]",
    re.IGNORECASE,
)
_NEW_SENTENCE = re.compile(
    r"[.;!?。；！？]|\b(?:then|also|plus|as well as)\b|然后|另外|同时|顺便|最后|还有", re.IGNORECASE
)
_DEAL = re.compile(
    r"^(?:it|this|that)$|\b(?:deal|opportunity|close|closing)\b|商机|单子|项目|它", re.I
)
_ASKS_BACK = re.compile(
    r"(?:how|what|which|who|whom|whose|when|where|why|do|does|did|is|are|was|were|has|have)\b"
    r"|.*(?:多少|哪些|哪个|谁|几个|什么|为什么|吗$)",
    re.IGNORECASE,
)
_TELLS = re.compile(
    r"(?:tell me|show me|list|give me|how many|how much)\b|告诉我|列出|看看", re.IGNORECASE
)
_TO_BE_ASKED = re.compile(r"\b(?:ask|find out|clarify|check)\b|问|了解|确认|弄清", re.IGNORECASE)


@dataclass(frozen=True)
class Breath:
    """What was asked for: its requests one by one, and what stands beside them untaken."""

    requests: tuple[str, ...]
    beside: tuple[str, ...] = ()


def split_requests(scene: Scene, question: str) -> Breath:
    """Return the requests of a turn; one where it asks for one thing, or for none.

    Code cuts only where both sides are requests, never within quotation marks. A question behind a
    request, and what comes after the sixth, is not taken up. Of several lines nothing is cut: they
    may be pasted, and whoever wrote them gives no orders.
    """
    asked = plain_request(question)
    if len(question.strip().splitlines()) > 1:
        return Breath((asked,))
    parts, begin, beside = [], 0, []
    joints = list(_joints(asked))
    is_question = question.rstrip().endswith(("?", "？"))
    for number, joint in enumerate(joints):
        left, rest = asked[begin : joint.start()], plain_request(asked[joint.end() :])
        alone = plain_request(asked[joint.end() : _end_of(asked, joints[number + 1 :])])
        if not alone or not (_OPENS.match(rest) or is_question) or not is_request(scene, left):
            continue
        if _is_dictated(left, joint[0]):
            continue
        if _begins_another(scene, left, alone) or _begins_another(scene, left, rest):
            parts.append(left)
            begin = joint.end()
        elif is_question and _ASKS_BACK.match(rest) and not _TO_BE_ASKED.search(left):
            beside.append(rest)
            asked = asked[: joint.start()]
            break
    if not parts and not beside and not is_request(scene, asked):
        return _behind_a_question(scene, asked, joints)
    parts.append(asked[begin:])
    requests = [plain_request(part) for part in parts]
    return Breath(tuple(requests[:MOST_PARTS]), (*requests[MOST_PARTS:], *beside))


def _end_of(asked: str, joints: list[re.Match[str]]) -> int:
    """Return where a request ends: at the next joint behind which stands no condition of it."""
    ends = (one.start() for one in joints if not _LATER.match(plain_request(asked[one.end() :])))
    return next(ends, len(asked))


def _behind_a_question(scene: Scene, asked: str, joints: list[re.Match[str]]) -> Breath:
    """Return the task behind a question, which stands beside it; else all as one."""
    for joint in joints:
        first, rest = asked[: joint.start()], plain_request(asked[joint.end() :])
        is_over = bool(re.search(r"[?？]", joint[0])) or bool(_TELLS.match(first))
        if is_over and _OPENS.match(rest) and asks_task(scene, rest):
            others = split_requests(scene, rest)
            return Breath(others.requests, (first, *others.beside))
    return Breath((asked,))


def shorter_readings(asked: str) -> Iterator[tuple[str, str]]:
    """Yield the beginnings of a request at its joints, the shortest first, each with its rest."""
    if not _OPENS.match(asked):
        return
    for joint in _joints(asked):
        head, rest = asked[: joint.start()].strip(), asked[joint.end() :].strip()
        if head and rest:
            yield head, rest


def _joints(asked: str) -> Iterator[re.Match[str]]:
    """Yield where a sentence may be cut: outside of quotes, and at some places at most."""
    return islice(_all_joints(asked), _MOST_JOINTS)


def _all_joints(asked: str) -> Iterator[re.Match[str]]:
    quoted = [match.span() for match in QUOTED.finditer(asked)]
    for joint in _JOINT.finditer(asked):
        if joint.start() and not any(first <= joint.start() < last for first, last in quoted):
            yield joint


def is_request(scene: Scene, text: str) -> bool:
    """Say whether the words ask for a task, a change, a discount or a mail."""
    asked = plain_request(text)
    is_simple = asks_task(scene, asked) or asks_mail(asked) or asks_discount(asked)
    return is_simple or find_change(scene, asked) is not None


def _begins_another(scene: Scene, left: str, right: str) -> bool:
    """Say whether the right side is a request of its own, and not a part of the left one."""
    if not _OPENS.match(right) or not is_request(scene, right):
        return False
    left = plain_request(left)
    if asks_task(scene, left):
        is_in_task = bool(_LATER.search(right)) or (asks_mail(right) and not names_a_draft(right))
        return not is_in_task and not _is_about_no_record(scene, right)
    first, second = find_change(scene, left), find_change(scene, right)
    return not (_is_open_ended(first) and second is not None and not second.names_its_record)


def _is_dictated(left: str, joint: str) -> bool:
    """Say whether the words go on as a task's text: behind a colon only a new sentence parts."""
    return _DICTATES.match(left) is not None and _NEW_SENTENCE.search(joint) is None


def _is_about_no_record(scene: Scene, right: str) -> bool:
    """Say whether something else than a record is put off: "move the meeting to Monday"."""
    change = find_change(scene, right)
    if change is None or not change.is_postponing:
        return False
    return not (_DEAL.search(change.record) or names_a_record(scene, change.record))


def _is_open_ended(change: Change | None) -> bool:
    """Say whether a change goes on with further fields of the same record by itself."""
    return change is not None and not change.is_move
