"""Transcripts in WebVTT, SRT and JSON: times, speakers, metadata, and what cannot be one."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm.errors import BadInput
from crm.models import Side
from ingest.conversations import ParsedConversation
from ingest.transcripts.call import read_time_ms
from ingest.transcripts.parsing import parse_transcript
from ingest.transcripts.sources import CallSource, find_calls, started_at_of

CASES = Path(__file__).parent / "cases" / "transcripts"


def _parse(path: Path) -> ParsedConversation:
    return parse_transcript(find_calls(path)[0])


def _write(tmp_path: Path, name: str, text: str) -> ParsedConversation:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return _parse(path)


def _turns(parsed: ParsedConversation) -> list[tuple[str, str]]:
    return [(segment.speaker, segment.text) for segment in parsed.segments]


def test_webvtt_gives_voices_times_and_notes() -> None:
    parsed = _parse(CASES / "2026-05-04_acme_intro.vtt")
    assert parsed.title == "Acme: intro and security"
    assert parsed.started_at == datetime(2026, 5, 4, 14, tzinfo=UTC)
    assert [(s.speaker, s.text, s.start_ms, s.end_ms) for s in parsed.segments] == [
        ("Anna Meyer", "Hello Bob, thanks for your time.", 1000, 4500),
        ("Bob Ray", "We need SOC 2 & single sign-on.", 5000, 9000),
        ("Anna Meyer", "Sure.", 12000, 12000),
        ("Bob Ray", "By Friday?", 12000, 12000),
    ]
    assert [(p.name, p.email) for p in parsed.participants] == [
        ("Anna Meyer", "anna@ours.example"),
        ("Bob Ray", "bob@acme.example"),
    ]
    assert (parsed.source, parsed.external_id) == ("calls", "2026-05-04_acme_intro")
    assert parsed.ended_at == datetime(2026, 5, 4, 14, 0, 12, tzinfo=UTC)


def test_chinese_srt_with_yaml_sidecar() -> None:
    parsed = _parse(CASES / "20260507_anke_报价.srt")
    assert (parsed.external_id, parsed.title, parsed.language) == (
        "zh-call",
        "安科智能报价讨论",
        "zh",
    )
    assert parsed.started_at == datetime(2026, 5, 7, 2, 30, tzinfo=UTC)
    assert _turns(parsed) == [
        ("李伟", "王总，您好，报价单收到了吗？"),
        ("王芳", "收到了，我们的预算是八十万。 注意：不含税。"),
        ("李伟", "好的，没问题。"),
    ]
    assert parsed.participants[1].side is Side.CUSTOMER
    assert parsed.hints.account == "安科智能有限公司"


def test_json_reads_clocks_and_seconds_and_keeps_the_place_of_null_text() -> None:
    parsed = _parse(CASES / "renewal.json")
    assert [(s.speaker, s.start_ms, s.end_ms) for s in parsed.segments] == [
        ("Anna Meyer", 0, 2500),
        ("Bob Ray", 3000, 5250),
        ("Speaker 1", None, None),
    ]
    assert [bool(s.text) for s in parsed.segments] == [True, True, False]
    assert parsed.started_at == datetime(2026, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0), (1.5, 1500), ("1.5", 1500), ("01:02", 62_000), ("1:02:03.004", 3_723_004),
        ("00:00:01,5", 1500), (-1, None), (float("nan"), None), (float("inf"), None),
        (1e300, None), (True, None), (None, None), ("soon", None), ("999:99:99", None), ([], None),
    ],
)  # fmt: skip
def test_times_are_read_or_dropped(value: Any, expected: int | None) -> None:
    assert read_time_ms(value) == expected


def test_names_before_words_are_speakers_only_where_names_are_written_so(tmp_path: Path) -> None:
    cues = [
        "Anna: Hello there",
        "and welcome",
        "Bob Ray: Question: what does it cost: 5 or 6?",
        "Anna: See https://x.example: it is 12:30",
    ]
    text = "WEBVTT\n\n" + "\n\n".join(
        f"00:{n:02d}.000 --> 00:{n:02d}.900\n{cue}" for n, cue in enumerate(cues)
    )
    assert _turns(_write(tmp_path, "call.vtt", text)) == [
        ("Anna", "Hello there"),
        ("Anna", "and welcome"),
        ("Bob Ray", "Question: what does it cost: 5 or 6?"),
        ("Anna", "See https://x.example: it is 12:30"),
    ]


def test_colon_in_unlabelled_words_names_nobody(tmp_path: Path) -> None:
    cues = ["we talked about this", "Remember: it is late", "and more", "the end"]
    text = "\n\n".join(f"{n}\n00:00:0{n},0 --> 00:00:0{n},9\n{cue}" for n, cue in enumerate(cues))
    assert {speaker for speaker, _ in _turns(_write(tmp_path, "a.srt", text))} == {"Speaker 1"}


def test_speakers_are_participants_unless_they_are_nameless(tmp_path: Path) -> None:
    segments = [{"speaker": name, "text": "x"} for name in ("Zoe", "Speaker 2", "Anna", None)]
    call = {"participants": [{"name": "Anna"}], "segments": segments}
    parsed = _write(tmp_path, "a.json", json.dumps(call))
    assert [person.name for person in parsed.participants] == ["Anna", "Zoe"]


def test_subtitles_are_put_in_order_of_time(tmp_path: Path) -> None:
    cues = [f"00:00:0{n}.000 --> 00:00:0{n}.900\n<v A>{n}" for n in (5, 1, 3)]
    parsed = _write(tmp_path, "a.vtt", "\n\n".join(["WEBVTT", *cues]))
    assert [segment.text for segment in parsed.segments] == ["1", "3", "5"]


def test_json_segments_keep_the_number_that_they_have_in_the_file(tmp_path: Path) -> None:
    texts = ["five", "", "word " * 3_000, "end"]
    segments: list[object] = [
        {"speaker": "A", "text": text, "start": 9 - n} for n, text in enumerate(texts)
    ]
    segments.insert(1, "no turn at all")
    parsed = _write(tmp_path, "a.json", json.dumps({"segments": segments}))
    found = [segment.text[:4] for segment in parsed.segments]
    assert found == ["five", "", "", "word", "end"]
    assert len(parsed.segments[3].text) == len("word " * 3_000) - 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("call_2026-03-05.vtt", datetime(2026, 3, 5, tzinfo=UTC)),
        ("20260305-1430 acme.vtt", datetime(2026, 3, 5, 14, 30, tzinfo=UTC)),
        ("2026年3月5日通话.vtt", datetime(2026, 3, 5, tzinfo=UTC)),
        ("2026-03-05T14-30-00Z.vtt", datetime(2026, 3, 5, 14, 30, tzinfo=UTC)),
        ("20260231.vtt", datetime(2026, 1, 2, tzinfo=UTC)),
        ("call 4420260305999.vtt", datetime(2026, 1, 2, tzinfo=UTC)),
    ],
)
def test_date_comes_from_the_files_name_else_its_change(
    tmp_path: Path, name: str, expected: datetime
) -> None:
    path = tmp_path / name
    path.touch()
    changed = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
    os.utime(path, (changed, changed))
    assert started_at_of(path) == expected


def test_text_is_cleaned_and_cut(tmp_path: Path) -> None:
    segments = [{"speaker": "A\x00nna\n", "text": "a\x00b\x1b[2J\u202ec\ud800", "start": 1},
                {"speaker": "B", "text": "字" * 500_000, "start": 2, "end": 1}]  # fmt: skip
    parsed = _write(tmp_path, "a.json", json.dumps({"segments": segments}))
    assert _turns(parsed)[0] == ("Anna", "ab[2Jc")
    assert len(parsed.segments) == 2
    assert (parsed.segments[-1].start_ms, parsed.segments[-1].end_ms) == (2000, 2000)


def test_gbk_transcript_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_bytes("1\n00:00:00,0 --> 00:00:02,0\n王芳：我们的预算是八十万。\n".encode("gbk"))
    assert _turns(_parse(path)) == [("王芳", "我们的预算是八十万。")]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.vtt", "hello", "WEBVTT"),
        ("a.vtt", "", "WEBVTT"),
        ("a.vtt", "WEBVTT\n\nNOTE nothing", "no words"),
        ("a.vtt", "WEBVTT\n\nNOTE started_at: soon\n\n00:01.0 --> 00:02.0\nHi", "started_at"),
        ("a.srt", "some words", "no words"),
        ("a.json", "{", "JSON"),
        ("a.json", "[" * 100_000, "JSON"),
        ("a.json", "[]", "object"),
        ("a.json", '{"title": "x"}', "segments"),
        ("a.json", '{"segments": [null, 1, {"text": null}, {"text": " "}]}', "no words"),
        ("a.json", '{"segments": [], "started_at": "0001-01-01"}', "1980"),
        ("a.json", '{"segments": [], "participants": "Anna"}', "participants"),
        ("a.json", '{"segments": [], "kind": "seance"}', "kind"),
        ("a.json", json.dumps({"segments": [{"text": "x"}] * 50_001}), "limit"),
    ],
)
def test_what_is_no_transcript_is_refused_with_its_reason(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    with pytest.raises(BadInput, match=reason):
        _write(tmp_path, name, text)


@pytest.mark.parametrize("sidecar", ["title: [", "- a\n- b", "started_at: soon"])
def test_broken_sidecar_is_refused(tmp_path: Path, sidecar: str) -> None:
    (tmp_path / "a.yaml").write_text(sidecar)
    with pytest.raises(BadInput, match=r"a\.yaml"):
        _write(tmp_path, "a.vtt", "WEBVTT\n\n00:01.0 --> 00:02.0\nHi")


def test_own_metadata_wins_over_the_sidecar(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"title": "Side", "language": "en", "id": "side-1"}')
    text = "WEBVTT\n\nNOTE title: Own\n\n00:01.0 --> 00:02.0\nHi"
    parsed = _write(tmp_path, "a.vtt", text)
    assert (parsed.title, parsed.language, parsed.external_id) == ("Own", "en", "side-1")


def test_sidecars_are_no_calls_and_recordings_come_last(tmp_path: Path) -> None:
    for name in ("a.wav", "a.json", "b.vtt", "b.yaml", "c.json", ".hidden.vtt", "notes.txt"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "c.json").write_text('{"segments": []}')
    assert find_calls(tmp_path) == [
        CallSource(tmp_path / "b.vtt", tmp_path / "b.yaml"),
        CallSource(tmp_path / "c.json", None),
        CallSource(tmp_path / "a.wav", tmp_path / "a.json"),
    ]


@pytest.mark.parametrize("name", ["missing", "empty", "notes.txt"])
def test_nothing_to_read_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(BadInput, match=name):
        find_calls(tmp_path / name)
