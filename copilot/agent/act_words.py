"""The words for fields of records in both languages, and the value that a request gives one."""

import re
from collections.abc import Mapping

from sqlalchemy import select

from copilot.agent.act_scene import Missing, Scene, missing, the_day, unquoted
from copilot.agent.contract import Status
from copilot.agent.effects.fields import FIELDS, FieldShape
from copilot.agent.wording import phrase
from crm.access import visible
from crm.models import Opportunity, Stage, StageStatus
from tools.names import find_names
from tools.quantities import find_quantities

_SAID: Mapping[str, str] = {
    "next_step": r"next[ -]steps?|下一步(?:计划|行动|动作|工作)?|下步(?:计划)?",
    "expected_close_on": (
        r"(?:expected |planned |target )?(?:close|closing|signing)(?:[ -]?date)?"
        r"|(?:预计|预期|计划)?(?:成交|结单|关单|签约|签单|成单|关闭|赢单)(?:日期|时间|日)"
    ),
    "stage": r"(?:sales |deal )?(?:stage|phase)|(?:销售|商机)?阶段",
    "amount": r"(?:deal )?(?:amount|value|size|volume)|(?:商机|合同|预计)?金额",
    "competitor": r"(?:main )?competitor|(?:主要)?竞争对手|竞品|竞争者",
    "lost_reason": r"(?:lost?|loss) reason|reason (?:for loss|lost)|(?:丢|输|失)单原因",
    "forecast_category": r"forecast(?: category)?|预测(?:类别|分类)?",
    "lead_source": r"(?:lead )?source|(?:线索)?来源",
    "name": r"name|名称|名字",
    "industry": r"industry|行业",
    "country": r"country|国家",
    "city": r"city|城市",
    "domain": r"domain|website|域名|网站|网址",
    "employees": r"(?:number of )?employees|headcount|员工(?:人?数)?|人数",
    "email": r"e-?mail(?: address)?|邮箱(?:地址)?|电子邮[件箱]|邮件地址",
    "phone": r"(?:tele)?phone(?: number)?|mobile(?: number)?|电话(?:号码)?|手机号?码?",
    "title": r"(?:job )?title|职[位务称]|头衔",
    "language": r"language|语言",
    "status": r"status|状态",
    "company": r"company|公司",
}
FIELD = "|".join(_SAID.values())
"""What a field may be called, as a pattern without groups that capture."""

_WON = re.compile(r"^(?:closed[ -]?)?won$|^赢(?:单|了)?$|^成交$|^赢单关闭$", re.IGNORECASE)
_LOST = re.compile(r"^(?:closed[ -]?)?lost$|^(?:丢|输)(?:单|了)?$", re.IGNORECASE)
_STAGE = re.compile(r"^(?:the )?(?:stage|phase)\s+|\s*(?:stage|phase|阶段)$", re.IGNORECASE)
_MOST_SHOWN = 10


def field_called(words: str) -> str:
    """Return the field that the words name. They have to match `FIELD`."""
    return next(
        name for name, said in _SAID.items() if re.fullmatch(said, words.strip(), re.IGNORECASE)
    )


def entities_with(name: str) -> tuple[str, ...]:
    """Return the kinds of records that have this field; a deal comes first."""
    return tuple(entity for entity, fields in FIELDS.items() if name in fields)


def value_for(scene: Scene, entity: str, row_id: int, name: str, words: str) -> str:
    """Return the value as it is written into the field, from the caller's words alone.

    Raises Missing where the words give no one value that the field can hold.
    """
    said = unquoted(words)
    match FIELDS[entity][name]:
        case FieldShape.DATE:
            return the_day(scene, said, slot="day").isoformat()
        case FieldShape.STAGE:
            return _stage(scene, scene.given.get("stage", said))
        case FieldShape.MONEY:
            return _amount(scene, row_id, scene.given.get("amount", said))
        case FieldShape.COUNT:
            return re.sub(r"[,\s]", "", said)
        case FieldShape.TEXT:
            return said


def is_stage(scene: Scene, words: str) -> bool:
    """Say whether the words name a stage, or speak of one."""
    return bool(_STAGE.search(words)) or bool(_stages_called(scene, words))


def _stages_called(scene: Scene, words: str) -> list[str]:
    said = _STAGE.sub("", unquoted(words)).strip()
    stages = _stages(scene)
    for status, pattern in ((StageStatus.WON, _WON), (StageStatus.LOST, _LOST)):
        if pattern.match(said):
            return [name for name, held in stages if held == status]
    wanted = said.casefold()
    exact = [name for name, _ in stages if name.casefold() == wanted]
    if exact or not wanted:
        return exact
    part = [name for name, _ in stages if wanted in re.split(r"\s*[/,&–-]\s*", name.casefold())]
    if part:
        return part
    named = {
        one.name
        for mention in find_names(said, scene.index).mentions
        if mention.text == said and mention.exact
        for one in mention.candidates
        if one.dimension == "stage"
    }
    return [name for name, _ in stages if name in named]


def _stages(scene: Scene) -> list[tuple[str, str]]:
    statement = (
        select(Stage.name, Stage.status).where(Stage.deleted_at.is_(None)).order_by(Stage.position)
    )
    readable = visible(statement, Stage, scene.principal)
    return [(name, status) for name, status in scene.session.execute(readable)]


def _stage(scene: Scene, words: str) -> str:
    found = _stages_called(scene, words)
    if len(found) == 1:
        return found[0]
    shown = found or [name for name, _ in _stages(scene)]
    text = phrase("act_which_stage", scene.language, said=words)
    raise Missing(Status.AMBIGUOUS, text, shown[:_MOST_SHOWN], slot="stage")


def _amount(scene: Scene, row_id: int, words: str) -> str:
    """Return an amount in the deal's own currency. Raises Missing for another currency."""
    deal = scene.session.get(Opportunity, row_id)
    found = [one for one in find_quantities(words) if one.unit is None]
    currency = deal.currency if deal is not None else ""
    # Whatever else is said of the amount may be a currency that is not known here.
    beside = words.replace(found[0].text, " ", 1) if len(found) == 1 else words
    said = re.sub(r"[\W_]+", "", beside).upper()
    # 52.500 is fifty-two thousand to some, fifty-two and a half to others.
    if re.search(r"(?<![\d.,])\d{1,3}\.\d{3}(?![\d.,kKmM万亿千百])", words):
        raise missing(scene, "act_which_amount", slot="amount", said=words, currency=currency)
    if len(found) != 1 or found[0].currency not in {None, currency} or said not in {"", currency}:
        raise missing(scene, "act_which_amount", slot="amount", said=words, currency=currency)
    return f"{found[0].value.normalize():f} {currency}"
