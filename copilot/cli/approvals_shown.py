"""How actions that wait for people are shown: in a list, one in full, and for scripts."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape

from copilot.agent.approvals.applying import Applied
from copilot.agent.approvals.deciding import Decider
from copilot.agent.approvals.listing import ActionPage, ActionView
from copilot.agent.effects.destinations import place_of
from copilot.cli.console import err, out
from crm.models import ActionStatus, EffectKind
from crm.principal import Role

SCHEMA_VERSION = 1
_KINDS = {
    EffectKind.SAVE_MAIL_DRAFT: "save a mail draft · 存为邮件草稿",
    EffectKind.SEND_MAIL: "send a mail · 发送邮件",
    EffectKind.UPDATE_RECORD: "update a record · 更新记录",
    EffectKind.CREATE_TASK: "create a task · 新建任务",
    EffectKind.APPLY_FIELD_PROPOSAL: "apply a suggestion · 采纳建议",
    EffectKind.REQUEST_DISCOUNT: "give a discount · 给予折扣",
}
_STILL_DUE = frozenset({ActionStatus.APPROVED, ActionStatus.APPLYING})
_MAILS = frozenset({EffectKind.SAVE_MAIL_DRAFT, EffectKind.SEND_MAIL})
_RELATIONS = {
    "own": "who proposed it",
    "team": "of the proposer's team",
    "stand_in": "standing in for the proposer",
    "delegated": "to whom it is delegated",
    "recipient": "whose task it is to be",
    "": "any",
}


def as_document(view: ActionView) -> dict[str, Any]:
    """Return an action as scripts get it."""
    document = asdict(view)
    document["goes_to"] = None if view.kind in _MAILS else place_of(view.payload)
    document["created_at"] = view.created_at.isoformat()
    document["expires_at"] = view.expires_at.isoformat()
    document["applied_at"] = view.applied_at.isoformat() if view.applied_at else None
    return document


def print_actions(page: ActionPage, summaries: Sequence[str]) -> None:
    """Print what each action would do, and how many more there are; one summary an action."""
    if not page.actions:
        out.print("Nothing waits for you · 没有待处理事项")
        return
    for view, summary in zip(page.actions, summaries, strict=True):
        _print_row(view, summary)
    for view in page.actions:
        if view.error and view.status in _STILL_DUE:
            out.print(f"{view.id} was not done yet · 尚未执行: {view.error}", markup=False)
            out.print(f"  then · 届时: `sales-copilot approvals apply {view.id}`", markup=False)
    if page.more:
        last = page.actions[-1].id
        out.print(f"… and {page.more} more · 另有 {page.more} 项: `approvals list --before {last}`")


def print_action(view: ActionView, summary: str) -> None:
    """Print one action in full."""
    out.print(f"[bold]Action {view.id}[/] · {escape(_KINDS[view.kind])} · {view.status.value}")
    out.print(f"  {summary}", markup=False, highlight=False)
    out.print(f"  risk: {view.risk}   rule: {escape(view.rule)}")
    by = view.proposer or "the local owner"
    out.print(f"  proposed by {escape(by)}{f' through {escape(view.agent)}' if view.agent else ''}")
    if view.assignee:
        out.print(f"  delegated to {escape(view.assignee)}")
    if view.kind not in _MAILS:
        out.print(f"  goes to · 写往: {place_of(view.payload)}", markup=False)
    out.print("  would do:")
    payload = json.dumps(view.payload, ensure_ascii=False, indent=2)
    out.print("    " + payload.replace("\n", "\n    "), markup=False, highlight=False)
    for fact in view.evidence:
        out.print("  because: " + json.dumps(fact, ensure_ascii=False), markup=False)
    for vote in view.votes:
        why = f": {vote.reason}" if vote.reason else ""
        out.print(f"  {vote.person} {vote.vote} at {vote.at:%Y-%m-%d %H:%M}{why}", markup=False)
    waits = view.status is ActionStatus.WAITING
    for line in (decider_in_words(one) for one in view.deciders if waits):
        out.print(f"  may approve: {line}", markup=False)
    if view.result:
        out.print("  result: " + json.dumps(view.result, ensure_ascii=False), markup=False)
    if view.error:
        out.print(f"  error: {view.error}", markup=False)
    until = f"until {view.expires_at:%Y-%m-%d %H:%M} UTC, " if waits else ""
    out.print(f"  {until}hash {view.payload_sha256}")


def print_applied(one: Applied) -> None:
    """Print what came of carrying an action out."""
    if one.error:
        err.print(f"[red]action {one.id}[/]: {escape(one.error)}")
        return
    told = json.dumps(one.result or {}, ensure_ascii=False)
    already = "" if one.is_new else " (it was done before; nothing was done again)"
    out.print(f"Action {one.id} {one.status.value}{already}: {told}", markup=False)


def decider_in_words(one: Decider) -> str:
    """Return who it is that may approve."""
    who = (
        "the local owner"
        if one.role is Role.OWNER
        else f"{one.role.value}, {_RELATIONS[one.relation]}"
    )
    return f"{who}{', with a second person' if one.is_jointly else ''}"


def _print_row(view: ActionView, summary: str) -> None:
    """Print an action as a list has it: no table, for what would be done has to be read whole."""
    target = _target(view)
    on = f" · {target}" if target and target not in summary else ""
    head = f"{view.id} · {_KINDS[view.kind]}{on} · {view.status.value} · risk {view.risk}"
    out.print(head, style="bold", markup=False, highlight=False)
    out.print(f"    {summary}", markup=False, highlight=False)
    by = f"{view.proposer or 'owner'}{f' ({view.agent})' if view.agent else ''}"
    may = {"approve": "you may approve", "approve_jointly": "you may approve with another"}
    said = [f"by {by}", *([may[view.i_may]] if view.i_may else [])]
    if view.status is ActionStatus.WAITING:
        said.append(f"until {view.expires_at:%Y-%m-%d %H:%M} UTC")
    out.print(f"    {' · '.join(said)}", markup=False, highlight=False)


def _target(view: ActionView) -> str:
    if view.opportunity_id:
        return f"opportunity:{view.opportunity_id}"
    if view.account_id:
        return f"account:{view.account_id}"
    entity = view.payload.get("entity")
    return f"{entity}:{view.payload.get('entity_id')}" if entity else ""
