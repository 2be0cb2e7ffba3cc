"""Full text search over passages in the SQL database: BM25 on FTS5, its like on PostgreSQL."""

import math
from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
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
from crm.models import Passage
from crm.principal import Principal

_FTS = table("passage_terms", column("rowid"), column("passage_terms"))
_VECTOR: ColumnElement[object] = literal_column("passages.terms_vector")


def rank_passages(
    session: Session,
    terms: Sequence[str],
    *,
    filters: SearchFilters,
    principal: Principal,
    limit: int,
) -> list[int]:
    """Return ids of passages holding any of the terms, the best by BM25 first.

    `terms` must come from `crm.index.terms`: letters and digits only, so that nothing a user
    writes is ever read as an operator of the query language.
    """
    if not terms:
        return []
    allowed = allowed_passages(filters, principal)
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    ranked = _sqlite(allowed, terms) if is_sqlite else _postgres(session, allowed, terms)
    return list(session.scalars(ranked.limit(limit)))


def optimize(session: Session) -> None:
    """Merge the index so that deleted passages leave no terms behind in its pages."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("INSERT INTO passage_terms(passage_terms) VALUES ('optimize')"))


def _sqlite(allowed: Select[int], terms: Sequence[str]) -> Select[int]:
    query = " OR ".join(f'"{term}"' for term in terms)
    return (
        allowed.join(_FTS, _FTS.c.rowid == Passage.id)
        .where(_FTS.c.passage_terms.op("MATCH")(query))
        .order_by(func.bm25(_FTS.c.passage_terms), Passage.id.desc())
    )


def _postgres(session: Session, allowed: Select[int], terms: Sequence[str]) -> Select[int]:
    """Weigh each term's rank by its rarity, as BM25 does (Robertson & Zaragoza, 2009, §3.4).

    ts_rank saturates with the term's frequency; normalisation 1 damps long passages.
    """
    queries = [_tsquery(f"'{term}'") for term in terms]
    counts = session.execute(
        select(
            select(func.count()).select_from(Passage).scalar_subquery(),
            *(
                select(func.count())
                .select_from(Passage)
                .where(_VECTOR.op("@@")(query))
                .scalar_subquery()
                for query in queries
            ),
        )
    ).one()
    total, *found = counts
    score: ColumnElement[float] = literal(0.0)
    for query, count in zip(queries, found, strict=True):
        idf = math.log(1 + (total - count + 0.5) / (count + 0.5))
        score = score + literal(idf) * func.ts_rank(_VECTOR, query, 1)
    any_term = _tsquery(" | ".join(f"'{term}'" for term in terms))
    return allowed.where(_VECTOR.op("@@")(any_term)).order_by(score.desc(), Passage.id.desc())


def _tsquery(query: str) -> ColumnElement[object]:
    return func.to_tsquery(literal("simple").cast(REGCONFIG), query)
