"""The demo company as source files, for the ordinary importers: same seed and day, same bytes."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import as_file, files
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from crm.errors import BadInput
from ingest.demo.calendar_days import stamp
from ingest.demo.chance import dice
from ingest.demo.customers import Customer, make_customer
from ingest.demo.deals import Deal, simulate_deal
from ingest.demo.flagships import make_flagships
from ingest.demo.guide import GUIDE_FILE, References, write_guide
from ingest.demo.organisation import write_organisation
from ingest.demo.records import write_customer, write_deal
from ingest.demo.service import write_cases, write_leads
from ingest.demo.tables import Tables, write_mapping
from ingest.demo.talks import TALKED_ACCOUNTS, write_talks

ACCOUNTS, OPPORTUNITIES = 400, 3000
_BLOCK = 20

# Accounts done, accounts in all, what is being made.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class DemoCompany:
    """What was written; the three last are external ids, names and addresses used in examples."""

    folder: Path
    crm: Path
    mapping: Path
    mail: Path
    calls: Path
    recordings: Path
    guide: Path
    rows: dict[str, int]
    emails: int
    transcripts: int
    flagship_opportunity: str
    chinese_flagship_opportunity: str
    anna_email: str


def generate_demo(
    folder: Path,
    *,
    seed: int = 7,
    today: date,
    scale: float = 1.0,
    progress: Progress | None = None,
) -> DemoCompany:
    """Write the demo company's files into `folder`, replacing those of an earlier run.

    `scale` multiplies accounts and opportunities; conversations stay with the first accounts.

    Raises:
        BadInput: `scale` is too small to hold the deals on show.
    """
    accounts, opportunities = round(ACCOUNTS * scale), round(OPPORTUNITIES * scale)
    flagships = make_flagships(seed, today)
    if accounts < 2 * len(flagships) or opportunities < 4 * len(flagships):
        raise BadInput(f"scale {scale!r} is too small for the demo; use at least 0.05")
    paths = {name: folder / name for name in ("crm", "mail", "calls", "recordings")}
    for path in paths.values():
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    kept: list[Deal] = []
    references = References()
    with Tables(paths["crm"]) as tables, _TruthFile(folder / "truth.json", seed, today) as truth:
        write_organisation(tables, seed=seed, today=today, scale=scale)
        flagged = [(flagship.customer, [flagship.deal]) for flagship in flagships]
        made = _make_accounts(seed, today, accounts, opportunities, start=len(flagships))
        for number, (customer, deals) in enumerate(chain(flagged, made), start=1):
            _write_account(tables, customer, deals, seed=seed, today=today)
            truth.add_deals(deals)
            references.consider(deals)
            if number <= TALKED_ACCOUNTS:
                kept += deals
            if progress and (number % 50 == 0 or number == accounts):
                progress(number, accounts, "accounts")
        talks = write_talks(
            paths["mail"], paths["calls"], kept, share=min(1, scale), seed=seed, today=today
        )
        rows = dict(tables.counts)
        for name, planted in talks.items():
            truth.add_conversation(name, asdict(planted))
    write_mapping(paths["crm"] / "mapping.yaml")
    write_recordings(paths["recordings"], today)
    write_guide(folder / GUIDE_FILE, references)
    emails = sum(planted.kind == "email" for planted in talks.values())
    return DemoCompany(
        folder=folder,
        crm=paths["crm"],
        mapping=paths["crm"] / "mapping.yaml",
        mail=paths["mail"],
        calls=paths["calls"],
        recordings=paths["recordings"],
        guide=folder / GUIDE_FILE,
        rows=rows,
        emails=emails,
        transcripts=len(talks) - emails,
        flagship_opportunity=flagships[0].deal.id,
        chinese_flagship_opportunity=flagships[1].deal.id,
        anna_email=flagships[0].deal.rep.email,
    )


def _make_accounts(
    seed: int, today: date, accounts: int, opportunities: int, *, start: int
) -> Iterator[tuple[Customer, list[Deal]]]:
    """Yield account after account with its deals; nothing is kept."""
    next_deal = start
    for block in range(start, accounts, _BLOCK):
        numbers = range(block, min(block + _BLOCK, accounts))
        upto = start + (numbers.stop - start) * (opportunities - start) // (accounts - start)
        random = dice(seed, "block", block)
        weights = [random.lognormvariate(0, 0.5) for _ in numbers]
        owners = sorted(random.choices(numbers, weights, k=upto - next_deal))
        for number in numbers:
            customer = make_customer(seed, number, today)
            deals = []
            for _ in range(owners.count(number)):
                next_deal += 1
                own = dice(seed, "deal", next_deal)
                deals.append(simulate_deal(own, f"D{next_deal:05d}", customer, today))
            yield customer, deals


def _write_account(
    tables: Tables, customer: Customer, deals: list[Deal], *, seed: int, today: date
) -> None:
    write_customer(tables, customer)
    for deal in deals:
        write_deal(tables, dice(seed, "records", deal.id), deal, today)
    write_leads(tables, dice(seed, "leads", customer.id), deals, today)
    write_cases(tables, customer, deals, seed=seed, today=today)


def write_recordings(folder: Path, today: date) -> None:
    """Copy the recordings, with sidecars whose `started_at` is counted back from today."""
    source = files("ingest.demo") / "recordings"
    with as_file(source) as path:
        for audio in sorted(path.glob("*.ogg")):
            shutil.copyfile(audio, folder / audio.name)
            sidecar = json.loads(audio.with_suffix(".json").read_text("utf-8"))
            day = today - timedelta(days=sidecar.pop("days_ago"))
            started_at = datetime.combine(day, time.fromisoformat(sidecar.pop("time")), UTC)
            sidecar["started_at"] = stamp(started_at)
            text = json.dumps(sidecar, ensure_ascii=False, indent=2) + "\n"
            (folder / f"{audio.stem}.json").write_text(text, "utf-8")


class _TruthFile(AbstractContextManager["_TruthFile"]):
    """`truth.json`, written deal by deal: what is hidden from the CRM, for evals only."""

    def __init__(self, path: Path, seed: int, today: date) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", newline="\n")
        self._section = ""
        self._file.write(f'{{"seed": {seed}, "today": "{today}"')

    def add_deals(self, deals: list[Deal]) -> None:
        """Add what is hidden of these deals."""
        for deal in deals:
            hidden = asdict(deal.hidden)
            for name in ("ends_on", "last_contact_on"):
                hidden[name] = str(hidden[name])
            hidden |= {"rep_skill": deal.rep.skill, "discount": deal.discount}
            self._add("deals", deal.id, hidden)

    def add_conversation(self, name: str, planted: dict[str, Any]) -> None:
        """Add what was planted in a conversation, by file name."""
        self._add("conversations", name, planted)

    def _add(self, section: str, key: str, value: dict[str, Any]) -> None:
        is_new = section != self._section
        if is_new and self._section:
            self._file.write("\n}")
        self._file.write(f',\n"{section}": {{\n' if is_new else ",\n")
        self._section = section
        text = json.dumps(value, ensure_ascii=False)
        self._file.write(f"{json.dumps(key)}: {text}")

    def __exit__(self, *_: object) -> None:
        """Close the last section and the file."""
        self._file.write("\n}}\n" if self._section else "}\n")
        self._file.close()
