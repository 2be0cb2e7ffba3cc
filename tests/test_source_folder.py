"""A watched folder: what comes and changes is read once, what is half written waits."""

import itertools
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm.errors import BadInput, TransientError
from ingest.conversation_run import Duplicate, Reject
from ingest.conversations import ParsedConversation
from ingest.sources import folder as folder_module
from ingest.sources.folder import FolderConfig, FolderSource, open_folder
from ingest.sources.marks import make_mark, pack_marks, unpack_marks
from ingest.sources.source import Cursor, Pulled, Source, Watched

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
OLD = NOW.timestamp() - 3_600


def _mail(number: int, body: str = "Hello") -> str:
    return (
        f"From: Bob <bob@acme.example>\nTo: anna@ours.example\nSubject: Mail {number}\n"
        f"Date: Mon, 04 May 2026 10:00:00 +0000\nMessage-ID: <m{number}@x>\n\n{body}\n"
    )


def _put(path: Path, text: str | bytes, at: float = OLD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(path, (at, at))
    return path


def _open(path: Path, sleeps: list[float] | None = None, **options: Any) -> FolderSource:
    kept = [] if sleeps is None else sleeps
    config = FolderConfig.model_validate({"path": str(path), **options})
    return open_folder(config, name="drop", sleep=kept.append)


def _pull(source: FolderSource, cursor: Cursor | None = None) -> list[Pulled]:
    return list(source.pull(cursor, now=NOW))


def _found(portions: list[Pulled], kind: type = ParsedConversation) -> list[str]:
    items = [item for portion in portions for item in portion.conversations]
    return [
        item.title if isinstance(item, ParsedConversation) else Path(item.file).name  # type: ignore[union-attr]
        for item in items
        if isinstance(item, kind)
    ]


VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Anna Meyer>{}</v>\n"


def test_folder_of_all_kinds_is_read_once(tmp_path: Path) -> None:
    _put(tmp_path / "a.eml", _mail(1))
    _put(tmp_path / "deep/er/b.mbox", f"From x Mon May  4 10:00:00 2026\n{_mail(2)}\n")
    _put(tmp_path / "2026-05-04_intro.vtt", VTT.format("Hello"))
    _put(tmp_path / "zoom.txt", "[Anna Meyer] 00:00:01\nHi\n[Bob Ray] 00:00:02\nHo\n")
    _put(tmp_path / "call.wav", b"RIFF")
    _put(tmp_path / "call.yaml", "title: A call\n")
    _put(tmp_path / "notes.txt", "milk, bread")
    _put(tmp_path / ".hidden.eml", _mail(9))
    _put(tmp_path / "~$b.docx", "lock")
    _put(tmp_path / "loading.wav.part", "x")
    source = _open(tmp_path)
    assert isinstance(source, Source)
    assert isinstance(source, Watched)
    portions = _pull(source)
    assert set(_found(portions)) == {"Mail 1", "Mail 2", "2026 05 04 intro", "zoom"}
    assert [one.path.name for p in portions for one in p.recordings] == ["call.wav"]
    assert portions[0].recordings[0].sidecar == tmp_path / "call.yaml"
    assert _found(portions, Reject) == []
    assert _pull(source, portions[-1].cursor) == []


def test_only_what_is_new_or_changed_comes_again(tmp_path: Path) -> None:
    first = _put(tmp_path / "a.eml", _mail(1))
    _put(tmp_path / "b.eml", _mail(2))
    source = _open(tmp_path)
    cursor = _pull(source)[-1].cursor
    _put(first, _mail(1, "Changed"), OLD + 1)
    _put(tmp_path / "c.eml", _mail(3))
    portions = _pull(source, cursor)
    assert sorted(_found(portions)) == ["Mail 1", "Mail 3"]


def test_sidecar_that_changes_brings_its_call_again(tmp_path: Path) -> None:
    _put(tmp_path / "a.vtt", VTT.format("Hello"))
    sidecar = _put(tmp_path / "a.json", '{"title": "One"}')
    source = _open(tmp_path)
    first = _pull(source)
    _put(sidecar, '{"title": "Two"}', OLD + 1)
    assert (_found(first), _found(_pull(source, first[-1].cursor))) == (["One"], ["Two"])


def test_calls_of_one_name_in_two_folders_stay_two(tmp_path: Path) -> None:
    for name in ("one", "two"):
        _put(tmp_path / name / "audio_only.m4a", b"x")
        _put(tmp_path / name / "transcript.vtt", VTT.format(name))
    portions = _pull(_open(tmp_path))
    keys = {one.key for portion in portions for one in portion.recordings}
    assert keys == {"drop/one/audio_only", "drop/two/audio_only"}
    items = [item for portion in portions for item in portion.conversations]
    ids = {item.external_id for item in items if isinstance(item, ParsedConversation)}
    assert ids == {"drop/one/transcript", "drop/two/transcript"}


def test_recording_beside_its_transcript_is_not_transcribed(tmp_path: Path) -> None:
    _put(tmp_path / "a.vtt", VTT.format("Hello"))
    _put(tmp_path / "a.wav", b"RIFF")
    _put(tmp_path / "b.vtt", "WEBVTT\n\nno cue")
    _put(tmp_path / "b.wav", b"RIFF")
    portions = _pull(_open(tmp_path))
    assert [one.path.name for portion in portions for one in portion.recordings] == ["b.wav"]
    assert _found(portions, Reject) == ["b.vtt"]
    assert _found(portions, Duplicate) == ["a.wav"]


def test_unreadable_file_is_named_once_until_it_changes(tmp_path: Path) -> None:
    broken = _put(tmp_path / "a.vtt", "no cues here")
    _put(tmp_path / "b.eml", b"\x00\x01")
    source = _open(tmp_path)
    first = _pull(source)
    assert sorted(_found(first, Reject)) == ["a.vtt", "b.eml"]
    assert _pull(source, first[-1].cursor) == []
    _put(broken, VTT.format("Now"), OLD + 1)
    assert _found(_pull(source, first[-1].cursor)) == ["a"]


def test_file_that_cannot_be_opened_is_tried_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(tmp_path / "a.eml", _mail(1))
    source = _open(tmp_path)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "read_messages", refuse)
        first = _pull(source)
    assert _found(first, Reject) == ["a.eml"]
    assert _found(_pull(source, first[-1].cursor)) == ["Mail 1"]


