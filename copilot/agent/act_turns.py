"""The turn in which somebody asks for a side effect, or answers what was asked back about one."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from copilot.agent.act_backing_out import agrees, corrects, spoken_of, takes_back
from copilot.agent.act_changes import read_change
from copilot.agent.act_conditions import condition_of
from copilot.agent.act_discounts import read_discount
from copilot.agent.act_mails import read_mail
from copilot.agent.act_questions import approved_in_words, plan_of_listing
from copilot.agent.act_scene import PROPOSED, Missing, Scene, focus_after
from copilot.agent.act_splitting import shorter_readings, split_requests
from copilot.agent.act_tasks import read_task
from copilot.agent.approvals.proposing import Wanted
from copilot.agent.contract import Status
from copilot.agent.desk import Desk, Request
from copilot.agent.effects.fields import FIELDS, FieldShape
from copilot.agent.plan import Plan, Route
from copilot.agent.wording import phrase
from crm.errors import Ambiguous, BadInput, CopilotError, NotAllowed, NotFound
from crm.models import EffectKind
from tools.language import Language, detect_language
from tools.names import NameIndex

PENDING = "pending_action"
_LONGEST_ANSWER = 300
_MOST_SHOWN = 160
_FREE = frozenset({"reason", "what"})
_ASKS = re.compile(
    r"(?:how (?:many|much)|what (?:is|are|was|were|do|does|did)|which|whose?|show|list|tell me)\b"
    r"|.*(?:多少|哪些|哪个|有几个|吗$)|(?:谁|列出|看看|告诉我|显示)",
    re.IGNORECASE,
)
_MAILS = frozenset({EffectKind.SEND_MAIL, EffectKind.SAVE_MAIL_DRAFT})
# A task may be about any of the others, and its words hold theirs.
_READERS: tuple[Callable[[Scene, str], Wanted | None], ...] = (
    read_task, read_mail, read_discount, read_change,
)  # fmt: skip


def plan_of_act(
    desk: Desk, request: Request, index: NameIndex, question: str, previous: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the state's changes if a side effect is asked for, or asked about; else None.

    Code reads the words of the caller and nothing else; what they leave open is asked back.
    """
    language = detect_language(question)
    listing = plan_of_listing(question)
    if listing is not None:
        return {"language": language, "plan": listing.model_dump(mode="json")}
    number = approved_in_words(question)
    if number is not None and not previous.get(PENDING):
        text = phrase("act_approve_how", language, id=number or "N")
        return _ended(Status.DECLINED, [text], language)
    backed_out = _backed_out(question, previous, language)
    if backed_out is not None:
        return backed_out
    with desk.store.session() as session:
        focus = dict(previous.get("focus") or {})
        scene = Scene(session, index, request, language, focus)
        spoken = spoken_of(scene, question)
        if spoken:
            return _ended(Status.DECLINED, [phrase(spoken, language)], language)
        breath = split_requests(scene, question)
        found = _Turn(scene, previous).read(breath.requests, breath.beside)
        pending = previous.get(PENDING)
        if found is None and pending and _is_answer(question, pending["slot"]):
            given = {**pending["given"], pending["slot"]: question.strip()}
            resumed = replace(scene, language=pending["language"], given=given)
            found = _Turn(resumed, previous).read((pending["question"],))
        # "Make it shorter" is said of a draft.
        is_of_draft = bool(focus.get("draft_words") or focus.get("draft_id"))
        if found is None and previous.get(PROPOSED) and corrects(question) and not is_of_draft:
            return _stands(previous[PROPOSED], language)
        return found


def _backed_out(
    question: str, previous: Mapping[str, Any], language: Language
) -> dict[str, Any] | None:
    """Return what to say where somebody drops or confirms in words what the turn before was of."""
    pending, proposed = previous.get(PENDING), previous.get(PROPOSED)
    if pending and takes_back(question):
        ended = _ended(Status.DECLINED, [phrase("act_dropped", language)], language)
        kept = {name: value for name, value in previous.items() if name != PENDING}
        return {**ended, "previous": kept}
    if pending or not proposed:
        return None
    if takes_back(question):
        return _stands(proposed, language)
    if agrees(question):
        text = phrase("act_approve_how", language, id=proposed[0])
        return _ended(Status.DECLINED, [text], language)
    return None


def _stands(proposed: Sequence[int], language: Language) -> dict[str, Any]:
    ids = ", ".join(map(str, proposed))
    text = phrase("act_stands", language, ids=ids, id=proposed[0])
    return _ended(Status.DECLINED, [text], language)


def _is_answer(text: str, slot: str) -> bool:
    """Say whether the words may answer what was asked back; a free text takes no question."""
    if slot in _FREE and _ASKS.match(text.strip()):
        return False
    return len(text) <= _LONGEST_ANSWER and not text.rstrip().endswith(("?", "？"))


