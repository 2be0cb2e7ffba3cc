"""Transcripts as Zoom, Teams, Meet, Tencent Meeting and Feishu write them, and what is none."""

import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from crm.errors import BadInput
from ingest.transcripts.call import CallFile
from ingest.transcripts.meetings import is_transcript, read_transcript
from ingest.transcripts.sources import find_calls, pair_calls, started_at_of, title_of

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"

ZOOM_CAPTIONS = """[Anna Meyer] 00:00:03
Good morning, Bob. Shall we meet at 10:30 again next week?
[Bob Ray (Acme Corp.)] 00:00:09
Yes.
And the price: is it per seat?

[Anna Meyer] 00:01:02
Per seat.
"""
ZOOM_CHAT = (
    "10:02:33 From Anna Meyer to Everyone:\n\tHere is the price list\n"
    "10:02:40 From Bob Ray to Anna Meyer(Direct Message):\n\tour limit is 40k\n"
    "10:03:33\t From  王芳 To  Everyone : 收到，谢谢\n"
)
TEAMS = [
    "Renewal Acme-20260615_133555-Meeting Transcript",
    "15 June 2026, 03:35am",
    "27m 42s",
    "",
    "Anna Meyer started transcription",
    "",
    "Anna Meyer   0:03\nGood morning.\nCan you hear me?",
    "Ray, Bob (External)   0:09\nLoud and clear.",
    "Anna Meyer   1:00:01\nMonday at 10:30 then.",
    "Anna Meyer stopped transcription",
]
TEAMS_OLD = [
    "0:0:1.250 --> 0:0:3.0", "Anna Meyer", "Hello Bob.",
    "0:0:3.500 --> 0:0:9.125", "Bob Ray", "Hello Anna.", "How are you?",
    "0:0:10.0 --> 0:0:11.0", "Anna Meyer", "Fine.",
]  # fmt: skip
MEET = """Kick-off Acme (2026-09-15 at 10:02 GMT+2) – Transcript
Attendees
Anna Meyer, Bob Ray, Carla D'Angelo
Transcript
This editable transcript was computer generated and might contain errors.
00:00:05
Anna Meyer: Good morning, let's begin with the contract.
Bob Ray: Yes. Two points:
first the term, second the price.
00:01:10
Anna Meyer: Fine.
Transcription ended after 00:46:43
"""
MEET_MARKDOWN = """📖 Transcript
Feb 9, 2026
Weekly Acme - Transcript

### 00:00:00

**Anna Meyer:** Good morning.
**Bob Ray:** Morning.
**Anna Meyer:** Price is 40k.

### Transcription ended after 00:46:43

*This editable transcript was computer generated and might contain errors.*
"""
FEISHU = """安科智能报价会议
2026年5月4日 下午 2:30|45分钟 23秒

关键词:
报价、交付、合同

文字记录:

王芳 00:00:03
大家好，我们开始吧。

说话人 2 00:00:12
好的，我们的预算是八十万元。
下周五之前给答复。

王芳 01:00:07
没问题。
"""
TENCENT = """王芳(00:00:03):
大家好

李雷(00:00:12): 预算八十万
王芳(00:01:07): 好的
"""
TIME_FIRST = (
    "[00:00:02 - 00:00:07] SPEAKER_0\nHello there.\n\n[00:00:07 - 00:00:12] SPEAKER_1\nHi.\n"
)
BARE_TIME_FIRST = "00:00:02 Anna Meyer: Hello there.\n00:00:07 Bob Ray: Hi, the price?\n"
SBV = "0:00:01.000,0:00:04.000\nAnna Meyer: Hello Bob\n\n0:00:04.500,0:00:06.000\nBob Ray: Hi\n"
OTTER = "Anna Meyer  0:03  \nHello there.\n\nBob Ray  0:09  \nHi.\n\nTranscribed by a program\n"
DIALOGUE = "Anna: Hello.\nBob: Hi.\nAnna: The price is 40k.\nAs agreed.\nBob: Good.\n"


def _docx(lines: list[str], *, xml: str | None = None) -> bytes:
    paragraphs = []
    for line in lines:
        runs = "<w:r><w:br/></w:r>".join(
            f'<w:r><w:t xml:space="preserve">{escape(part)}</w:t></w:r>'
            for part in line.split("\n")
        )
        paragraphs.append(f"<w:p>{runs}</w:p>")
    body = (
        xml or f'<w:document xmlns:w="{WORD}"><w:body>{"".join(paragraphs)}</w:body></w:document>'
    )
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", body)
    return out.getvalue()


def _turns(call: CallFile) -> list[tuple[str, str, int | None]]:
    return [(one.speaker, one.text, one.start_ms) for one in call.segments]


def _read(text: str, name: str = "call.txt") -> CallFile:
    return read_transcript(text.encode(), name)