def test_vanished_file_deletes_nothing_and_comes_again_if_it_returns(tmp_path: Path) -> None:
    path = _put(tmp_path / "a.eml", _mail(1))
    _put(tmp_path / "b.eml", _mail(2))
    source = _open(tmp_path)
    cursor = _pull(source)[-1].cursor
    path.unlink()
    after = _pull(source, cursor)
    assert [portion.gone for portion in after] == [()]
    _put(path, _mail(1))
    assert _found(_pull(source, after[-1].cursor)) == ["Mail 1"]


def test_missing_folder_is_transient_and_a_file_no_folder(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="gone"):
        _pull(_open(tmp_path / "gone"))
    with pytest.raises(BadInput, match="is a file"):
        _pull(_open(_put(tmp_path / "a.eml", _mail(1))))


def test_file_being_written_waits_until_it_rests(tmp_path: Path) -> None:
    fresh = NOW.timestamp() - 1
    growing = _put(tmp_path / "growing.eml", _mail(1)[:100], fresh)
    _put(tmp_path / "resting.eml", _mail(2), fresh)
    ahead = NOW.timestamp() + 5_000
    _put(tmp_path / "ahead.eml", _mail(3), ahead)
    pauses: list[float] = []

    def write_on(seconds: float) -> None:
        pauses.append(seconds)
        _put(growing, _mail(1)[: 100 + 20 * len(pauses)], fresh + len(pauses))

    source = open_folder(FolderConfig(path=tmp_path, settle_s=5), name="drop", sleep=write_on)
    portions = _pull(source)
    assert pauses == [5]
    assert sorted(_found(portions)) == ["Mail 2", "Mail 3"]
    assert "1 still being written" in portions[-1].notes[0]
    _put(growing, _mail(1))
    assert _found(_pull(source, portions[-1].cursor)) == ["Mail 1"]


def test_large_box_is_resumed_within(tmp_path: Path) -> None:
    envelope = "From x Mon May  4 10:00:00 2026\n"
    _put(tmp_path / "a.mbox", "".join(f"{envelope}{_mail(n)}\n" for n in range(450)))
    source = _open(tmp_path)
    portions = source.pull(None, now=NOW)
    first = next(portions)
    portions.close()  # type: ignore[attr-defined]
    rest = _pull(source, first.cursor)
    assert len(first.conversations) == 200
    assert _found([first, *rest]) == [f"Mail {number}" for number in range(450)]
    assert "partial" not in rest[-1].cursor
    assert _pull(source, rest[-1].cursor) == []


def test_patterns_choose_and_links_are_not_followed(tmp_path: Path) -> None:
    outside = _put(tmp_path / "outside/secret.eml", _mail(8))
    inside = tmp_path / "inside"
    for name in ("a.eml", "old/b.eml", "new/c.eml"):
        _put(inside / name, _mail(len(name)))
    (inside / "link.eml").symlink_to(outside)
    (inside / "linked").symlink_to(outside.parent)
    assert len(_found(_pull(_open(inside)))) == 3
    assert len(_found(_pull(_open(inside, exclude=["old/*"])))) == 2
    assert len(_found(_pull(_open(inside, include=["new/*"])))) == 1


def test_hundred_thousand_files_fit_in_a_small_cursor() -> None:
    marks = {make_mark(f"folder/file-{number}.eml", 1234, number) for number in range(100_000)}
    assert len(marks) == 100_000
    packed = pack_marks(marks)
    assert len(packed) < 1_100_000
    assert unpack_marks(packed) == marks


@pytest.mark.parametrize("kept", [None, 3, "%%%", "QQ==", {"a": 1}])
def test_marks_that_make_no_sense_count_as_none(kept: object) -> None:
    assert unpack_marks(kept) == set()


def test_parts_of_a_mark_do_not_run_together() -> None:
    assert make_mark("a", "bc") != make_mark("ab", "c")


def test_waiting_ends_with_what_was_missed_and_with_what_comes(tmp_path: Path) -> None:
    source = _open(tmp_path)
    _pull(source)
    assert not source.wait(0.05)
    is_over = threading.Event()

    def deliver() -> None:
        # One that comes before anybody listens is only seen by the next look.
        for number in itertools.count(1):
            if is_over.wait(0.3):
                return
            _put(tmp_path / f"{number}.eml", _mail(number))

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        assert source.wait(30)
    finally:
        is_over.set()
        thread.join()
    assert source.wait(30)
    _pull(source)
    assert not source.wait(0.05)
