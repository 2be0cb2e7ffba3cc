"""From a call's files, or from what was heard in them, to a conversation."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import timedelta

from crm.errors import BadInput
from crm.models import Conversation
from ingest.conversations import ParsedConversation, ParsedSegment
from ingest.identity import Hints, Person
from ingest.speech.transcriber import Channel, Transcriber, Transcript
from ingest.transcripts.call import (
    MAX_PEOPLE,
    UNKNOWN_SPEAKER,
    CallFile,
    CallMetadata,
    make_segments,
    merge_metadata,
)
from ingest.transcripts.json_call import read_json_call, read_sidecar
from ingest.transcripts.sources import CallSource, started_at_of
from ingest.transcripts.subtitles import read_srt, read_vtt
from ingest.wording import clean_label, decode_text, guess_language

SOURCE = "calls"
MAX_TEXT_BYTES = 50_000_000


def external_id_of(source: CallSource, metadata: CallMetadata) -> str:
    """Return the id that the metadata gives, else the file's stem."""
    return metadata.id or clean_label(source.path.stem)


def read_sidecar_of(source: CallSource) -> CallMetadata:
    """Return what the sidecar says, nothing if there is none; BadInput if it is unreadable."""
    return read_sidecar(source.sidecar) if source.sidecar else CallMetadata()


def parse_transcript(source: CallSource) -> ParsedConversation:
    """Return the conversation in a transcript file; BadInput says why there is none."""
    size = source.path.stat().st_size
    if size > MAX_TEXT_BYTES:
        raise BadInput(f"{source.path.name!r} has {size:,} bytes; the limit is {MAX_TEXT_BYTES:,}")
    sidecar = read_sidecar_of(source)
    text, name = decode_text(source.path.read_bytes()), source.path.name
    known = [person.name for person in sidecar.participants if person.name]
    match source.path.suffix.lower():
        case ".vtt":
            call = read_vtt(text, name, known)
        case ".srt":
            call = read_srt(text, name, known)
        case _:
            call = read_json_call(text, name)
    metadata = merge_metadata(call.metadata, sidecar)
    return _conversation(source, metadata, call.segments, fingerprint=source.fingerprint())


def heard_fingerprint(source: CallSource, metadata: CallMetadata) -> str:
    """Return the SHA-256 of all that a transcription depends on: the sound, language, speakers."""
    speakers = [[person.name, person.channel] for person in metadata.participants]
    said = json.dumps([metadata.language, speakers]).encode()
    return hashlib.sha256(source.file_sha256() + said).hexdigest()


def parse_recording(
    source: CallSource,
    metadata: CallMetadata,
    transcriber: Transcriber,
    *,
    hints: Sequence[str],
    progress: Callable[[float], None] | None,
) -> ParsedConversation:
    """Return the conversation heard in a recording; BadInput if there is none to hear."""
    names = [person.name for person in metadata.participants if person.name]
    transcript = transcriber.transcribe(
        source.path, language=metadata.language, hints=[*names, *hints], progress=progress
    )
    call = CallFile(metadata, _segments(transcript, metadata))
    if not call.segments:
        raise BadInput(f"no words were heard in {source.path.name!r}")
    return _heard(source, metadata, call.segments, transcript)


def recall_recording(
    source: CallSource,
    metadata: CallMetadata,
    stored: Conversation,
    segments: tuple[ParsedSegment, ...],
) -> ParsedConversation | None:
    """Return the conversation stored for a recording under its new metadata.

    None if the sound, its language or its speakers have changed since: it has to be heard again.
    """
    if stored.content_sha256.partition("+")[0] != heard_fingerprint(source, metadata):
        return None
    length = stored.ended_at - stored.started_at if stored.ended_at else timedelta()
    duration_ms = round(length.total_seconds() * 1000)
    return _heard(source, metadata, segments, Transcript((), stored.language, duration_ms))


def _heard(
    source: CallSource,
    metadata: CallMetadata,
    segments: tuple[ParsedSegment, ...],
    transcript: Transcript,
) -> ParsedConversation:
    fingerprint = f"{heard_fingerprint(source, metadata)}+{source.fingerprint()}"
    return _conversation(source, metadata, segments, fingerprint=fingerprint, transcript=transcript)


def _segments(transcript: Transcript, metadata: CallMetadata) -> tuple[ParsedSegment, ...]:
    names = _channel_names(metadata) if transcript.is_stereo else {"mono": UNKNOWN_SPEAKER}
    return tuple(
        segment
        for one in transcript.utterances
        for segment in make_segments(names[one.channel], one.text, one.start_ms, one.end_ms)
    )


def _channel_names(metadata: CallMetadata) -> dict[Channel, str]:
    """Return who is heard where: as stated, the others in their order, left first."""
    names: dict[Channel, str] = {
        person.channel: person.to_person().name
        for person in metadata.participants
        if person.channel
    }
    others = [person.to_person().name for person in metadata.participants if not person.channel]
    sides: tuple[Channel, ...] = ("left", "right")
    for number, side in enumerate(sides, 1):
        if side not in names:
            names[side] = others.pop(0) if others else f"Speaker {number}"
    return names


def _conversation(
    source: CallSource,
    metadata: CallMetadata,
    segments: tuple[ParsedSegment, ...],
    *,
    fingerprint: str,
    transcript: Transcript | None = None,
) -> ParsedConversation:
    started_at = metadata.started_at or started_at_of(source.path)
    last_ms = max((segment.end_ms or segment.start_ms or 0 for segment in segments), default=0)
    duration_ms = transcript.duration_ms if transcript else last_ms
    heard = transcript.language if transcript else None
    text = "\n".join(segment.text for segment in segments[:200])
    return ParsedConversation(
        source=SOURCE,
        external_id=external_id_of(source, metadata),
        kind=metadata.kind,
        title=metadata.title or clean_label(source.path.stem.replace("_", " ").replace("-", " ")),
        started_at=started_at,
        ended_at=started_at + timedelta(milliseconds=duration_ms) if duration_ms else None,
        participants=_people(metadata, segments),
        segments=segments,
        content_sha256=fingerprint,
        language=metadata.language or heard or guess_language(text),
        media_path=str(source.path.resolve()) if transcript else None,
        hints=Hints(metadata.account, metadata.opportunity),
    )


def _people(metadata: CallMetadata, segments: tuple[ParsedSegment, ...]) -> tuple[Person, ...]:
    """Return the participants listed, then the speakers who are not among them."""
    people = [person.to_person() for person in metadata.participants]
    known = {person.name.casefold() for person in people}
    for segment in segments:
        key = segment.speaker.casefold()
        is_nameless = key.startswith("speaker ") or key == "unknown"
        if key not in known and not is_nameless and len(people) < MAX_PEOPLE:
            known.add(key)
            people.append(Person(segment.speaker))
    return tuple(people)
