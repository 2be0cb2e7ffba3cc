"""The workspace of the drafting evals: a copy of the demo with conversations added to it."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import yaml
from filelock import FileLock
from sqlalchemy import text
from sqlalchemy.orm import Session

from copilot.settings import Settings
from copilot.wiring import Installation
from copilot.writers.company.guide import GUIDE_FILE
from crm.principal import Principal
from evals.workspaces import DAYS, opened
from ingest.mail.importer import import_mail
from ingest.transcripts.importer import import_calls

MARK = "drafting-eval"
_READY = "ready-for-drafting"


@dataclass(frozen=True)
class Cast:
    """Who talks about one deal: ours, the customer's main person, a second one, and about what."""

    deal: int
    rep: tuple[str, str]
    customer: tuple[str, str]
    second: tuple[str, str]
    account: str
    product: str
    deal_key: str

    def fill(self, words: str, today: date, language: str) -> str:
        """Return the words with people, product and days in their places."""
        filled = words
        first = self.customer[0].split()[0]
        for name, value in {
            "first": first, "customer": self.customer[0], "rep": self.rep[0],
            "rep_first": self.rep[0].split()[0], "product": self.product, "account": self.account,
        }.items():  # fmt: skip
            filled = filled.replace(f"{{{name}}}", value)
        while "{d" in filled:
            before, _, rest = filled.partition("{d")
            shift, _, after = rest.partition("}")
            filled = before + in_words(today + timedelta(days=int(shift)), language) + after
        return filled

    def person(self, who: str) -> tuple[str, str]:
        """Return (name, address) of `ours`, `customer` or `second`."""
        return {"ours": self.rep, "customer": self.customer, "second": self.second}[who]


def in_words(day: date, language: str) -> str:
    """Return a day as people of the language write it."""
    return f"{day.month}月{day.day}日" if language == "zh" else f"{day:%B} {day.day}"


class Addition(Protocol):
    """What is done to a copy of the demo before it is asked."""

    @property
    def key(self) -> str:
        """Tell this addition from any other."""

    def do(self, installation: Installation, today: date) -> None:
        """Add to the copy, as of this day."""


@contextmanager
def opened_base(folder: Path | None, today: date | None) -> Iterator[tuple[Path, date]]:
    """Yield a ready demo workspace and its day: this folder, else the evals' own."""
    if folder is not None:
        yield folder, today or DAYS["demo"]
        return
    with opened("demo", embed=True) as installation:
        workspace = installation.settings.workspace_dir
    yield workspace, DAYS["demo"]


@contextmanager
def opened_copy(
    name: str, added: Addition, *, folder: Path | None = None, today: date | None = None
) -> Iterator[Installation]:
    """Yield the installation over a copy of the demo to which `added` was done, kept for reuse."""
    with opened_base(folder, today) as (base, day):
        digest = hashlib.sha256(f"{base} {day} {added.key}".encode()).hexdigest()[:10]
        home = Path(tempfile.gettempdir()) / "sales-copilot-evals"
        settings = Settings.load(
            home=home, workspace=f"{name}-{digest}", today=day, time_zone="UTC", database_url=None
        )
        home.mkdir(parents=True, exist_ok=True)
        installation = Installation(settings)
        try:
            with FileLock(home / f"{name}-{digest}.lock"):
                if not (settings.workspace_dir / _READY).is_file():
                    shutil.rmtree(settings.workspace_dir, ignore_errors=True)
                    shutil.copytree(base, settings.workspace_dir)
                    _take_guide(settings.workspace_dir)
                    added.do(installation, day)
                    (settings.workspace_dir / _READY).touch()
            yield installation
        finally:
            installation.close()


def _take_guide(workspace: Path) -> None:
    """Put the guide that the demo was generated with where the product looks for it."""
    written = workspace / "export" / GUIDE_FILE
    if written.is_file() and not (workspace / GUIDE_FILE).is_file():
        shutil.copy(written, workspace / GUIDE_FILE)


@dataclass(frozen=True)
class Added:
    """The conversations of a YAML text, over deals of the demo."""

    raw: str

    @classmethod
    def contradictions(cls) -> "Added":
        """Return the conversations that contradict each other."""
        return cls((files("evals.questions") / "drafting_added.yaml").read_text("utf-8"))

    @property
    def key(self) -> str:
        """A digest of what is added."""
        return hashlib.sha256(self.raw.encode()).hexdigest()

    def do(self, installation: Installation, today: date) -> None:
        """Write the files and take them in as mail and transcripts."""
        folder = installation.settings.workspace_dir / "added"
        mail, calls = folder / "mail", folder / "calls"
        mail.mkdir(parents=True, exist_ok=True)
        calls.mkdir(exist_ok=True)
        with installation.store.session() as session:
            for place, (name, by_language) in enumerate(yaml.safe_load(self.raw).items()):
                for language, talks in by_language.items():
                    cast = cast_of(session, language, place)
                    for number, talk in enumerate(talks):
                        stem = f"{MARK}.{name}-{language}.{number}"
                        _write(talk, cast, stem, language, today, mail=mail, calls=calls)
        take_in(installation, mail=mail, calls=calls, today=today)


