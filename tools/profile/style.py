"""How the customer writes: language, formality, length, greeting and sign-off of their mails."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from crm.facts import Fact, FactKind
from crm.models import Participant, Segment, Side
from tools.language import detect_language
from tools.letter_parts import (
    LONGEST_GREETING,
    count_words,
    formality_of,
    is_greeting,
    is_sign_off,
)
from tools.profile.model import WritingStyle
from tools.profile.rows import Asked, Rows, Talked
from tools.profile.words import WORDS

_ENOUGH = 5
_MOST_FACTS = 3


@dataclass(frozen=True)
class Letter:
    """A mail of the customer's: who wrote it, and its paragraphs."""

    talk: Talked
    sender: Participant
    segments: Sequence[Segment]

    @property
    def text(self) -> str:
        """The words that its sender wrote."""
        return "\n".join(segment.text for segment in self.segments)

    @property
    def length(self) -> int:
        """Its length: words, each Chinese character counted as one."""
        return count_words(self.text)

    @property
    def greeting(self) -> str | None:
        """The line that greets, None if the mail begins without one."""
        first = self.segments[0].text.strip().split("\n")[0].strip()
        return first if is_greeting(first) else None

    @property
    def sign_off(self) -> str | None:
        """The line that takes leave, None if the mail ends without one."""
        last = self.segments[-1].text.strip()
        return last.split("\n")[0] if is_sign_off(last) else None


def customer_letters(rows: Rows) -> list[Letter]:
    """Return the mails that the customer's people wrote, the newest first."""
    found = []
    for talk in rows.talks:
        segments = [one for one in rows.mails.get(talk.row.id, ()) if one.text.strip()]
        if talk.side is Side.CUSTOMER and talk.sender is not None and segments:
            found.append(Letter(talk, talk.sender, segments))
    return found


def style_of(letters: Sequence[Letter], asked: Asked, *, who: str | None) -> WritingStyle | None:
    """Return how these mails are written, None without any; five mails are enough to be sure."""
    if not letters:
        return None
    languages = Counter(detect_language(letter.text) for letter in letters)
    language = languages.most_common(1)[0][0]
    lengths = [letter.length for letter in letters]
    newest = letters[0]
    return WritingStyle(
        who=who,
        contact_id=newest.sender.contact_id if who else None,
        language=language,
        formality=formality_of([letter.text for letter in letters], language),
        words=round(median(lengths)),
        greeting=next((letter.greeting for letter in letters if letter.greeting), None),
        sign_off=next((letter.sign_off for letter in letters if letter.sign_off), None),
        mails=len(letters),
        confidence=round(min(len(letters), _ENOUGH) / _ENOUGH, 2),
        facts=tuple(_fact(letter, asked) for letter in letters[:_MOST_FACTS]),
    )


def _fact(letter: Letter, asked: Asked) -> Fact:
    row = letter.talk.row
    return Fact(
        kind=FactKind.EMAIL,
        text=WORDS[asked.language]["style"].format(
            who=letter.sender.name,
            day=f"{row.started_at:%Y-%m-%d}",
            count=letter.length,
            opening=letter.segments[0].text.strip()[:LONGEST_GREETING],
        ),
        value=letter.length,
        unit="words",
        as_of=row.started_at,
        source=f"conversation:{row.id}#{letter.segments[0].position}",
    )
