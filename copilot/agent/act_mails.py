"""Reads a request to send or save the draft of the thread: "send this draft", 发送这封邮件."""

import re

from copilot.agent.act_scene import Missing, Scene, missing, unquoted
from copilot.agent.approvals.proposing import Wanted
from copilot.agent.contract import Status
from copilot.agent.effects.mail_payload import check_address
from copilot.agent.recipients import find_person
from copilot.agent.wording import phrase
from copilot.grounding.pack.hostile import is_persons_name
from copilot.writers.learning.keeping import get_draft, stored_draft
from crm.errors import Ambiguous, NotFound
from crm.models import EffectKind

_IT = (
    r"(?:it|this|that|(?:this|that|the|my|your|above|last)(?: \w+)? (?:draft|e-?mail|mail|message"
    r"|letter|reply|follow-?up)|(?:the |my )?(?:draft|e-?mail|mail)(?: (?:no\.? ?|number )?"
    r"(?P<number>\d{1,9}))?)"
)
_BOX = (
    r"(?:(?:to|in|into|as|among)\s+(?:an? |my |the |our )?(?:e-?mail |mail )?(?:mail ?box|inbox"
    r"|drafts?(?: folder)?|outbox|outlook|gmail|mail|e-?mail)(?: (?:in|of) (?:my|the) \w+)?)"
)
_ZH_IT = r"(?:这|那|该|上面|刚才|刚刚)?的?(?:一)?(?:封|个|份|条)?(?:邮件|草稿|信件?|回复|它)"
_ZH_BOX = (
    r"(?:到|至|进|在|入)?(?:我的?|邮件)?(?:邮箱|邮件|草稿箱|草稿|收件箱|信箱)(?:里|中|的?草稿箱?)?"
)
_SAVE = (
    re.compile(rf"^(?:save|put|store|keep|file|place|copy) {_IT}\s+{_BOX}$", re.IGNORECASE),
    re.compile(rf"^(?:把|将)?{_ZH_IT}?(?P<number>\d{{1,9}})?(?:号)?(?:保存|存放|存|放){_ZH_BOX}$"),
    re.compile(rf"^(?:保存|存)(?P<number>)?{_ZH_IT}{_ZH_BOX}$"),
)
_SEND = (
    re.compile(
        rf"^(?:send|mail|e-?mail|dispatch) {_IT}(?: (?:off|out|now|right away|on))*"
        r"(?:\s+to (?P<to>.+))?$",
        re.IGNORECASE,
    ),
    re.compile(r"^(?P<number>)send it(?: (?:off|out|now))*(?:\s+to (?P<to>.+))?$", re.IGNORECASE),
    re.compile(
        rf"^(?:发送|寄出|发出|发掉|发)(?:一下)?{_ZH_IT}\s*(?P<number>\d{{1,9}})?(?:号)?"
        r"(?:给(?P<to>.+))?$"
    ),
    re.compile(
        rf"^(?:把|将){_ZH_IT}\s*(?P<number>\d{{1,9}})?(?:号)?(?:发送|寄出|发出去?|寄|发)(?:出去)?"
        r"(?:给(?P<to>.+))?$"
    ),
    re.compile(r"^(?P<number>)(?:发送|发出去?|寄出去?)(?:给(?P<to>.+))?$"),
)
_DRAFT = re.compile(
    r"\b(?:this|that|the|my) (?:\w+ )?draft\b|\bdraft \d|草稿|[这那]封", re.IGNORECASE
)
ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]，；、。：（）]+@[^\s<>,;:\"()\[\]，；、。：（）]+\w")
_JOINT = re.compile(r"\s*(?:,|;|、|，|；|\band\b|&|和|及|与)\s*", re.IGNORECASE)


def asks_mail(asked: str) -> bool:
    """Say whether the words ask to send or save a draft."""
    return any(pattern.match(asked) for pattern in (*_SAVE, *_SEND))


def names_a_draft(asked: str) -> bool:
    """Say whether the words speak of a draft by itself: "send it" may be anything."""
    return bool(_DRAFT.search(asked))


def read_mail(scene: Scene, asked: str) -> Wanted | None:
    """Return what is to become of a draft, None if the request is for something else.

    The payload says which draft and who receives it: those whom the caller named, else those to
    whom the draft is written. Raises Missing where no draft is meant, or nobody can receive it.
    """
    for kind, patterns in ((EffectKind.SAVE_MAIL_DRAFT, _SAVE), (EffectKind.SEND_MAIL, _SEND)):
        match = next((found for one in patterns if (found := one.match(asked))), None)
        if match is not None:
            return _wanted(scene, kind, match)
    return None


def _wanted(scene: Scene, kind: EffectKind, match: re.Match[str]) -> Wanted:
    named = match.groupdict()
    number = int(named["number"]) if named.get("number") else scene.focus.get("draft_id")
    if number is None:
        raise missing(scene, "act_which_draft")
    draft = stored_draft(get_draft(scene.session, number, principal=scene.principal))
    said = scene.given.get("to") or named.get("to") or ""
    to = (
        _named(scene, said)
        if said
        else [{"email": one.email, "name": one.name} for one in draft.to if one.email]
    )
    if not to:
        names = ", ".join(one.name for one in draft.to if is_persons_name(one.name))
        raise missing(
            scene, "act_no_address", slot="to", who=names or phrase("act_addressee", scene.language)
        )
    payload = {"draft_id": number, "to": to, "is_changed": bool(said)}
    return Wanted(
        kind,
        payload,
        key="",
        account_id=draft.account_id,
        opportunity_id=draft.opportunity_id,
    )


def _named(scene: Scene, said: str) -> list[dict[str, str]]:
    """Return the people whom the words name: addresses as they are, others from the contacts."""
    found: list[dict[str, str]] = []
    for part in _JOINT.split(unquoted(said)):
        address = ADDRESS.search(part)
        if address is not None:
            check_address(address[0])
            found.append({"email": address[0], "name": ""})
        elif part.strip():
            found.append(_contact(scene, part.strip()))
    return found


def _contact(scene: Scene, said: str) -> dict[str, str]:
    try:
        person = find_person(scene.session, said, scene.index, principal=scene.principal)
    except NotFound:
        text = phrase("unknown_name", scene.language, names=f"“{said}”")
        raise Missing(Status.NOT_FOUND, text, slot="to") from None
    except Ambiguous as error:
        text = phrase("ambiguous", scene.language, called=f"“{said}”")
        raise Missing(Status.AMBIGUOUS, text, error.candidates, slot="to") from None
    if not person.email:
        raise missing(scene, "act_no_address", slot="to", who=person.shown())
    name = person.name if is_persons_name(person.name) else ""
    return {"email": person.email, "name": name}
