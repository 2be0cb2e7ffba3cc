"""Approvals on PostgreSQL: the same races, kills and restarts, the same single effect."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.store import Store
from tests.approval_world import Desk, fill
from tests.postgres import postgres_url
from tests.test_approvals import (
    test_a_discount_above_twenty_percent_needs_two_different_people,
    test_an_edit_voids_earlier_votes_and_an_approval,
    test_many_proposals_of_one_key_at_once_are_one,
    test_one_sees_what_one_proposed_may_decide_or_was_handed,
    test_the_same_key_is_the_same_proposal_also_after_an_edit,
    test_what_expired_is_neither_decided_nor_done,
)
from tests.test_approvals_once import (
    test_a_lease_that_ran_out_is_taken_up_and_a_running_one_is_not,
    test_a_process_killed_in_between_leaves_one_delivery,
    test_an_internal_effect_happens_with_its_record_or_not_at_all,
    test_random_votes_edits_kills_and_restarts_deliver_each_exactly_once,
    test_two_approvers_at_once_end_in_one_effect,
    test_two_who_apply_at_once_deliver_once,
)
from tests.test_postgres_end_to_end import new_database

__all__ = [
    "postgres_url",
    "test_a_discount_above_twenty_percent_needs_two_different_people",
    "test_a_lease_that_ran_out_is_taken_up_and_a_running_one_is_not",
    "test_a_process_killed_in_between_leaves_one_delivery",
    "test_an_edit_voids_earlier_votes_and_an_approval",
    "test_an_internal_effect_happens_with_its_record_or_not_at_all",
    "test_many_proposals_of_one_key_at_once_are_one",
    "test_one_sees_what_one_proposed_may_decide_or_was_handed",
    "test_random_votes_edits_kills_and_restarts_deliver_each_exactly_once",
    "test_the_same_key_is_the_same_proposal_also_after_an_edit",
    "test_two_approvers_at_once_end_in_one_effect",
    "test_two_who_apply_at_once_deliver_once",
    "test_what_expired_is_neither_decided_nor_done",
]

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(postgres_url: str, tmp_path: Path) -> Iterator[Desk]:
    """The organisation in a database of its own on the server."""
    with new_database(postgres_url, "approval_tests") as url:
        store = Store(url.replace("postgres://", "postgresql+psycopg://"))
        store.migrate()
        fill(store)
        yield Desk(store, tmp_path)
        store.close()
