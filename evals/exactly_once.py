"""Proves that approved mail goes out once: approvals under kills, races, repeats and lost answers.

`python -m evals.exactly_once --runs 1000` from a checkout with Dovecot installed; what counts is
what a real SMTP server took and what a real IMAP mailbox holds.
"""

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from copilot.agent.approvals.proposing import Wanted, propose
from crm.access.policy import load_policy
from crm.audit.verifying import verify_trail
from crm.models import ActionStatus, EffectKind, ProposedAction
from crm.principal import Principal
from crm.store import Store
from evals.databases import add_database_options, database_url, made_store
from evals.exactly_once_worker import ADDRESS, POINTS, Place, mail_effects, read_log, work

_AT_ONCE = 4
_MOST_S = 1_800.0
_KINDS = (EffectKind.SEND_MAIL, EffectKind.SAVE_MAIL_DRAFT)


@dataclass(frozen=True)
class Figures:
    """What happened: `wrong` are actions without exactly one effect, or one in a wrong place."""

    approvals: int
    sent: int
    drafts: int
    delivered: int
    drafts_found: int
    wrong: int
    not_applied: int
    processes: int
    kills: int
    exits_at_points: dict[str, int]
    approved_again: int
    applied_again: int
    postponed: int
    found_again: int
    dropped_before_answer: int
    dropped_after_taking: int
    told_busy: int
    drafts_cut_before: int
    drafts_cut_after: int
    audit_events: int
    is_audit_whole: bool
    seconds: float

    @property
    def is_proved(self) -> bool:
        """Say whether every approval had exactly one effect."""
        return (
            self.wrong == self.not_applied == 0
            and self.delivered == self.sent
            and self.drafts_found == self.drafts
            and self.is_audit_whole
        )


@dataclass(frozen=True)
class _Torment:
    processes: int
    kills: int


def prove(runs: int, *, seed: int, url: str | None = None) -> Figures:
    """Return what `runs` approvals came to, half of them mails and half of them drafts.

    With the URL of an empty PostgreSQL database the actions are there.
    """
    # Only here: the servers are the tests', which no installation has.
    from tests.imap_servers import run_dovecot
    from tests.mail_servers import BreakingLine, Deliveries, run_line, run_smtp

    started = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="once-")))
        mailbox = stack.enter_context(run_dovecot())
        mailbox.deliver(b"Subject: an older draft\r\n\r\nNothing of ours.\r\n", "Entwurf")
        deliveries = Deliveries(
            drop_after=0.05, drop_before=0.05, busy=0.03, late=0.2, deliver=mailbox.deliver,
            chance=random.Random(seed + 1),
        )  # fmt: skip
        smtp = stack.enter_context(run_smtp(deliveries))
        line = BreakingLine(mailbox.port, before=0.04, after=0.06, chance=random.Random(seed + 2))
        stack.enter_context(run_line(line))
        place = Place(folder, line.port, smtp.port, mailbox.password, mailbox.user, url)
        store = made_store(place.database, url)
        stack.callback(store.close)
        _propose_all(store, place, runs)
        torment = _torment(store, place, random.Random(seed))
        # What was answered before it was delivered needs a moment to arrive.
        time.sleep(1.0)
        held = {name: _bodies_in(mailbox, name) for name in ("INBOX", "Entwurf")}
        taken = Counter(_body_of(one.message) for one in deliveries.taken)
        return Figures(
            **_stored(store, taken, held["Entwurf"], held["INBOX"]),
            **_told(read_log(folder)),
            processes=torment.processes,
            kills=torment.kills,
            dropped_before_answer=deliveries.dropped_before,
            dropped_after_taking=deliveries.dropped_after,
            told_busy=deliveries.told_busy,
            drafts_cut_before=line.broken_before,
            drafts_cut_after=line.broken_after,
            seconds=round(time.monotonic() - started, 1),
        )


def payload_of(run: int) -> dict[str, Any]:
    """Return the mail of one run; its text is like no other's."""
    return {
        "from": {"email": ADDRESS, "name": "Anna 王"},
        "to": [{"email": f"buyer{run}@acme.example", "name": f"Buyer {run}"}],
        "subject": f"Offer 报价 {run}",
        "body": f"Run {run}: we offer {run} gateways.\n.\n我们为第 {run} 号客户报价。",
    }


