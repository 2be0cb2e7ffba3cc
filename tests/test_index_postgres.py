"""The conversation index on PostgreSQL: words, meaning and several machines, as on SQLite."""

from collections.abc import Iterator

import pytest

from copilot.settings import Settings
from crm.store import Store
from tests.postgres import postgres_url
from tests.test_index import (
    index,
    test_a_conversation_moved_to_another_account_is_found_there,
    test_a_search_costs_a_fixed_number_of_statements,
    test_changed_words_replace_passage_and_vector,
    test_two_who_index_the_same_conversations_at_once_write_each_passage_once,
    test_words_are_found_at_once_without_any_vector,
    vectors,
)
from tests.test_index_machines import (
    machine,
    test_a_second_machine_makes_its_own_vectors_and_takes_none_from_the_first,
    test_what_another_machine_forgot_or_moved_is_taken_over,
)
from tests.test_postgres_end_to_end import new_database

__all__ = [
    "index",
    "machine",
    "postgres_url",
    "test_a_conversation_moved_to_another_account_is_found_there",
    "test_a_search_costs_a_fixed_number_of_statements",
    "test_a_second_machine_makes_its_own_vectors_and_takes_none_from_the_first",
    "test_changed_words_replace_passage_and_vector",
    "test_two_who_index_the_same_conversations_at_once_write_each_passage_once",
    "test_what_another_machine_forgot_or_moved_is_taken_over",
    "test_words_are_found_at_once_without_any_vector",
    "vectors",
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def template(postgres_url: str) -> Iterator[str]:
    """The name of a database with all tables, of which others are copies."""
    with new_database(postgres_url, "index_template") as url:
        store = Store(Settings.load(database_url=url).sqlalchemy_url)
        store.migrate()
        store.close()
        yield "index_template"


@pytest.fixture
def store(postgres_url: str, template: str) -> Iterator[Store]:
    with new_database(postgres_url, "index_tests", template=template) as url:
        store = Store(Settings.load(database_url=url).sqlalchemy_url)
        yield store
        store.close()
