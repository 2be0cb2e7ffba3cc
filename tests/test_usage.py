"""Accounts: what is booked, what a budget refuses, how many questions a minute, and who sees it."""

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel
from pyrate_limiter import SQLiteBucket
from sqlalchemy import text

from copilot.agent.contract import Status
from copilot.agent.desk import Desk
from copilot.agent.graph import build_graph
from copilot.limits import QuestionLimit, TooManyQuestions
from copilot.llm.client import Message, Usage
from copilot.llm.endpoint import EndpointModel
from copilot.llm.metered import MeteredModel, OverBudget
from copilot.settings import Settings
from copilot.usage import (
    Accounts,
    PersonalAccount,
    questions_a_minute,
    tokens_on,
    usage_between,
)
from crm.audit.trail import address_of
from crm.errors import NotAllowed, PermanentError, TransientError
from crm.models import Usage as UsageRow
from crm.principal import Principal, Role
from crm.store import Store
from tests.agent_world import ANNA_ASKS, Company, company, filled_company
from tests.fake_endpoint import FakeEndpoint, says
from tests.postgres import postgres_url
from tests.scripted import USAGE, ScriptedModel

__all__ = ["company", "filled_company", "postgres_url"]

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = datetime(2026, 11, 16, 23, 30, tzinfo=BERLIN)
HELLO = [Message(role="user", content="hello there")]
ANNA = Principal(3, "Anna Berg", Role.REP)


class Choice(BaseModel):
    colour: str


OPS = Principal(9, "Olga Ops", Role.OPERATIONS)


@dataclass
class Clock:
    now: datetime = NIGHT

    def __call__(self) -> datetime:
        return self.now


def rows(store: Store) -> list[tuple[str, date, str, int, int, int, int, int]]:
    with store.session() as session:
        found = usage_between(session, None, None, person=None, principal=OPS)
        return [
            (r.person, r.day, r.model, r.questions, r.calls, r.failed, r.tokens_in, r.tokens_out)
            for r in found
        ]


def test_calls_add_up_by_person_day_and_model(store: Store, owner: Principal) -> None:
    clock = Clock()
    accounts = Accounts(store, clock)
    model = ScriptedModel([{"colour": "red"}] * 4)
    for who in (ANNA, ANNA, owner):
        accounts.metered(model, who).structured(HELLO, Choice, max_tokens=9)
    clock.now += timedelta(hours=1)
    accounts.metered(model, ANNA).structured(HELLO, Choice, max_tokens=9)
    spent = (USAGE.tokens_in, USAGE.tokens_out)
    assert rows(store) == [
        ("user:3", date(2026, 11, 17), "scripted", 0, 1, 0, *spent),
        ("owner", date(2026, 11, 16), "scripted", 0, 1, 0, *spent),
        ("user:3", date(2026, 11, 16), "scripted", 0, 2, 0, 2 * spent[0], 2 * spent[1]),
    ]


@pytest.mark.parametrize("error", [TransientError("busy"), PermanentError("refused")])
def test_a_call_that_fails_is_booked(store: Store, error: Exception) -> None:
    metered = Accounts(store, Clock()).metered(ScriptedModel([error]), ANNA)
    with pytest.raises(type(error)):
        metered.structured(HELLO, Choice, max_tokens=9)
    assert rows(store) == [("user:3", NIGHT.date(), "scripted", 0, 1, 1, 0, 0)]


def test_replies_that_were_of_no_use_are_paid_for(store: Store) -> None:
    fake = FakeEndpoint(says("no JSON at all"))
    model = EndpointModel("fake", base_url=fake.url, timeout_s=60, max_retries=0)
    with pytest.raises(PermanentError):
        Accounts(store, Clock()).metered(model, ANNA).structured(HELLO, Choice, max_tokens=9)
    assert rows(store) == [("user:3", NIGHT.date(), "fake", 0, 1, 1, 40, 14)]
    model.close()
    fake.close()


