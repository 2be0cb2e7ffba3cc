"""The whole way on PostgreSQL: import, repeat, correct, search, look up and ask, as on SQLite."""

import random
import string
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, make_url, select, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from copilot.agent.asking import ask
from copilot.agent.contract import Answer, Status
from copilot.refusals import database_error
from copilot.settings import Settings
from copilot.wiring import Installation
from crm.errors import NotFound, PermanentError, TransientError
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.models import AmountChange, Opportunity
from crm.principal import Principal
from crm.store import Store
from ingest.crm.importer import ImportSummary, import_crm
from ingest.crm.mapping import load_mapping
from ingest.mail.importer import import_mail
from ingest.transcripts.importer import import_calls
from tests.conversation_seed import WordEmbedder
from tests.crm_exports import PIPELINE, write_csv, write_four_files
from tests.postgres import postgres_url  # noqa: F401
from tests.scripted import ScriptedModel
from tools.attributes import Entity
from tools.records import FindOpportunities, GetRecord, find_opportunities, get_record

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")]

CASES = Path(__file__).parent / "cases"
AS_OF = datetime(2026, 11, 16, 9, tzinfo=UTC)
OWNER = Principal.local_owner()
COUNT = "how many opportunities did we win in 2026?"
RANKING = "top 3 reps by won amount in 2026"
HEARD = "what was said about single sign-on?"
HEARD_ZH = "邮件里对预算说了什么？"


@dataclass
class Workspace:
    """One installation with everything imported, and what the imports said."""

    installation: Installation
    crm: list[ImportSummary]
    conversations: list[tuple[int, int, int]]

    def ask(self, question: str, *replies: dict[str, object]) -> Answer:
        self.installation.model = model = ScriptedModel(replies)
        with self.installation.graph() as graph:
            answer = ask(graph, question, principal=OWNER, as_of=AS_OF)
        assert model.left == 0
        return answer

    def found(self, words: str) -> list[str]:
        """The titles of the conversations that a search finds, the best first."""
        with self.installation.store.session() as session:
            hits = self.installation.index.search(session, words, principal=OWNER)
            return [hit.title for hit in hits]

    def record(self, entity: Entity, ref: str) -> dict[str, str | None]:
        with self.installation.store.session() as session:
            record = get_record(
                session, GetRecord(entity=entity, ref=ref), principal=OWNER, as_of=AS_OF
            )
        return {field.label: field.text for field in record.fields}


def fill(home: Path, url: str | None) -> Workspace:
    """Take the whole way in a new workspace: two imports of everything, then the index."""
    installation = Installation(Settings.load(home=home, cache_dir=home, database_url=url))
    embedder = WordEmbedder()
    installation.index = ConversationIndex(
        installation.store,
        embedder=embedder,
        vectors=ChromaIndex(installation.settings.index_dir, embedder_name=embedder.name),
    )
    files = write_four_files(home)
    done = [take(installation, files, minutes) for minutes in (0, 1)]
    done.append(take(installation, [corrected(home)], 2))
    talks = [conversations(installation, source) for source in ("mail", "transcripts") * 2]
    installation.index.embed_pending()
    return Workspace(installation, done, talks)


def take(installation: Installation, files: list[Path], minutes: int) -> ImportSummary:
    mapping = load_mapping(CASES / "crm" / "four_files.yaml")
    return import_crm(
        installation.store, files, mapping, principal=OWNER,
        now=AS_OF + timedelta(minutes=minutes), rejects_dir=installation.settings.rejects_dir,
    )  # fmt: skip


def corrected(home: Path) -> Path:
    """Deal D00000, won as it was, with another amount."""
    folder = home / "later"
    folder.mkdir()
    lines = (home / "sales_pipeline.csv").read_text(encoding="utf-8").splitlines()
    row = [*lines[1].split(",")[:-1], "1234"]
    return write_csv(folder / "sales_pipeline.csv", PIPELINE, [row])


def conversations(installation: Installation, source: str) -> tuple[int, int, int]:
    """Import and index one folder of cases; return how many were created, changed, the same."""
    rejects = installation.settings.rejects_dir
    if source == "mail":
        done = import_mail(
            installation.store, CASES / "mail", principal=OWNER, now=AS_OF, rejects_dir=rejects
        )
    else:
        done = import_calls(
            installation.store, CASES / "transcripts", transcriber=installation.transcriber,
            hints=installation.speech_hints(OWNER), principal=OWNER, now=AS_OF,
            rejects_dir=rejects,
        )  # fmt: skip
    installation.index.index_texts(done.changed_ids)
    assert installation.index.index_missing() == 0
    return done.created, done.updated, done.unchanged


