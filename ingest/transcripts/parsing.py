"""From a call's files, or from what was heard in them, to a conversation."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from crm.errors import BadInput
from crm.models import Conversation, NameBasis
from ingest.conversations import NamedVoice, ParsedConversation, ParsedSegment
from ingest.identity import Hints, Person
from ingest.speech.channels import Channel
from ingest.speech.naming import name_voices, with_names
from ingest.speech.parts import PartStore
from ingest.speech.transcriber import Transcriber, Transcript, Utterance
from ingest.transcripts.call import (
    MAX_PEOPLE,
    UNKNOWN_SPEAKER,
    CallMetadata,
    make_segments,
    merge_metadata,
)
from ingest.transcripts.json_call import read_sidecar
from ingest.transcripts.meetings import read_transcript
from ingest.transcripts.sources import CallSource, started_at_of, title_of
from ingest.wording import clean_label, guess_language

SOURCE = "calls"
MAX_TEXT_BYTES = 50_000_000
# How sure it is that the first person listed is on the left.
_AS_LISTED = 0.5
_NAMELESS: dict[Channel, str] = {"left": "Speaker 1", "right": "Speaker 2"}


def external_id_of(source: CallSource, metadata: CallMetadata) -> str:
    """Return the id that the metadata gives, else the source's key, else the file's stem."""
    return metadata.id or clean_label(source.key or source.path.stem)


def read_sidecar_of(source: CallSource) -> CallMetadata:
    """Return what the sidecar says, nothing if there is none; BadInput if it is unreadable."""
    return read_sidecar(source.sidecar) if source.sidecar else CallMetadata()


def parse_transcript(source: CallSource) -> ParsedConversation:
    """Return the conversation in a transcript file; BadInput says why there is none."""
    size = source.path.stat().st_size
    if size > MAX_TEXT_BYTES:
        raise BadInput(f"{source.path.name!r} has {size:,} bytes; the limit is {MAX_TEXT_BYTES:,}")
    sidecar = read_sidecar_of(source)
    known = [person.name for person in sidecar.participants if person.name]
    call = read_transcript(source.path.read_bytes(), source.path.name, known)
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
    parts: PartStore | None = None,
) -> ParsedConversation:
    """Return the conversation heard in a recording; BadInput if there is none to hear."""
    transcript = transcriber.transcribe(
        source.path, language=metadata.language, hints=hints, progress=progress, parts=parts
    )
    segments = tuple(segment for one in transcript.utterances for segment in _segments_of(one))
    if not segments:
        raise BadInput(f"no words were heard in {source.path.name!r}")
    people = [person.to_person() for person in metadata.participants]
    stated = {person.channel: person.to_person().name for person in metadata.participants}
    voices = name_voices(
        segments, people, stated={channel: name for channel, name in stated.items() if channel}
    )
    if transcript.is_stereo:
        voices = _with_channels(voices, people)
    return _heard(source, metadata, with_names(segments, voices), transcript, voices)


def recall_recording(
    source: CallSource,
    metadata: CallMetadata,
    stored: Conversation,
    segments: tuple[ParsedSegment, ...],
    voices: tuple[NamedVoice, ...],
) -> ParsedConversation | None:
    """Return the conversation stored for a recording, its voices too, under its new metadata.

    None if the sound, its language or its speakers have changed since: it has to be heard again.
    """
    if stored.content_sha256.partition("+")[0] != heard_fingerprint(source, metadata):
        return None
    length = stored.ended_at - stored.started_at if stored.ended_at else timedelta()
    duration_ms = round(length.total_seconds() * 1000)
    transcript = Transcript((), stored.language, duration_ms)
    return _heard(source, metadata, segments, transcript, voices)


def _heard(
    source: CallSource,
    metadata: CallMetadata,
    segments: tuple[ParsedSegment, ...],
    transcript: Transcript,
    voices: tuple[NamedVoice, ...],
) -> ParsedConversation:
    fingerprint = f"{heard_fingerprint(source, metadata)}+{source.fingerprint()}"
    parsed = _conversation(
        source, metadata, segments, fingerprint=fingerprint, transcript=transcript
    )
    return replace(parsed, voices=voices)


def _segments_of(one: Utterance) -> list[ParsedSegment]:
    """Return an utterance as segments with its words; its speaker is its voice for now."""
    voice = one.voice if one.channel == "mono" else one.channel
    speaker = _NAMELESS.get(one.channel) or voice or UNKNOWN_SPEAKER
    made = make_segments(speaker, one.text, one.start_ms, one.end_ms)
    words = tuple(
        # Where no probability is stated, nothing speaks against the word.
        (
            word.text,
            word.start_ms,
            word.end_ms,
            1.0 if word.probability is None else word.probability,
        )
        for word in one.words
    )
    return [
        replace(segment, voice=voice, confidence=one.confidence, words=words if not number else ())
        for number, segment in enumerate(made)
    ]


def _with_channels(
    voices: Sequence[NamedVoice], people: Sequence[Person]
) -> tuple[NamedVoice, ...]:
    """Return the voices and, for a side that nothing names, the next person listed, left first."""
    named = {one.voice: one for one in voices}
    taken = {one.name for one in voices}
    others = [person.name for person in people if person.name not in taken]
    for side in _NAMELESS:
        if side not in named and others:
            named[side] = NamedVoice(side, others.pop(0), _AS_LISTED, NameBasis.INVITED)
    return tuple(named[side] for side in _NAMELESS if side in named)


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
        title=metadata.title or title_of(source.path),
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
