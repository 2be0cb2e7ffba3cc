"""How the customer writes: language, formality, length, greeting and sign-off of their mails."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from crm.facts import Fact, FactKind
from crm.models import Participant, Segment, Side
from tools.language import HAN, Language, detect_language
from tools.profile.model import WritingStyle
from tools.profile.rows import Asked, Rows, Talked
from tools.profile.words import WORDS

_HAN = re.compile(f"[{HAN}]")
_ENOUGH = 5
_MOST_FACTS = 3
_LONGEST_GREETING = 60
_GREETING = re.compile(
    r"^(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)|greetings|morning)\b[^.?]*[,!:]?$"
    r"|^[^。？?]{1,24}(?:您好|你好|好)[：:，,！!]?$|^(?:尊敬的|亲爱的)[^。？?]{1,24}[：:，,！!]?$"
    r"|^(?:您好|你好|大家好)[：:，,！!]?$",
    re.IGNORECASE,
)
_SIGN_OFF = re.compile(
    r"^(?:(?:with )?(?:best|kind|warm|many)?\s*(?:regards|wishes|thanks)|sincerely|cheers|best"
    r"|thank you|thanks(?: a lot| again)?|yours(?: \w+)?|talk soon|all the best)[,.!]?(?:\n.*)?$"
    r"|^(?:此致.*|敬礼|顺颂商祺|祝好|谢谢|致敬|祝.{1,8}|敬上)[！!。]?(?:\n.*)?$",
    re.IGNORECASE | re.DOTALL,
)
_CASUAL_EN = re.compile(r"^(?:hi|hey)\b|\b(?:thanks|cheers|btw|asap|ok|gonna)\b|!|:\)", re.I)
_CONTRACTED = re.compile(r"\b\w+['’](?:m|s|re|ve|ll|d|t)\b", re.IGNORECASE)
_FORMAL_EN = re.compile(
    r"^dear\b|\b(?:sincerely|yours faithfully|would be grateful|hereby|kindly|regarding)\b", re.I
)
_FORMAL_ZH = re.compile(r"尊敬的|您|贵公司|贵司|此致|敬礼|顺颂|敬请|烦请")
_CASUAL_ZH = re.compile(r"(?:^|[^迷])你|哈|啦|呗|嗯|亲|OK|[~～]")


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
        return len(_HAN.findall(self.text)) + len(_HAN.sub(" ", self.text).split())

    @property
    def greeting(self) -> str | None:
        """The line that greets, None if the mail begins without one."""
        first = self.segments[0].text.strip().split("\n")[0].strip()
        return first if len(first) <= _LONGEST_GREETING and _GREETING.match(first) else None

    @property
    def sign_off(self) -> str | None:
        """The line that takes leave, None if the mail ends without one."""
        last = self.segments[-1].text.strip()
        is_one = len(last) <= _LONGEST_GREETING and _SIGN_OFF.match(last)
        return last.split("\n")[0] if is_one else None


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
        formality=_formality(letters, language),
        words=round(median(lengths)),
        greeting=next((letter.greeting for letter in letters if letter.greeting), None),
        sign_off=next((letter.sign_off for letter in letters if letter.sign_off), None),
        mails=len(letters),
        confidence=round(min(len(letters), _ENOUGH) / _ENOUGH, 2),
        facts=tuple(_fact(letter, asked) for letter in letters[:_MOST_FACTS]),
    )


def _formality(letters: Sequence[Letter], language: Language) -> str:
    """Return "formal", "neutral" or "casual": what more of the mails show than not."""
    formal, casual = (_FORMAL_ZH, _CASUAL_ZH) if language == "zh" else (_FORMAL_EN, _CASUAL_EN)
    score = 0
    for letter in letters:
        text = letter.text
        is_casual = bool(casual.search(text)) or (
            language == "en" and len(_CONTRACTED.findall(text)) > 1
        )
        score += bool(formal.search(text)) - is_casual
    if 2 * abs(score) <= len(letters):
        return "neutral"
    return "formal" if score > 0 else "casual"


def _fact(letter: Letter, asked: Asked) -> Fact:
    row = letter.talk.row
    return Fact(
        kind=FactKind.EMAIL,
        text=WORDS[asked.language]["style"].format(
            who=letter.sender.name,
            day=f"{row.started_at:%Y-%m-%d}",
            count=letter.length,
            opening=letter.segments[0].text.strip()[:_LONGEST_GREETING],
        ),
        value=letter.length,
        unit="words",
        as_of=row.started_at,
        source=f"conversation:{row.id}#{letter.segments[0].position}",
    )