@contextmanager
def new_database(server_url: str, name: str, *, template: str = "template1") -> Iterator[str]:
    """Yield the address of a new database, written as people write it, and drop it after."""
    server = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    url = make_url(server_url).set(database=name, drivername="postgres")
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        # A test that failed may hold connections, for which the server's end would wait.
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@pytest.fixture(scope="module")
def postgres(
    postgres_url: str,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workspace]:
    with new_database(postgres_url, "whole_way_tests") as url:
        space = fill(tmp_path_factory.mktemp("pg"), url)
        yield space
        space.installation.close()


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    space = fill(tmp_path_factory.mktemp("sqlite"), None)
    yield space
    space.installation.close()


def plain(answer: Answer) -> dict[str, object]:
    """What two databases have to agree on: all but the thread, the time and the row ids."""
    facts = [fact.model_dump(exclude={"source"}) for fact in answer.facts]
    shown = answer.model_dump(exclude={"thread_id", "took_ms", "facts"})
    return {**shown, "facts": facts}


def test_a_plain_address_opens_postgres_with_psycopg(postgres: Workspace) -> None:
    engine = postgres.installation.store.engine
    assert (engine.dialect.name, engine.dialect.driver) == ("postgresql", "psycopg")


def test_migrating_again_changes_nothing(postgres: Workspace) -> None:
    store = postgres.installation.store
    assert store.is_current()
    store.migrate()
    again = Installation(postgres.installation.settings)
    with again.store.session() as session:
        assert session.scalar(select(func.count(Opportunity.id))) == 300
    again.close()


def test_the_export_goes_in_once_and_a_corrected_row_updates(
    postgres: Workspace, sqlite: Workspace
) -> None:
    first, second, third = postgres.crm
    assert first.tables["opportunities"].created == 300
    assert (second.total.created, second.total.updated, second.total.rejected) == (0, 0, 0)
    assert second.tables["opportunities"].unchanged == 300
    assert third.tables["opportunities"].updated == 1
    assert [run.tables for run in postgres.crm] == [run.tables for run in sqlite.crm]
    with postgres.installation.store.session() as session:
        deal = session.scalars(select(Opportunity).where(Opportunity.external_id == "D00000")).one()
        change = session.scalars(select(AmountChange)).one()
    assert deal.amount_minor == change.to_minor == 123_400
    assert change.changed_at == AS_OF + timedelta(minutes=2)


def test_mail_and_calls_go_in_once(postgres: Workspace, sqlite: Workspace) -> None:
    assert postgres.conversations == [(5, 0, 0), (3, 0, 0), (0, 0, 5), (0, 0, 3)]
    assert postgres.conversations == sqlite.conversations
    assert postgres.installation.index.pending() == 0


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("single sign-on", {"Acme: intro and security"}),
        ("price for 40 gateways", {"Re: Offer for 40 gateways"}),
        ("我们的预算", {"关于报价单的问题", "安科智能报价讨论"}),
    ],
)
def test_a_phrase_is_found_first_where_it_was_said(
    postgres: Workspace, sqlite: Workspace, words: str, titles: set[str]
) -> None:
    for workspace in (postgres, sqlite):
        assert set(workspace.found(words)[: len(titles)]) == titles


@pytest.mark.parametrize("question", [COUNT, RANKING, "2026年赢单金额最高的三个销售是谁？"])
def test_numbers_are_those_of_sqlite(postgres: Workspace, sqlite: Workspace, question: str) -> None:
    answer = postgres.ask(question)
    assert answer.status is Status.ANSWERED
    assert answer.facts
    assert plain(answer) == plain(sqlite.ask(question))


@pytest.mark.parametrize(("question", "quote"), [(HEARD, "single sign-on"), (HEARD_ZH, "预算")])
def test_quotes_are_those_of_sqlite(
    postgres: Workspace, sqlite: Workspace, question: str, quote: str
) -> None:
    heard: dict[str, object] = {"relevant": ["F1"], "summary": ""}
    answer = postgres.ask(question, heard)
    assert answer.status is Status.ANSWERED
    assert quote in answer.answer
    assert plain(answer) == plain(sqlite.ask(question, heard))


