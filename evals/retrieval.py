"""`python -m evals.retrieval`: how well search finds what was said in the demo's calls."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.index_models import make_embedder
from copilot.wiring import Installation
from crm.index.chroma import ChromaIndex
from crm.index.filters import SearchFilters
from crm.index.full_text import AskedTerms, rank_passages
from crm.index.fusion import fuse
from crm.index.nearest import NearestPassages
from crm.index.passages import length_of
from crm.index.terms import query_terms
from crm.models import Passage
from crm.principal import Principal
from evals.workspaces import opened

BUDGETS = (300, 1_000)
HITS = 20
_POOL = 60
_PROMISE = "commitment_"
_OWNER = Principal.local_owner()


class RetrievalQuestion(BaseModel):
    """A question on what was planted in the calls of the n-th account that has it, or of all."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    language: Literal["en", "zh"]
    said: Literal["en", "zh"]
    kind: str
    nth: int | None = None
    question: str


@dataclass(frozen=True)
class Stretch:
    """Segments `first` to `last` of a conversation, as read, and how many words that took."""

    conversation_id: int
    first: int
    last: int
    words: float


@dataclass(frozen=True)
class Sought:
    """A question ready to ask, and the turns (conversation, segment) that answer it."""

    id: str
    group: str
    question: str
    turns: frozenset[tuple[int, int]]
    conversation_id: int | None


@dataclass(frozen=True)
class Reach:
    """Shares, 0 to 1, within a number of words: of questions with a right turn, of right turns."""

    questions: float
    turns: float


@dataclass(frozen=True)
class Row:
    """One way of searching for one group of questions, in all calls or in the right one."""

    way: str
    group: str
    within: Literal["all", "conversation"]
    asked: int
    reached: Mapping[int, Reach]


Way = Callable[[Session, str, SearchFilters], list[Stretch]]


def load_retrieval_questions(workspace: Path) -> tuple[Sought, ...]:
    """Return the questions, filled in from the workspace's database and the demo's truth."""
    document = yaml.safe_load((files("evals.questions") / "retrieval.yaml").read_text("utf-8"))
    truth = json.loads((workspace / "export" / "truth.json").read_text("utf-8"))
    questions = [RetrievalQuestion.model_validate(item) for item in document["questions"]]
    connection = sqlite3.connect(f"file:{workspace / 'crm.db'}?mode=ro", uri=True)
    try:
        planted = _planted(connection, truth["conversations"])
        names = dict(connection.execute("select external_id, name from accounts"))
    finally:
        connection.close()
    return tuple(_sought(question, planted, names) for question in questions)


def score_retrieval(installation: Installation, workspace: Path) -> tuple[Row, ...]:
    """Ask every question in every way and return the shares, a row a way, group and scope."""
    asked = load_retrieval_questions(workspace)
    rows = []
    with installation.store.session() as session:
        for way, search in _ways(installation).items():
            reached: dict[tuple[str, str], list[dict[int, Reach]]] = defaultdict(list)
            for sought in asked:
                reached[sought.group, "all"].append(
                    _reach(search(session, sought.question, SearchFilters()), sought)
                )
                if sought.conversation_id is not None:
                    inside = SearchFilters(conversation_id=sought.conversation_id)
                    reached[sought.group, "conversation"].append(
                        _reach(search(session, sought.question, inside), sought)
                    )
            rows += [_row(way, *key, each) for key, each in reached.items()]
    return tuple(rows)


def words_until(stretches: Iterable[Stretch], budget: int) -> list[Stretch]:
    """Return the stretches that a reader gets through, whole, in so many words."""
    read: list[Stretch] = []
    words = 0.0
    for stretch in stretches:
        if words + stretch.words > budget:
            break
        read.append(stretch)
        words += stretch.words
    return read


def _ways(installation: Installation) -> dict[str, Way]:
    embedder = make_embedder(installation.settings)
    vectors = ChromaIndex(installation.settings.index_dir, embedder_name=embedder.name)
    nearest = NearestPassages(embedder, vectors)

    def by_words(session: Session, text: str, limits: SearchFilters) -> list[int]:
        asked = AskedTerms(session, query_terms(text))
        return rank_passages(asked, filters=limits, principal=_OWNER, limit=_POOL)

    def by_meaning(session: Session, text: str, limits: SearchFilters) -> list[int]:
        return nearest.rank(session, text, filters=limits, principal=_OWNER, limit=_POOL)

    def fused(session: Session, text: str, limits: SearchFilters) -> list[int]:
        both = [by_words(session, text, limits), by_meaning(session, text, limits)]
        return list(fuse([(ranking, 1.0) for ranking in both]))

    def whole(session: Session, text: str, limits: SearchFilters) -> list[Stretch]:
        hits = installation.index.search(
            session, text, principal=_OWNER, filters=limits, limit=HITS
        )
        return [
            Stretch(hit.conversation_id, hit.first_segment, hit.last_segment, length_of(hit.text))
            for hit in hits
        ]

    def passages(rank: Callable[[Session, str, SearchFilters], list[int]]) -> Way:
        return lambda session, text, limits: _stretches(session, rank(session, text, limits))

    return {
        "words": passages(by_words),
        "meaning": passages(by_meaning),
        "fused": passages(fused),
        "search": whole,
    }


