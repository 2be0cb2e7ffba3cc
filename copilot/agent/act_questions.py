"""Questions about actions: "what waits for my approval?", 我让你做了什么？, and which are meant."""

import re

from copilot.agent.plan import Plan, Route

_FOR_ME = re.compile(
    r"\b(?:waits?|waiting|pending|open|outstanding)\b.*\bmy (?:approval|decision|sign[- ]?off|ok)\b"
    r"|\b(?:what|which|anything|something|do|does)\b.*\b(?:i|me)\b.*\b(?:need|have|supposed|must)?\b"
    r".*\b(?:to )?approve\b(?!d)"
    r"|\bneeds? my (?:approval|decision|sign[- ]?off|ok)\b"
    r"|^(?:show |list )?(?:me )?(?:my )?(?:pending|open|waiting) approvals\b"
    r"|^(?:show |list )(?:me )?my approvals\b"
    r"|等(?:着|待)?(?:我|本人)(?:来)?(?:的)?(?:审批|批准|审核|确认|同意|处理)|待我(?:审批|批准|审核)"
    r"|(?:需要|要)我(?:来)?(?:审批|批准|审核)|我(?:需要|要|该|得)(?:审批|批准)|我的待审批|我的待批",
    re.IGNORECASE,
)
_OF_MINE = re.compile(
    r"\bwhat (?:did|have|had) i (?:ask(?:ed)?|t(?:ell|old)|order(?:ed)?|request(?:ed)?)"
    r"(?: (?:you|the copilot))?(?: to (?:do|change|send|create))?\b"
    r"|\bwhat (?:did|have) you propos(?:e|ed)\b|\bmy (?:requests|proposals|proposed actions)\b"
    r"|\bwhat (?:have|did) you (?:do|done|change[d]?|create[d]?|sen[dt]) for me\b"
    r"|我(?:让|叫|请|要求|要|吩咐|交代)(?:了)?你(?:去|帮我)?(?:做|办|处理|改|发)(?:了|过)?(?:什么|哪些|啥|的)"
    r"|你(?:替|帮|为)我(?:做|办|改|发)(?:了|过)(?:什么|哪些|啥)|我(?:提交|发起)(?:了|过)?(?:什么|哪些)",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"\b(?:what|which|anything|everything|is there|are there|show|list)\b.*"
    r"\b(?:waits?|waiting|pending|open|outstanding)\b.*\b(?:approvals?|sign[- ]?off|actions?)\b"
    r"|\b(?:what|which) (?:actions?|proposals?) (?:wait|are (?:waiting|pending|open))\b"
    r"|(?:有什么|有哪些|哪些|什么).*(?:待|等待?|需要?)(?:审批|批准|审核)|待审批(?:的)?(?:事项|有哪些|列表)"
    r"|(?:待|等待)审批的(?:操作|动作|事项)",
    re.IGNORECASE,
)
# What the CRM holds is answered from there: a deal may wait for an approval too.
_RECORDS = re.compile(
    r"\b(?:deals?|opportunit\w+|quotes?|accounts?|contracts?|customers?|leads?|cases?)\b"
    r"|商机|单子|客户|报价|合同|线索|工单|项目",
    re.IGNORECASE,
)


_APPROVES = re.compile(
    r"(?:please |go ahead and |i )?(?:approve|reject|decline|accept|sign off(?: on)?|carry out)"
    r" (?:(?:it|that|this|them|both|all|everything)\b(?: of (?:it|them))?(?: please)?"
    r"|(?:the |my |this |all |that )*(?:waiting |open |pending )?"
    r"(?:actions?|proposals?|requests?|tasks?|changes?|discounts?)(?: (?:no\.? ?|number |#)?\d+)?"
    r"|(?:no\.? ?|number |#)?(?P<number>\d+))[\s.!]*"
    r"|(?:请|我)?(?:批准|同意|通过|驳回|拒绝|执行)(?:了)?(?:这个|这些|该|全部|所有|第)?(?:待审批的?)?"
    r"(?:操作|提议|申请|请求|任务|修改|折扣)?\s*(?:它|它们|全部|\d+)?\s*(?:号|项|个)?(?:操作|提议)?(?:吧)?[\s。！]*",
    re.IGNORECASE,
)


def approved_in_words(question: str) -> str | None:
    """Return the number, maybe empty, of what somebody would approve or reject in words.

    None where he asks for something else. Words approve nothing: a vote is bound to a payload.
    """
    asked = question.strip()
    if not _APPROVES.fullmatch(asked):
        return None
    number = re.search(r"\d+", asked)
    return number[0] if number else ""


def plan_of_listing(question: str) -> Plan | None:
    """Return the plan that lists actions: those to decide, those asked for, or all one may see."""
    if _RECORDS.search(question):
        return None
    for topic, pattern in (("to_decide", _FOR_ME), ("of_mine", _OF_MINE), ("open", _ALL)):
        if pattern.search(question):
            return Plan(route=Route.ACTIONS, topic=topic)
    return None
