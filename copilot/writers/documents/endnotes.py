"""Numbers the sources that a document cites, in the order of their first mention."""

from collections.abc import Iterable, Sequence

from copilot.writers.documents.blocks import Run
from copilot.writers.documents.content import Prose, Source
from copilot.writers.documents.plain import clean, one_line
from copilot.writers.documents.wording import show_date, wording
from crm.errors import BadInput
from prompts.library import Language


class EndNotes:
    """The notes of one document; unless `shown`, citations are checked but not numbered."""

    def __init__(self, sources: Sequence[Source], language: Language, *, shown: bool) -> None:
        self._sources = {source.id: source for source in sources}
        self._numbers: dict[str, int] = {}
        self._language = language
        self._shown = shown
        self.open_texts: list[str] = []

    def numbers(self, ids: Iterable[str]) -> tuple[int, ...]:
        """Return the note numbers of the sources, each once, ascending.

        Raises:
            BadInput: an id is not among the document's sources.
        """
        found = set()
        for each in ids:
            if each not in self._sources:
                raise BadInput(f"source {each!r} is cited but not listed: add it to `sources`")
            if self._shown:
                found.add(self._numbers.setdefault(each, len(self._numbers) + 1))
        return tuple(sorted(found))

    def runs(self, prose: Prose) -> tuple[Run, ...]:
        """Return a paragraph's runs; what is open is remembered in `open_texts`."""
        gap = wording(self._language).gap
        runs: list[Run] = []
        for at, sentence in enumerate(prose):
            text = clean(sentence.text)
            if not text:
                continue
            if sentence.is_open:
                self.open_texts.append(one_line(text))
            joined = gap + text if at and runs else text
            runs.append(Run(joined, self.numbers(sentence.sources), sentence.is_open))
        return tuple(runs)

    @property
    def items(self) -> tuple[str, ...]:
        """What each note says, in the order of the numbers."""
        return tuple(self._show(self._sources[each]) for each in self._numbers)

    def _show(self, source: Source) -> str:
        words = wording(self._language)
        parts = [one_line(source.text)]
        if source.dated is not None:
            parts.append(show_date(source.dated, self._language))
        return f"{words.comma.join(parts)} [{one_line(source.address)}]"