def _stretches(session: Session, passage_ids: Sequence[int]) -> list[Stretch]:
    rows = session.execute(
        select(
            Passage.id,
            Passage.conversation_id,
            Passage.first_segment,
            Passage.last_segment,
            Passage.text,
        ).where(Passage.id.in_(passage_ids))
    )
    found = {
        passage_id: Stretch(conversation_id, first, last, length_of(text.partition("\n")[2]))
        for passage_id, conversation_id, first, last, text in rows
    }
    return [found[passage_id] for passage_id in passage_ids]


def _reach(stretches: Sequence[Stretch], sought: Sought) -> dict[int, Reach]:
    reached = {}
    for budget in BUDGETS:
        seen = {
            (stretch.conversation_id, position)
            for stretch in words_until(stretches, budget)
            for position in range(stretch.first, stretch.last + 1)
        }
        right = len(sought.turns & seen)
        reached[budget] = Reach(float(right > 0), right / len(sought.turns))
    return reached


def _row(way: str, group: str, within: Any, each: Sequence[Mapping[int, Reach]]) -> Row:
    reached = {
        budget: Reach(
            sum(one[budget].questions for one in each) / len(each),
            sum(one[budget].turns for one in each) / len(each),
        )
        for budget in BUDGETS
    }
    return Row(way, group, within, len(each), reached)


@dataclass(frozen=True)
class _Planted:
    account: str
    language: str
    kind: str
    speaker: str
    turn: tuple[int, int]


def _planted(connection: sqlite3.Connection, truth: Mapping[str, Any]) -> list[_Planted]:
    """Return what was planted in calls, each with the one turn in which it was said."""
    ids = dict(connection.execute("select external_id, id from conversations where kind = 'call'"))
    planted = []
    for name, told in truth.items():
        conversation_id = ids.get(name.rpartition(".")[0])
        if told["kind"] != "call" or conversation_id is None:
            continue
        facts = [(fact["kind"], fact["quote"]) for fact in told["facts"]]
        facts += [(_PROMISE + promise["side"], promise["text"]) for promise in told["commitments"]]
        for kind, words in facts:
            rows = connection.execute(
                "select position, speaker from segments "
                "where conversation_id = ? and instr(text, ?) > 0 order by position limit 1",
                [conversation_id, words],
            )
            for position, speaker in rows:
                turn = (conversation_id, position)
                planted.append(_Planted(told["account"], told["language"], kind, speaker, turn))
    return planted


def _sought(
    question: RetrievalQuestion, planted: Sequence[_Planted], names: Mapping[str, str]
) -> Sought:
    group = question.said if question.language == question.said else "across"
    fitting = [
        each for each in planted if (each.kind, each.language) == (question.kind, question.said)
    ]
    if question.nth is None:
        turns = frozenset(each.turn for each in fitting)
        return Sought(question.id, group, question.question, turns, None)
    account = list(dict.fromkeys(each.account for each in fitting))[question.nth - 1]
    right = [each for each in fitting if each.account == account]
    text = question.question.format(account=names[account], speaker=right[0].speaker)
    calls = {each.turn[0] for each in right}
    return Sought(
        question.id,
        group,
        text,
        frozenset(each.turn for each in right),
        calls.pop() if len(calls) == 1 else None,
    )


def main() -> None:
    """Embed the demo's calls if need be, ask every question in every way, and print the shares."""
    console = Console()
    with opened("demo", embed=True) as installation:
        rows = score_retrieval(installation, installation.settings.workspace_dir)
    console.print(retrieval_table(rows))


def retrieval_table(rows: Sequence[Row]) -> Table:
    """Return the rows as a table: shares of questions / of turns within each budget of words."""
    table = Table(title="Finding what was said in the demo's calls")
    for heading in ("said", "within", "by", "questions", *(f"{n:,} words" for n in BUDGETS)):
        table.add_column(heading)
    for row in sorted(rows, key=lambda row: (row.group, row.within)):
        shares = (f"{r.questions:.2f} / {r.turns:.2f}" for r in row.reached.values())
        table.add_row(row.group, row.within, row.way, str(row.asked), *shares)
    return table


if __name__ == "__main__":
    main()
