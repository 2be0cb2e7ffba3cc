"""The turn in which somebody asks for a side effect, or answers what was asked back about one."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.act_changes import read_change
from copilot.agent.act_discounts import read_discount
from copilot.agent.act_mails import read_mail
from copilot.agent.act_questions import plan_of_listing
from copilot.agent.act_scene import Missing, Scene, plain_request
from copilot.agent.act_tasks import read_task
from copilot.agent.approvals.proposing import Wanted
from copilot.agent.contract import Status
from copilot.agent.desk import Desk, Request
from copilot.agent.plan import Plan, Route
from copilot.agent.wording import phrase
from crm.errors import Ambiguous, BadInput, NotAllowed, NotFound
from tools.language import Language, detect_language
from tools.names import NameIndex

PENDING = "pending_action"
_LONGEST_ANSWER = 300
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
    with desk.store.session() as session:
        turn = _Turn(session, index, request, previous)
        found = turn.read(question, (question,), language)
        pending = previous.get(PENDING)
        if found is None and pending and _is_answer(question):
            given = {**pending["given"], pending["slot"]: question.strip()}
            texts = (pending["question"], *given.values())
            found = turn.read(pending["question"], texts, pending["language"], given)
        return found


def _is_answer(text: str) -> bool:
    return len(text) <= _LONGEST_ANSWER and not text.rstrip().endswith(("?", "？"))


class _Turn:
    """One turn of a caller: reads requests, and says what is missing in them."""

    def __init__(
        self, session: Session, index: NameIndex, request: Request, previous: Mapping[str, Any]
    ) -> None:
        self._session, self._index = session, index
        self._request, self._previous = request, previous

    def read(
        self,
        question: str,
        texts: tuple[str, ...],
        language: Language,
        given: Mapping[str, str] | None = None,
    ) -> dict[str, Any] | None:
        """Return a plan, a question back or a refusal; None if nothing is asked to be done."""
        focus = dict(self._previous.get("focus") or {})
        scene = Scene(self._session, self._index, self._request, language, focus, given or {})
        asked = plain_request(question)
        try:
            found = next((one for read in _READERS if (one := read(scene, asked))), None)
        except Missing as back:
            return self._asked_back(back, question, scene)
        except Ambiguous as error:
            return _ended(Status.AMBIGUOUS, str(error), language, candidates=error.candidates)
        except (BadInput, NotFound, NotAllowed) as error:
            text = phrase("act_refused", language, why=str(error))
            return _ended(Status.NOT_FOUND, text, language)
        if found is None:
            return None
        if not self._request.may_act:
            return _ended(Status.DECLINED, phrase("act_not_now", language), language)
        return _planned(found, texts, language, focus)

    def _asked_back(self, back: Missing, question: str, scene: Scene) -> dict[str, Any]:
        ended = _ended(back.status, back.text, scene.language, candidates=back.candidates)
        if not back.slot:
            return ended
        pending = {
            "question": question,
            "slot": back.slot,
            "given": {key: said for key, said in scene.given.items() if key != back.slot},
            "language": scene.language,
        }
        return {**ended, "previous": {**self._previous, PENDING: pending}}


def _planned(
    wanted: Wanted, texts: tuple[str, ...], language: Language, focus: Mapping[str, Any]
) -> dict[str, Any]:
    row = {
        "kind": wanted.kind.value,
        "payload": dict(wanted.payload),
        "account_id": wanted.account_id,
        "opportunity_id": wanted.opportunity_id,
    }
    return {
        "language": language,
        "plan": Plan(route=Route.PROPOSE).model_dump(mode="json"),
        "wanted": [row],
        "said": list(texts),
        "about": dict(focus),
    }


def _ended(
    status: Status, text: str, language: Language, *, candidates: list[str] | None = None
) -> dict[str, Any]:
    return {
        "language": language,
        "status": status.value,
        "sentences": [{"text": text, "facts": []}],
        "candidates": candidates or [],
    }
