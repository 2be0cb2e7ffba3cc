"""How drafts and proposals look on a terminal, and the documents that scripts get of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.markup import escape
from rich.panel import Panel

from copilot.agent.drafting import Kept
from copilot.cli.console import out
from copilot.grounding.pack.asked import Channel
from copilot.grounding.sentences import CitedSentence, Dropped
from copilot.writers.documents.markdown_text import render_markdown
from copilot.writers.draft import Approval, Draft
from copilot.writers.proposals.proposal import Proposal
from crm.facts import Fact
from tools.language import Language

SCHEMA_VERSION = 2
PROPOSAL_SCHEMA_VERSION = 1
_SHOWN_FACTS = 20
_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "open": "To settle before it leaves",
        "questions": "Open questions",
        "approval": "It commits us to something without an approved source: somebody above has to "
        "agree.",
        "without_model": "The language model was not available, so what it should have worded is "
        "facts and quotations only, put together by rules. Read it over, or draft it again later.",
        "cut": "Cut",
        "style": "In your voice",
        "kept": "Draft {id}. Sent it? `sales-copilot drafts accept {id}`. Changed it? `drafts edit "
        "{id} --file final.txt`. Not good? `drafts reject {id} --reason …`",
        "sendable": "Into your mailbox: `drafts save {id}`; out of it: `drafts send {id}`.",
        "not_kept": "This draft could not be kept, so there is nothing to accept.",
        "unsent": "a draft: nothing was sent",
        "tokens": "tokens",
        "more": "… and {count} more: --json lists them all",
        "written": "Written:",
        "nobody": "nobody: the CRM has no addressee",
    },
    "zh": {
        "open": "发出前需确认",
        "questions": "待回答的问题",
        "approval": "其中的承诺没有已批准的依据，需要上级同意。",
        "without_model": "语言模型不可用，本应由它撰写的部分只含事实和引文，由规则拼成。"
        "请通读，或稍后重新起草。",
        "cut": "已删去",
        "style": "按您的习惯",
        "kept": "草稿 {id}。已采用：`sales-copilot drafts accept {id}`；已修改：`drafts edit {id} "
        "--file 终稿.txt`；不用：`drafts reject {id} --reason …`",
        "sendable": "存入邮箱：`drafts save {id}`；由邮箱发出：`drafts send {id}`。",
        "not_kept": "草稿未能保存，因此无法采用或修改。",
        "unsent": "这是草稿，未发送任何内容",
        "tokens": "tokens",
        "more": "……另有 {count} 条：--json 全部列出",
        "written": "已写入：",
        "nobody": "没有收件人：CRM 里没有联系人",
    },
}


def draft_document(kept: Kept, took_ms: int, *, path: str | None = None) -> dict[str, Any]:
    """Return a draft in the shape that scripts rely on; `path` is the file written, if any."""
    draft = kept.draft
    document = draft.model_dump(mode="json", exclude={"tokens_in", "tokens_out", "paragraphs"})
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "answered",
        "draft_id": kept.draft_id,
        **document,
        "sentences": [one.model_dump(mode="json") for one in draft.sentences],
        "path": path,
        "took_ms": took_ms,
        "tokens": {"in": draft.tokens_in, "out": draft.tokens_out},
    }


def proposal_document(made: Proposal, took_ms: int, *, path: str | None = None) -> dict[str, Any]:
    """Return a proposal in the shape that scripts rely on; its text is Markdown."""
    return {
        "schema_version": PROPOSAL_SCHEMA_VERSION,
        "status": "answered",
        "kind": "proposal",
        "opportunity_id": made.opportunity_id,
        "language": made.language,
        "title": made.content.title,
        "to": [person.name for person in made.content.prepared_for],
        "body": render_markdown(made.content, with_notes=False),
        "sentences": [one.model_dump(mode="json") for one in made.sentences],
        "facts": [fact.model_dump(mode="json") for fact in made.facts],
        "open_points": [{"where": one.where, "what": one.what} for one in made.open_points],
        "approval": made.approval.value,
        "dropped": [one.model_dump(mode="json") for one in made.dropped],
        "without_model": made.without_model,
        "path": path,
        "took_ms": took_ms,
        "tokens": {"in": made.tokens_in, "out": made.tokens_out},
    }


def show_draft(kept: Kept, took_ms: int) -> None:
    """Print the letter, then what each sentence rests on, what is open, and what to do next."""
    draft = kept.draft
    words = _WORDS[draft.language]
    out.print(_letter(draft, words))
    _sentences(draft.sentences, draft.facts, words)
    _open([(one.placeholder, one.reason) for one in draft.open_points], words)
    _listed(words["questions"], draft.open_questions, "?")
    if draft.approval is Approval.ELEVATED:
        out.print(f"[bold yellow]{escape(words['approval'])}[/]")
    _without_model(draft.without_model, words)
    _dropped(draft.dropped, words)
    _listed(words["style"], draft.style_sources, "·")
    fate = words["not_kept"] if kept.draft_id is None else words["kept"].format(id=kept.draft_id)
    out.print(f"\n{escape(fate)}")
    if kept.draft_id is not None and draft.channel is Channel.EMAIL:
        out.print(escape(words["sendable"].format(id=kept.draft_id)))
    _foot(took_ms, draft.tokens_in, draft.tokens_out, words)


def show_proposal(made: Proposal, took_ms: int) -> None:
    """Print the proposal as text, its facts, what is open and what was cut."""
    words = _WORDS[made.language]
    text = render_markdown(made.content, with_notes=False)
    out.print(Panel(escape(text), title=escape(made.content.title)))
    _sentences(made.sentences, made.facts, words)
    _proposal_remarks(made, words)
    _foot(took_ms, made.tokens_in, made.tokens_out, words)


def show_written(path: str, language: Language) -> None:
    """Print where the file is."""
    out.print(f"[green]✓[/] {_WORDS[language]['written']} {escape(path)}", soft_wrap=True)


def show_proposal_summary(made: Proposal, took_ms: int) -> None:
    """Print what is open and what was cut, where the proposal itself went to a file."""
    words = _WORDS[made.language]
    out.print(f"[bold]{escape(made.content.title)}[/]")
    _proposal_remarks(made, words)
    _foot(took_ms, made.tokens_in, made.tokens_out, words)


def _proposal_remarks(made: Proposal, words: dict[str, str]) -> None:
    _open([(one.where, one.what) for one in made.open_points], words)
    if made.approval is Approval.ELEVATED:
        out.print(f"[bold yellow]{escape(words['approval'])}[/]")
    _without_model(made.without_model, words)
    _dropped(made.dropped, words)


def _letter(draft: Draft, words: dict[str, str]) -> Panel:
    to = ", ".join(f"{one.name} <{one.email}>" if one.email else one.name for one in draft.to)
    title = draft.subject or draft.channel.value
    return Panel(
        escape(draft.body), title=escape(title), subtitle=escape(to) or escape(words["nobody"])
    )


def _sentences(
    sentences: Iterable[CitedSentence], facts: Sequence[Fact], words: dict[str, str]
) -> None:
    cited: set[str] = set()
    for sentence in sentences:
        cited |= set(sentence.facts)
        ids = " ".join(sentence.facts) or "—"
        out.print(f"[bold]{escape(ids)}[/] {escape(sentence.text)}")
    out.print()
    shown = [fact for fact in facts if fact.id in cited]
    for fact in shown[:_SHOWN_FACTS]:
        out.print(f"[dim][bold]{fact.id}[/] {escape(fact.text)} ({escape(fact.source)})[/]")
    if len(shown) > _SHOWN_FACTS:
        out.print(f"[dim]{words['more'].format(count=len(shown) - _SHOWN_FACTS)}[/]")


def _open(points: Iterable[tuple[str, str]], words: dict[str, str]) -> None:
    shown = list(points)
    if shown:
        out.print(f"\n[bold yellow]{words['open']}[/]")
    for where, what in shown:
        out.print(f"  ☐ {escape(where)}: {escape(what)}")


def _listed(title: str, lines: Sequence[str], mark: str) -> None:
    if lines:
        out.print(f"\n[bold]{title}[/]")
    for line in lines:
        out.print(f"  {mark} {escape(line)}")


def _without_model(why: str | None, words: dict[str, str]) -> None:
    if why is not None:
        out.print(f"\n[bold yellow]{words['without_model']}[/]\n  {escape(why)}")


def _dropped(dropped: Sequence[Dropped], words: dict[str, str]) -> None:
    for cut in dropped:
        out.print(f"[dim]✂ {words['cut']}: {escape(cut.text)} ({escape(cut.reason)})[/]")


def _foot(took_ms: int, tokens_in: int, tokens_out: int, words: dict[str, str]) -> None:
    out.print(
        f"[dim]{took_ms / 1000:.1f} s · {tokens_in} + {tokens_out} {words['tokens']} · "
        f"{words['unsent']}[/]"
    )