def _propose_all(store: Store, place: Place, runs: int) -> None:
    effects, policy, owner = mail_effects(place), load_policy(), Principal.local_owner()
    now = datetime.now(UTC)
    with store.session() as session:
        for run in range(runs):
            wanted = Wanted(_KINDS[run % 2], payload_of(run), key=f"run-{run}")
            propose(session, wanted, effects=effects, policy=policy, principal=owner, now=now)


def _torment(store: Store, place: Place, chance: random.Random) -> _Torment:
    """Keep four processes at it, and kill them at random moments, until nothing is open."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["evals.exactly_once_worker"])
    alive: list[BaseProcess] = []
    processes = kills = 0
    ends_at = time.monotonic() + _MOST_S
    while _open_actions(store):
        if time.monotonic() > ends_at:
            break
        alive = [one for one in alive if one.is_alive()]
        while len(alive) < _AT_ONCE:
            point = chance.choice((None, *POINTS))
            given = (place, chance.randrange(1 << 30), point, chance.randint(1, 6))
            process: BaseProcess = context.Process(target=work, args=given)
            process.start()
            alive.append(process)
            processes += 1
        time.sleep(chance.uniform(0.1, 1.1))
        victim = chance.choice(alive)
        if chance.random() < 0.6 and victim.is_alive():
            victim.kill()
            kills += 1
    for process in alive:
        process.join(timeout=60)
        process.kill()
    return _Torment(processes, kills)


def _open_actions(store: Store) -> int:
    over = (ActionStatus.APPLIED.value, ActionStatus.FAILED.value)
    with store.session() as session:
        found = session.scalar(
            select(func.count(ProposedAction.id)).where(ProposedAction.status.not_in(over))
        )
    return int(found or 0)


def _stored(
    store: Store, taken: Counter[str], drafts: Counter[str], copies: Counter[str]
) -> dict[str, Any]:
    """Compare what the database says with what was received; every body is to be there once."""
    with store.session() as session:
        rows = session.execute(
            select(ProposedAction.kind, ProposedAction.payload, ProposedAction.status)
        ).all()
        trail = verify_trail(session)
    counts = {EffectKind.SEND_MAIL: 0, EffectKind.SAVE_MAIL_DRAFT: 0}
    wrong = 0
    for row in rows:
        kind, body = EffectKind(row.kind), _words(row.payload["body"])
        counts[kind] += 1
        is_mail = kind is EffectKind.SEND_MAIL
        wanted = (1, 1, 0) if is_mail else (0, 0, 1)
        wrong += (taken[body], copies[body], drafts[body]) != wanted
    return {
        "approvals": len(rows),
        "sent": counts[EffectKind.SEND_MAIL],
        "drafts": counts[EffectKind.SAVE_MAIL_DRAFT],
        "delivered": sum(taken.values()),
        "drafts_found": sum(count for body, count in drafts.items() if body.startswith("Run ")),
        "wrong": wrong,
        "not_applied": sum(row.status != ActionStatus.APPLIED for row in rows),
        "audit_events": trail.events,
        "is_audit_whole": not trail.faults,
    }


def _told(lines: Sequence[str]) -> dict[str, Any]:
    told = Counter(lines)
    return {
        "exits_at_points": {
            name.removeprefix("blown "): count
            for name, count in sorted(told.items())
            if name.startswith("blown ")
        },
        "approved_again": told["approved again"],
        "applied_again": told["applied before"],
        "postponed": sum(n for name, n in told.items() if name.startswith("postponed")),
        "found_again": told["found again"],
    }


def _bodies_in(mailbox: Any, folder: str) -> Counter[str]:
    """Return the texts that a folder of the mailbox holds, as an IMAP client reads them."""
    from imap_tools import MailBoxUnencrypted

    found: Counter[str] = Counter()
    with MailBoxUnencrypted("127.0.0.1", mailbox.port).login(
        mailbox.user, mailbox.password, folder
    ) as box:
        for each in box.fetch(bulk=200, mark_seen=False):
            found[_words(each.text)] += 1
    return found


def _body_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    return _words(body.get_content()) if body else ""


def _words(text: str) -> str:
    return " ".join(text.split())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proof and print its figures; 1 if an approval had none or several effects."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=20261122)
    add_database_options(parser)
    given = parser.parse_args(arguments)
    with database_url(on_postgres=given.postgres, url=given.url) as url:
        figures = prove(given.runs, seed=given.seed, url=url)
    sys.stdout.write(f"{json.dumps(asdict(figures), indent=1)}\n")
    return 0 if figures.is_proved else 1


if __name__ == "__main__":
    sys.exit(main())
