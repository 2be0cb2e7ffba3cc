"""Conversations in a Slack channel: each thread one, and what else was said in a day."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from crm.errors import BadInput
from crm.models import ConversationKind
from ingest.chat.slack_archive import Channel, ChannelKind, SlackArchive, SlackUser
from ingest.chat.slack_text import message_text
from ingest.conversation_run import Reject
from ingest.conversations import ParsedConversation, ParsedSegment
from ingest.identity import Person
from ingest.wording import clean_label, guess_language, split_text

SOURCE = "slack"
MAX_PEOPLE = 300
MAX_SEGMENTS = 50_000
_SAID = frozenset({"", "me_message", "file_share", "thread_broadcast", "file_comment"})
_BOTS = frozenset({"bot_message", "slackbot_response"})


@dataclass(frozen=True)
class Vanished:
    """A conversation of which the export says that every message was deleted."""

    external_id: str


@dataclass(frozen=True)
class Read:
    """A conversation; `is_whole` unless a file that may hold more of it could not be read."""

    parsed: ParsedConversation
    is_whole: bool


@dataclass
class _Talk:
    """The messages of a thread or day while they are collected."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    deleted: int = 0


@dataclass
class _Index:
    """What a first look at a channel's days tells: where threads end, what was changed later."""

    last_day: dict[str, str] = field(default_factory=dict)
    parents: set[str] = field(default_factory=set)
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)


