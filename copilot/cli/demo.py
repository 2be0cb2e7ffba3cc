"""`demo`: builds the demo company and does the main job before the user's eyes."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from sqlalchemy import or_, select

from copilot.agent.asking import ask as ask_graph
from copilot.agent.contract import Answer
from copilot.agent.drafting import Kept, silent
from copilot.cli.answers import show_answer
from copilot.cli.console import Meter, err, out, print_json, progress
from copilot.cli.context import Context, Json, moment
from copilot.cli.draft_showing import draft_document, show_draft
from copilot.cli.draft_targets import References
from copilot.cli.drafting import write_letter
from copilot.cli.ingesting import embed_in_background, embed_pending
from copilot.cli.understanding import understand_pending
from copilot.grounding.pack.asked import DraftRequest
from copilot.wiring import Installation
from crm.models import Conversation, Opportunity
from crm.principal import Principal
from ingest.crm.importer import import_crm
from ingest.crm.mapping import load_mapping
from ingest.demo.company import DemoCompany, generate_demo
from ingest.mail.importer import import_mail
from ingest.transcripts.importer import import_calls

WORKSPACE = "demo"
QUESTIONS = (
    "Which of Anna's deals slipped this quarter, and what are they worth?",
    "What did the customer say about security on the last call?",
    "本季度各销售的成交金额是多少？谁最高？",
)
PURPOSE = "follow up on our last call: security questions, pricing and the agreed next steps"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example:  sales-copilot demo")(demo)


def demo(
    ctx: typer.Context,
    keep: Annotated[
        bool, typer.Option("--keep", help="Use the demo data of an earlier run as it is.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build the demo company, ask it three questions, and draft the follow-up email."""
    root: Context = ctx.obj
    context = replace(root, workspace=WORKSPACE)
    with context.open(as_json=as_json) as installation:
        watch = Stopwatch(quiet=as_json)
        folder = installation.settings.home / f"{WORKSPACE}-files"
        if not keep:
            with installation.importing(), installation.embedding():
                _forget(installation)
                _build(installation, folder, watch, quiet=as_json)
        anna = installation.principal(DEMO_REP)
        answers = _ask_all(installation, anna, watch, quiet=as_json)
        with watch.step("drafting the follow-up email"):
            made, took_ms = _draft(installation, anna)
        embed_in_background(context)
        if as_json:
            print_json(
                {
                    "steps_ms": watch.steps,
                    "answers": [answer.model_dump(mode="json") for answer in answers],
                    "draft": draft_document(made, took_ms),
                }
            )
            return
        show_draft(made, took_ms)
        _say_next(watch)


class Stopwatch:
    """Names each step, and how long it took, in milliseconds."""

    def __init__(self, *, quiet: bool) -> None:
        self.steps: dict[str, int] = {}
        self._quiet = quiet

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what happens inside and print it."""
        started = time.perf_counter()
        yield
        took = time.perf_counter() - started
        self.steps[name] = round(took * 1000)
        if not self._quiet:
            out.print(f"[green]✓[/] {escape(name)} [dim]{took:.1f} s[/]")


DEMO_REP = "anna.lindqvist@harborline.example"
FLAGSHIP = "D00001"


def _forget(installation: Installation) -> None:
    """Start the demo's own workspace anew; no other workspace is touched."""
    settings = installation.settings
    for path in settings.workspace_dir.glob("*"):
        if path == settings.logs_dir:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _build(installation: Installation, folder: Path, watch: Stopwatch, *, quiet: bool) -> None:
    now, owner = moment(installation), Principal.local_owner()
    rejects = installation.settings.rejects_dir
    with progress(quiet=quiet) as display:
        meter = Meter(display)
        with watch.step("building the demo company (CSV, .eml, WebVTT, recordings)"):
            company = generate_demo(folder, today=now.date())
            shutil.copyfile(company.guide, installation.settings.workspace_dir / "company.yaml")
        with watch.step("importing the CRM from CSV"):
            import_crm(
                installation.store,
                sorted(company.crm.glob("*.csv")),
                load_mapping(company.mapping),
                principal=owner,
                now=now,
                rejects_dir=rejects,
                progress=meter,
            )
        with watch.step(f"importing {company.emails} emails"):
            mail = import_mail(
                installation.store,
                company.mail,
                principal=owner,
                now=now,
                rejects_dir=rejects,
                progress=meter.of_conversations,
            )
        changed = list(mail.changed_ids)
        changed += _calls(installation, company, watch, meter)
        with watch.step(f"indexing {len(changed)} conversations for full text"):
            installation.index.index_texts(changed)
    first = _deals_on_show(installation)
    with watch.step(f"understanding the {len(first)} conversations of the deals on show"):
        understand_pending(installation, only=first, quiet=quiet)
    with watch.step(f"embedding the {len(first)} conversations of the deals on show"):
        embed_pending(installation, first=first, limit=SHOWN_PASSAGES, quiet=quiet)


