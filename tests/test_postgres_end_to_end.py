"""The whole way on PostgreSQL: import, repeat, correct, search, look up and ask, as on SQLite."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, make_url, select, text

from copilot.agent.asking import ask
from copilot.agent.contract import Answer, Status
from copilot.settings import Settings
from copilot.wiring import Installation
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.models import AmountChange, Opportunity
from crm.principal import Principal
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
HEARD = "what was said about single sign-on on the last call?"
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


@pytest.fixture(scope="module")
def postgres(
    postgres_url: str,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workspace]:
    """A workspace in a database of its own, its address written as people write it."""
    server = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("CREATE DATABASE whole_way_tests"))
    url = make_url(postgres_url).set(database="whole_way_tests", drivername="postgres")
    space = fill(tmp_path_factory.mktemp("pg"), url.render_as_string(hide_password=False))
    yield space
    space.installation.close()
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE whole_way_tests"))
    server.dispose()


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
    ("words", "title"),
    [
        ("single sign-on", "Acme: intro and security"),
        ("price for 40 gateways", "Re: Offer for 40 gateways"),
        ("我们的预算", "关于报价单的问题"),
    ],
)
def test_a_phrase_is_found(postgres: Workspace, sqlite: Workspace, words: str, title: str) -> None:
    assert postgres.found(words)[0] == title
    assert sqlite.found(words)[0] == title


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
def test_deals_come_in_the_same_order(
    postgres: Workspace, sqlite: Workspace, order: str
) -> None:
    def listed(space: Workspace) -> list[str]:
        with space.installation.store.session() as session:
            wanted = FindOpportunities(order=order, limit=20)  # type: ignore[arg-type]
            found = find_opportunities(session, wanted, principal=OWNER, as_of=AS_OF)
        return [fact.text for fact in found.facts]

    assert len(listed(postgres)) == 20
    assert listed(postgres) == listed(sqlite)
