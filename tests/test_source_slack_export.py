"""Exports of Slack: threads and days, people, what was edited and deleted, and what is private."""

import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm.errors import BadInput, TransientError
from crm.models import ConversationKind
from ingest.chat.slack_text import message_text, plain_text
from ingest.conversation_run import Reject
from ingest.conversations import ParsedConversation
from ingest.sources.slack_export import (
    SlackExportConfig,
    SlackExportSource,
    open_slack_export,
)
from ingest.sources.source import Cursor, Pulled

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
T0 = 1_777_888_800  # 2026-05-04 10:00 UTC

USERS = [
    {"id": "U1", "name": "anna", "profile": {
        "real_name": "Anna Meyer", "email": "Anna@Ours.example", "title": "Account Executive",
        "phone": "+49 30 901820"}},
    {"id": "U2", "name": "bob", "real_name": "Bob Ray", "profile": {"email": "bob@acme.example"}},
    {"id": "U3", "name": "wf", "profile": {"real_name": "王芳", "email": "wf@anke.example"}},
    {"id": "B1", "name": "crmbot", "is_bot": True, "profile": {"real_name": "CRM bot"}},
]  # fmt: skip
CHANNELS = [{"id": "C1", "name": "acme-deal", "members": ["U1", "U2"]},
            {"id": "C2", "name": "安科", "members": []}]  # fmt: skip


def _said(second: int, user: str, text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "ts": f"{T0 + second}.000100", "user": user, "text": text, **more}


def _ts(second: int) -> str:
    return f"{T0 + second}.000100"


def _files(**days: list[dict[str, Any]]) -> dict[str, Any]:
    files: dict[str, Any] = {"users.json": USERS, "channels.json": CHANNELS}
    return files | {f"{key.replace('__', '/')}.json": value for key, value in days.items()}


