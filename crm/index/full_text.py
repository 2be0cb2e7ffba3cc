"""Full text search over passages in the SQL database: BM25 on FTS5, its like on PostgreSQL."""

import math
from collections.abc import Sequence
from functools import cached_property

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    column,
    func,
    literal,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import REGCONFIG
from sqlalchemy.orm import Session

from crm.index.filters import SearchFilters, allowed_passages
from crm.index.terms import prefix_of
from crm.models import Passage
from crm.principal import Principal

_FTS = table("passage_terms", column("rowid"), column("passage_terms"))
_VECTOR: ColumnElement[object] = literal_column("passages.terms_vector")


class AskedTerms:
    """The terms of one search, and how many passages hold each: counted once, at first use.

    They must come from `crm.index.terms`: letters and digits only, so that nothing a user writes
    is ever read as an operator of the query language.
    """

    def __init__(self, session: Session, terms: Sequence[str]) -> None:
        self.session = session
        self.terms = terms

    @cached_property
    def holders(self) -> tuple[int, list[int]]:
        """How many passages there are, and how many hold each of the terms, in order."""
        return count_holders(self.session, self.terms)


def rank_passages(
    asked: AskedTerms,
    *,
    filters: SearchFilters,
    principal: Principal,
    limit: int,
) -> list[int]:
    """Return ids of passages holding any of the terms, the best by BM25 first."""
    if not asked.terms:
        return []
    allowed = allowed_passages(filters, principal)
    is_sqlite = asked.session.get_bind().dialect.name == "sqlite"
    ranked = _sqlite(allowed, asked.terms) if is_sqlite else _postgres(allowed, asked)
    return list(asked.session.scalars(ranked.limit(limit)))


def optimize(session: Session) -> None:
    """Merge the index so that deleted passages leave no terms behind in its pages."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("INSERT INTO passage_terms(passage_terms) VALUES ('optimize')"))


def count_holders(session: Session, terms: Sequence[str]) -> tuple[int, list[int]]:
    """Return how many passages there are, and how many hold each of the terms, in order.

    The caller's scope does not matter here: only how rare a word is.
    """
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    every = select(func.count()).select_from(Passage).scalar_subquery()
    total, *found = session.execute(
        select(every, *(_holders(term, is_sqlite=is_sqlite) for term in terms))
    ).one()
    return int(total), [int(count) for count in found]


def rarity(total: int, holders: int) -> float:
    """Return BM25's weight of a term held by so many texts (Robertson & Zaragoza, 2009, §3.4)."""
    return math.log(1 + (total - holders + 0.5) / (holders + 0.5))


def _holders(term: str, *, is_sqlite: bool) -> ScalarSelect[int]:
    if is_sqlite:
        match = _FTS.c.passage_terms.op("MATCH")(_quoted(term))
        return select(func.count()).select_from(_FTS).where(match).scalar_subquery()
    match = _VECTOR.op("@@")(_tsquery(_lexeme(term)))
    return select(func.count()).select_from(Passage).where(match).scalar_subquery()


def _sqlite(allowed: Select[int], terms: Sequence[str]) -> Select[int]:
    query = " OR ".join(_quoted(term) for term in terms)
    return (
        allowed.join(_FTS, _FTS.c.rowid == Passage.id)
        .where(_FTS.c.passage_terms.op("MATCH")(query))
        .order_by(func.bm25(_FTS.c.passage_terms), Passage.id.desc())
    )


def _postgres(allowed: Select[int], asked: AskedTerms) -> Select[int]:
    """Weigh each term's rank by its rarity, as BM25 does (Robertson & Zaragoza, 2009, §3.4).

    ts_rank saturates with the term's frequency; normalisation 1 damps long passages.
    """
    total, holders = asked.holders
    score: ColumnElement[float] = literal(0.0)
    for term, count in zip(asked.terms, holders, strict=True):
        rank = func.ts_rank(_VECTOR, _tsquery(_lexeme(term)), 1)
        score = score + literal(rarity(total, count)) * rank
    any_term = _tsquery(" | ".join(_lexeme(term) for term in asked.terms))
    holding = allowed.add_columns(score.label("score")).where(_VECTOR.op("@@")(any_term))
    # OFFSET 0 keeps the planner from ranking and sorting what the caller may not read.
    scored = holding.offset(0).subquery()
    return select(scored.c.id).order_by(scored.c.score.desc(), scored.c.id.desc())


def _quoted(term: str) -> str:
    """Return the term for FTS5; a long English word also finds its other forms."""
    prefix = prefix_of(term)
    return f'"{term}"' if prefix is None else f'"{prefix}"*'


def _lexeme(term: str) -> str:
    prefix = prefix_of(term)
    return f"'{term}'" if prefix is None else f"'{prefix}':*"


def _tsquery(query: str) -> ColumnElement[object]:
    return func.to_tsquery(literal("simple").cast(REGCONFIG), query)
