"""Imports calls into the store: transcripts as they are, recordings by way of a transcriber."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from crm.errors import BadInput
from crm.principal import Principal
from crm.store import Store
from ingest.conversation_run import (
    Checkpoint,
    ConversationRun,
    ConversationSummary,
    Duplicate,
    Item,
    Progress,
    Reject,
)
from ingest.conversations import ParsedConversation, find_segments, find_stored
from ingest.speech.transcriber import Transcriber
from ingest.transcripts.call import CallMetadata
from ingest.transcripts.parsing import (
    SOURCE,
    external_id_of,
    parse_recording,
    parse_transcript,
    read_sidecar_of,
    recall_recording,
)
from ingest.transcripts.sources import CallSource, find_calls


def import_calls(
    store: Store,
    path: Path,
    *,
    transcriber: Transcriber | Callable[[], Transcriber],
    hints: Sequence[str] = (),
    principal: Principal,
    now: datetime,
    rejects_dir: Path | None = None,
    progress: Progress | None = None,
) -> ConversationSummary:
    """Import the transcripts and recordings at or under `path` and return the summary.

    A function given as `transcriber` is called once, and only if a recording has to be
    transcribed: one whose sound, language and speakers are those of its last import is not.
    `hints` are names and words to expect in recordings. Each recording is a transaction of its
    own. BadInput if there is nothing to read; PermanentError if the transcriber cannot be set up.
    """
    sources = find_calls(path)
    run = ConversationRun(store, SOURCE, path, principal, now, rejects_dir)
    return run.take(_Reader(store, transcriber, hints, progress).read(sources))


@dataclass
class _Reader:
    store: Store
    transcriber: Transcriber | Callable[[], Transcriber]
    hints: Sequence[str]
    progress: Progress | None
    _seen: dict[str, Path] = field(default_factory=dict)

    def read(self, sources: list[CallSource]) -> Iterator[Item]:
        """Yield what each file holds, with a checkpoint around each recording."""
        for number, source in enumerate(sources):
            if source.is_recording:
                yield Checkpoint()
            tell = self._teller(number, len(sources), source.path.name)
            tell(0.0)
            try:
                yield self._read_one(source, tell)
            except (BadInput, OSError) as error:
                yield Reject(str(source.path), str(error))
        yield Checkpoint()
        self._teller(len(sources), len(sources), "")(0.0)

    def _read_one(self, source: CallSource, tell: Callable[[float], None]) -> Item:
        if source.is_recording:
            return self._read_recording(source, tell)
        parsed = parse_transcript(source)
        return self._claim(source, parsed.external_id) or parsed

    def _read_recording(self, source: CallSource, tell: Callable[[float], None]) -> Item:
        metadata = read_sidecar_of(source)
        claimed = self._claim(source, external_id_of(source, metadata))
        if claimed:
            return claimed
        # What was heard once is kept: a new title or account takes no transcription.
        return self._recalled(source, metadata) or parse_recording(
            source, metadata, self._loaded(), hints=self.hints, progress=tell
        )

    def _recalled(self, source: CallSource, metadata: CallMetadata) -> ParsedConversation | None:
        with self.store.session() as session:
            stored = find_stored(session, SOURCE, external_id_of(source, metadata))
            if stored is None:
                return None
            segments = find_segments(session, stored.id)
            return recall_recording(source, metadata, stored, segments)

    def _claim(self, source: CallSource, external_id: str) -> Item | None:
        """Return None for the first file with this id, else what to make of a further one."""
        first = self._seen.setdefault(external_id, source.path)
        if first == source.path:
            return None
        if first.with_suffix("") == source.path.with_suffix(""):
            # A recording beside its transcript, or one transcript in two formats.
            return Duplicate(str(source.path))
        return Reject(
            str(source.path),
            f"id {external_id!r} is also that of {str(first)!r}; give one an `id` of its own",
        )

    def _loaded(self) -> Transcriber:
        # A class has the method too, but is yet to be called.
        if isinstance(self.transcriber, type) or not isinstance(self.transcriber, Transcriber):
            self.transcriber = self.transcriber()
        return self.transcriber

    def _teller(self, number: int, total: int, name: str) -> Callable[[float], None]:
        def tell(fraction: float) -> None:
            if self.progress:
                self.progress(number + fraction, total, name)

        return tell
