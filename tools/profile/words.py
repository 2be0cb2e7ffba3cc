"""The words of a profile in English and Chinese: facts, labels, roles and money."""

import re
from datetime import date
from decimal import Decimal, InvalidOperation

from crm.money import format_money, to_minor
from tools.language import Language

_VALUE = re.compile(r"(-?[\d.]+) ([A-Z]{3})")
_SEPARATORS = re.compile(r"[\s_/-]+")

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "role": "{name} is {role} in {deal}",
        "field_said": "{label}: {value} ({title}, {day}): {reason}",
        "deal_field": "{label} of {deal} in the CRM: {value}",
        "close_date": "expected close",
        "amount": "amount",
        "stage": "stage",
        "competitor": "competitor",
        "competitor_crm": "Competitor of {deal} in the CRM: {value}",
        "budget": "budget",
        "economic_buyer": "economic buyer",
        "stance": "stance",
        "budget_gap": "budget and price",
        "moved": "{day}: expected close moved from {old} to {new}",
        "amount_moved": "{day}: amount changed from {old} to {new}",
        "quote": "quote {number}: {total}, discount {percent}, {status}",
        "until": ", valid until {day}",
        "task_fact": 'Open task "{subject}"{due}',
        "due": ", due {day}",
        "touch": "{day}: {what}{who}",
        "by": " by {who}",
        "case": "{subject} ({details})",
        "since": "since {day}",
        "cases": "Support cases opened since {day}: {count}; mean satisfaction {score} of 5",
        "cases_unscored": "Support cases opened since {day}: {count}",
        "money": "{name}, deals in {currency}: {open} open over {open_sum}, "
        "{won} won over {won_sum}, {lost} lost",
        "style": '{who} wrote on {day}: {count} words, opening with "{opening}"',
        "took_part": "{name} took part in {what} on {day}",
    },
    "zh": {
        "role": "{name}在{deal}中的角色：{role}",
        "field_said": "{label}：{value}（《{title}》{day}）：{reason}",
        "deal_field": "CRM 中{deal}的{label}：{value}",
        "close_date": "预计成交日期",
        "amount": "金额",
        "stage": "阶段",
        "competitor": "竞争对手",
        "competitor_crm": "CRM 中{deal}的竞争对手：{value}",
        "budget": "预算",
        "economic_buyer": "决策人",
        "stance": "立场",
        "budget_gap": "预算与价格",
        "moved": "{day}：预计成交日期从 {old} 改为 {new}",
        "amount_moved": "{day}：金额从 {old} 改为 {new}",
        "quote": "报价单 {number}：{total}，折扣 {percent}，状态 {status}",
        "until": "，有效期至 {day}",
        "task_fact": "未完成任务《{subject}》{due}",
        "due": "，截止 {day}",
        "touch": "{day}：{what}{who}",
        "by": "，{who}",
        "case": "{subject}（{details}）",
        "since": "自 {day} 起",
        "cases": "自 {day} 以来服务工单 {count} 个，平均满意度 {score}（满分 5）",
        "cases_unscored": "自 {day} 以来服务工单 {count} 个",
        "money": "{name}的{currency}商机：进行中 {open} 个共 {open_sum}，"
        "赢单 {won} 个共 {won_sum}，丢单 {lost} 个",
        "style": "{who}于 {day} 来信：{count} 字，开头为“{opening}”",
        "took_part": "{name} 于 {day} 参加了{what}",
    },
}

# Wordings of roles in exports, folded by `role_key`; what is not here is shown as it stands.
_ROLES = {
    "champion": ("champion", "sponsor", "coach", "advocate", "支持者", "内线", "教练"),
    "economic_buyer": (
        "economic buyer", "decision maker", "economic decision maker", "budget holder", "buyer",
        "executive sponsor", "approver", "决策人", "决策者", "拍板人", "预算负责人", "经济决策人",
    ),
    "blocker": ("blocker", "detractor", "opponent", "反对者", "阻碍者"),
    "procurement": ("procurement", "purchasing", "采购"),
    "technical": (
        "technical", "technical buyer", "evaluator", "technical evaluator", "技术", "技术评估",
    ),
    "user": ("user", "end user", "business user", "使用者", "用户", "使用人"),
    "influencer": ("influencer", "影响者"),
}  # fmt: skip
_KEYS = {word: key for key, words in _ROLES.items() for word in words}
_ROLE_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "champion": "champion", "economic_buyer": "economic buyer", "blocker": "blocker",
        "procurement": "procurement", "technical": "technical evaluator", "user": "user",
        "influencer": "influencer",
    },
    "zh": {
        "champion": "支持者", "economic_buyer": "决策人", "blocker": "反对者",
        "procurement": "采购", "technical": "技术评估", "user": "使用者", "influencer": "影响者",
    },
}  # fmt: skip


def role_key(role: str) -> str:
    """Return the plain key of a role however an export writes it; unknown ones folded only."""
    folded = _SEPARATORS.sub(" ", role).strip().casefold()
    return _KEYS.get(folded, folded)


def word_role(role: str, language: Language) -> str:
    """Return a role for people: in their language where it is a known one, else as it stands."""
    return _ROLE_WORDS[language].get(role_key(role), role)


def read_sum(value: str) -> tuple[Decimal, str] | None:
    """Return amount (major units) and currency of a proposal's "35000 USD", None if it is none."""
    match = _VALUE.fullmatch(value.strip())
    if match is None:
        return None
    try:
        return Decimal(match[1]), match[2]
    except InvalidOperation:
        return None


def word_value(value: str) -> str:
    """Return a proposal's value for people: sums as money, the rest as it stands."""
    amount = read_sum(value)
    if amount is None:
        return value
    return format_money(to_minor(*amount), amount[1])


def read_day(value: str) -> date | None:
    """Return the day of an ISO date, None if the value is none."""
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        return None


def join_listed(parts: list[str], language: Language) -> str:
    """Return parts joined as the language joins them."""
    return ("，" if language == "zh" else ", ").join(part for part in parts if part)