def test_a_server_that_tells_no_usage_is_not_free(store: Store) -> None:
    answer = says('{"colour": "red"}')
    body = {key: value for key, value in answer.body.items() if key != "usage"}
    fake = FakeEndpoint(replace(answer, body=body))
    model = EndpointModel("fake", base_url=fake.url, timeout_s=60, max_retries=0)
    Accounts(store, Clock()).metered(model, ANNA).structured(HELLO, Choice, max_tokens=9)
    ((*_, tokens_in, tokens_out),) = rows(store)
    assert (tokens_in, tokens_out) == (2, 5)
    model.close()
    fake.close()


def test_an_interrupted_call_is_booked(store: Store) -> None:
    class Stopped(Exception):
        pass

    metered = Accounts(store, Clock()).metered(ScriptedModel([Stopped()]), ANNA)
    with pytest.raises(Stopped):
        metered.structured(HELLO, Choice, max_tokens=9)
    assert rows(store) == [("user:3", NIGHT.date(), "scripted", 0, 1, 1, 0, 0)]


def test_beyond_the_budget_no_model_is_asked_until_midnight(store: Store) -> None:
    clock = Clock()
    model = ScriptedModel([{"colour": "red"}] * 3)
    metered = Accounts(store, clock, tokens_per_day=20).metered(model, ANNA)
    for _ in range(2):
        metered.structured(HELLO, Choice, max_tokens=9)
    with pytest.raises(OverBudget, match=r"30 of today's 20 tokens.*2026-11-17 00:00 CET") as over:
        metered.structured(HELLO, Choice, max_tokens=9)
    assert over.value.resets_at == datetime(2026, 11, 17, tzinfo=BERLIN)
    assert len(model.asked) == 2
    clock.now += timedelta(hours=1)
    metered.structured(HELLO, Choice, max_tokens=9)


def test_one_persons_budget_is_not_anothers(store: Store, owner: Principal) -> None:
    accounts = Accounts(store, Clock(), tokens_per_day=1)
    model = ScriptedModel([{"colour": "red"}] * 2)
    accounts.metered(model, ANNA).structured(HELLO, Choice, max_tokens=9)
    accounts.metered(model, owner).structured(HELLO, Choice, max_tokens=9)
    with pytest.raises(OverBudget):
        accounts.metered(model, owner).structured(HELLO, Choice, max_tokens=9)


def book_at_once(store: Store) -> None:
    account = PersonalAccount(Accounts(store, Clock()), "user:3")

    def book(_: int) -> None:
        for _ in range(25):
            account.book("m", Usage(tokens_in=3, tokens_out=2), has_failed=False)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(book, range(8)))
    with store.session() as session:
        assert tokens_on(session, "user:3", NIGHT.date()) == 8 * 25 * 5
        row = session.get(UsageRow, ("user:3", NIGHT.date(), "m"))
        assert row is not None
        assert (row.calls, row.tokens_in, row.tokens_out) == (200, 600, 400)


def test_eight_that_book_at_once_lose_nothing(store: Store) -> None:
    book_at_once(store)


@pytest.mark.slow
def test_eight_that_book_at_once_on_postgres_lose_nothing(postgres_url: str) -> None:
    store = Store(postgres_url)
    store.migrate()
    with store.session() as session:
        session.execute(text("DELETE FROM usage"))
    book_at_once(store)
    store.close()