def test_zoom_captions_keep_lines_together_and_times() -> None:
    assert _turns(_read(ZOOM_CAPTIONS)) == [
        ("Anna Meyer", "Good morning, Bob. Shall we meet at 10:30 again next week?", 3_000),
        ("Bob Ray (Acme Corp.)", "Yes. And the price: is it per seat?", 9_000),
        ("Anna Meyer", "Per seat.", 62_000),
    ]


def test_zoom_chat_counts_from_its_first_line_and_leaves_private_messages_out() -> None:
    assert _turns(_read(ZOOM_CHAT)) == [
        ("Anna Meyer", "Here is the price list", 0),
        ("王芳", "收到，谢谢", 60_000),
    ]


def test_teams_document_gives_title_date_names_and_times() -> None:
    call = read_transcript(_docx(TEAMS), "t.docx")
    assert call.metadata.title == "Renewal Acme"
    assert call.metadata.started_at == datetime(2026, 6, 15, 13, 35, 55, tzinfo=UTC)
    assert _turns(call) == [
        ("Anna Meyer", "Good morning. Can you hear me?", 3_000),
        ("Ray, Bob (External)", "Loud and clear.", 9_000),
        ("Anna Meyer", "Monday at 10:30 then.", 3_601_000),
    ]


def test_older_teams_document_gives_both_times() -> None:
    call = read_transcript(_docx(TEAMS_OLD), "t.docx")
    assert [(one.speaker, one.text, one.start_ms, one.end_ms) for one in call.segments] == [
        ("Anna Meyer", "Hello Bob.", 1_250, 3_000),
        ("Bob Ray", "Hello Anna. How are you?", 3_500, 9_125),
        ("Anna Meyer", "Fine.", 10_000, 11_000),
    ]


def test_meet_text_gives_attendees_start_and_turns() -> None:
    call = _read(MEET)
    assert call.metadata.title == "Kick-off Acme"
    assert call.metadata.started_at == datetime(2026, 9, 15, 8, 2, tzinfo=UTC)
    assert [p.name for p in call.metadata.participants] == [
        "Anna Meyer", "Bob Ray", "Carla D'Angelo",
    ]  # fmt: skip
    assert _turns(call) == [
        ("Anna Meyer", "Good morning, let's begin with the contract.", 5_000),
        ("Bob Ray", "Yes. Two points: first the term, second the price.", 5_000),
        ("Anna Meyer", "Fine.", 70_000),
    ]


def test_meet_markdown_is_read_without_its_marks() -> None:
    call = _read(MEET_MARKDOWN, "meet.docx.txt")
    assert call.metadata.title == "Weekly Acme"
    assert call.metadata.started_at == datetime(2026, 2, 9, tzinfo=UTC)
    assert _turns(call) == [
        ("Anna Meyer", "Good morning.", 0),
        ("Bob Ray", "Morning.", 0),
        ("Anna Meyer", "Price is 40k.", 0),
    ]


def test_feishu_text_gives_title_time_and_turns() -> None:
    call = _read(FEISHU)
    assert call.metadata.title == "安科智能报价会议"
    assert call.metadata.started_at == datetime(2026, 5, 4, 14, 30, tzinfo=UTC)
    assert _turns(call) == [
        ("王芳", "大家好，我们开始吧。", 3_000),
        ("说话人 2", "好的，我们的预算是八十万元。 下周五之前给答复。", 12_000),
        ("王芳", "没问题。", 3_607_000),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TENCENT, [("王芳", "大家好", 3_000), ("李雷", "预算八十万", 12_000),
                   ("王芳", "好的", 67_000)]),
        (TIME_FIRST, [("SPEAKER_0", "Hello there.", 2_000), ("SPEAKER_1", "Hi.", 7_000)]),
        (BARE_TIME_FIRST, [("Anna Meyer", "Hello there.", 2_000),
                           ("Bob Ray", "Hi, the price?", 7_000)]),
        (SBV, [("Anna Meyer", "Hello Bob", 1_000), ("Bob Ray", "Hi", 4_500)]),
        (OTTER, [("Anna Meyer", "Hello there.", 3_000),
                 ("Bob Ray", "Hi. Transcribed by a program", 9_000)]),
        (DIALOGUE, [("Anna", "Hello.", None), ("Bob", "Hi.", None),
                    ("Anna", "The price is 40k. As agreed.", None), ("Bob", "Good.", None)]),
    ],
)  # fmt: skip
def test_further_text_forms_are_read(
    text: str, expected: list[tuple[str, str, int | None]]
) -> None:
    assert _turns(_read(text)) == expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_encodings_of_other_programs_are_read(encoding: str) -> None:
    call = read_transcript(FEISHU.encode(encoding), "妙记.txt")
    assert call.segments[0].speaker == "王芳"


