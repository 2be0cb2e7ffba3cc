"""The few sentences that the model words: the situation, the goals, and how needs are met."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from copilot.grounding.ground import Ground
from copilot.grounding.sentences import CitedSentence, Dropped
from copilot.llm.client import LanguageModel
from copilot.writers.documents.content import Sentence
from copilot.writers.proposals.notebook import Notebook
from copilot.writers.proposals.restating import strange_words
from copilot.writers.proposals.wording import phrase
from copilot.writers.scribe import Item, Scribe
from tools.language import detect_language

_LABELS = {
    "en": {
        "theirs": "THE CUSTOMER SAID: {words}",
        "ours": "WE SAID: {words}",
        "product": "PRODUCT: {name} - {description}",
    },
    "zh": {
        "theirs": "客户说: {words}",
        "ours": "我方说: {words}",
        "product": "产品: {name} - {description}",
    },
}


@dataclass(frozen=True)
class Pen:
    """The model with what its sentences are checked against; facts are the notebook's of now."""

    model: LanguageModel
    notebook: Notebook
    ground: Ground
    progress: Callable[[str, int, int], None]

    def write(self, section: str, task: str, items: Sequence[Item]) -> list[Sentence | None]:
        """Return a checked sentence or placeholder for each item, None where nothing held.

        `task` names the rules. Besides the verifier's checks a sentence may hold no telling word
        that its material has not, and has to be in the document's language.

        Where the model is out of reach code says what it can, here and from then on. Raises
        PermanentError where it refuses to work.
        """
        if not items:
            return []
        notebook = self.notebook
        scribe = Scribe(
            model=self.model,
            ground=self.checked_against(),
            language=notebook.language,
            prompts=(f"proposal_{task}_rules", "proposal_item", "proposal_rewrite"),
            progress=lambda done, total: self.progress(section, done, total),
            outage=notebook.outage,
        )
        written = scribe.write(items)
        notebook.add(written.dropped, written.usage)
        notebook.outage = written.outage
        held = {each.sentence.facts: each for each in written.pending}
        found: list[Sentence | None] = []
        for item, sentence in zip(items, written.sentences, strict=True):
            if item.facts in held:
                found.append(notebook.hold(section, held[item.facts]))
            else:
                found.append(self._kept(item, sentence))
        return found

    def checked_against(self) -> Ground:
        """Return the ground over all facts of the notebook so far."""
        notebook = self.notebook
        return replace(
            self.ground,
            facts={fact.id: fact for fact in notebook.pack.facts},
            outside=set(notebook.outside),
            approved=set(notebook.approved),
        )

    def _kept(self, item: Item, sentence: CitedSentence | None) -> Sentence | None:
        if sentence is None:
            return None
        if sentence == item.fallback:
            return self.notebook.keep(sentence)
        language = self.notebook.language
        strange = strange_words(sentence.text, [item.shown])
        if strange or detect_language(sentence.text) != language:
            words = ", ".join(strange) or sentence.text[:40]
            reason = phrase("not_in_material", language, words=words)
            self.notebook.dropped.append(Dropped(text=sentence.text, reason=reason))
            return None
        return self.notebook.keep(sentence)

    def show(self, kind: str, **values: str) -> str:
        """Return one line of material as the model sees it."""
        return _LABELS[self.notebook.language][kind].format(**values)