def test_a_disk_that_takes_nothing_still_gives_answers(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with store.session() as session:
        session.execute(text("DROP TABLE usage"))
    metered = Accounts(store, Clock()).metered(ScriptedModel([{"colour": "red"}]), ANNA)
    with caplog.at_level(logging.WARNING):
        assert metered.structured(HELLO, Choice, max_tokens=9).value.colour == "red"
    assert "usage cannot be booked: OperationalError" in caplog.text


def test_people_see_their_own_usage_and_operations_all(store: Store, owner: Principal) -> None:
    accounts = Accounts(store, Clock())
    for who in (ANNA, OPS, owner):
        accounts.admit(who)
    with store.session() as session:

        def seen(by: Principal, person: str | None = None) -> list[str]:
            found = usage_between(session, None, None, person=person, principal=by)
            return [row.person for row in found]

        assert seen(ANNA) == ["user:3"]
        assert seen(ANNA, "user:3") == ["user:3"]
        assert seen(OPS) == seen(owner) == ["owner", "user:3", "user:9"]
        assert seen(OPS, "user:3") == ["user:3"]
        with pytest.raises(NotAllowed, match="usage of others"):
            seen(ANNA, "owner")


def test_days_are_limited_on_both_sides(store: Store) -> None:
    clock = Clock()
    accounts = Accounts(store, clock)
    for _ in range(4):
        accounts.admit(ANNA)
        clock.now += timedelta(days=1)
    with store.session() as session:
        found = usage_between(
            session, date(2026, 11, 17), date(2026, 11, 18), person=None, principal=ANNA
        )
        assert [row.day.day for row in found] == [18, 17]


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Callable[..., QuestionLimit]]:
    """Makes limits on one folder, and closes them."""
    made: list[QuestionLimit] = []

    def make(per_minute: int) -> QuestionLimit:
        made.append(QuestionLimit(per_minute, tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.close()


def asked_too_often(limit: QuestionLimit, other: QuestionLimit) -> None:
    limit.admit("user:3")
    other.admit("user:3")
    with pytest.raises(TooManyQuestions, match=r"2 questions a minute.*again in \d+ s"):
        limit.admit("user:3")
    with pytest.raises(TooManyQuestions):
        other.admit("user:3")
    other.admit("owner")


def test_questions_of_all_processes_count_together(counting: Callable[..., QuestionLimit]) -> None:
    asked_too_often(counting(2), counting(2))


def test_a_clock_that_was_set_back_keeps_nobody_out_and_counts_on(
    counting: Callable[..., QuestionLimit], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit, now_ms = counting(2), SQLiteBucket.now
    monkeypatch.setattr(SQLiteBucket, "now", lambda self: now_ms(self) + 3_600_000)
    limit.admit("user:3")
    limit.admit("user:3")
    with pytest.raises(TooManyQuestions):
        limit.admit("user:3")
    monkeypatch.setattr(SQLiteBucket, "now", now_ms)
    limit.admit("user:3")
    limit.admit("user:3")
    with pytest.raises(TooManyQuestions, match=r"again in (\d|[1-5]\d|60) s"):
        limit.admit("user:3")


def test_a_clock_that_runs_on_lets_the_next_minute_begin(
    counting: Callable[..., QuestionLimit], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit, now_ms = counting(1), SQLiteBucket.now
    limit.admit("user:3")
    with pytest.raises(TooManyQuestions):
        limit.admit("user:3")
    monkeypatch.setattr(SQLiteBucket, "now", lambda self: now_ms(self) + 61_000)
    limit.admit("user:3")


FORKS = """
import os, sys
from pathlib import Path
from copilot.limits import QuestionLimit
limit = QuestionLimit(2, Path(sys.argv[1]))
limit.admit("user:3")
child = os.fork()
limit.admit("user:4" if child else "user:3")
if child:
    assert os.waitpid(child, 0)[1] == 0
limit.close()
"""


def test_a_forked_process_counts_with_its_parent(
    counting: Callable[..., QuestionLimit], tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "error", "-c", FORKS, str(tmp_path)]
    ended = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, b"")
    limit = counting(2)
    limit.admit("user:4")
    for person in ("user:3", "user:4"):
        with pytest.raises(TooManyQuestions):
            limit.admit(person)


def test_a_workspace_that_is_replaced_meanwhile_is_counted_anew(
    counting: Callable[..., QuestionLimit], tmp_path: Path
) -> None:
    limit = counting(1)
    limit.admit("user:3")
    for name in ("limits.db", "limits.db-wal", "limits.db-shm"):
        (tmp_path / name).rename(tmp_path / f"old-{name}")
    other = counting(1)
    other.admit("user:3")
    with pytest.raises(TooManyQuestions):
        limit.admit("user:3")


def test_few_people_are_held_at_a_time_and_all_are_counted(
    counting: Callable[..., QuestionLimit],
) -> None:
    limit = counting(1)
    people = [f"user:{number}" for number in range(40)]
    for person in people:
        limit.admit(person)
    for person in people:
        with pytest.raises(TooManyQuestions):
            limit.admit(person)
    assert len(limit._held) == 16


def test_questions_asked_at_once_are_counted_exactly(
    counting: Callable[..., QuestionLimit],
) -> None:
    def admitted(limit: QuestionLimit) -> bool:
        try:
            limit.admit("user:3")
        except TooManyQuestions:
            return False
        return True

    limits = [counting(5) for _ in range(4)] * 3
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(admitted, limits)) == 5


@pytest.mark.slow
def test_questions_to_several_machines_count_together(postgres_url: str, tmp_path: Path) -> None:
    limits = [QuestionLimit(2, tmp_path, postgres_url=postgres_url) for _ in range(2)]
    asked_too_often(*limits)

    def admitted(limit: QuestionLimit) -> bool:
        try:
            limit.admit("user:4")
        except TooManyQuestions:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(admitted, limits * 4)) == 2
    for limit in limits:
        limit.close()


def test_no_limit_counts_nothing(tmp_path: Path) -> None:
    for _ in range(5):
        QuestionLimit(0, tmp_path).admit("user:3")
    assert not list(tmp_path.iterdir())


def test_where_questions_cannot_be_counted_nobody_is_held_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "limits.db").write_bytes(b"no database" * 100)
    for _ in range(3):
        limit = QuestionLimit(1, tmp_path)
        limit.admit("user:3")
        limit.close()
    assert "questions cannot be counted: DatabaseError" in caplog.text


