from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, delete, make_url, select, text

from crm.index.conversations import ConversationIndex
from crm.index.filters import SearchFilters
from crm.models import Conversation, ConversationKind, Passage
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import add_account, add_conversation
from tests.postgres import postgres_url  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")]


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Store]:  # noqa: F811
    """A migrated store in a database of its own, so that no other module sees it."""
    server = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("CREATE DATABASE full_text_tests"))
    store = Store(
        make_url(postgres_url).set(database="full_text_tests").render_as_string(hide_password=False)
    )
    store.migrate()
    yield store
    store.close()
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE full_text_tests"))
    server.dispose()


def test_full_text_on_postgres_ranks_filters_and_forgets(postgres: Store) -> None:
    owner = Principal.local_owner()
    with postgres.session() as session:
        add_account(session, 1, "Acme")
        add_account(session, 2, "华东制造")
        add_conversation(session, 1, [("Maria", "Legal asks for the SOC2 report.")], account_id=1)
        add_conversation(session, 2, [("王伟", "我们需要安全白皮书，报价也要更新。")], account_id=2)
        for number in range(3, 20):
            add_conversation(session, number, [("Bo", "The pump is late again.")], account_id=1)
        add_conversation(
            session, 20, [("Bo", "SOC2 again, and again late")], account_id=2, kind="email"
        )
    index = ConversationIndex(postgres)
    index.index_texts(list(range(1, 21)))

    def found(query: str, **limits: object) -> list[int]:
        filters = SearchFilters(**limits)  # type: ignore[arg-type]
        with postgres.session() as session:
            hits = index.search(session, query, principal=owner, filters=filters, limit=3)
        return [hit.conversation_id for hit in hits]

    assert found("安全白皮书") == [2]
    assert found("SOC2 report")[0] == 1
    assert found("late SOC2")[0] == 20
    assert set(found("SOC2")) == {1, 20}
    assert found("SOC2", account_id=1) == [1]
    assert found("SOC2", kind=ConversationKind.EMAIL, speaker="bo") == [20]
    for hostile in ("a & | !b", "soc2:*", "'; DROP TABLE passages; --", "((", "soc2\x00", "\\"):
        assert ("soc2" in hostile) == bool(found(hostile))

    index.delete(20)
    with postgres.session() as session:
        session.execute(delete(Conversation).where(Conversation.id == 1))
    assert found("SOC2") == []
    with postgres.session() as session:
        assert not session.scalars(
            select(Passage.id).where(Passage.conversation_id.in_([1, 20]))
        ).all()