@dataclass
class _Turn:
    """One turn of a caller: his requests read one by one, and what is missing in them."""

    scene: Scene
    previous: Mapping[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    asides: list[str] = field(default_factory=list)
    ended: list[tuple[Status, list[str]]] = field(default_factory=list)
    pending: dict[str, Any] | None = None

    def read(self, requests: Sequence[str], beside: Sequence[str] = ()) -> dict[str, Any] | None:
        """Return a plan, a question back or a refusal; None if nothing is asked to be done.

        Each request is checked against its own words. What was spoken of in one may be meant by
        "it" in the next.
        """
        for asked in requests:
            self._read_one(asked)
        if not self.rows and not self.ended:
            return None
        for said in beside:
            self._leave(said)
        if not self.scene.request.may_act:
            text = phrase("act_not_now", self.scene.language)
            return _ended(Status.DECLINED, [text], self.scene.language)
        return self._planned() if self.rows else self._stopped()

    def _read_one(self, asked: str) -> None:
        scene = self.scene
        condition = condition_of(scene, asked)
        if condition:
            self._end(Status.DECLINED, phrase("act_if", scene.language, said=condition))
            return
        try:
            wanted, left_out = _read(scene, asked)
        except Missing as back:
            self._ask_back(back, asked)
        except Ambiguous as error:
            self._end(Status.AMBIGUOUS, str(error), error.candidates)
        except (BadInput, NotFound, NotAllowed) as error:
            self._end(Status.NOT_FOUND, phrase("act_refused", scene.language, why=str(error)))
        else:
            if wanted is not None:
                self.rows.append(_row(wanted, asked, scene))
                self.scene = replace(scene, focus=_focus_of(scene, wanted))
                self._leave(left_out)
            elif self.rows or self.ended:
                self._leave(asked)

    def _ask_back(self, back: Missing, asked: str) -> None:
        # One question at a time: the next answer completes the first request that lacks something.
        if back.slot and self.pending is None:
            given = {key: said for key, said in self.scene.given.items() if key != back.slot}
            self.pending = {
                "question": asked,
                "slot": back.slot,
                "given": given,
                "language": self.scene.language,
            }
        self._end(back.status, back.text, back.candidates)

    def _end(self, status: Status, text: str, candidates: list[str] | None = None) -> None:
        self.asides.append(text)
        self.ended.append((status, candidates or []))

    def _leave(self, said: str) -> None:
        if said:
            self.asides.append(phrase("act_left_out", self.scene.language, said=said[:_MOST_SHOWN]))

    def _planned(self) -> dict[str, Any]:
        return {
            "language": self.scene.language,
            "plan": Plan(route=Route.PROPOSE).model_dump(mode="json"),
            "wanted": self.rows,
            "asides": self.asides,
            "candidates": [one for _, found in self.ended for one in found],
            "previous": self._remembered(),
        }

    def _stopped(self) -> dict[str, Any]:
        status, candidates = self.ended[0]
        ended = _ended(status, self.asides, self.scene.language, candidates=candidates)
        return {**ended, "previous": self._remembered()} if self.pending else ended

    def _remembered(self) -> dict[str, Any]:
        kept = {name: value for name, value in self.previous.items() if name != PENDING}
        return {**kept, PENDING: self.pending} if self.pending else kept


def _read(scene: Scene, asked: str) -> tuple[Wanted | None, str]:
    """Return what is asked for, and the words behind it that are no part of it.

    Where a day, a stage or a number is followed by something else, the shortest beginning that
    says the same is what is asked for. Raises what is missing in the whole of it.
    """
    try:
        whole, missing = _first(scene, asked), None
    except Missing as back:
        whole, missing = None, back
    if scene.given or not (missing is not None or whole is None or _is_closed(whole)):
        return _or_raise(whole, missing), ""
    for head, rest in shorter_readings(asked):
        try:
            short = _first(scene, head)
        except CopilotError:
            continue
        if short is not None and _is_closed(short) and _is_same(short, whole):
            return short, rest
    return _or_raise(whole, missing), ""


def _or_raise(wanted: Wanted | None, missing: Missing | None) -> Wanted | None:
    if missing is not None:
        raise missing
    return wanted


def _first(scene: Scene, asked: str) -> Wanted | None:
    return next((one for read in _READERS if (one := read(scene, asked))), None)


def _is_closed(wanted: Wanted) -> bool:
    """Say whether words behind it cannot be a part of it, as they can of a text or a reason."""
    if wanted.kind in _MAILS:
        return True
    fields, entity = wanted.payload.get("fields") or {}, str(wanted.payload.get("entity"))
    shapes = [FIELDS[entity].get(name) for name in fields]
    return bool(shapes) and FieldShape.TEXT not in shapes


def _is_same(short: Wanted, whole: Wanted | None) -> bool:
    return whole is None or short.payload == whole.payload


def _row(wanted: Wanted, asked: str, scene: Scene) -> dict[str, Any]:
    """Return an action as the state keeps it, with the words and records that it rests on."""
    return {
        "kind": wanted.kind.value,
        "payload": dict(wanted.payload),
        "account_id": wanted.account_id,
        "opportunity_id": wanted.opportunity_id,
        "said": [asked, *scene.given.values()],
        "about": dict(scene.focus),
    }


def _focus_of(scene: Scene, wanted: Wanted) -> dict[str, int | None]:
    told = {
        "account_id": wanted.account_id,
        "opportunity_id": wanted.opportunity_id,
        "contact_id": wanted.payload.get("contact_id"),
    }
    return focus_after(scene.focus, told)


def _ended(
    status: Status, texts: Sequence[str], language: Language, *, candidates: list[str] | None = None
) -> dict[str, Any]:
    return {
        "language": language,
        "status": status.value,
        "sentences": [{"text": text, "facts": []} for text in texts],
        "candidates": candidates or [],
    }
