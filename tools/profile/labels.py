"""What the parts of a profile are called where it is shown, in English and Chinese."""

import re
import unicodedata
from collections.abc import Mapping

from crm.facts import Fact, FactKind
from tools.language import Language
from tools.profile.model import Stance, Topic, Urgency

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "account": "account",
        "employees": "{count} employees",
        "now": "Where things stand",
        "last": "last contact",
        "heard": "last heard",
        "sent": "last from us",
        "never": "no contact is recorded",
        "ago": "({days} ago)",
        "day": "{count} day",
        "days": "{count} days",
        "turn": "whose turn",
        "waiting_ours": "they wrote last: our answer has been due for {days}",
        "waiting_customer": "we wrote last: no answer for {days}",
        "planned": "planned",
        "money": "money",
        "money_line": "{open} open ({open_sum}) · {won} won ({won_sum}) · {lost} lost",
        "contradictions": "Does not agree, the newest first",
        "commitments": "Open commitments",
        "commitments_we": "we",
        "commitments_they": "they",
        "questions": "Unanswered questions",
        "questions_we": "we asked",
        "questions_they": "they asked",
        "settled": "seems settled by",
        "deals": "Deals",
        "close": "close {day}",
        "close_late": "close {day}, past",
        "closed": "closed {day}",
        "pushed": "moved back {count}×, {days:+d} days in all",
        "next_step": "next: {text}",
        "people": "People",
        "unknown": "not in the CRM",
        "heard_ago": "heard {days} ago",
        "silent": "never answered",
        "unsure": "unsure",
        "talk": "call",
        "mail": "mail",
        "source_opportunity": "deal",
        "source_activity": "task",
        "source_logged": "activity",
        "source_quote": "quote",
        "source_case": "case",
        "source_account": "account",
        "source_contact": "contact",
        "style": "How they write",
        "language_en": "English",
        "language_zh": "Chinese",
        "length_en": "about {count} words",
        "length_zh": "about {count} characters",
        "greets": "greets “{text}”",
        "signs": "signs off “{text}”",
        "mails": "from {count} of their mails",
        "service": "Support",
        "open_case": "open",
        "cases": "{count} cases in {days} days, satisfaction {score} of 5 ({scores} scored)",
        "cases_unscored": "{count} cases in {days} days, no satisfaction scores",
        "recent": "Before that",
        "coverage": "As of {day}, from {count} conversations and the CRM",
        "looked_at": "the newest {count} read",
        "unread": "{count} not understood yet: `sales-copilot notes ID` reads one",
        "of": "{shown} of {total}",
    },
    "zh": {
        "account": "客户",
        "employees": "{count} 名员工",
        "now": "当前情况",
        "last": "最近联系",
        "heard": "客户最近来信",
        "sent": "我方最近联系",
        "never": "没有任何联系记录",
        "ago": "（{days}前）",
        "day": "{count} 天",
        "days": "{count} 天",
        "turn": "该谁回复",
        "waiting_ours": "对方最后来信，已等我方回复 {days}",
        "waiting_customer": "我方最后去信，对方 {days}未回复",
        "planned": "已约",
        "money": "金额",
        "money_line": "进行中 {open} 个（{open_sum}）· 赢单 {won} 个（{won_sum}）· 丢单 {lost} 个",
        "contradictions": "互相矛盾，最新在前",
        "commitments": "未完成的承诺",
        "commitments_we": "我方",
        "commitments_they": "客户",
        "questions": "未回答的问题",
        "questions_we": "我方问",
        "questions_they": "客户问",
        "settled": "似已由此解决",
        "deals": "商机",
        "close": "预计 {day} 成交",
        "close_late": "预计 {day} 成交，已过期",
        "closed": "{day} 关闭",
        "pushed": "推迟 {count} 次，共 {days:+d} 天",
        "next_step": "下一步：{text}",
        "people": "人员",
        "unknown": "不在 CRM 中",
        "heard_ago": "{days}前有联系",
        "silent": "从未回复",
        "unsure": "不确定",
        "talk": "通话",
        "mail": "邮件",
        "source_opportunity": "商机",
        "source_activity": "任务",
        "source_logged": "活动",
        "source_quote": "报价",
        "source_case": "工单",
        "source_account": "客户",
        "source_contact": "联系人",
        "style": "写作习惯",
        "language_en": "英文",
        "language_zh": "中文",
        "length_en": "约 {count} 词",
        "length_zh": "约 {count} 字",
        "greets": "称呼“{text}”",
        "signs": "落款“{text}”",
        "mails": "据其 {count} 封邮件",
        "service": "服务",
        "open_case": "未关闭",
        "cases": "近 {days} 天工单 {count} 个，满意度 {score}/5（{scores} 次评分）",
        "cases_unscored": "近 {days} 天工单 {count} 个，无满意度评分",
        "recent": "更早的联系",
        "coverage": "截至 {day}，依据 {count} 次会话和 CRM",
        "looked_at": "仅读取最新 {count} 次",
        "unread": "{count} 次尚未解读：`sales-copilot notes ID` 可解读",
        "of": "显示 {shown}，共 {total}",
    },
}
TOPICS: Mapping[Language, Mapping[Topic, str]] = {
    "en": {
        Topic.PAIN: "Pains",
        Topic.NEED: "Needs and criteria",
        Topic.IMPACT: "Numbers they gave",
        Topic.OBJECTION: "Objections",
        Topic.COMPETITOR: "Competitors",
        Topic.PROCESS: "How they decide",
        Topic.BUDGET: "Budget",
        Topic.TIMELINE: "Timing they named",
    },
    "zh": {
        Topic.PAIN: "痛点",
        Topic.NEED: "需求与决策标准",
        Topic.IMPACT: "客户给出的数据",
        Topic.OBJECTION: "异议",
        Topic.COMPETITOR: "竞争对手",
        Topic.PROCESS: "决策流程",
        Topic.BUDGET: "预算",
        Topic.TIMELINE: "客户说的时间",
    },
}
URGENCY: Mapping[Language, Mapping[str, str]] = {
    "en": {
        Urgency.OVERDUE: "({days} overdue)",
        Urgency.DUE: "(in {days})",
        Urgency.UNDATED: "",
        Urgency.LIKELY_DONE: "(likely done)",
        "today": "(today)",
    },
    "zh": {
        Urgency.OVERDUE: "（逾期 {days}）",
        Urgency.DUE: "（还有 {days}）",
        Urgency.UNDATED: "",
        Urgency.LIKELY_DONE: "（可能已完成）",
        "today": "（今天）",
    },
}
STANCES: Mapping[Language, Mapping[Stance, str]] = {
    "en": {
        Stance.CHAMPION: "champion",
        Stance.BLOCKER: "blocker",
        Stance.CRITICAL: "critical",
    },
    "zh": {Stance.CHAMPION: "支持者", Stance.BLOCKER: "反对者", Stance.CRITICAL: "持异议"},
}
FORMALITY: Mapping[Language, Mapping[str, str]] = {
    "en": {"formal": "formal", "neutral": "neutral tone", "casual": "casual"},
    "zh": {"formal": "正式", "neutral": "语气中性", "casual": "随意"},
}
_SOURCE = re.compile(r"(?P<entity>[a-z_]+):(?P<id>\d+)(?:#[\d-]+)?(?:@(?P<moment>[\d:]+))?")


def plain(text: str) -> str:
    """Return text from outside on one line, without anything that steers a terminal."""
    kept = (" " if char.isspace() else char for char in text)
    shown = "".join(char for char in kept if unicodedata.category(char) not in ("Cc", "Cf", "Cs"))
    return " ".join(shown.split())


def short_source(fact: Fact, language: Language) -> str:
    """Return a fact's address in little: `call 12 03:10`, `mail 7`, `deal 3`."""
    match = _SOURCE.match(fact.source)
    if match is None:
        return plain(fact.source)
    entity, words = match["entity"], WORDS[language]
    if entity == "conversation":
        kind = "mail" if fact.kind is FactKind.EMAIL else "talk"
        moment = f" {match['moment']}" if match["moment"] else ""
        return f"{words[kind]} {match['id']}{moment}"
    if entity == "activity" and fact.text.startswith(f"{fact.as_of:%Y-%m-%d}"):
        entity = "logged"
    return f"{words.get(f'source_{entity}', entity)} {match['id']}"
