"""The verifier over notes: what was said becomes facts, and every note has to rest on its own."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time

from copilot.grounding.dates import find_dates
from copilot.grounding.sentences import CitedSentence, ProblemKind
from copilot.grounding.verifier import Ground, check_sentence
from copilot.writers.calls.due import find_due
from copilot.writers.calls.notes import Line, NoteDraft, ProposalDraft, Talk
from crm.facts import Fact, FactKind
from crm.models import NoteKind, Side
from tools.language import Language
from tools.spoken import SIDE_WORDS

TALK = "T"
_STATED = frozenset(
    {
        ProblemKind.AMOUNT,
        ProblemKind.NUMBER,
        ProblemKind.DATE,
        ProblemKind.TIME,
        ProblemKind.PERCENTAGE,
        ProblemKind.DURATION,
        ProblemKind.NAME,
        ProblemKind.CONTACT,
        ProblemKind.CITATION,
    }
)
_QUOTE_MARKS = re.compile(r"[\s\"“”'’…·,，.。:：;；!！?？/]+")


class Checker:
    """Checks against the lines of one talk; facts are `S<position>`, the talk itself is `T`."""

    def __init__(self, lines: Sequence[Line], talk: Talk, language: Language) -> None:
        self._talk = talk
        self._lines = {line.position: line for line in lines}
        moment = datetime.combine(talk.day, time(), UTC)
        self._moment = moment
        self._language = language
        facts = {f"S{line.position}": self._fact(line) for line in lines}
        outside = frozenset(f"S{line.position}" for line in lines if line.side is not Side.OURS)
        self._ground = Ground(
            facts=facts,
            today=talk.day,
            language=language,
            free_names=tuple({line.speaker for line in lines}),
            outside=outside,
        )

    def add_talk(self, text: str) -> None:
        """Add the fact that code computed of the talk itself: day, length, who took part."""
        fact = Fact(
            id=TALK, kind=FactKind.ACTIVITY, text=text, as_of=self._moment, source="conversation"
        )
        self._ground = replace(self._ground, facts={**self._ground.facts, TALK: fact})

    def quotes(self, text: str, segments: Sequence[int]) -> bool:
        """Say whether a text is nothing but words of its segments, in their order."""
        said = _bare(" ".join(self._lines[each].text for each in segments if each in self._lines))
        place = 0
        for piece in re.split(r"…|\s/\s", text):
            found = said.find(_bare(piece), place)
            if found < 0:
                return False
            place = found
        return True

    def holds(self, text: str, segments: Iterable[int], *, with_talk: bool = False) -> bool:
        """Say whether each amount, date, number and name of a text stands in its segments."""
        return not self._problems(text, segments, with_talk=with_talk, kinds=_STATED)

    def is_sound(self, text: str, segments: Iterable[int]) -> bool:
        """Say whether a sentence that a model worded passes every check, speakers included."""
        return not self._problems(text, segments, with_talk=False, kinds=None)

    def keep_notes(self, notes: Sequence[NoteDraft]) -> list[NoteDraft]:
        """Return the notes that hold; a day that its segments do not carry is taken off."""
        kept = []
        for note in notes:
            if not self._stands(note):
                continue
            kept.append(note if self._carries_day(note) else replace(note, due_on=None))
        return kept

    def keep_proposals(self, proposals: Sequence[ProposalDraft]) -> list[ProposalDraft]:
        """Return the proposals whose new value stands in the segments that they cite."""
        return [each for each in proposals if each.segments and self._supports(each)]

    def _stands(self, note: NoteDraft) -> bool:
        if not note.segments:
            return False
        if note.kind in {NoteKind.SUMMARY, NoteKind.TOPIC}:
            return True
        text = note.text
        if note.kind is NoteKind.COMPETITOR:
            text = text.partition(": ")[2]
        return self.quotes(text, note.segments)

    def _carries_day(self, note: NoteDraft) -> bool:
        if note.due_on is None:
            return True
        said = [self._lines[each].text for each in note.segments if each in self._lines]
        return any(due.on == note.due_on for text in said for due in find_due(text, self._talk.day))

    def _supports(self, proposal: ProposalDraft) -> bool:
        value = proposal.new_value
        if proposal.field in {"stage", "role", "amount", "bant.budget"}:
            return True  # chosen by code from closed sets, or read from the cited words by it
        if proposal.field in {"expected_close_on", "bant.timeline"}:
            said = [self._lines[each].text for each in proposal.segments if each in self._lines]
            days = {due.on.isoformat() for text in said for due in find_due(text, self._talk.day)}
            return value in days
        if proposal.field == "next_step":
            return self.holds(_without_days(value, self._talk), proposal.segments)
        if proposal.field in {"meddicc.economic_buyer", "bant.authority", "meddicc.champion"}:
            return self._names(value, proposal.segments)
        return self.quotes(value, proposal.segments) or self.holds(value, proposal.segments)

    def _names(self, name: str, segments: Iterable[int]) -> bool:
        """Say whether a person is named, by any part of the name, or speaks there."""
        lines = [self._lines[each] for each in segments if each in self._lines]
        said = " ".join(f"{line.speaker} {line.text}" for line in lines).casefold()
        parts = name.casefold().split() if name.isascii() else [name, name[:1]]
        return any(len(part) > 1 and part in said for part in parts) or (
            not name.isascii() and parts[-1] in said
        )

    def _problems(
        self,
        text: str,
        segments: Iterable[int],
        *,
        with_talk: bool,
        kinds: frozenset[ProblemKind] | None,
    ) -> list[ProblemKind]:
        cited = tuple(f"S{each}" for each in segments)
        sentence = CitedSentence(text=text, facts=(*cited, TALK) if with_talk else cited)
        found = [problem.kind for problem in check_sentence(sentence, self._ground)]
        return [kind for kind in found if kinds is None or kind in kinds]

    def _fact(self, line: Line) -> Fact:
        side = SIDE_WORDS[self._language].get(line.side, "")
        who = f"{line.speaker} ({side})" if side else line.speaker
        text = f'{who} {self._talk.day.isoformat()}: "{line.text}"'
        due = {each.on.isoformat() for each in find_due(line.text, self._talk.day)}
        # The days that code counted from these words stand beside them, to be cited as days.
        stated = f" [{', '.join(sorted(due))}]" if due else ""
        return Fact(
            id=f"S{line.position}",
            kind=FactKind.SEGMENT,
            text=text + stated,
            as_of=self._moment,
            source=f"segment:{line.position}",
        )


def _bare(text: str) -> str:
    return _QUOTE_MARKS.sub("", text).casefold()


def _without_days(text: str, talk: Talk) -> str:
    mentions, rest = find_dates(text, talk.day)
    return rest if mentions else text
