"""What was settled earlier, for a reply: only what answers the questions that are asked now."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from copilot.grounding.pack.found import Found, Key
from copilot.grounding.pack.model import Role
from crm.index.terms import query_terms, stem_of

# At least so many telling words in common, and so much of the shorter question.
_ALIKE = ((3, 0.5), (2, 0.75))


def answer_again(found: Sequence[Found]) -> list[Found]:
    """Return the findings of a reply, with earlier answers tied to the same questions asked again.

    Settled questions that nobody asks now are left out with their answers. A question counts as
    the same if the two share three telling words and half of the shorter one, or two and three
    quarters; it is then no longer open, since our side answered it before.
    """
    asked = [each for each in found if each.is_asked and each.role is Role.THEIR_QUESTION]
    settled = {
        each.key: each
        for each in found
        if each.role is Role.THEIR_QUESTION and not each.is_asked and not each.is_open
    }
    again = {key: _same(question, asked) for key, question in settled.items()}
    known = {now.key for now in again.values() if now is not None}
    return list(_kept(found, again, known))


def _kept(
    found: Sequence[Found], again: dict[Key, Found | None], known: set[Key]
) -> Iterable[Found]:
    for each in found:
        if each.key in again:
            continue
        if each.answers in again:
            now = again[each.answers] if each.answers else None
            if now is not None:
                yield replace(each, answers=now.key, is_asked=True)
            continue
        yield replace(each, is_open=False) if each.key in known else each


def _same(question: Found, asked: Sequence[Found]) -> Found | None:
    """Return the question asked now that is most like an earlier one, None if none is."""
    before = _telling(question)
    best: tuple[int, Found] | None = None
    for now in asked:
        terms = _telling(now)
        shared = len(before & terms)
        few = min(len(before), len(terms))
        is_same = any(shared >= least and shared >= share * few for least, share in _ALIKE)
        if is_same and (best is None or shared > best[0]):
            best = shared, now
    return best[1] if best else None


def _telling(each: Found) -> set[str]:
    terms = [term for term in query_terms(each.quote or "") if not term.isdigit()]
    # Chinese words come with their parts, which say nothing more.
    whole = [one for one in terms if not any(one != other and one in other for other in terms)]
    return {stem_of(term) for term in whole}