def _zip(path: Path, files: dict[str, Any], prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in files.items():
            raw = value if isinstance(value, bytes) else json.dumps(value).encode()
            archive.writestr(prefix + name, raw)
    return path


def _open(path: Path, **options: Any) -> SlackExportSource:
    return open_slack_export(
        SlackExportConfig.model_validate({"path": str(path), **options}), name="slack"
    )


def _pull(path: Path, cursor: Cursor | None = None, **options: Any) -> list[Pulled]:
    return list(_open(path, **options).pull(cursor, now=NOW))


def _talks(portions: list[Pulled]) -> dict[str, ParsedConversation]:
    items = [item for portion in portions for item in portion.conversations]
    return {item.external_id: item for item in items if isinstance(item, ParsedConversation)}


def _words(talk: ParsedConversation) -> list[tuple[str, str]]:
    return [(segment.speaker, segment.text) for segment in talk.segments]


DAY = {"acme-deal/2026-05-04.json": [
    _said(60, "U2", "We <!here> need <https://acme.example/spec|the spec> &amp; a price :+1:"),
    _said(0, "U1", "Good morning <@U2>"),
    _said(70, "U1", "joined", subtype="channel_join"),
    _said(80, "B1", "Stage changed", subtype="bot_message", bot_id="BB"),
    _said(90, "U1", "Price?", thread_ts=_ts(90), reply_count=2),
    _said(100, "U2", "40k", thread_ts=_ts(90)),
], "acme-deal/2026-05-05.json": [
    _said(86_400, "U3", "八十万", thread_ts=_ts(90)),
    _said(86_500, "U2", "Next day"),
]}  # fmt: skip


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return _zip(tmp_path / "export.zip", _files() | DAY, "Acme Slack export May 2026/")


def test_threads_and_days_become_chats_with_their_people(export: Path) -> None:
    talks = _talks(_pull(export))
    assert set(talks) == {"C1/2026-05-04", "C1/2026-05-05", f"C1/{_ts(90)}"}
    day, thread = talks["C1/2026-05-04"], talks[f"C1/{_ts(90)}"]
    assert (day.source, day.kind, day.title) == (
        "slack", ConversationKind.CHAT, "#acme-deal: 2026-05-04",
    )  # fmt: skip
    assert _words(day) == [
        ("Anna Meyer", "Good morning @Bob Ray"),
        ("Bob Ray", "We @here need the spec & a price 👍"),
    ]
    assert day.started_at == datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert _words(thread) == [("Anna Meyer", "Price?"), ("Bob Ray", "40k"), ("王芳", "八十万")]
    assert thread.title == "#acme-deal: Price?"
    assert [(p.name, p.email, p.role, p.phone) for p in thread.participants] == [
        ("Anna Meyer", "anna@ours.example", "Account Executive", "+49 30 901820"),
        ("Bob Ray", "bob@acme.example", None, None),
        ("王芳", "wf@anke.example", None, None),
    ]


def test_unpacked_folder_gives_the_same_as_the_zip(export: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(export) as archive:
        archive.extractall(tmp_path / "unpacked")
    folder = next((tmp_path / "unpacked").iterdir())
    assert _talks(_pull(folder)) == _talks(_pull(export))


def test_same_export_is_not_read_twice_and_a_newer_one_brings_the_difference(
    export: Path, tmp_path: Path
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    export.rename(box / "1.zip")
    first = _pull(box)
    assert len(_talks(first)) == 3
    assert _pull(box, first[-1].cursor) == []
    more = {**DAY, "acme-deal/2026-05-06.json": [_said(200_000, "U1", "New")]}
    _zip(box / "2.zip", _files() | more)
    second = _pull(box, first[-1].cursor)
    assert set(_talks(second)) == {"C1/2026-05-06"}
    assert [portion.gone for portion in second] == [()]


def test_edited_and_deleted_messages_are_as_they_became(tmp_path: Path) -> None:
    files = _files(
        **{
            "acme-deal__2026-05-04": [
                _said(0, "U1", "edited text", edited={"user": "U1", "ts": _ts(5)}),
                _said(10, "U2", "This message was deleted.", subtype="tombstone", hidden=True),
                _said(20, "U2", "secret price"),
                _said(30, "U2", "forty"),
                _said(40, "U1", "This message was deleted.", subtype="tombstone",
                      thread_ts=_ts(40), reply_count=1),
            ],
            "acme-deal__2026-05-05": [
                _said(90_000, "U2", "", subtype="message_deleted", deleted_ts=_ts(20)),
                _said(90_001, "U2", "", subtype="message_changed",
                      message={"ts": _ts(30), "text": "fifty", "user": "U2"}),
            ],
        }
    )  # fmt: skip
    portions = _pull(_zip(tmp_path / "e.zip", files))
    assert _words(_talks(portions)["C1/2026-05-04"]) == [
        ("Anna Meyer", "edited text"), ("Bob Ray", "fifty"),
    ]  # fmt: skip
    assert [(g.table, g.external_id) for p in portions for g in p.gone] == [
        ("conversations", f"C1/{_ts(40)}")
    ]


def test_private_talk_is_left_out_unless_asked_for(tmp_path: Path) -> None:
    files = _files() | {
        "groups.json": [{"id": "G1", "name": "board", "members": ["U1"]}],
        "dms.json": [{"id": "D1", "members": ["U1", "U2"]}],
        "board/2026-05-04.json": [_said(0, "U1", "hidden")],
        "D1/2026-05-04.json": [_said(0, "U1", "between us")],
        "stray/2026-05-04.json": [_said(0, "U1", "nobody knows")],
    }
    path = _zip(tmp_path / "e.zip", files)
    plain = _pull(path)
    assert _talks(plain) == {}
    assert "1 folders are in no index" in " ".join(plain[-1].notes)
    talks = _talks(_pull(path, plain[-1].cursor, include=["public", "private", "direct"]))
    assert {talk.title for talk in talks.values()} == {
        "🔒 board: 2026-05-04", "🔒 Anna Meyer, Bob Ray: 2026-05-04",
    }  # fmt: skip
    assert [p.name for p in talks["D1/2026-05-04"].participants] == ["Anna Meyer", "Bob Ray"]


def test_bots_speak_only_if_asked_for_and_channels_are_chosen(export: Path) -> None:
    with_bots = _talks(_pull(export, bots=True))
    assert ("CRM bot", "Stage changed") in _words(with_bots["C1/2026-05-04"])
    assert _talks(_pull(export, exclude=["ACME-*"])) == {}
    assert _talks(_pull(export, channels=["安*"])) == {}


def test_thread_that_began_before_the_export_does_not_replace_the_whole(tmp_path: Path) -> None:
    files = _files() | {
        "acme-deal/2026-05-05.json": [_said(90_000, "U2", "late", thread_ts=_ts(1))]
    }
    assert set(_talks(_pull(_zip(tmp_path / "e.zip", files)))) == {f"C1/{_ts(1)}+2026-05-05"}


def test_damaged_day_is_named_and_shortens_no_stored_thread(export: Path, tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    export.rename(box / "1.zip")
    first = _pull(box)
    _zip(box / "2.zip", _files() | DAY | {"acme-deal/2026-05-05.json": b"[{"})
    second = _pull(box, first[-1].cursor)
    items = [item for portion in second for item in portion.conversations]
    assert [type(item) for item in items] == [Reject]
    assert "2026-05-05.json" in items[0].file  # type: ignore[union-attr]
    # With nothing stored before, what there is of the thread is better than nothing.
    assert f"C1/{_ts(90)}" in _talks(_pull(box / "2.zip"))


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04 cut", b"hello"])
def test_what_is_no_zip_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "e.zip"
    path.write_bytes(raw)
    with pytest.raises(BadInput, match="no zip file"):
        _pull(path)


def test_missing_and_foreign_paths_are_said(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="nothing at"):
        _pull(tmp_path / "gone.zip")
    with pytest.raises(BadInput, match="no export of Slack"):
        _pull(tmp_path)
    with pytest.raises(BadInput, match="no Slack export"):
        _pull(_zip(tmp_path / "e.zip", {"a/b.json": []}))


@pytest.mark.parametrize(
    "day", [[1, None, "x"], [{"ts": 5}], [{"ts": "x.y", "text": "a"}], [{"ts": "9" * 40}],
            [_said(0, "U1", "", blocks=[{"type": "actions"}])], {"not": "a list"}]
)  # fmt: skip
def test_messages_that_make_no_sense_are_passed_over(tmp_path: Path, day: Any) -> None:
    files = _files() | {"acme-deal/2026-05-04.json": day}
    assert _talks(_pull(_zip(tmp_path / "e.zip", files))) == {}


def test_large_channel_comes_in_portions_that_can_be_resumed(tmp_path: Path) -> None:
    days = {
        f"acme-deal/{date(2020, 1, 1) + timedelta(days=number)}.json": [
            _said(number, "U1", f"day {number}")
        ]
        for number in range(1_100)
    }
    path = _zip(tmp_path / "e.zip", _files() | days)
    portions = _open(path).pull(None, now=NOW)
    first = next(portions)
    portions.close()  # type: ignore[attr-defined]
    rest = _talks(_pull(path, first.cursor))
    assert len(first.conversations) == 500
    assert len(rest) == 600
    assert not set(rest) & set(_talks([first]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<@U1> and <@U9|zoe> and <@U8>", "@Anna and @zoe and @U8"),
        ("<#C1|deals> <!channel> <!subteam^S1|@sales>", "#deals @channel @sales"),
        ("<!date^1392734382^{date}|18 Feb>", "18 Feb"),
        ("<https://x.example/a?b=1&amp;c=2>", "https://x.example/a?b=1&c=2"),
        ("<https://x.example|see here>", "see here"),
        ("<mailto:bob@acme.example|bob@acme.example>", "bob@acme.example"),
        ("<tel:+123|+1 23>", "+1 23"),
        (":tada::wave::skin-tone-3: :our_own:", "🎉👋 :our_own:"),
        ("1 &lt; 2 <", "1 < 2 <"),
        ("```code <b>```", "```code b```"),
    ],
)
def test_signs_and_links_are_shown_as_readers_see_them(text: str, shown: str) -> None:
    assert plain_text(text, {"U1": "Anna"}) == shown


def test_words_of_blocks_attachments_and_files_are_kept() -> None:
    message = {
        "text": "",
        "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
            {"type": "text", "text": "Hi "}, {"type": "user", "user_id": "U1"}]}]}],
        "attachments": [{"title": "Quote", "text": "40k"}, {"fallback": "old client"}],
        "files": [{"name": "a.pdf"}],
    }  # fmt: skip
    assert (
        message_text(message, {"U1": "Anna"}) == "Hi  @Anna\nQuote\n40k\nold client\n[1 attached]"
    )
    deep: Any = {"text": "x"}
    for _ in range(5_000):
        deep = {"elements": [deep]}
    assert message_text({"blocks": [deep]}, {}) == ""
