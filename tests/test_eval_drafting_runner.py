"""The drafting runner: real drafts over a small store, judged, kept, and counted."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from copilot.writers.company.guide import CompanyGuide
from crm.principal import Principal
from crm.store import Store
from evals.drafting import run
from evals.drafting_results import as_markdown, figures_of, load, save
from evals.drafting_tasks import load_tasks
from evals.obedient import ObedientModel
from tests.drafting_claims_seed import AS_OF, sow

TASKS = """
pools:
  deals: {says: all deals, is: deal, sql: SELECT id FROM opportunities ORDER BY id}
  none: {says: nothing, is: deal, sql: SELECT id FROM opportunities WHERE id < 0}
tasks:
  - {id: en, kind: follow_up, language: en, pool: deals, nth: 0, evidence: rich}
  - {id: zh, kind: follow_up, language: zh, pool: deals, nth: 1, evidence: rich}
  - {id: nobody, kind: nudge, language: en, pool: none, evidence: thin}
"""


@dataclass
class _Installation:
    """What the runner needs of an installation, over one store."""

    store: Store
    index: Any = None

    @property
    def guide(self) -> CompanyGuide:
        return CompanyGuide()

    def principal(self, _who: str | None) -> Principal:
        return Principal.local_owner()

    def now(self) -> datetime:
        return AS_OF


def _sown(store: Store) -> Any:
    with store.session() as session:
        sow(session)
        for number, deal in ((1, 1), (2, 1), (3, 2)):
            session.execute(
                text("UPDATE conversations SET opportunity_id = :deal, account_id = :deal,"
                     " language = :language WHERE id = :id"),
                {"deal": deal, "id": number, "language": "zh" if deal == 2 else "en"},
            )  # fmt: skip
        session.execute(
            text("UPDATE participants SET contact_id = (SELECT id FROM contacts WHERE"
                 " contacts.name = participants.name)")
        )  # fmt: skip
    return _Installation(store)


def test_drafts_are_written_judged_kept_and_counted(store: Store, tmp_path: Path) -> None:
    said: list[str] = []
    results = list(run(load_tasks(TASKS), _sown(store), model=ObedientModel([]), watch=said.append))
    assert [one.task for one in results] == ["en", "zh"]
    assert "its pool 'none' is empty" in said[-1]
    for one in results:
        assert one.draft is not None, one.refused
        assert one.marks
        assert {each.kind for each in one.findings} <= {"speaker", "promise", "content"}
        save(one, tmp_path)
    assert load(tmp_path) == results
    figures = figures_of(results)
    assert (figures["tasks"], figures["drafts"], figures["warm"]) == (2, 2, 1)
    assert figures["sentences"] == sum(len(one.draft.sentences) for one in results if one.draft)
    written = as_markdown(results[0])
    assert "Marcus Bell" in written
    assert "## Unsupported by the independent check" in written


def test_a_run_stops_when_its_time_is_over(store: Store) -> None:
    said: list[str] = []
    assert list(run(load_tasks(TASKS), _sown(store), until=0.0, watch=said.append)) == []
    assert said == ["3 tasks are left: run it again"]
