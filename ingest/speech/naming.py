"""Gives voices their names: as stated, as said, as addressed, or as the only one left invited."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from crm.models import NameBasis
from ingest.conversations import NamedVoice, ParsedSegment
from ingest.identity import Person
from ingest.speech.introductions import Cue, NameHeard, find_names
from ingest.speech.name_words import ORDINARY_WORDS
from ingest.speech.roster import Roster, is_han, looks_like_han_name

# Below this a voice stays nameless: a wrong name is worse than none.
NAMED_FROM = 0.6

_STATED = 1.0
_INVITED_SELF = 0.88
_UNINVITED_SELF = 0.75
_ALONE = 0.7
_LEFT_OVER = 0.85
_MOST = 0.97
# How much one name by its cue says about the voice next to it, with two voices and with more.
_BESIDE = {
    Cue.ASKED: (0.62, 0.5),
    Cue.CHECKED: (0.62, 0.5),
    Cue.HANDED: (0.7, 0.7),
    Cue.THANKED: (0.55, 0.45),
    Cue.GREETED: (0.55, 0.25),
}
_DOUBT_OF_RIVALS = 0.7
_ONE_CALLS_OTHERS = 0.25
_NEXT_WITHIN_MS = 20_000
_FEWEST_ADDRESSES = 2
_DENIAL = re.compile(
    r"\W*(?:no\b|nope\b|sorry, no|not? he|wrong number|不是|不,|不，|没有|打错)", re.IGNORECASE
)


@dataclass(frozen=True)
class _Turn:
    """What one voice says until another speaks."""

    voice: str
    text: str
    start_ms: int | None
    end_ms: int | None


@dataclass(frozen=True)
class _Clue:
    """That a voice is called by a name (`who` as in the roster, or as heard), and how surely."""

    voice: str
    who: str
    weight: float
    basis: NameBasis


def name_voices(
    segments: Sequence[ParsedSegment],
    participants: Sequence[Person],
    *,
    stated: Mapping[str, str] | None = None,
) -> tuple[NamedVoice, ...]:
    """Return who is which voice, in the order in which the voices first speak.

    Voices that nothing tells, or that too little tells, are left out: they stay `Speaker N`.
    `stated` maps voices to names that the recording's metadata gives them. `participants` are
    whoever was invited; somebody else is named only by an introduction of their own.
    """
    turns = _turns_of(segments)
    voices = list(dict.fromkeys(turn.voice for turn in turns))
    stated = {voice: name for voice, name in (stated or {}).items() if name.strip()}
    roster = Roster([one for one in participants if one.name.strip()])
    clues = [_Clue(voice, stated[voice], _STATED, NameBasis.STATED) for voice in stated]
    not_they: set[tuple[str, str]] = set()
    for number, turn in enumerate(turns):
        for heard in find_names(turn.text):
            who = _who(heard, roster)
            if who is None:
                continue
            if heard.cue is not Cue.SELF:
                not_they.add((turn.voice, who.name))
            clues += _clues(heard, who, turns, number, len(voices))
    named = _decided(voices, clues, not_they, stated)
    named += _left_over(voices, named, not_they, roster)
    order = {voice: number for number, voice in enumerate(voices)}
    return tuple(sorted(named, key=lambda one: order.get(one.voice, len(order))))


def with_names(
    segments: Sequence[ParsedSegment], named: Sequence[NamedVoice]
) -> tuple[ParsedSegment, ...]:
    """Return the segments with the names of their voices as speakers."""
    names = {one.voice: one.name for one in named}
    return tuple(
        replace(one, speaker=names[one.voice]) if one.voice in names else one for one in segments
    )


@dataclass(frozen=True)
class _Who:
    name: str
    fit: float
    is_invited: bool


def _turns_of(segments: Sequence[ParsedSegment]) -> list[_Turn]:
    turns: list[_Turn] = []
    for segment in segments:
        if segment.voice is None:
            continue
        if turns and turns[-1].voice == segment.voice:
            text = f"{turns[-1].text} {segment.text}"
            turns[-1] = replace(turns[-1], text=text, end_ms=segment.end_ms)
        else:
            turns.append(_Turn(segment.voice, segment.text, segment.start_ms, segment.end_ms))
    return turns


def _who(heard: NameHeard, roster: Roster) -> _Who | None:
    for reading in heard.readings:
        found = roster.find(reading, is_surely_a_name=_is_written_as_name(reading, heard))
        if found:
            return _Who(roster.people[found.place].name, found.score, is_invited=True)
    if heard.cue is not Cue.SELF or not heard.is_clear:
        return None
    name = heard.readings[0]
    return _Who(name, 1.0, is_invited=False) if _is_plainly_a_name(name) else None


def _is_written_as_name(reading: str, heard: NameHeard) -> bool:
    """Say whether the recogniser took it for a name: a capital where no sentence begins."""
    return reading[:1].isupper() or heard.is_clear or not reading.isascii()


def _is_plainly_a_name(reading: str) -> bool:
    """Say whether somebody uninvited is named so: capitals, or a common Chinese family name."""
    if is_han(reading):
        return reading.endswith("先生") or _is_han_person(reading)
    words = reading.split(" ")
    return len(words) <= 2 and all(
        word[0].isupper() and not word.isupper() and word.casefold() not in ORDINARY_WORDS
        for word in words
    )


def _is_han_person(reading: str) -> bool:
    import rjieba

    if not looks_like_han_name(reading):
        return False
    tagged = rjieba.tag(reading)
    return len(tagged) == 1 and tagged[0][1] == "nr"


def _clues(
    heard: NameHeard, who: _Who, turns: Sequence[_Turn], number: int, voices: int
) -> list[_Clue]:
    own = turns[number]
    if heard.cue is Cue.SELF:
        base = _INVITED_SELF if who.is_invited else _UNINVITED_SELF
        return [_Clue(own.voice, who.name, base * who.fit, NameBasis.SAID)]
    weight = _BESIDE[heard.cue][voices > 2] * who.fit
    beside = _beside(heard.cue, turns, number)
    return [_Clue(beside.voice, who.name, weight, NameBasis.ADDRESSED)] if beside else []


def _beside(cue: Cue, turns: Sequence[_Turn], number: int) -> _Turn | None:
    """Return the turn that the cue points at: before thanks, else after."""
    if cue is Cue.THANKED and number > 0:
        return turns[number - 1]
    if number + 1 >= len(turns):
        return turns[number - 1] if cue is Cue.GREETED and number > 0 else None
    here, after = turns[number], turns[number + 1]
    if cue is Cue.CHECKED and _DENIAL.match(after.text):
        return None
    gap = (after.start_ms or 0) - (here.end_ms or 0)
    return after if gap <= _NEXT_WITHIN_MS else None


def _decided(
    voices: Sequence[str],
    clues: Sequence[_Clue],
    not_they: set[tuple[str, str]],
    stated: Mapping[str, str],
) -> list[NamedVoice]:
    named = [NamedVoice(voice, name, _STATED, NameBasis.STATED) for voice, name in stated.items()]
    gathered: dict[tuple[str, str], list[_Clue]] = defaultdict(list)
    for clue in clues:
        if clue.voice not in stated and clue.who not in stated.values():
            gathered[clue.voice, clue.who].append(clue)
    sure = {pair: _together(found, len(voices)) for pair, found in gathered.items()}
    for pair in sure:
        if pair in not_they and not any(c.basis is NameBasis.SAID for c in gathered[pair]):
            sure[pair] *= _ONE_CALLS_OTHERS
        elif pair in not_they:
            sure[pair] *= 1 - _ONE_CALLS_OTHERS
    doubted = {pair: value * (1 - _doubt(pair, sure)) for pair, value in sure.items()}
    taken: set[str] = set()
    for (voice, who), confidence in sorted(doubted.items(), key=lambda item: (-item[1], item[0])):
        if confidence >= NAMED_FROM and voice not in taken and who not in taken:
            taken |= {voice, who}
            is_said = any(c.basis is NameBasis.SAID for c in gathered[voice, who])
            basis = NameBasis.SAID if is_said else NameBasis.ADDRESSED
            named.append(NamedVoice(voice, who, round(confidence, 2), basis))
    return named


def _together(clues: Sequence[_Clue], voices: int) -> float:
    """Return how sure independent clues are together; being addressed once is one clue."""
    doubt = 1.0
    for clue in clues:
        doubt *= 1 - clue.weight
    said = any(clue.basis is NameBasis.SAID for clue in clues)
    if not said and voices > 2 and len(clues) < _FEWEST_ADDRESSES:
        return min(1 - doubt, NAMED_FROM - 0.01) if clues[0].weight < NAMED_FROM else 1 - doubt
    return min(1 - doubt, _MOST)


def _doubt(pair: tuple[str, str], sure: Mapping[tuple[str, str], float]) -> float:
    voice, who = pair
    rivals = [
        value
        for (other_voice, other_who), value in sure.items()
        if (other_voice == voice) != (other_who == who)
    ]
    return _DOUBT_OF_RIVALS * max(rivals, default=0.0) if rivals else 0.0


def _left_over(
    voices: Sequence[str],
    named: Sequence[NamedVoice],
    not_they: set[tuple[str, str]],
    roster: Roster,
) -> list[NamedVoice]:
    """Name the last voice after the last person invited, where there are as many of both."""
    people = {person.name for person in roster.people}
    open_voices = [voice for voice in voices if voice not in {one.voice for one in named}]
    open_people = people - {one.name for one in named}
    is_even = len(voices) == len(people) == len(roster.people)
    if not is_even or len(open_voices) != 1 or len(open_people) != 1:
        return []
    voice, who = open_voices[0], open_people.pop()
    if (voice, who) in not_they:
        return []
    confidence = min((one.confidence for one in named), default=_ALONE / _LEFT_OVER) * _LEFT_OVER
    if confidence < NAMED_FROM:
        return []
    return [NamedVoice(voice, who, round(confidence, 2), NameBasis.INVITED)]
