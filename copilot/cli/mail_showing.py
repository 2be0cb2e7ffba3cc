"""How a mail that waits or went out is shown: whole, with its facts, and who has to approve it."""

from typing import Any

from rich.markup import escape
from rich.panel import Panel

from copilot.agent.approvals.applying import Applied
from copilot.agent.approvals.listing import ActionView
from copilot.agent.approvals.payloads import Risk
from copilot.cli.approvals_shown import SCHEMA_VERSION, as_document, decider_in_words
from copilot.cli.console import out
from crm.models import ActionStatus, EffectKind, SavedDraft

_SHOWN_FACTS = 20
_WORDS = {
    "en": {
        "from": "From", "to": "To", "cc": "Cc", "subject": "Subject", "answers": "Answers",
        "attached": "Attached", "facts": "It rests on", "more": "… and {count} more",
        "own": "In the sender's own words, which nothing verified",
        "high": "It needs somebody above: it promises what no fact carries, or leaves by a "
        "colleague's mailbox.",
        "may": "May approve", "ask_send": "Approve and send it now?",
        "ask_save": "Approve and save it in the mailbox now?",
        "sent": "Sent.", "saved": "Saved in {folder!r}; nothing was sent.",
        "before": "That was done before; nothing was done again.",
        "waits": "It waits as action {id}: `approvals approve {id}`, `approvals edit {id}`, "
        "`approvals reject {id}`.",
        "short": "Your approval counts; one more person has to approve action {id}.",
        "is": "Action {id} is {status}.",
    },
    "zh": {
        "from": "发件人", "to": "收件人", "cc": "抄送", "subject": "主题", "answers": "回复",
        "attached": "附件", "facts": "依据", "more": "……另有 {count} 条",
        "own": "以下为发件人自己写入、未经核实的内容",
        "high": "需要上级同意：其中的承诺没有依据，或经同事的邮箱发出。",
        "may": "可以批准的人", "ask_send": "现在批准并发送吗？",
        "ask_save": "现在批准并存入邮箱吗？",
        "sent": "已发送。", "saved": "已存入 {folder!r}，未发送。",
        "before": "此前已完成，没有重复执行。",
        "waits": "待批准，编号 {id}：`approvals approve {id}`、`approvals edit {id}`、"
        "`approvals reject {id}`。",
        "short": "您的批准已计入；操作 {id} 还需另一人批准。",
        "is": "操作 {id} 的状态：{status}。",
    },
}  # fmt: skip


def mail_document(
    view: ActionView, came: Applied | None, row: SavedDraft, *, is_short: bool
) -> dict[str, Any]:
    """Return what scripts get; `is_short` says that --yes was given and did not suffice."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "needs_approval" if is_short else "done",
        "draft_id": row.id,
        "action_status": view.status.value,
        "is_new": came.is_new if came else False,
        "result": view.result,
        "action": as_document(view),
    }


def print_mail(view: ActionView, row: SavedDraft) -> None:
    """Print the mail as it would go out, what it rests on, and who may approve it."""
    words, payload = _words(row), view.payload
    lines = [
        f"{words['from']}: {_address(payload['from'])}",
        f"{words['to']}: {', '.join(_address(one) for one in payload['to'])}",
    ]
    if payload.get("cc"):
        lines.append(f"{words['cc']}: {', '.join(_address(one) for one in payload['cc'])}")
    lines.append(f"{words['subject']}: {payload['subject']}")
    if payload.get("in_reply_to"):
        lines.append(f"{words['answers']}: {payload['in_reply_to']}")
    if payload.get("attachments"):
        names = ", ".join(str(one["path"]) for one in payload["attachments"])
        lines.append(f"{words['attached']}: {names}")
    out.print(Panel(escape("\n".join([*lines, "", payload["body"]]))))
    _print_evidence(view, words)
    if view.status is ActionStatus.WAITING:
        if view.risk == Risk.HIGH:
            out.print(f"[bold yellow]{escape(words['high'])}[/]")
        people = "; ".join(decider_in_words(one) for one in view.deciders)
        out.print(f"{words['may']}: {people}", markup=False, highlight=False)


def question_of(view: ActionView, row: SavedDraft) -> str:
    """Return what a person is asked before it happens."""
    is_send = view.kind is EffectKind.SEND_MAIL
    return _words(row)["ask_send" if is_send else "ask_save"]


def print_outcome(view: ActionView, came: Applied | None, row: SavedDraft) -> None:
    """Print what came of it."""
    words = _words(row)
    if view.status is ActionStatus.APPLIED:
        folder = (view.result or {}).get("folder")
        done = words["sent" if view.kind is EffectKind.SEND_MAIL else "saved"]
        again = "" if came is None or came.is_new else f" {words['before']}"
        out.print(f"✓ {done.format(folder=folder)}{again}", markup=False, highlight=False)
        return
    key = "is"
    if view.status is ActionStatus.WAITING:
        key = "short" if view.votes else "waits"
    said = words[key].format(id=view.id, status=view.status.value)
    out.print(said, markup=False, highlight=False)


def _print_evidence(view: ActionView, words: dict[str, str]) -> None:
    facts = [one for one in view.evidence if one.get("text")]
    if facts:
        out.print(f"[dim]{words['facts']}:[/]")
    for one in facts[:_SHOWN_FACTS]:
        out.print(f"[dim]  {escape(str(one['text']))} ({escape(str(one.get('id')))})[/]")
    if len(facts) > _SHOWN_FACTS:
        out.print(f"[dim]  {words['more'].format(count=len(facts) - _SHOWN_FACTS)}[/]")
    own = [str(each) for one in view.evidence for each in one.get("own_words", ())]
    if own:
        out.print(f"[yellow]{words['own']}:[/] {escape(' · '.join(own))}", highlight=False)


def _address(person: dict[str, Any]) -> str:
    name = person.get("name")
    return f"{name} <{person['email']}>" if name else str(person["email"])


def _words(row: SavedDraft) -> dict[str, str]:
    return _WORDS["zh" if row.language == "zh" else "en"]
