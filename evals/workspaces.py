"""The workspaces that evals ask: generated, imported once, kept under a hash of their making."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from importlib.resources import files
from pathlib import Path

from filelock import FileLock

from copilot.settings import Settings
from copilot.wiring import Installation
from crm.principal import Principal
from evals.foreign.company import write_export
from evals.foreign2.company import write_export as write_second_export
from ingest.conversation_run import ConversationSummary
from ingest.crm.importer import import_crm
from ingest.crm.mapping import load_mapping
from ingest.demo.company import generate_demo
from ingest.mail.importer import import_mail
from ingest.transcripts.importer import import_calls

DAYS = {
    "demo": date(2026, 11, 16),
    "foreign": date(2017, 12, 31),
    "foreign2": date(2025, 6, 30),
}
_READY = "ready"
# What an import depends on: a change in any of these folders builds the workspace anew.
_MAKERS = ("crm", "ingest")


def as_of(workspace: str) -> datetime:
    """Return the moment at which the questions of a workspace are asked (UTC)."""
    return datetime.combine(DAYS[workspace], time(9), UTC)


@contextmanager
def opened(workspace: str, *, embed: bool = False) -> Iterator[Installation]:
    """Yield the installation of a workspace (a key of `DAYS`), built if need be."""
    home = Path(tempfile.gettempdir()) / "sales-copilot-evals"
    name = f"{workspace}-{_fingerprint(workspace)}"
    settings = Settings.load(
        home=home, workspace=name, today=DAYS[workspace], time_zone="UTC", database_url=None
    )
    installation = Installation(settings)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / f"{name}.lock"):
            if not (settings.workspace_dir / _READY).is_file():
                shutil.rmtree(settings.workspace_dir, ignore_errors=True)
                build_workspace(workspace, installation)
                (settings.workspace_dir / _READY).touch()
            if embed and installation.index.pending():
                installation.index.embed_pending()
        yield installation
    finally:
        installation.close()


def _fingerprint(workspace: str) -> str:
    digest = hashlib.sha256()
    export = () if workspace == "demo" else (f"evals.{workspace}",)
    for package in (*_MAKERS, *export):
        root = Path(str(files(package)))
        for path in sorted([*root.rglob("*.py"), *root.rglob("*.yaml")]):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def build_workspace(workspace: str, installation: Installation) -> None:
    """Generate the company of this name (a key of `DAYS`) and import all of it."""
    folder = installation.settings.workspace_dir / "export"
    if workspace != "demo":
        export = write_export(folder) if workspace == "foreign" else write_second_export(folder)
        import_files(installation, list(export.files), export.mapping, as_of(workspace))
        return
    company = generate_demo(folder, today=DAYS[workspace])
    shutil.copyfile(company.guide, installation.settings.workspace_dir / "company.yaml")
    tables = sorted(company.crm.glob("*.csv"))
    import_files(installation, tables, company.mapping, as_of(workspace))
    for path in (company.mail, company.calls):
        summary = _take_conversations(installation, path, as_of(workspace))
        installation.index.index_texts(summary.changed_ids)


def import_files(
    installation: Installation, tables: list[Path], mapping: Path, now: datetime
) -> int:
    """Import CRM files and return how many rows were read."""
    summary = import_crm(
        installation.store,
        tables,
        load_mapping(mapping),
        principal=Principal.local_owner(),
        now=now,
        rejects_dir=installation.settings.rejects_dir,
    )
    return summary.total.read


def _take_conversations(
    installation: Installation, path: Path, now: datetime
) -> ConversationSummary:
    owner, store = Principal.local_owner(), installation.store
    rejects = installation.settings.rejects_dir
    if path.name == "mail":
        return import_mail(store, path, principal=owner, now=now, rejects_dir=rejects)
    return import_calls(
        store,
        path,
        transcriber=installation.transcriber,
        hints=[],
        principal=owner,
        now=now,
        rejects_dir=rejects,
    )
