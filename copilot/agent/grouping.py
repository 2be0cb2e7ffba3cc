"""Decides what a question groups by, counts or lists, from where its nouns stand."""

from dataclasses import dataclass, replace

from copilot.agent.phrases import PhraseMatch, overlaps, tokens
from copilot.agent.reading import Reading
from crm.metrics.catalog import catalog

_ASKS = frozenset({"which", "rank", "list", "extreme", "extreme_low", "second", "third"})
_COUNTABLE = ("account", "contact", "product", "customers", "contacts")
_DIMENSION_OF = {"customers": "account", "contacts": "contact"}
TIME_DIMENSIONS = ("year", "quarter", "month", "week")


@dataclass(frozen=True)
class Nouns:
    """The parts that nouns play in a question.

    `groups` are to group by, `subject` is asked for by "which", "who" or a rank, `counted` comes
    after "how many", `others` only decorate.
    """

    groups: tuple[str, ...] = ()
    subject: str = ""
    counted: str = ""
    others: tuple[str, ...] = ()


def read_nouns(reading: Reading) -> Nouns:
    """Give each noun its part. A noun beside a name of its own kind is part of that name."""
    groups: list[str] = []
    others: list[str] = []
    subject = counted = ""
    for noun in _free_nouns(reading):
        before = _cue_before(reading, noun)
        if before != "count" and noun.key in _DIMENSION_OF:
            noun = replace(noun, key=_DIMENSION_OF[noun.key])  # noqa: PLW2901
        if (
            before == "ratio_of_groups"
            and _names_people(noun)
            and not reading.has("intent", "which")
        ) or (before == "ratio_of_groups" and noun.key == "opportunity"):
            others.append(noun.key)
        elif before == "ratio_of_groups" and noun.key in catalog().dimensions:
            groups.append(noun.key)
        elif before in _ASKS and not subject:
            subject = noun.key
        elif before == "count" and not counted:
            counted = noun.key
        else:
            others.append(noun.key)
    knows = reading.has("measure", "contacts")
    by_size = subject == "opportunity" and _ranks_by_size(reading)
    if subject in {"", "opportunity"} and asks_who(reading) and not knows and not by_size:
        others += [subject] * bool(subject)
        subject = "owner"
    if not counted and reading.has("intent", "count") and "opportunity" not in others:
        # Chinese counts behind the noun: "客户一共有多少家".
        counted = next((noun for noun in others if noun in _COUNTABLE), "")
    return Nouns(tuple(dict.fromkeys(groups))[:2], subject, counted, tuple(others))


def _ranks_by_size(reading: Reading) -> bool:
    """Say whether single deals are ranked: "our biggest deal, and who sold it"."""
    sizes = ("biggest", "largest", "smallest", "最大", "最小")
    return reading.rank is not None and reading.rank.text.lower().startswith(sizes)


def _names_people(noun: PhraseMatch) -> bool:
    """Say whether the noun is a plural of people: "won by agents in the East" groups nothing."""
    return noun.key in {"owner", "manager"} and noun.text.lower().endswith("s")


def _free_nouns(reading: Reading) -> list[PhraseMatch]:
    free = []
    for cue in reading.cues:
        if cue.section != "noun" and not _counts_like_a_noun(cue):
            continue
        led = cue.key == "team" and any(
            any(thing.dimension == "manager" for thing in mention.candidates)
            and 0 <= cue.start - mention.span[1] <= 3
            for mention in reading.names
        )
        plural = _names_people(cue)
        named = led or any(
            any(thing.dimension == cue.key and not plural for thing in mention.candidates)
            and _gap(reading.text, mention.span, (cue.start, cue.end)) == 0
            for mention in reading.names
        )
        timed = cue.key in TIME_DIMENSIONS and any(
            _gap(reading.text, (p.start_char, p.end_char), (cue.start, cue.end)) == 0
            for p in reading.periods
        )
        grouped = timed and any(
            other.key in {"ratio_of_groups", "which"} and 0 <= cue.start - other.end <= 1
            for other in reading.cues
        )
        if not named and (grouped or not timed):
            free.append(cue)
    # "客户工单", "customer cases": the last of several nouns in a row is the thing, the others
    # describe it.
    following: list[PhraseMatch | None] = [*free[1:], None]
    heads = zip(free, following[-len(free) :] if free else [], strict=True)
    return [
        noun
        for noun, after in heads
        if after is None or _gap(reading.text, (noun.start, noun.end), (after.start, after.end))
    ]


def _counts_like_a_noun(cue: PhraseMatch) -> bool:
    return cue.section == "measure" and cue.key in {
        "calls", "emails", "meetings", "leads", "contacts", "case_count", "activities", "customers",
    }  # fmt: skip


def _gap(text: str, left: tuple[int, int], right: tuple[int, int]) -> int:
    """Return how many words stand between two spans."""
    first, second = sorted((left, right))
    return len(tokens(text[first[1] : second[0]]))


def _cue_before(reading: Reading, noun: PhraseMatch) -> str:
    """Return the intent that governs a noun: the nearest one before it, at most three words off."""
    best, best_gap = "", 4
    for cue in reading.cues:
        if cue.section == "intent" and cue.end <= noun.start:
            gap = _words_between(reading, cue.end, noun.start)
            crossed = any(
                other.section == "noun" and cue.end <= other.start < noun.start
                for other in reading.cues
            )
            joined = crossed and cue.key == "ratio_of_groups"
            if gap < best_gap and (not crossed or joined):
                best, best_gap = cue.key, gap
    if reading.rank is not None and reading.rank.span[1] <= noun.start:
        gap = len(tokens(reading.text[reading.rank.span[1] : noun.start]))
        if gap < min(best_gap, 3) and not best:
            best = "rank"
    return best


def _words_between(reading: Reading, start: int, end: int) -> int:
    """Count the words between two places, names aside: "which of Torsten Ibarra's agents"."""
    spans = [mention.span for mention in reading.names]
    return sum(
        not overlaps(start + token.start, start + token.end, spans)
        for token in tokens(reading.text[start:end])
    )


def asks_who(reading: Reading) -> bool:
    """Say whether a person is asked for."""
    words = {token.text for token in tokens(reading.text)}
    return bool({"who", "whos", "whom"} & words) or "谁" in reading.text