SHOWN_PASSAGES = 40


def _calls(
    installation: Installation, company: DemoCompany, watch: Stopwatch, meter: Meter
) -> list[int]:
    changed: list[int] = []
    owner = Principal.local_owner()
    for what, folder in (
        (f"importing {company.transcripts} call transcripts", company.calls),
        ("transcribing the recordings with Whisper", company.recordings),
    ):
        with watch.step(what):
            done = import_calls(
                installation.store,
                folder,
                transcriber=installation.transcriber,
                hints=installation.speech_hints(owner),
                principal=owner,
                now=moment(installation),
                rejects_dir=installation.settings.rejects_dir,
                progress=meter.of_conversations,
            )
        changed += done.changed_ids
    return changed


def _deals_on_show(installation: Installation) -> list[int]:
    shown = ("D00001", "D00002", "D00003", "D00004")
    with installation.store.session() as session:
        statement = (
            select(Conversation.id)
            .join(Opportunity, Opportunity.id == Conversation.opportunity_id)
            .where(or_(*(Opportunity.external_id == one for one in shown)))
            .order_by(Conversation.started_at.desc())
        )
        return list(session.scalars(statement))


def _ask_all(
    installation: Installation, anna: Principal, watch: Stopwatch, *, quiet: bool
) -> list[Answer]:
    answers = []
    with installation.graph() as graph:
        for question in QUESTIONS:
            if not quiet:
                out.print(f"\n[bold]› {escape(question)}[/]")
            with err.status("…"):
                answer = ask_graph(
                    graph, question, principal=anna, as_of=moment(installation), thread_id="demo"
                )
            watch.steps[question] = answer.took_ms
            if not quiet:
                show_answer(answer)
            answers.append(answer)
    return answers


def _draft(installation: Installation, anna: Principal) -> tuple[Kept, int]:
    started = time.perf_counter()
    with err.status("writing"):
        made = write_letter(
            installation,
            References(deal=FLAGSHIP),
            DraftRequest(purpose=PURPOSE),
            principal=anna,
            progress=silent,
        )
    return made, round((time.perf_counter() - started) * 1000)


def _say_next(watch: Stopwatch) -> None:
    total = sum(watch.steps.values()) / 1000
    command = f"sales-copilot --workspace {WORKSPACE}"
    out.print(f"\n[bold]Done in {total:.0f} s.[/] What to try next (.venv/bin is where it lives):")
    for line in (
        f"{command} chat --as {DEMO_REP}",
        f'{command} ask "win rate by team this year"',
        f'{command} ask "客户华锐食品最近一次通话里对价格怎么说？"',
        f'{command} search "single sign-on"',
        f"{command} show opportunity {FLAGSHIP}",
        f'{command} draft email --deal D00002 --purpose "跟进报价" --out 跟进.eml',
        f"{command} draft proposal --deal {FLAGSHIP} --out offer.pdf",
        f'{command} ask "draft a reply to the last mail from Northvale" --as {DEMO_REP}',
        "sales-copilot ingest crm YOUR.csv --suggest-mapping > mapping.yaml",
    ):
        out.print(f"  {escape(line)}", soft_wrap=True)