def test_format_is_told_by_content_not_by_suffix() -> None:
    vtt = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Anna Meyer>Hello</v>\n"
    assert _turns(_read(vtt, "saved.txt")) == [("Anna Meyer", "Hello", 1_000)]
    srt = (
        "1\n00:00:01,000 --> 00:00:02,000\nAnna: Hi\n\n2\n00:00:03,000 --> 00:00:04,000\nAnna: Ok\n"
    )
    assert _turns(_read(srt, "saved.txt"))[1] == ("Anna", "Ok", 3_000)
    assert _turns(read_transcript(_docx(TEAMS_OLD), "wrong.txt"))[0][0] == "Anna Meyer"
    assert _turns(_read('{"segments": [{"speaker": "A", "text": "x"}]}'))[0] == ("A", "x", None)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b" \n\n ", "is empty"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"\xd0\xcf\x11\xe0....", "save it as .docx"),
        (b"{\\rtf1 hello}", "rich text"),
        (b"\x00\x01\x02\xff" * 500, "encoding|no transcript"),
        (b"PK\x03\x04 cut off", "damaged or cut off"),
        (b"Dear Bob,\n\nwe will meet on Monday 10:30.\nThe price: 40k.\n", "no transcript"),
    ],
)
def test_what_is_no_transcript_is_refused_with_a_reason(raw: bytes, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_transcript(raw, "x.txt")


def test_damaged_and_foreign_archives_are_refused() -> None:
    whole = _docx(TEAMS * 200)
    with pytest.raises(BadInput, match="damaged or cut off"):
        read_transcript(whole[: len(whole) // 2], "t.docx")
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(BadInput, match="no Word document"):
        read_transcript(out.getvalue(), "t.docx")


def test_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = _docx([], xml=f'<w:document xmlns:w="{WORD}">' + " " * 70_000_000 + "</w:document>")
    assert len(bomb) < 100_000
    with pytest.raises(BadInput, match="unpacks to more than"):
        read_transcript(bomb, "t.docx")


def test_entities_in_a_document_are_refused() -> None:
    xml = f'<!DOCTYPE d [<!ENTITY a "ha">]><w:document xmlns:w="{WORD}">&a;</w:document>'
    with pytest.raises(BadInput, match="declares entities"):
        read_transcript(_docx([], xml=xml), "t.docx")


def test_deleted_and_doubled_text_of_a_document_is_left_out() -> None:
    xml = (
        f'<w:document xmlns:w="{WORD}" xmlns:mc="urn:mc"><w:body>'
        "<w:p><w:r><w:t>Anna Meyer  0:03</w:t></w:r></w:p>"
        "<w:p><w:del><w:r><w:t>old </w:t></w:r></w:del><w:r><w:t>new</w:t></w:r>"
        "<mc:Fallback><w:r><w:t>twice</w:t></w:r></mc:Fallback></w:p></w:body></w:document>"
    )
    assert _turns(read_transcript(_docx([], xml=xml), "t.docx")) == [("Anna Meyer", "new", 3_000)]


@pytest.mark.parametrize(
    "text",
    [
        "Shopping list\n\n- milk\n- bread 10:30\n",
        "Monday 10:30\nTuesday 11:30\nWednesday 9:00\n",
        "Host: example\nPort: 80\nUser: anna\nPath: /x\n",
        "This is a note about the price: 40k.\n" * 20,
    ],
)
def test_other_text_files_are_not_taken_for_transcripts(text: str, tmp_path: Path) -> None:
    assert not is_transcript(text.encode(), "notes.txt")
    (tmp_path / "notes.txt").write_text(text)
    (tmp_path / "call.txt").write_text(ZOOM_CAPTIONS)
    assert [source.path.name for source in find_calls(tmp_path)] == ["call.txt"]
    with pytest.raises(BadInput, match=r"notes\.txt"):
        find_calls(tmp_path / "notes.txt")


def test_zoom_folder_names_what_its_files_do_not(tmp_path: Path) -> None:
    folder = tmp_path / "2026-05-04 10.02.33 Acme renewal 123456"
    folder.mkdir()
    for name in ("audio_only.m4a", "meeting_saved_closed_caption.txt"):
        (folder / name).write_text(ZOOM_CAPTIONS)
    sources = pair_calls(sorted(folder.iterdir()))
    assert [source.path.name for source in sources] == [
        "meeting_saved_closed_caption.txt", "audio_only.m4a",
    ]  # fmt: skip
    assert started_at_of(sources[1].path) == datetime(2026, 5, 4, 10, 2, tzinfo=UTC)
    assert title_of(sources[1].path) == "2026 05 04 10.02.33 Acme renewal 123456"


def test_hostile_lines_do_not_stall() -> None:
    for line in ("[" * 5_000, "a " * 50_000, "1:" * 20_000, "(" * 2_000 + "0:03", "x:" * 30_000):
        with pytest.raises(BadInput):
            _read(f"{line}\n" * 20)
