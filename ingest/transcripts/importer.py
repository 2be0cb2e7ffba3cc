"""Imports calls into the store: transcripts as they are, recordings by way of a transcriber."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.errors import BadInput
from crm.models import NameBasis, VoiceName
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
from ingest.conversations import NamedVoice, ParsedConversation, find_segments, find_stored
from ingest.speech.parts import StoredParts, forget_stale_parts
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
from ingest.transcripts.sources import CallSource, find_calls, started_at_of
from ingest.transcripts.vocabulary import words_to_expect


def import_calls(
    store: Store,
    path: Path | CallSource,
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
    `hints` are names and words to expect in recordings, after those of the call's people, account
    and deal. Each recording is a transaction of its own; one that was broken off goes on after
    its last finished part. A `CallSource` is one call that a source has found. BadInput if there
    is nothing to read; PermanentError if the transcriber cannot be set up.
    """
    sources = [path] if isinstance(path, CallSource) else find_calls(path)
    place = path.path if isinstance(path, CallSource) else path
    origin = path.origin if isinstance(path, CallSource) else None
    run = ConversationRun(store, SOURCE, place, principal, now, rejects_dir, origin=origin)
    return run.take(_Reader(store, transcriber, hints, principal, now, progress).read(sources))


@dataclass
class _Reader:
    store: Store
    transcriber: Transcriber | Callable[[], Transcriber]
    hints: Sequence[str]
    principal: Principal
    now: datetime
    progress: Progress | None
    _seen: dict[str, Path] = field(default_factory=dict)

    def read(self, sources: list[CallSource]) -> Iterator[Item]:
        """Yield what each file holds, with a checkpoint around each recording."""
        if any(source.is_recording for source in sources):
            yield Checkpoint(lambda session: forget_stale_parts(session, self.now))
        for number, source in enumerate(sources):
            tell = self._teller(number, len(sources), source.path.name)
            tell(0.0)
            if source.is_recording:
                yield from self._read_alone(source, tell)
            else:
                yield self._read_one(source, tell)
        yield Checkpoint()
        self._teller(len(sources), len(sources), "")(0.0)

    def _read_alone(self, source: CallSource, tell: Callable[[float], None]) -> Iterator[Item]:
        yield Checkpoint()
        parts = StoredParts(self.store, self.now)
        yield self._read_one(source, tell, parts)
        # In the transaction that stores the recording: before it the parts are needed.
        yield Checkpoint(parts.forget)

    def _read_one(
        self, source: CallSource, tell: Callable[[float], None], parts: StoredParts | None = None
    ) -> Item:
        try:
            if parts:
                return self._read_recording(source, tell, parts)
            parsed = parse_transcript(source)
            return self._claim(source, parsed.external_id) or parsed
        except (BadInput, OSError) as error:
            return Reject(str(source.path), str(error))

    def _read_recording(
        self, source: CallSource, tell: Callable[[float], None], parts: StoredParts
    ) -> Item:
        metadata = read_sidecar_of(source)
        claimed = self._claim(source, external_id_of(source, metadata))
        if claimed:
            return claimed
        # What was heard once is kept: a new title or account takes no transcription.
        return self._recalled(source, metadata) or parse_recording(
            source, metadata, self._loaded(), hints=self._hints(source, metadata), progress=tell,
            parts=parts,
        )  # fmt: skip

    def _hints(self, source: CallSource, metadata: CallMetadata) -> list[str]:
        started_at = metadata.started_at or started_at_of(source.path)
        with self.store.session() as session:
            return [
                *words_to_expect(session, self.principal, metadata, started_at=started_at),
                *self.hints,
            ]

    def _recalled(self, source: CallSource, metadata: CallMetadata) -> ParsedConversation | None:
        with self.store.session() as session:
            stored = find_stored(session, SOURCE, external_id_of(source, metadata))
            if stored is None:
                return None
            segments = find_segments(session, stored.id)
            voices = _find_voices(session, stored.id)
            return recall_recording(source, metadata, stored, segments, voices)

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


def _find_voices(session: Session, conversation_id: int) -> tuple[NamedVoice, ...]:
    rows = session.scalars(
        select(VoiceName)
        .where(VoiceName.conversation_id == conversation_id)
        .order_by(VoiceName.voice)
    )
    return tuple(
        NamedVoice(row.voice, row.name, row.confidence, NameBasis(row.basis)) for row in rows
    )