@pytest.mark.parametrize(
    ("entity", "ref"),
    [
        (Entity.OPPORTUNITY, "D00004"),
        (Entity.ACCOUNT, "iron foundry"),
        (Entity.USER, "Ben Novak"),
        (Entity.PRODUCT, "KITE PRO"),
        (Entity.CALL, "关于报价单的问题"),
    ],
)
def test_a_record_shows_the_same(
    postgres: Workspace, sqlite: Workspace, entity: Entity, ref: str
) -> None:
    shown = postgres.record(entity, ref)
    assert any(shown.values())
    assert shown == sqlite.record(entity, ref)


@pytest.mark.parametrize("order", ["amount", "closed", "opened", "expected_close"])
def test_deals_come_in_the_same_order(postgres: Workspace, sqlite: Workspace, order: str) -> None:
    def listed(space: Workspace) -> list[str]:
        with space.installation.store.session() as session:
            wanted = FindOpportunities(order=order, limit=20)  # type: ignore[arg-type]
            found = find_opportunities(session, wanted, principal=OWNER, as_of=AS_OF)
        return [fact.text for fact in found.facts]

    assert len(listed(postgres)) == 20
    assert listed(postgres) == listed(sqlite)


@pytest.mark.parametrize("written", ["postgres://", "postgresql://", "POSTGRESQL://"])
def test_an_address_is_read_as_people_write_it(written: str) -> None:
    address = "me:hunter2@db/postgres://"
    settings = Settings.load(database_url=f" {written}{address}\n")
    assert settings.sqlalchemy_url == f"postgresql+psycopg://{address}"
    chosen = f"postgresql+asyncpg://{address}"
    assert Settings.load(database_url=chosen).sqlalchemy_url == chosen


def test_a_missing_driver_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    installation = Installation(
        Settings.load(home=tmp_path, database_url="postgresql://me:hunter2@db/crm")
    )
    with pytest.raises(PermanentError, match=r'pip install "sales-copilot\[postgres\]"') as caught:
        _ = installation.store
    assert "SALES_COPILOT_DATABASE_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_two_machines_may_make_the_tables_at_once(postgres_url: str) -> None:  # noqa: F811
    with new_database(postgres_url, "two_machines_tests") as url:
        stores = [Store(Settings.load(database_url=url).sqlalchemy_url) for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Store.migrate, stores))
        assert all(store.is_current() for store in stores)
        for store in stores:
            store.close()


def test_a_value_that_no_index_takes_is_rejected_and_the_rest_goes_in(
    postgres_url: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    rng = random.Random(7)
    endless = "".join(rng.choice(string.ascii_letters + "安全报价") for _ in range(6_000))
    closed = ("Kite", "Acme", "Won", "2026-01-01", "2026-02-02", "10")
    rows = [
        ("1", "Ana", *closed),
        ("2", endless, *closed),
        ("3", "Ana", endless, *closed[1:]),
        (endless, "Ana", *closed),
        ("5", "An\U0001f600" * 150, *closed),
    ]
    deals = write_csv(tmp_path / "sales_pipeline.csv", PIPELINE, rows)
    with new_database(postgres_url, "long_values_tests") as url:
        installation = Installation(Settings.load(home=tmp_path, database_url=url))
        summary = take(installation, [deals], 0).tables["opportunities"]
        installation.close()
    assert (summary.created, summary.rejected) == (2, 3)


@pytest.mark.parametrize("ref", ["99999999999999999", "account:3000000000", "Acme\0", "\0"])
def test_a_reference_that_no_column_holds_is_not_found(postgres: Workspace, ref: str) -> None:
    with pytest.raises(NotFound):
        postgres.record(Entity.ACCOUNT, ref)


def refusal(store: Store, *statements: str) -> DBAPIError:
    """Run the statements in one transaction and return what the last is refused with."""
    *first, last = [text(statement) for statement in statements]
    with store.session() as session:
        for statement in first:
            session.execute(statement)
        with pytest.raises(DBAPIError) as caught:
            session.execute(last)
        session.rollback()
    return caught.value


def test_what_postgres_refuses_is_told_apart(postgres: Workspace) -> None:
    """A missing right is for the administrator, a lock passes, a wrong statement is our defect."""
    store = postgres.installation.store
    read = "SELECT count(*) FROM conversations"
    denied = refusal(store, "CREATE ROLE nobody", "SET LOCAL ROLE nobody", read)
    assert isinstance(database_error(denied, "x"), PermanentError)
    with store.session() as session:
        session.execute(text("LOCK TABLE conversations"))
        locked = refusal(store, "LOCK TABLE conversations NOWAIT")
    assert isinstance(database_error(locked, "x"), TransientError)
    with pytest.raises(ProgrammingError):
        database_error(refusal(store, "SELECT nothing FROM conversations"), "x")