class ChannelReader:
    """Reads one channel day by day, so that only threads still going on are in memory."""

    def __init__(
        self,
        archive: SlackArchive,
        channel: Channel,
        users: Mapping[str, SlackUser],
        *,
        with_bots: bool,
    ) -> None:
        self._archive = archive
        self._channel = channel
        self._users = users
        self._names = {user_id: user.person.name for user_id, user in users.items()}
        self._with_bots = with_bots

    def read(self) -> Iterator[Read | Vanished | Reject]:
        """Yield threads and days in the order in which they end."""
        index = self._look_through()
        for day, reason in index.broken.items():
            yield Reject(f"{self._archive.label}/{self._channel.folder}/{day}.json", reason)
        threads: dict[str, _Talk] = {}
        for day in self._archive.days(self._channel):
            if day in index.broken:
                continue
            rest = _Talk()
            for message in self._messages(day, index):
                key = str(message.get("thread_ts") or "")
                is_thread = bool(key) and (key in index.parents or key != message["ts"])
                talk = threads.setdefault(key, _Talk()) if is_thread else rest
                self._take(talk, message, index)
            yield from self._finished(f"{self._channel.id}/{day}", rest, is_whole=True)
            for key in [key for key in threads if index.last_day.get(key, "") <= day]:
                # A thread whose beginning lies before the export is not the thread that is stored.
                name = key if key in index.parents else f"{key}+{day}"
                yield from self._finished(
                    f"{self._channel.id}/{name}", threads.pop(key), is_whole=not index.broken
                )

    def _look_through(self) -> _Index:
        index = _Index()
        for day in self._archive.days(self._channel):
            try:
                messages = self._archive.read_day(self._channel, day)
            except BadInput as error:
                index.broken[day] = str(error)
                continue
            for message in messages:
                _note(message, day, index)
        return index

    def _messages(self, day: str, index: _Index) -> list[dict[str, Any]]:
        """Return the day's messages in order, each as it was last changed."""
        found = []
        for raw in self._archive.read_day(self._channel, day):
            ts = raw.get("ts")
            if not isinstance(ts, str) or _time(ts) is None:
                continue
            if raw.get("subtype") not in ("message_changed", "message_deleted"):
                changed = index.changed.get(ts)
                found.append({**raw, **changed, "ts": ts} if changed else raw)
        return sorted(found, key=lambda message: _order(message["ts"]))

    def _take(self, talk: _Talk, message: dict[str, Any], index: _Index) -> None:
        subtype = str(message.get("subtype") or "")
        if subtype == "tombstone" or message["ts"] in index.deleted:
            talk.deleted += 1
        elif self._is_said(message, subtype):
            talk.messages.append(message)

    def _is_said(self, message: Mapping[str, Any], subtype: str) -> bool:
        user = self._users.get(str(message.get("user")))
        is_bot = subtype in _BOTS or (user.is_bot if user else "bot_id" in message)
        return (self._with_bots or not is_bot) and (subtype in _SAID or subtype in _BOTS)

    def _finished(
        self, external_id: str, talk: _Talk, *, is_whole: bool
    ) -> Iterator[Read | Vanished]:
        segments: list[ParsedSegment] = []
        people: dict[str, Person] = {}
        for message in talk.messages[:MAX_SEGMENTS]:
            person = self._speaker(message)
            pieces = split_text(message_text(message, self._names))
            segments += [ParsedSegment(person.name, piece) for piece in pieces]
            if pieces and len(people) < MAX_PEOPLE:
                people.setdefault(person.email or person.name, person)
        if segments:
            is_thread = "." in external_id
            parsed = self._conversation(external_id, talk, segments, people, is_thread=is_thread)
            yield Read(parsed, is_whole)
        elif talk.deleted and not talk.messages and is_whole:
            yield Vanished(external_id)

    def _conversation(
        self,
        external_id: str,
        talk: _Talk,
        segments: list[ParsedSegment],
        people: dict[str, Person],
        *,
        is_thread: bool,
    ) -> ParsedConversation:
        channel = self._channel
        if channel.kind in (ChannelKind.DIRECT, ChannelKind.GROUP_DIRECT):
            for member in channel.members[:MAX_PEOPLE]:
                user = self._users.get(member)
                if user and not user.is_bot:
                    people.setdefault(user.person.email or user.person.name, user.person)
        times = [one for message in talk.messages if (one := _time(message["ts"]))]
        about = segments[0].text if is_thread else external_id.rpartition("/")[2]
        title = clean_label(f"{self._shown_name(people)}: {about}", 120)
        return ParsedConversation(
            source=SOURCE,
            external_id=external_id,
            kind=ConversationKind.CHAT,
            title=title,
            started_at=times[0],
            ended_at=times[-1],
            participants=tuple(people.values()),
            segments=tuple(segments),
            content_sha256=_digest(title, people, segments),
            language=guess_language("\n".join(segment.text for segment in segments[:200])),
            thread_key=external_id if is_thread else None,
        )

    def _speaker(self, message: Mapping[str, Any]) -> Person:
        user = self._users.get(str(message.get("user")))
        if user:
            return user.person
        profile = message.get("user_profile")
        given = profile if isinstance(profile, dict) else {}
        names = (given.get("real_name"), message.get("username"), given.get("name"),
                 message.get("user"), message.get("bot_id"))  # fmt: skip
        return Person(next((clean_label(str(one), 200) for one in names if one), "Unknown"))

    def _shown_name(self, people: Mapping[str, Person]) -> str:
        """Return the channel's name, with a lock if not everybody may read it."""
        channel = self._channel
        if channel.kind is ChannelKind.PUBLIC:
            return f"#{channel.name}"
        if channel.kind is ChannelKind.PRIVATE:
            return f"🔒 {channel.name}"
        return "🔒 " + ", ".join(person.name for person in list(people.values())[:4])


def _note(message: Mapping[str, Any], day: str, index: _Index) -> None:
    ts, thread = message.get("ts"), message.get("thread_ts")
    if isinstance(thread, str) and isinstance(ts, str):
        index.last_day[thread] = day
        # A parent that nobody answered has the mark of one as well, in some exports.
        if ts == thread and message.get("reply_count", 1):
            index.parents.add(thread)
    if message.get("subtype") == "message_deleted" and message.get("deleted_ts"):
        index.deleted.add(str(message["deleted_ts"]))
    changed = message.get("message")
    if message.get("subtype") == "message_changed" and isinstance(changed, dict):
        index.changed[str(changed.get("ts"))] = changed


def _time(ts: str) -> datetime | None:
    """Return the time that a message's id tells, None if it is none."""
    try:
        return datetime.fromtimestamp(int(ts.partition(".")[0]), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _order(ts: str) -> tuple[int, str]:
    whole, _, part = ts.partition(".")
    return int(whole), part


def _digest(title: str, people: Mapping[str, Person], segments: list[ParsedSegment]) -> str:
    parts = [title, *(f"{p.name} {p.email} {p.role} {p.phone}" for p in people.values())]
    parts += [f"{segment.speaker}\t{segment.text}" for segment in segments]
    return hashlib.sha256("\x1e".join(parts).encode("utf-8", "replace")).hexdigest()
