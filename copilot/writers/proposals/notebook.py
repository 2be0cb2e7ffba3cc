"""What is collected while a proposal is written: its facts, its sentences, and what is open."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from copilot.grounding.sentences import CitedSentence, Dropped
from copilot.grounding.verifier import Pending
from copilot.llm.client import Usage
from copilot.writers.documents.content import OpenPoint, Sentence
from copilot.writers.proposals.wording import phrase
from crm.errors import CopilotError
from crm.facts import EvidencePack, Fact, FactKind
from tools.language import Language

_SECTIONS = (
    "cover", "letter", "situation", "goals", "solution", "prices", "timeline", "references",
    "terms", "signatures",
)  # fmt: skip


def _as_it_is(text: str) -> str:
    return text


@dataclass
class Notebook:
    """The facts of one proposal with their ids, and what was made of them.

    Facts in `approved` may carry a commitment of ours, those in `outside` are the customer's
    words; `placeholders` are open points that stand in the text. `in_house` puts the house's words
    for what it avoids. `outage` is why the model is not asked any more.
    """

    language: Language
    as_of: datetime
    pack: EvidencePack = field(default_factory=EvidencePack)
    outside: set[str] = field(default_factory=set)
    approved: set[str] = field(default_factory=set)
    sentences: list[CitedSentence] = field(default_factory=list)
    points: list[OpenPoint] = field(default_factory=list)
    placeholders: list[OpenPoint] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    is_elevated: bool = False
    in_house: Callable[[str], str] = _as_it_is
    outage: CopilotError | None = None

    def record(self, text: str, source: str, *, is_approved: bool = False) -> str:
        """Return the id of a fact that the CRM or the guide holds."""
        fact = Fact(kind=FactKind.RECORD, text=text, as_of=self.as_of, source=source)
        key = self.pack.add(fact).id
        if is_approved:
            self.approved.add(key)
        return key

    def cite(self, fact: Fact, *, is_theirs: bool = False) -> str:
        """Return the id of a fact that was read."""
        key = self.pack.add(fact).id
        if is_theirs:
            self.outside.add(key)
        return key

    def say(self, text: str, *sources: str) -> Sentence:
        """Return a sentence of the document that rests on the facts with these ids."""
        text = self.in_house(text)
        self.sentences.append(CitedSentence(text=text, facts=sources))
        return Sentence(text, sources)

    def keep(self, sentence: CitedSentence) -> Sentence:
        """Return a checked sentence for the document."""
        return self.say(sentence.text, *sentence.facts)

    def ask(self, where: str, name: str, /, **values: object) -> None:
        """Add an open point about a section, once."""
        point = OpenPoint(self.where(where), phrase(name, self.language, **values))
        if point not in self.points:
            self.points.append(point)

    def hold(self, where: str, pending: Pending) -> Sentence:
        """Return the placeholder of a commitment that somebody above has to approve."""
        self.is_elevated = True
        self.ask(where, "open_commitment", what=pending.sentence.text)
        return self.leave_open(where, phrase("approve", self.language))

    def leave_open(self, where: str, what: str) -> Sentence:
        """Return a placeholder in the text; the document shows it among its open points."""
        text = f"【{what}】" if self.language == "zh" else f"[{what}]"
        self.placeholders.append(OpenPoint(self.where(where), text))
        return Sentence(text, is_open=True)

    def sorted_points(self) -> list[OpenPoint]:
        """Return what is open in the order of the document's sections."""
        order = [self.where(section) for section in _SECTIONS]
        return sorted(self.points, key=lambda point: order.index(point.where))

    def where(self, section: str) -> str:
        """Return the name of a section."""
        return phrase(f"where_{section}", self.language)

    def add(self, dropped: Iterable[Dropped], usage: Usage) -> None:
        """Add what a dialogue with the model cut and cost."""
        self.dropped += dropped
        self.usage += usage
