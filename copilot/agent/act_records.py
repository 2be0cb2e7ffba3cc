"""Which record a request means: by number, by the CRM's own id, by name, or the one just shown."""

import re
from dataclasses import dataclass

from sqlalchemy import func, or_, select

from copilot.agent.act_leads import LEAD, find_leads
from copilot.agent.act_scene import ENDS, Missing, Scene, missing, unquoted
from copilot.agent.contract import Status
from copilot.agent.effects.fields import MODELS, find_record
from copilot.agent.recipients import find_person
from copilot.agent.wording import phrase
from copilot.grounding.pack.hostile import name_and_address, told_name
from crm.access import visible
from crm.errors import Ambiguous, CopilotError, NotFound
from crm.models import Account, Contact, Lead, Opportunity, StageStatus
from tools.names import NamedThing, NameMention, find_names
from tools.records import FindOpportunities, find_opportunities

_ENTITIES = {
    "deal": "opportunity", "opportunity": "opportunity", "account": "account",
    "customer": "account", "company": "account", "contact": "contact", "lead": "lead",
    "商机": "opportunity", "客户": "account", "联系人": "contact", "线索": "lead",
}  # fmt: skip
_WORD = "|".join(_ENTITIES)
_NUMBERED = re.compile(
    rf"^(?:the )?(?P<what>{_WORD})\s*(?:[:#№]|no\.?|number|编?号|id)?\s*(?P<number>\d{{1,9}})号?$",
    re.IGNORECASE,
)
_AROUND = re.compile(
    rf"^(?:the|our|my|this|that|it|its|deal|opportunity|account|customer|contact|lead|with|for"
    rf"|这个?|该|那个?|我们?的?|{_WORD})(?![\w-])[\s:#]*|^(?:商机|客户|联系人|线索)"
    rf"|[\s,]*(?<![\w-])(?:deal|opportunity|account|customer|contact|lead)$"
    r"|的?(?:商机|单子|客户|项目|联系人|线索)$|['’]s?$|的$",
    re.IGNORECASE,
)
_ITSELF = re.compile(
    r"^(?:it|its|the|this|that|this deal['’]s"
    r"|(?:this|that|the) (?:deal|opportunity|one|account|customer)|它|其"
    r"|(?:这|那|该)(?:个|家|单)?(?:商机|单子|客户|项目)?)?$",
    re.IGNORECASE,
)
_OWN_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\d[A-Za-z0-9_-]*")
_MOST_DEALS, _MOST_SHOWN = 100, 10


@dataclass(frozen=True)
class Target:
    """A record that may be changed, and the account and deal it is on."""

    entity: str
    id: int
    name: str
    account_id: int | None
    opportunity_id: int | None


def find_deal(scene: Scene, words: str) -> Target:
    """Return the deal that the words mean: itself, or the one open deal of what they name.

    Raises Missing where they mean none or several: nothing is guessed.
    """
    found = find_target(scene, words, ("opportunity", "account", "contact"))
    if found.entity == "opportunity":
        return found
    if found.account_id is None:
        raise missing(scene, "act_which_deal", slot="record")
    return _open_deal(scene, found.account_id, said=unquoted(words) or found.name)


def find_target(scene: Scene, words: str, entities: tuple[str, ...]) -> Target:
    """Return the record of one of these kinds that the words mean, the first kind preferred.

    Raises Missing where they mean none or several.
    """
    said = unquoted(scene.given.get("record", words))
    if "lead" in entities and LEAD.search(said):
        entities = ("lead",)
    if _ITSELF.match(said):
        return _in_focus(scene, entities)
    for name in dict.fromkeys((said, _bare(said))):
        found = _numbered(scene, name, entities) or _by_own_id(scene, name, entities)
        found = found or _called(scene, name, entities) or _by_name(scene, name, entities)
        if found is not None:
            return found
    text = phrase("unknown_name", scene.language, names=f"“{said}”")
    raise Missing(Status.NOT_FOUND, text, slot="record")


def target_of(scene: Scene, entity: str, row_id: int) -> Target:
    """Return a record by its number. Raises NotFound."""
    row = find_record(scene.session, entity, row_id, scene.principal)
    name = told_name(entity, row_id, row.name)
    match row:
        case Opportunity():
            return Target(entity, row.id, name, row.account_id, row.id)
        case Account():
            return Target(entity, row.id, name, row.id, None)
        case Contact():
            return Target(entity, row.id, name, row.account_id, None)
        case Lead():
            return Target(entity, row.id, name, None, row.opportunity_id)


def deal_by_own_id(scene: Scene, text: str) -> int | None:
    """Return the deal whose own id in the CRM stands in the text as a word; None without one."""
    for word in dict.fromkeys(_OWN_ID.findall(text)):
        found = _by_own_id(scene, word, ("opportunity",))
        if found is not None:
            return found.id
    return None


def _bare(said: str) -> str:
    before = None
    while before != said:
        before = said
        said = _AROUND.sub("", said.strip(ENDS)).strip(ENDS)
    return said


def _in_focus(scene: Scene, entities: tuple[str, ...]) -> Target:
    for entity in entities:
        row_id = scene.focus.get(f"{entity}_id")
        if row_id is not None:
            return target_of(scene, entity, row_id)
    is_deal = entities[0] == "opportunity"
    raise missing(scene, "act_which_deal" if is_deal else "act_which_record", slot="record")


