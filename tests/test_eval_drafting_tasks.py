"""The drafting tasks as data: enough of each sort, and resolved over any workspace."""

from collections import Counter
from datetime import date

import pytest
from sqlalchemy import text

from crm.store import Store
from evals.drafting_tasks import load_tasks, resolve
from evals.drafting_world import Added, cast_of, in_words
from evals.hostile_inlets import load_variants
from tests.drafting_claims_seed import sow

ONE = """
pools:
  all: {says: all deals, is: deal, sql: SELECT id FROM opportunities ORDER BY id}
  none: {says: none, is: contact, sql: SELECT id FROM contacts WHERE language = :language}
tasks:
  - {id: first, language: en, pool: all, nth: 0, evidence: rich,
     must_mention: [[$product, $theirs]]}
  - {id: third, language: zh, pool: all, nth: 3, evidence: rich, must_mention: [[$account]]}
  - {id: empty, language: en, pool: none, evidence: thin}
"""


def test_there_are_enough_tasks_of_every_sort() -> None:
    tasks = load_tasks()
    assert len(tasks) >= 120
    kinds = Counter((task.kind, task.language) for task in tasks if task.kind)
    assert len(kinds) == 16
    assert min(kinds.values()) >= 5
    assert min(Counter(task.evidence for task in tasks).values()) >= 30
    channels = Counter(task.channel for task in tasks)
    assert min(channels[one] for one in channels) >= 10
    assert sum(not task.purpose for task in tasks) >= 30
    assert sum(bool(task.customer) and task.customer != task.language for task in tasks) >= 2


def test_a_task_takes_the_nth_of_its_pool_counted_round(store: Store) -> None:
    first, third, empty = load_tasks(ONE)
    with store.session() as session:
        sow(session)
        one, three = resolve(first, session), resolve(third, session)
        assert one is not None
        assert three is not None
        assert (one.request.opportunity_id, three.request.opportunity_id) == (1, 2)
        assert resolve(empty, session) is None
        assert one.must_mention == (("Tidemark Gateway", "$theirs"),)
        assert "华锐食品" in three.must_mention[0]
        assert one.recipients == {f"person{each}@customer1.example" for each in (1, 2, 3, 4)}


def test_a_task_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError, match="'first'"):
        load_tasks(ONE.replace("pool: all, nth: 0", "pool: al, nth: 0"))
    with pytest.raises(ValueError, match="same id"):
        load_tasks(ONE.replace("id: third", "id: first"))


def test_added_conversations_are_filled_with_the_deals_people(store: Store) -> None:
    with store.session() as session:
        sow(session)
        session.execute(text("UPDATE conversations SET opportunity_id = 1, language = 'en'"))
        session.execute(text("UPDATE opportunities SET owner_id = 1"))
        cast = cast_of(session, "en", 0)
    said = cast.fill("{first} of {account}: {product} by {d+30}", date(2026, 11, 22), "en")
    assert said == "Marcus of Northvale Foods: Tidemark Gateway by December 22"
    assert in_words(date(2026, 12, 3), "zh") == "12月3日"
    assert len(Added.contradictions().key) == 64


def test_hostile_variants_need_a_deal_of_their_own_each(store: Store) -> None:
    with store.session() as session:
        sow(session)
        session.execute(text("UPDATE opportunities SET owner_id = 1"))
        with pytest.raises(LookupError, match="open deals"):
            load_variants(session)