def test_without_tokens_code_still_answers_and_quotes(company: Company, tmp_path: Path) -> None:
    store = Store.sqlite(tmp_path / "usage.db")
    store.migrate()
    accounts = Accounts(store, lambda: datetime(2026, 11, 16, 9, tzinfo=UTC), tokens_per_day=1)
    PersonalAccount(accounts, address_of(ANNA_ASKS)).book("m", USAGE, has_failed=False)
    desk = Desk(
        company.store, company.index, lambda: company.model,
        meter=accounts.metered, admit=accounts.admit,
    )  # fmt: skip
    company._graph = build_graph(desk, company.saver)
    number = company.ask("how many deals did Anna Berg win?", by=ANNA_ASKS)
    assert number.status is Status.ANSWERED
    quoted = company.ask("what did Acme Corp say about security?", by=ANNA_ASKS)
    assert quoted.status is Status.ANSWERED
    assert quoted.sentences[0].facts
    assert "Left out" in quoted.sentences[-1].text
    assert "2026-11-17 00:00 UTC" in quoted.sentences[-1].text
    assert not company.model.asked
    with store.session() as session:
        row = session.get(UsageRow, (address_of(ANNA_ASKS), date(2026, 11, 16), ""))
        assert row is not None
        assert row.questions == 2
    store.close()


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("what did Acme Corp say about security?", "the language model does not answer now"),
        ("王伟对数据安全说了什么？", "语言模型目前没有响应"),
    ],
)
def test_while_the_model_is_away_quotes_stand_alone(
    company: Company, question: str, words: str
) -> None:
    company.script(TransientError("out of reach"))
    answer = company.ask(question)
    assert answer.status is Status.ANSWERED
    *quotes, remark = answer.sentences
    assert quotes
    texts = {fact.text for fact in answer.facts}
    assert all(quote.text in texts and quote.facts for quote in quotes)
    assert words in remark.text
    assert answer.dropped == []