def _numbered(scene: Scene, said: str, entities: tuple[str, ...]) -> Target | None:
    picked = re.search(r"\((\w+:\d{1,9})\)$", said)
    match = _NUMBERED.match(picked[1] if picked else said)
    entity = _ENTITIES[match["what"].lower()] if match else ""
    if match is None or entity not in entities:
        return None
    try:
        return target_of(scene, entity, int(match["number"]))
    except NotFound:
        # "Deal 7" may as well be a deal's name.
        return None


def _by_own_id(scene: Scene, said: str, entities: tuple[str, ...]) -> Target | None:
    """Return the record that another system knows by this id."""
    if not re.search(r"\d", said) or len(said) > 100:
        return None
    found: list[Target] = []
    for entity in entities:
        model = MODELS[entity]
        same = func.lower(model.external_id) == said.lower()
        statement = select(model.id).where(same).limit(_MOST_SHOWN)
        ids = scene.session.scalars(visible(statement, model, scene.principal)).all()
        found += [target_of(scene, entity, row_id) for row_id in ids]
    if len(found) > 1:
        raise _several(scene, said, found)
    return found[0] if found else None


def _called(scene: Scene, said: str, entities: tuple[str, ...]) -> Target | None:
    """Return the one record of exactly this name, whatever words it is made of."""
    for entity in entities:
        model = MODELS[entity]
        # SQLite lowers the letters of ASCII alone: É stays É.
        same = or_(func.lower(model.name) == said.lower(), model.name == said)
        statement = select(model.id).where(same).limit(_MOST_SHOWN)
        ids = scene.session.scalars(visible(statement, model, scene.principal)).all()
        if len(ids) == 1:
            return target_of(scene, entity, ids[0])
    return None


def _by_name(scene: Scene, said: str, entities: tuple[str, ...]) -> Target | None:
    mentions = find_names(said, scene.index).mentions
    for entity in entities:
        for mention in mentions:
            fit = _fitting(mention, entity)
            if not fit:
                continue
            if len(fit) > 1 or not mention.exact:
                fit = _narrowed(fit, said, mention)
            found = [target_of(scene, entity, one.id or 0) for one in fit]
            if len(found) > 1 or not mention.exact:
                raise _several(scene, mention.text, found)
            return _deal_within(scene, found[0], said, mention, entities)
    person = _person(scene, said) if "contact" in entities else None
    return person or (_lead(scene, said) if "lead" in entities else None)


def _fitting(mention: NameMention, entity: str) -> list[NamedThing]:
    return [one for one in mention.candidates if one.dimension == entity and one.id is not None]


def _narrowed(fit: list[NamedThing], said: str, mention: NameMention) -> list[NamedThing]:
    """Keep those whose names hold the other words too, if that leaves any."""
    rest = [word.lower() for word in re.findall(r"\w+", said.replace(mention.text, " "))]
    kept = [one for one in fit if rest and all(word in one.name.lower() for word in rest)]
    return kept or fit


def _deal_within(
    scene: Scene, found: Target, said: str, mention: NameMention, entities: tuple[str, ...]
) -> Target:
    """Return the account's deal that the other words tell, where they tell exactly one."""
    rest = re.findall(r"\w+", _bare(said.replace(mention.text, " ")))
    if found.entity != "account" or entities[0] != "opportunity" or not rest:
        return found
    deals = [
        one
        for one in _open_deals(scene, found.id)
        if all(word.lower() in one.name.lower() for word in rest)
    ]
    return deals[0] if len(deals) == 1 else found


def _person(scene: Scene, said: str) -> Target | None:
    """Return the contact who is called so, 王总 included."""
    if not said or len(said) > 60:
        return None
    try:
        found = find_person(scene.session, said, scene.index, principal=scene.principal)
    except NotFound:
        return None
    except Ambiguous as error:
        text = phrase("ambiguous", scene.language, called=f"“{said}”")
        raise Missing(Status.AMBIGUOUS, text, error.candidates, slot="record") from None
    return target_of(scene, "contact", found.contact_id)


def _lead(scene: Scene, said: str) -> Target | None:
    """Return the lead of this name or company. Raises Missing where several fit."""
    found = [target_of(scene, "lead", row_id) for row_id in find_leads(scene, said)[:_MOST_DEALS]]
    if len(found) > 1:
        raise _several(scene, said, found)
    return found[0] if found else None


def _open_deal(scene: Scene, account_id: int, *, said: str) -> Target:
    deals = _open_deals(scene, account_id)
    if len(deals) == 1:
        return deals[0]
    if not deals:
        text = phrase("act_no_deal", scene.language, who=said)
        raise Missing(Status.NOT_FOUND, text, slot="record")
    raise _several(scene, said, deals)


def _open_deals(scene: Scene, account_id: int) -> list[Target]:
    wanted = FindOpportunities(
        account_id=account_id, status=StageStatus.OPEN, order="opened", limit=_MOST_DEALS
    )
    try:
        found = find_opportunities(
            scene.session, wanted, principal=scene.principal, as_of=scene.request.as_of
        )
    except CopilotError:
        return []
    return [
        Target(
            "opportunity", one.id, told_name("opportunity", one.id, one.name), account_id, one.id
        )
        for one in found.records
    ]


def _several(scene: Scene, said: str, found: list[Target]) -> Missing:
    text = phrase("ambiguous", scene.language, called=f"“{said}”")
    shown = [name_and_address(one.entity, one.id, one.name) for one in found[:_MOST_SHOWN]]
    return Missing(Status.AMBIGUOUS, text, shown, slot="record")
