"""A mailbox on servers that drop, refuse, hang, renumber and flood: nothing lost, nothing twice."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from crm.errors import BadInput, PermanentError, TransientError
from ingest.conversation_run import Duplicate, Reject
from ingest.conversations import ParsedConversation
from ingest.sources import imap_client
from ingest.sources.imap import ATTEMPTS, ImapConfig, ImapSource, open_imap
from ingest.sources.imap_folders import Folder, choose_folders
from ingest.sources.source import Cursor, Pulled
from tests.imap_servers import Connection, ScriptedServer, free_port, mail, run_script

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with run_script() as running:
        running.script.messages = {"INBOX": {uid: mail(uid) for uid in range(1, 11)}}
        yield running


def _open(server: ScriptedServer, password: str = "secret-word", **options: Any) -> ImapSource:
    given = {
        "host": "127.0.0.1", "port": server.port, "security": "none", "user": "anna",
        "timeout_s": 30, **options,
    }  # fmt: skip
    if "oauth" not in given:
        given["password"] = "MAIL_PASSWORD"
    config = ImapConfig.model_validate(given)
    return open_imap(config, name="box", secret=lambda _: SecretStr(password), sleep=lambda _: None)


def _titles(portions: list[Pulled]) -> list[str]:
    return [
        item.title
        for portion in portions
        for item in portion.conversations
        if isinstance(item, ParsedConversation)
    ]


def _rejects(portions: list[Pulled]) -> list[str]:
    items = [item for portion in portions for item in portion.conversations]
    return [f"{item.file}: {item.reason}" for item in items if isinstance(item, Reject)]


def _all(count: int = 10) -> list[str]:
    return [f"Mail {number}" for number in range(1, count + 1)]


def test_mail_is_read_oldest_first_and_not_again(server: ScriptedServer) -> None:
    source = _open(server)
    portions = list(source.pull(None, now=NOW))
    assert _titles(portions) == _all()
    assert portions[-1].cursor["folders"] == {"INBOX": {"validity": 7, "uid": 10}}
    assert list(source.pull(portions[-1].cursor, now=NOW)) == []
    asked = {command.split(" ")[0] for command in server.script.commands}
    assert asked <= {"LOGIN", "CAPABILITY", "LIST", "EXAMINE", "UID", "LOGOUT"}
    assert not any("STORE" in command or "BODY[]" in command for command in server.script.commands)


def test_connection_dropped_in_a_message_is_taken_up_again(server: ScriptedServer) -> None:
    left = [3]

    def drop(connection: Connection, tag: str, words: list[str]) -> bool:
        if "BODY.PEEK[]" in " ".join(words) and left[0]:
            left[0] -= 1
            connection.say("* 1 FETCH (UID 1 BODY[] {500}")
            connection.say("From: Bob")
            return connection.hang_up()
        return False

    server.script.fault = drop
    assert _titles(list(_open(server).pull(None, now=NOW))) == _all()


def test_message_that_always_breaks_off_is_passed_and_tried_again_later(
    server: ScriptedServer,
) -> None:
    def drop(connection: Connection, tag: str, words: list[str]) -> bool:
        if "BODY.PEEK[]" not in " ".join(words):
            return False
        first, _, last = words[2].split(",")[0].partition(":")
        return int(first) <= 4 <= int(last or first) and connection.hang_up()

    server.script.fault = drop
    source = _open(server)
    portions = list(source.pull(None, now=NOW))
    assert _titles(portions) == [title for title in _all() if title != "Mail 4"]
    assert _rejects(portions) == ["box/INBOX/4: the server breaks off at it: tried again next time"]
    assert portions[-1].cursor["folders"]["INBOX"] == {"validity": 7, "uid": 10, "retry": [4]}
    server.script.fault = None
    later = list(source.pull(portions[-1].cursor, now=NOW))
    assert _titles(later) == ["Mail 4"]
    assert later[-1].cursor["folders"]["INBOX"] == {"validity": 7, "uid": 10}


def test_server_that_keeps_dropping_ends_the_pull_with_what_came_kept(
    server: ScriptedServer,
) -> None:
    server.script.messages["INBOX"] = {uid: mail(uid) for uid in range(1, 101)}
    is_down = [False]

    def drop(connection: Connection, tag: str, words: list[str]) -> bool:
        return is_down[0] and connection.hang_up()

    server.script.fault = drop
    source = _open(server)
    portions = source.pull(None, now=NOW)
    first = next(portions)
    is_down[0] = True
    with pytest.raises(TransientError, match="could not be read"):
        next(portions)
    is_down[0] = False
    assert _titles([first, *source.pull(first.cursor, now=NOW)]) == _all(100)


@pytest.mark.parametrize("answer", ["NO [SERVERBUG] internal error", "BAD syntax"])
def test_single_message_refused_by_the_server_is_named(server: ScriptedServer, answer: str) -> None:
    def refuse(connection: Connection, tag: str, words: list[str]) -> bool:
        if "BODY.PEEK[]" in " ".join(words) and words[2] in ("1:10", "6"):
            connection.say(f"{tag} {answer}")
            return True
        return False

    server.script.fault = refuse
    portions = list(_open(server).pull(None, now=NOW))
    assert _titles(portions) == [title for title in _all() if title != "Mail 6"]
    assert [reject.split(":")[0] for reject in _rejects(portions)] == ["box/INBOX/6"]


@pytest.mark.parametrize("command", ["LIST", "UID SEARCH", "UID FETCH 1:10 (UID RFC822"])
def test_refused_command_is_an_error_that_may_pass(server: ScriptedServer, command: str) -> None:
    def refuse(connection: Connection, tag: str, words: list[str]) -> bool:
        if " ".join(words).startswith(command):
            connection.say(f"{tag} NO [UNAVAILABLE] later")
            return True
        return False

    server.script.fault = refuse
    with pytest.raises((TransientError, BadInput)):
        list(_open(server).pull(None, now=NOW))


def test_folder_that_cannot_be_opened_is_noted_and_the_others_read(server: ScriptedServer) -> None:
    server.script.messages["Locked"] = {1: mail(77)}

    def refuse(connection: Connection, tag: str, words: list[str]) -> bool:
        if words[0] == "EXAMINE" and "Locked" in words[1]:
            connection.say(f"{tag} NO [NOPERM] not yours")
            return True
        return False

    server.script.fault = refuse
    portions = list(_open(server).pull(None, now=NOW))
    assert _titles(portions) == _all()
    assert "Locked" in " ".join(note for portion in portions for note in portion.notes)


def test_wrong_password_is_permanent_and_not_repeated(server: ScriptedServer) -> None:
    with pytest.raises(PermanentError, match="may not sign in") as caught:
        list(_open(server, password="guess-me").pull(None, now=NOW))
    assert "guess-me" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert sum(command.startswith("LOGIN") for command in server.script.commands) == 1


def test_login_refused_for_now_is_transient(server: ScriptedServer) -> None:
    def refuse(connection: Connection, tag: str, words: list[str]) -> bool:
        connection.say(f"{tag} NO [UNAVAILABLE] directory down")
        return words[0] == "LOGIN"

    server.script.fault = refuse
    with pytest.raises(TransientError):
        list(_open(server).pull(None, now=NOW))


def test_password_with_a_line_break_never_reaches_the_server(server: ScriptedServer) -> None:
    with pytest.raises(PermanentError, match="line break"):
        list(_open(server, password="x\r\nA1 DELETE INBOX").pull(None, now=NOW))
    assert server.script.commands == ["CAPABILITY", "LOGOUT"]


def test_renumbered_folder_is_read_again_under_the_same_ids(server: ScriptedServer) -> None:
    source = _open(server)
    before = list(source.pull(None, now=NOW))
    server.script.validity = 8
    after = list(source.pull(before[-1].cursor, now=NOW))
    ids = [
        {item.external_id for portion in portions for item in portion.conversations
         if isinstance(item, ParsedConversation)}
        for portions in (before, after)
    ]  # fmt: skip
    assert ids[0] == ids[1]
    assert "numbered anew" in after[0].notes[0]
    assert after[-1].cursor["folders"]["INBOX"]["validity"] == 8


def test_goodbye_at_the_door_and_in_the_middle_is_taken_up_again(server: ScriptedServer) -> None:
    left = [2]

    def leave(connection: Connection, tag: str, words: list[str]) -> bool:
        if words[:2] == ["UID", "SEARCH"] and left[0]:
            left[0] -= 1
            connection.say("* BYE shutting down")
            return connection.hang_up()
        return False

    server.script.fault = leave
    assert _titles(list(_open(server).pull(None, now=NOW))) == _all()
    server.script.greeting = "* BYE too many connections"
    with pytest.raises(TransientError):
        list(_open(server).pull(None, now=NOW))
    assert server.script.connections == 3 + ATTEMPTS


def test_server_that_hangs_is_given_up_after_the_timeout(server: ScriptedServer) -> None:
    server.script.fault = lambda connection, tag, words: words[0] == "EXAMINE"
    with pytest.raises(TransientError, match="timed out"):
        list(_open(server, timeout_s=0.1).pull(None, now=NOW))


def test_server_out_of_reach_is_transient() -> None:
    config = ImapConfig(
        host="127.0.0.1", port=free_port(), security="none", user="anna", password="P"
    )
    pauses: list[float] = []
    source = open_imap(config, name="box", secret=lambda _: SecretStr("x"), sleep=pauses.append)
    with pytest.raises(TransientError, match=r"127\.0\.0\.1"):
        list(source.pull(None, now=NOW))
    assert pauses == [1.0, 2.0, 4.0, 8.0]


def test_huge_messages_are_named_and_not_fetched(server: ScriptedServer) -> None:
    server.script.sizes = {3: 41_000_000}
    portions = list(_open(server).pull(None, now=NOW))
    assert _rejects(portions) == ["box/INBOX/3: larger than 40 MB"]
    assert not any("3" in command.split(" ")[2].split(",")
                   for command in server.script.commands if "BODY" in command)  # fmt: skip
    assert portions[-1].cursor["folders"]["INBOX"]["uid"] == 10


def test_flood_beyond_what_was_announced_is_cut(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_client, "MAX_RESPONSE_BYTES", 10_000)

    def flood(connection: Connection, tag: str, words: list[str]) -> bool:
        if "BODY.PEEK[]" in " ".join(words) and words[2] in ("1:3", "2"):
            connection.say("* 1 FETCH (UID 2 BODY[] {90000000}")
            return True
        return False

    server.script.messages["INBOX"] = {uid: mail(uid) for uid in (1, 2, 3)}
    server.script.fault = flood
    portions = list(_open(server).pull(None, now=NOW))
    assert "Mail 1" in _titles(portions)
    assert _rejects(portions)[0].startswith("box/INBOX/2: the server breaks off")


def test_malformed_messages_are_named_and_the_rest_kept(server: ScriptedServer) -> None:
    server.script.messages["INBOX"][4] = b"\x00\xff no mail at all"
    server.script.messages["INBOX"][5] = b"From: x\r\n\r\nno date"
    portions = list(_open(server).pull(None, now=NOW))
    assert len(_titles(portions)) == 8
    assert [reject.split(":")[0] for reject in _rejects(portions)] == [
        "box/INBOX/4", "box/INBOX/5",
    ]  # fmt: skip


def test_unasked_lines_between_answers_do_not_confuse(server: ScriptedServer) -> None:
    def chat(connection: Connection, tag: str, words: list[str]) -> bool:
        if words[:2] == ["UID", "FETCH"]:
            connection.say("* 12 EXISTS")
            connection.say("* 2 FETCH (FLAGS (\\Seen))")
            connection.say("* OK Still here")
        return False

    server.script.fault = chat
    assert _titles(list(_open(server).pull(None, now=NOW))) == _all()


def test_copies_in_two_folders_count_once(server: ScriptedServer) -> None:
    server.script.messages["Sent"] = {1: mail(1), 2: mail(99)}
    portions = list(_open(server).pull(None, now=NOW))
    assert _titles(portions) == [*_all(), "Mail 99"]
    items = [item for portion in portions for item in portion.conversations]
    assert [item for item in items if isinstance(item, Duplicate)] == [Duplicate("box/Sent/1")]


def test_portions_are_bounded_in_bytes(server: ScriptedServer) -> None:
    server.script.sizes = dict.fromkeys(range(1, 11), 9_000_000)
    portions = list(_open(server).pull(None, now=NOW))
    assert [len(portion.conversations) for portion in portions] == [2, 2, 2, 2, 2]


def test_other_rules_have_the_mailbox_read_again(server: ScriptedServer) -> None:
    server.script.messages["Private"] = {1: mail(88)}
    cursor = list(_open(server, exclude=("Private",)).pull(None, now=NOW))[-1].cursor
    assert "Mail 88" in _titles(list(_open(server).pull(cursor, now=NOW)))


@pytest.mark.parametrize(
    "cursor", [{}, {"folders": None}, {"folders": {"INBOX": 3}}, {"folders": {"INBOX": {}}}]
)
def test_cursor_of_another_make_starts_from_the_beginning(
    server: ScriptedServer, cursor: Cursor
) -> None:
    assert _titles(list(_open(server).pull(cursor, now=NOW))) == _all()


def test_gmail_is_read_by_its_view_of_all_mail_without_hidden_labels(
    server: ScriptedServer,
) -> None:
    server.script.capabilities += " X-GM-EXT-1"
    server.script.messages = {
        "INBOX": {1: mail(1)},
        "All": {1: mail(1), 2: mail(2, extra="X-Label: Doctor\r\n"), 3: mail(3)},
        "Doctor": {1: mail(2)},
    }
    server.script.flags = {"All": "\\All"}
    assert _titles(list(_open(server).pull(None, now=NOW))) == ["Mail 1", "Mail 2", "Mail 3"]
    kept = list(_open(server, exclude=("doctor",)).pull(None, now=NOW))
    assert _titles(kept) == ["Mail 1", "Mail 3"]


def test_signing_in_by_token(server: ScriptedServer) -> None:
    server.script.token = "token-1"
    source = _open(server, oauth={
        "token_url": "https://login.example/token", "client_id": "c", "refresh_token": "R",
    })  # fmt: skip
    given = ["token-0", "token-1"]
    source._tokens._renew = lambda: SecretStr(given.pop(0))  # type: ignore[union-attr, method-assign]
    with pytest.raises(PermanentError, match="scope"):
        list(source.pull(None, now=NOW))
    assert _titles(list(source.pull(None, now=NOW))) == _all()


def test_waiting_ends_when_the_server_tells_and_when_time_is_over(server: ScriptedServer) -> None:
    source = _open(server, poll_s=5)
    assert source.wait(5)
    list(source.pull(None, now=NOW))
    assert source.wait(60)
    assert not source.wait(0.1)
    server.script.messages["INBOX"][11] = mail(11)
    assert source.wait(60)


def test_waiting_without_idle_asks_now_and_then(server: ScriptedServer) -> None:
    server.script.capabilities = "IMAP4rev1"
    source = _open(server, poll_s=0.5)
    list(source.pull(None, now=NOW))
    pauses: list[float] = []

    def deliver(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            server.script.messages["INBOX"][11] = mail(11)

    source._sleep = deliver
    assert source.wait(600)
    assert pauses == [0.5, 0.5, 0.5]
    assert not any(command == "IDLE" for command in server.script.commands)


def test_waiting_for_a_server_out_of_reach_uses_up_time(server: ScriptedServer) -> None:
    source = _open(server)
    list(source.pull(None, now=NOW))
    server.script.greeting = "* BYE no"
    pauses: list[float] = []
    source._sleep = pauses.append
    assert not source.wait(10)
    assert pauses == [10]


def test_server_that_never_shakes_hands_is_out_of_reach() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        config = ImapConfig(
            host="127.0.0.1", port=plain.getsockname()[1], user="a", password="P", timeout_s=0.2
        )
        source = open_imap(
            config, name="box", secret=lambda _: SecretStr("x"), sleep=lambda _: None
        )
        # Nobody answers the handshake: out of reach, and nothing was sent in the clear.
        with pytest.raises(TransientError):
            list(source.pull(None, now=NOW))


@pytest.mark.parametrize(
    "given",
    [
        {"password": None},
        {"password": "P", "oauth": {"token_url": "https://x/t", "client_id": "c",
                                    "refresh_token": "R"}},
        {"password": "P", "security": "none", "host": "mail.example"},
        {"password": "P", "colour": "red"},
        {"oauth": {"token_url": "http://mail.example/t", "client_id": "c", "refresh_token": "R"}},
    ],
)  # fmt: skip
def test_unsafe_or_unclear_configurations_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ImapConfig.model_validate({"host": "127.0.0.1", "user": "a", **given})


def test_no_folder_that_fits_is_said(server: ScriptedServer) -> None:
    with pytest.raises(BadInput, match="Deals"):
        list(_open(server, folders=("Deals",)).pull(None, now=NOW))


def test_folders_are_chosen_by_use_name_and_exclusion() -> None:
    folders = [
        Folder("INBOX", "/"), Folder("Sent", "/", ("\\sent",)), Folder("Spam", "/", ("\\junk",)),
        Folder("垃圾邮件", "/"), Folder("草稿箱", "/"), Folder("Papierkorb", "/"),
        Folder("Papierkorb/alt", "/"), Folder("Work", "/", ("\\noselect",)),
        Folder("Work/Deals", "/"), Folder("Private", "/"), Folder("Private/Doctor", "/"),
        Folder("Starred", "/", ("\\flagged",)),
    ]  # fmt: skip
    assert choose_folders(folders).names == (
        "INBOX", "Private", "Private/Doctor", "Sent", "Work/Deals",
    )  # fmt: skip
    assert choose_folders(folders, excluded=["private"]).names == ("INBOX", "Sent", "Work/Deals")
    assert choose_folders(folders, wanted=["Work*", "垃圾邮件"]).names == ("Work/Deals", "垃圾邮件")


def test_view_of_all_mail_is_no_way_round_an_exclusion() -> None:
    folders = [Folder("INBOX", "/"), Folder("All", "/", ("\\all",)), Folder("Private", "/")]
    assert choose_folders(folders).names == ("All",)
    assert choose_folders(folders, excluded=["Private"]).names == ("INBOX",)
    labelled = choose_folders(folders, excluded=["Private"], has_labels=True)
    assert (labelled.names, labelled.hidden_labels) == (("All",), ("Private",))