def test_a_model_on_an_account_is_the_same_model() -> None:
    inner = ScriptedModel([])
    metered = MeteredModel(inner, PersonalAccount(Accounts(None, Clock()), "owner"))  # type: ignore[arg-type]
    assert metered.name == "scripted"
    assert metered.count_tokens("two words") == 2
    metered.close()
    assert inner.is_closed


def test_without_a_setting_an_endpoint_is_limited_and_the_embedded_model_is_not(
    tmp_path: Path,
) -> None:
    def limit_of(**given: object) -> int:
        return questions_a_minute(Settings.load(home=tmp_path, **given))

    assert limit_of() == 0
    assert limit_of(llm_model="gpt", llm_base_url="http://127.0.0.1:9/v1") == 60
    assert limit_of(llm_model="gpt", questions_per_minute=0) == 0
    assert limit_of(questions_per_minute=7) == 7


def limited(company: Company, store: Store, per_minute: int, tokens_per_day: int) -> Accounts:
    """Put the company's graph on accounts, one token of which is spent."""
    folder = Path(str(store.engine.url.database)).parent
    limit = QuestionLimit(per_minute, folder)
    accounts = Accounts(store, lambda: datetime(2026, 11, 16, 9, tzinfo=UTC), tokens_per_day, limit)
    PersonalAccount(accounts, address_of(ANNA_ASKS)).book("m", USAGE, has_failed=False)
    desk = Desk(
        company.store, company.index, lambda: company.model,
        meter=accounts.metered, admit=accounts.admit,
    )  # fmt: skip
    company._graph = build_graph(desk, company.saver)
    return accounts


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("how many deals did Anna Berg win?", r"2 questions a minute .* again in \d+ s"),
        ("Anna Berg 赢了多少单？", r"每分钟可提 2 个问题，已经提满：请在 \d+ 秒后再问"),
    ],
)
def test_too_many_questions_are_refused_in_the_language_of_the_question(
    company: Company, tmp_path: Path, question: str, said: str
) -> None:
    store = Store.sqlite(tmp_path / "usage.db")
    store.migrate()
    accounts = limited(company, store, per_minute=2, tokens_per_day=0)
    for _ in range(2):
        company.ask(question, by=ANNA_ASKS)
    with pytest.raises(TooManyQuestions, match=said):
        company.ask(question, by=ANNA_ASKS)
    accounts.close()
    store.close()


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("how healthy is business?", r"15 of today's 1 tokens are used.*11-17 00:00"),
        (
            "我们最近的业务怎么样啊？",
            r"今天的 1 个令牌已用去 15 个：额度从 2026-11-17 00:00 UTC 起",
        ),
    ],
)
def test_a_spent_budget_is_told_in_the_language_of_the_question(
    company: Company, tmp_path: Path, question: str, said: str
) -> None:
    store = Store.sqlite(tmp_path / "usage.db")
    store.migrate()
    accounts = limited(company, store, per_minute=0, tokens_per_day=1)
    with pytest.raises(OverBudget, match=said):
        company.ask(question, by=ANNA_ASKS)
    accounts.close()
    store.close()


def test_a_draft_on_a_spent_budget_says_so_in_its_language(
    company: Company, tmp_path: Path
) -> None:
    store = Store.sqlite(tmp_path / "usage.db")
    store.migrate()
    accounts = limited(company, store, per_minute=0, tokens_per_day=1)
    answer = company.ask("给王伟写一封邮件，问他付款条款定了没有", by=ANNA_ASKS)
    assert answer.draft is not None
    assert "令牌已用去" in str(answer.draft.without_model)
    accounts.close()
    store.close()


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("how healthy is business?", "in words that need no model.*Acme"),
        ("我们最近的业务怎么样啊？", "只有语言模型能判断.*请稍后再问"),
    ],
)
def test_what_only_the_model_can_plan_says_how_to_ask_without_it(
    company: Company, question: str, said: str
) -> None:
    company.script(TransientError("the endpoint is busy"))
    with pytest.raises(TransientError, match=said) as why:
        company.ask(question, by=ANNA_ASKS)
    assert "the endpoint is busy" in str(why.value)
