"""`python -m evals.load`: several users at once for minutes, on a real PostgreSQL or on SQLite.

Reads of every kind and approvals that several users meet over run on one installation, without a
language model; then what the store holds is compared with what was approved.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import func, select

from copilot.settings import Settings
from copilot.wiring import Installation
from crm.audit.verifying import verify_trail
from crm.models import (
    ActionStatus,
    Activity,
    EffectKind,
    Opportunity,
    ProposedAction,
    User,
)
from crm.principal import Principal
from crm.store import Store
from evals.databases import database_url
from evals.load_figures import Sample, WorkFigures, figures_by_work, growth
from evals.load_users import Board, LoadUser
from evals.workspaces import DAYS, build_workspace

_SAMPLE_EVERY_S = 5.0


@dataclass(frozen=True)
class LoadFigures:
    """What a run came to; `wrong_effects` are approved tasks that do not stand there just once."""

    database: str
    users: int
    seconds: float
    work: list[WorkFigures]
    errors: dict[str, int]
    memory_first_mb: float
    memory_last_mb: float
    memory_growth_mb_a_minute: float
    threads: int
    actions: dict[str, int]
    wrong_effects: int
    is_audit_whole: bool

    @property
    def is_passed(self) -> bool:
        """Say whether nothing broke and every approval had exactly one effect."""
        return not self.errors and not self.wrong_effects and self.is_audit_whole


def run_load(
    *,
    users: int,
    minutes: float,
    think_s: float,
    on_sqlite: bool,
    embed: bool,
    seed: int,
    least: int = 0,
) -> LoadFigures:
    """Return what `users` people at once, each acting without end, came to after `minutes`.

    They go on until each has acted `least` times.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
        url = stack.enter_context(database_url(on_postgres=not on_sqlite))
        settings = Settings.load(
            home=folder, workspace="load", today=DAYS["demo"], time_zone="UTC", database_url=url
        )
        installation = Installation(settings)
        stack.callback(installation.close)
        build_workspace("demo", installation)
        if embed:
            installation.index.embed_pending()
        graph = stack.enter_context(installation.graph())
        callers = _callers(installation, users)
        board = Board()
        workers = [
            LoadUser(
                installation, graph, caller, board,
                random.Random(seed + number), f"load-{number}",
            )
            for number, caller in enumerate(callers)
        ]  # fmt: skip
        memory, seconds = _work(workers, minutes * 60, think_s=think_s, least=least)
        return LoadFigures(
            database=installation.store.engine.dialect.name,
            users=users,
            seconds=round(seconds, 1),
            work=figures_by_work(board.samples),
            errors=_errors(board.samples),
            memory_first_mb=round(memory[len(memory) // 5][1], 1),
            memory_last_mb=round(memory[-1][1], 1),
            memory_growth_mb_a_minute=round(growth(memory), 2),
            threads=threading.active_count(),
            actions=_actions(installation.store),
            wrong_effects=_wrong_effects(installation.store),
            is_audit_whole=_is_audit_whole(installation.store),
        )


def _work(
    workers: list[LoadUser], seconds: float, *, think_s: float, least: int
) -> tuple[list[tuple[float, float]], float]:
    """Let all work at once, and return the memory (s, MB) every few seconds, and how long."""
    started, acting = time.monotonic(), {"think_s": think_s, "least": least}
    threads = [
        threading.Thread(target=one.run, args=(started + seconds,), kwargs=acting)
        for one in workers
    ]
    for thread in threads:
        thread.start()
    memory = [(0.0, _resident_mb())]
    while any(thread.is_alive() for thread in threads):
        time.sleep(min(_SAMPLE_EVERY_S, seconds / 10))
        memory.append((time.monotonic() - started, _resident_mb()))
    return memory, time.monotonic() - started


def _callers(installation: Installation, users: int) -> list[Principal]:
    """Return the callers: those with most deals, and a manager of theirs to meet over approvals."""
    with installation.store.session() as session:
        statement = (
            select(User)
            .join(Opportunity, Opportunity.owner_id == User.id)
            .where(User.is_active, User.email.is_not(None))
            .group_by(User.id)
            .order_by(func.count(Opportunity.id).desc(), User.id)
        )
        sellers = list(session.scalars(statement.limit(users)))
        chiefs = {one.manager_id for one in sellers if one.manager_id is not None}
        managers = list(
            session.scalars(
                select(User).where(User.id.in_(chiefs), User.is_active, User.email.is_not(None))
            )
        )
    chosen = [*managers[: users // 3], *sellers]
    emails = list(dict.fromkeys(one.email for one in chosen))[:users]
    return [installation.principal(email) for email in emails]


def _errors(samples: list[Sample]) -> dict[str, int]:
    found = Counter(f"{one.name}: {one.outcome}"[:300] for one in samples if one.is_error)
    return dict(found.most_common(20))


def _actions(store: Store) -> dict[str, int]:
    with store.session() as session:
        statement = select(ProposedAction.status, func.count()).group_by(ProposedAction.status)
        rows = session.execute(statement).all()
    return {row[0]: row[1] for row in rows}


def _wrong_effects(store: Store) -> int:
    """Count the tasks whose number in the store is not what their action says."""
    with store.session() as session:
        actions = session.execute(
            select(ProposedAction.payload, ProposedAction.status).where(
                ProposedAction.kind == EffectKind.CREATE_TASK
            )
        ).all()
        subjects = session.scalars(
            select(Activity.subject).where(Activity.subject.like("load-%"))
        ).all()
    there = Counter(subjects)
    return sum(
        there[payload["subject"]] != int(status == ActionStatus.APPLIED)
        for payload, status in actions
    )


def _is_audit_whole(store: Store) -> bool:
    with store.session() as session:
        return not verify_trail(session).faults


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Run and print the figures as JSON; exit with 1 if anything broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--think", type=float, default=0.0, help="mean pause between acts (s)")
    parser.add_argument("--sqlite", action="store_true", help="SQLite instead of PostgreSQL")
    parser.add_argument("--embed", action="store_true", help="with vectors (takes a minute more)")
    parser.add_argument("--seed", type=int, default=4)
    given = parser.parse_args()
    figures = run_load(
        users=given.users, minutes=given.minutes, think_s=given.think, on_sqlite=given.sqlite,
        embed=given.embed, seed=given.seed,
    )  # fmt: skip
    print(json.dumps(asdict(figures), indent=1, ensure_ascii=False))  # noqa: T201
    sys.exit(0 if figures.is_passed else 1)


if __name__ == "__main__":
    main()