def take_in(installation: Installation, *, mail: Path, calls: Path, today: date) -> list[int]:
    """Import the files of both folders through the public importers; return changed ids."""
    common: dict[str, Any] = {
        "principal": Principal.local_owner(),
        "now": datetime.combine(today, time(9), UTC),
        "rejects_dir": installation.settings.rejects_dir,
    }
    changed: list[int] = []
    if any(mail.rglob("*.eml")):
        changed += import_mail(installation.store, mail, **common).changed_ids
    if any(calls.iterdir()):
        heard = import_calls(
            installation.store, calls, transcriber=installation.transcriber, **common
        )
        changed += heard.changed_ids
    installation.index.index_texts(changed)
    installation.index.embed_pending()
    return changed


def cast_of(session: Session, language: str, place: int) -> Cast:
    """Return the people of one open deal with a call in this language, counted from the last."""
    rows = session.execute(
        text(
            "SELECT DISTINCT o.id, o.external_id, a.id, a.name, u.name, u.email"
            " FROM opportunities o JOIN stages s ON s.id = o.stage_id AND s.status = 'open'"
            " JOIN accounts a ON a.id = o.account_id JOIN users u ON u.id = o.owner_id"
            " JOIN conversations c ON"
            " c.opportunity_id = o.id AND c.kind = 'call' AND c.language = :language"
            f" AND c.external_id NOT LIKE '%{MARK}%'"
            " ORDER BY o.external_id DESC"
        ),
        {"language": language},
    ).all()
    deal, key, account, account_name, rep, address = rows[place % len(rows)]
    people = session.execute(
        text(
            "SELECT k.name, k.email FROM contacts k LEFT JOIN opportunity_contacts oc ON"
            " oc.contact_id = k.id AND oc.opportunity_id = :deal WHERE k.account_id = :account AND"
            " k.email IS NOT NULL ORDER BY oc.id IS NULL, oc.id, k.id LIMIT 2"
        ),
        {"deal": deal, "account": account},
    ).all()
    product = session.execute(
        text(
            "SELECT p.name FROM opportunity_lines l JOIN products p ON p.id = l.product_id"
            " WHERE l.opportunity_id = :deal ORDER BY l.id LIMIT 1"
        ),
        {"deal": deal},
    ).scalar()
    first, second = (*people, *people)[:2]
    return Cast(
        deal=deal,
        rep=(rep, address),
        customer=(first[0], first[1]),
        second=(second[0], second[1]),
        account=account_name,
        product=product or account_name,
        deal_key=key,
    )


def _write(
    talk: Mapping[str, Any],
    cast: Cast,
    stem: str,
    language: str,
    today: date,
    *,
    mail: Path,
    calls: Path,
) -> None:
    at = datetime.combine(today - timedelta(days=talk["days_ago"]), time(8, 30), UTC)
    title = cast.fill(talk["title"], today, language)
    if talk["kind"] == "email":
        words = cast.fill(talk["text"], today, language)
        by_us = talk["by"] == "ours"
        people = (cast.rep, cast.customer) if by_us else (cast.customer, cast.rep)
        message = letter(people[0], people[1], title, at=at, message_id=f"<{stem}@eval.example>")
        message.set_content(f"{words}\n\n{people[0][0]}\n")
        (mail / f"{stem}.eml").write_bytes(bytes(message))
        return
    turns = [(cast.person(who), cast.fill(words, today, language)) for who, words in talk["turns"]]
    (calls / f"{stem}.vtt").write_text(transcript(turns, title, cast, at), "utf-8")


def letter(
    sender: tuple[str, str], to: tuple[str, str], title: str, *, at: datetime, message_id: str
) -> EmailMessage:
    """Return a mail without a body yet."""
    message = EmailMessage()
    message["From"] = formataddr(sender)
    message["To"] = formataddr(to)
    message["Subject"] = title
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id
    return message


def transcript(
    turns: list[tuple[tuple[str, str], str]], title: str, cast: Cast, at: datetime
) -> str:
    """Return a WebVTT transcript with who took part in its notes."""
    people = dict.fromkeys(person for person, _ in turns)
    listed = "; ".join(f"{name} <{address}>" for name, address in people)
    lines = ["WEBVTT", "", f"NOTE title: {title}", "", f"NOTE started_at: {at:%Y-%m-%dT%H:%M:%SZ}"]
    lines += ["", f"NOTE opportunity: {cast.deal_key}", "", f"NOTE participants: {listed}", ""]
    for number, ((name, _), words) in enumerate(turns):
        start, end = number * 20, number * 20 + 15
        lines += [
            f"00:{start // 60:02d}:{start % 60:02d}.000 --> 00:{end // 60:02d}:{end % 60:02d}.000",
            f"<v {name}>{words}",
            "",
        ]
    return "\n".join(lines)
