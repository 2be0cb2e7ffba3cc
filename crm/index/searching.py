"""Searches what was said: passages by words and by meaning, then the moments in them."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from crm.errors import BadInput, TransientError
from crm.index.asked import likely_scopes
from crm.index.choosing import choose_runs
from crm.index.filters import SearchFilters, allowed_passages
from crm.index.full_text import AskedTerms, rank_passages, rarity
from crm.index.moments import Moment
from crm.index.nearest import NearestOfAll, NearestPassages
from crm.index.passages import heading_of
from crm.index.reading import PassageHit, hits_of, read_conversations, read_moments
from crm.index.reranker import RERANKED, Reranker
from crm.index.speakers import with_speakers
from crm.index.terms import Wanted, query_terms
from crm.index.weighing import standing_of, weigh
from crm.principal import Principal

log = logging.getLogger(__name__)

_POOL = 120
# A known conversation is read as a whole, up to so many passages.
_WHOLE = 400
_POOL_A_LIMIT = 4
# Next to a ranking by words: what says the same in other words, or another language.
_MEANING = 2.0


@dataclass(frozen=True)
class _Places:
    """Passages to read, how they stand, and whether they are all there is."""

    passages: frozenset[int]
    standing: Mapping[int, float]
    by_meaning: frozenset[int]
    is_whole: bool


class PassageSearch:
    """What was said, by words and, where there are vectors, by meaning.

    A reranker, if given, reads the best `crm.index.reranker.RERANKED` once more.
    """

    def __init__(
        self,
        nearest: NearestPassages | NearestOfAll | None = None,
        *,
        reranker: Reranker | None = None,
    ) -> None:
        self._nearest = nearest
        self._reranker = reranker

    @property
    def trouble(self) -> str | None:
        """Why the last search went by words only, None if it did not."""
        return self._nearest.trouble if self._nearest is not None else None

    def search(
        self,
        session: Session,
        text: str,
        *,
        principal: Principal,
        filters: SearchFilters | None = None,
        limit: int = 10,
    ) -> list[PassageHit]:
        """Return the stretches that fit the text best, short ones where `limit` is large.

        Filters and the caller's scope bind inside both searches. Raises BadInput if the text is
        blank.
        """
        if not text.strip():
            raise BadInput(f"the search text {text!r} is empty: give some words to look for")
        terms = query_terms(text)
        if not terms:
            return []
        filters = with_speakers(session, filters or SearchFilters(), principal)
        wanted = Wanted(terms)
        asked = AskedTerms(session, terms)
        places = self._places(asked, text, filters=filters, principal=principal, limit=limit)
        moments = read_moments(
            session, places.passages, wanted=wanted, filters=filters, principal=principal
        )
        conversations = read_conversations(session, {m.conversation_id for m in moments}, principal)
        titles = {
            number: frozenset(wanted.count(heading_of(conversation))[0])
            for number, conversation in conversations.items()
        }
        scores = weigh(
            moments,
            rarities=_rarities(asked, wanted, moments if places.is_whole else None),
            titles=titles,
            standing=_proven(places, moments, titles),
            meant=places.by_meaning,
        )
        runs = choose_runs(moments, scores, limit=max(limit, RERANKED if self._reranker else 0))
        hits = hits_of(runs, conversations, titles=titles, wanted=wanted)
        return self._reread(text, hits)[:limit]

    def _places(
        self,
        asked: AskedTerms,
        text: str,
        *,
        filters: SearchFilters,
        principal: Principal,
        limit: int,
    ) -> _Places:
        """Return the passages to read: those of a known conversation, else the best by both."""
        session, pool = asked.session, max(_POOL, _POOL_A_LIMIT * limit)
        whole = _whole(session, filters, principal)
        scopes = [] if whole else [filters, *likely_scopes(text, filters)]
        rankings = [
            (rank_passages(asked, filters=scope, principal=principal, limit=pool), 1.0)
            for scope in scopes
        ]
        by_meaning: list[int] = []
        if self._nearest is not None:
            by_meaning = self._nearest.rank(
                session, text, filters=filters, principal=principal, limit=pool
            )
        standing = standing_of([*rankings, (by_meaning, _MEANING)])
        best = sorted(standing, key=lambda passage_id: -standing[passage_id])[:pool]
        return _Places(frozenset({*best, *whole}), standing, frozenset(by_meaning), bool(whole))

    def _reread(self, text: str, hits: list[PassageHit]) -> list[PassageHit]:
        """Let the reranker put the best hits into its order; without it nothing changes."""
        first = hits[:RERANKED]
        if self._reranker is None or len(first) < 2:
            return hits
        try:
            scores = self._reranker.score(text, [hit.text for hit in first])
        except TransientError as error:
            log.warning("hits keep the order they had: %s", type(error).__name__)
            return hits
        order = sorted(range(len(first)), key=lambda place: -scores[place])
        kept = sorted((hit.score for hit in first), reverse=True)
        moved = [
            replace(first[place], score=score) for place, score in zip(order, kept, strict=True)
        ]
        return moved + hits[RERANKED:]


def _whole(session: Session, filters: SearchFilters, principal: Principal) -> list[int]:
    """Return all passages of the conversation that the filters name, none if it is too long."""
    if filters.conversation_id is None:
        return []
    statement = allowed_passages(filters, principal).limit(_WHOLE + 1)
    passages = list(session.scalars(statement))
    return passages if len(passages) <= _WHOLE else []


def _proven(
    places: _Places, moments: Sequence[Moment], titles: Mapping[int, frozenset[str]]
) -> dict[int, float]:
    """Leave out passages that only looked alike: full text compares beginnings of words."""
    true = places.by_meaning | {
        moment.passage_id for moment in moments if moment.found or titles[moment.conversation_id]
    }
    return {number: value for number, value in places.standing.items() if number in true}


def _rarities(
    asked: AskedTerms, wanted: Wanted, moments: Sequence[Moment] | None
) -> dict[str, float]:
    """Return the weight of each stem: among the moments, if these are all, else the passages."""
    if moments is not None:
        return {
            stem: rarity(len(moments), sum(stem in moment.found for moment in moments))
            for stem in wanted.stems.values()
        }
    total, counts = asked.holders
    stems = (wanted.stems[term] for term in asked.terms)
    return {stem: rarity(total, count) for stem, count in zip(stems, counts, strict=True)}
