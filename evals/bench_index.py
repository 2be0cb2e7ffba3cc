"""Measures the conversation index at scale: synthetic passages, real search."""

import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import insert, select, update

from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.index.embedder import Embedder
from crm.index.filters import SearchFilters, labels_of
from crm.index.vector_names import digest_of
from crm.models import Account, Conversation, Passage, Segment
from crm.principal import Principal
from crm.store import Store

_START = datetime(2025, 1, 1, tzinfo=UTC)
_ENGLISH = (
    "price budget discount contract legal security privacy rollout delay training pilot licence "
    "renewal support ticket integration warehouse report quarter invoice approval vendor data "
    "engineer manager schedule meeting question feature request team office customer plan"
)
_CHINESE = "价格 预算 折扣 合同 法务 安全 隐私 上线 延期 培训 试用 续约 工单 集成 仓库 报表 季度"
_QUERIES = (
    "who asked for a discount",
    "security and privacy concerns",
    "担心上线延期",
    "价格太贵",
    "renewal of the licence contract",
)
_PASSAGES_A_CALL = 10
_TURN_WORDS = 110
_CENTRES = 400
_BATCH = 200


@dataclass(frozen=True)
class IndexFigures:
    """What an index of `passages` passages costs; times in milliseconds, sizes in megabytes."""

    passages: int
    text_index_s: float
    vector_add_s: float
    disk_mb: float
    resident_mb: float
    p50_ms: dict[str, float]
    p95_ms: dict[str, float]
    growth_mb: float
    new_call_words_ms: float
    new_call_meaning_ms: float


def measure_index(
    folder: Path, embedder: Embedder, *, passages: int = 100_000, searches: int = 50, seed: int = 7
) -> IndexFigures:
    """Fill `folder` with calls of invented words and search them, with and without filters.

    Vectors of the passages are random around random centres; those of the queries and of the one
    call that is added at the end are the embedder's own.
    """
    draw = np.random.default_rng(seed)
    store = Store.sqlite(folder / "crm.db")
    store.migrate()
    vectors = ChromaIndex(folder / "index", embedder_name=embedder.name)
    index = ConversationIndex(store, embedder=embedder, vectors=vectors)
    ids = list(range(1, passages // _PASSAGES_A_CALL + 1))
    with store.session() as session:
        session.execute(insert(Account), [_account(number) for number in range(1, 201)])
        for start in range(0, len(ids), _BATCH):
            calls = ids[start : start + _BATCH]
            session.execute(insert(Conversation), [_call(number) for number in calls])
            session.execute(insert(Segment), [t for number in calls for t in _turns(number, draw)])
    text_s = _seconds(lambda: index.index_texts(ids))
    vector_s = _seconds(lambda: _add_vectors(store, vectors, embedder, draw))
    spent = dict(_searches(store, index, searches))
    before = _resident_mb()
    list(_searches(store, index, searches * 2))
    grown = _resident_mb() - before
    words_ms, meaning_ms = _new_call(store, index, len(ids) + 1)
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
    return IndexFigures(
        passages=passages,
        text_index_s=text_s,
        vector_add_s=vector_s,
        disk_mb=disk,
        resident_mb=_resident_mb(),
        p50_ms={name: float(np.percentile(took, 50)) for name, took in spent.items()},
        p95_ms={name: float(np.percentile(took, 95)) for name, took in spent.items()},
        growth_mb=grown,
        new_call_words_ms=words_ms,
        new_call_meaning_ms=meaning_ms,
    )


def _account(number: int) -> dict[str, object]:
    return _sourced(number) | {"name": f"Account {number}"}


def _call(number: int) -> dict[str, object]:
    return _sourced(number) | {
        "kind": "call" if number % 3 else "email",
        "title": f"Call {number}",
        "started_at": _START + timedelta(hours=number),
        "language": "en" if number % 2 else "zh",
        "account_id": number % 200 + 1,
        "content_sha256": f"{number:064d}",
    }


def _turns(number: int, draw: np.random.Generator) -> list[dict[str, object]]:
    pool = (_ENGLISH if number % 2 else _CHINESE).split()
    join = " " if number % 2 else ""
    turns: list[dict[str, object]] = []
    for position in range(_PASSAGES_A_CALL):
        chosen = draw.choice(pool, _TURN_WORDS)
        speaker = f"Speaker {(number * 7 + position % 2) % 5000}"
        text = join.join(chosen) + f" item{number}x{position}"
        turns.append(
            {
                "conversation_id": number,
                "position": position,
                "speaker": speaker,
                "text": text,
                "start_ms": position * 40_000,
                "end_ms": (position + 1) * 40_000,
            }
        )
    return turns


def _add_vectors(
    store: Store, vectors: ChromaIndex, embedder: Embedder, draw: np.random.Generator
) -> None:
    size = embedder.dimensions
    centres = draw.normal(size=(_CENTRES, size))
    with store.session() as session:
        rows = session.execute(select(Passage.id, Passage.text, Passage.conversation_id)).all()
        calls = {call.id: call for call in session.scalars(select(Conversation))}
    for start in range(0, len(rows), 1_000):
        part = rows[start : start + 1_000]
        near = centres[draw.integers(_CENTRES, size=len(part))]
        made = near + 0.7 * draw.normal(size=(len(part), size))
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        vectors.add(
            [f"{row.id}:0:{digest_of(row.text)}" for row in part],
            made.astype(np.float32),
            [labels_of(calls[row.conversation_id], _speakers(row.text)) for row in part],
        )
    with store.session() as session:
        session.execute(update(Passage).values(embedding_model=embedder.name))


def _speakers(passage: str) -> list[str]:
    return [line.partition(":")[0] for line in passage.split("\n")[1:]]


def _searches(
    store: Store, index: ConversationIndex, searches: int
) -> Iterator[tuple[str, list[float]]]:
    narrow = {
        "no filter": SearchFilters(),
        "account": SearchFilters(account_id=17),
        "speaker": SearchFilters(speaker="speaker 7"),
        "month": SearchFilters(
            since=_START + timedelta(days=60), until=_START + timedelta(days=90)
        ),
        "language and kind": SearchFilters(language="zh", speaker="speaker 14"),
    }
    for name, filters in narrow.items():
        yield (
            name,
            [
                _ask(store, index, _QUERIES[number % len(_QUERIES)], filters)
                for number in range(searches)
            ],
        )


def _ask(store: Store, index: ConversationIndex, query: str, filters: SearchFilters) -> float:
    def search() -> None:
        with store.session() as session:
            index.search(session, query, principal=Principal.local_owner(), filters=filters)

    return _seconds(search) * 1000


def _new_call(store: Store, index: ConversationIndex, number: int) -> tuple[float, float]:
    """Return how long a new call takes until it is found by words, and then by meaning."""
    said: Sequence[str] = ["The helicopter clause worries our lawyers."] * 12
    with store.session() as session:
        session.execute(insert(Conversation), [_call(number)])
        turns = [{**turn, "text": said[0]} for turn in _turns(number, np.random.default_rng(1))]
        session.execute(insert(Segment), turns)
    words_s = _seconds(lambda: index.index_texts([number]))
    return words_s * 1000, _seconds(lambda: index.embed_pending(first=[number])) * 1000


def _sourced(number: int) -> dict[str, object]:
    return {"id": number, "source": "bench", "external_id": str(number), "synced_at": _START}


def _seconds(work: object) -> float:
    assert callable(work)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _resident_mb() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 2**20
