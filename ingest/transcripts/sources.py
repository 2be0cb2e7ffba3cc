"""Which files are calls: transcripts first, then recordings, each with any sidecar."""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crm.errors import BadInput
from ingest.transcripts.json_call import SIDECAR_SUFFIXES, has_segments
from ingest.transcripts.meetings import is_transcript
from ingest.wording import clean_label

TEXT_SUFFIXES = (".vtt", ".srt", ".sbv", ".json", ".docx", ".txt")
AUDIO_SUFFIXES = (".wav", ".mp3", ".m4a", ".ogg", ".flac")
# Most of these are no transcripts: what is in them decides.
_OTHER_USES = (".txt", ".docx")
# What programs call every recording, and what is in the folder's name then.
_GENERIC = re.compile(
    r"audio(?:_only)?(?:_\d+)?|chat|meeting_saved_(?:chat|closed_caption)|closed_caption"
    r"|meeting_saved_new_chat|transcript|recording(?:\.transcript)?|会议录制|文字记录|转写",
    re.I,
)
MAX_SNIFFED_BYTES = 60_000_000

_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)(?:[-_.年]?)(0[1-9]|1[0-2]|(?<=年)[1-9])(?:[-_.月]?)"
    r"(0[1-9]|[12]\d|3[01]|(?<=月)[1-9])(?!\d)"
    r"(?:日?[T_ -]?([01]\d|2[0-3])[-_:.h时]?([0-5]\d)(?!\d))?"
)


@dataclass(frozen=True)
class CallSource:
    """A file to import and the sidecar that describes it.

    `key` is what it is known as where neither names an id; None stands for the file's stem.
    `origin` is the connected source that found it.
    """

    path: Path
    sidecar: Path | None
    key: str | None = None
    origin: str | None = None

    @property
    def is_recording(self) -> bool:
        """Say whether it has to be transcribed."""
        return self.path.suffix.lower() in AUDIO_SUFFIXES

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file and its sidecar, in hex."""
        digest = hashlib.sha256(self.file_sha256())
        if self.sidecar:
            digest.update(_sha256(self.sidecar))
        return digest.hexdigest()

    def file_sha256(self) -> bytes:
        """Return the SHA-256 of the file alone."""
        return _sha256(self.path)


def find_calls(path: Path) -> list[CallSource]:
    """Return the calls at or under `path` in a stable order; BadInput if there are none."""
    if not path.exists():
        raise BadInput(f"no such file or folder: {str(path)!r}")
    suffixes = TEXT_SUFFIXES + AUDIO_SUFFIXES
    if path.is_file():
        if path.suffix.lower() not in suffixes:
            raise BadInput(f"{str(path)!r} is not one of {', '.join(suffixes)}")
        if not _may_be_call(path):
            raise BadInput(f"{str(path)!r} is no transcript: nobody is seen to speak in it")
        return [CallSource(path, _sidecar_of(path))]
    found = pair_calls(
        [
            Path(folder) / name
            for folder, _, names in os.walk(path)
            for name in names
            if name.lower().endswith(suffixes) and not name.startswith((".", "~$"))
        ]
    )
    if not found:
        raise BadInput(f"no transcript or recording ({', '.join(suffixes)}) in {str(path)!r}")
    return found


def pair_calls(paths: Sequence[Path]) -> list[CallSource]:
    """Return the calls among these files, each with its sidecar: transcripts first, then by path.

    Text and Word documents that are something else are left out.
    """
    suffixes = TEXT_SUFFIXES + AUDIO_SUFFIXES
    files = [path for path in paths if path.suffix.lower() in suffixes and _may_be_call(path)]
    described = {file.with_suffix("") for file in files if file.suffix.lower() != ".json"}
    sources = [
        CallSource(file, _sidecar_of(file)) for file in files if not _is_sidecar(file, described)
    ]
    return sorted(sources, key=lambda source: (source.is_recording, source.path))


def title_of(path: Path) -> str:
    """Return the name that a file gives its call: its own, or its folder's where every one has it.

    Zoom calls each recording `audio_only.m4a`, in a folder named after the meeting.
    """
    name = path.parent.name if _GENERIC.fullmatch(path.stem) and path.parent.name else path.stem
    return clean_label(name.replace("_", " ").replace("-", " "))


def started_at_of(path: Path) -> datetime:
    """Return the date (and time, UTC) in the file's name, else when the file was last changed."""
    found = _DATE.search(path.stem)
    if found is None and _GENERIC.fullmatch(path.stem):
        found = _DATE.search(path.parent.name)
    if found:
        year, month, day, hour, minute = (int(group or 0) for group in found.groups())
        try:
            return datetime(year, month, day, hour, minute, tzinfo=UTC)
        except ValueError:
            # 31 February: digits that are no date.
            pass
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _may_be_call(path: Path) -> bool:
    if path.suffix.lower() not in _OTHER_USES:
        return True
    try:
        if path.stat().st_size > MAX_SNIFFED_BYTES:
            return False
        return is_transcript(path.read_bytes(), path.name)
    except OSError:
        # Whoever reads it says so.
        return True


def _is_sidecar(file: Path, described: set[Path]) -> bool:
    is_beside = file.suffix.lower() == ".json" and file.with_suffix("") in described
    return is_beside and not has_segments(file)


def _sidecar_of(path: Path) -> Path | None:
    if path.suffix.lower() == ".json":
        return None
    candidates = (path.with_suffix(suffix) for suffix in SIDECAR_SUFFIXES)
    return next((c for c in candidates if c.is_file() and not has_segments(c)), None)


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
