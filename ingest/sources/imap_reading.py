"""Reading what is new in a mailbox's folders, portion by portion, over lost connections."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ingest.conversation_run import Duplicate, Reject
from ingest.conversations import ParsedConversation
from ingest.mail.importer import parse_message
from ingest.mail.sources import RawMessage
from ingest.sources.imap_client import Listed, Mailbox, Refused, quote_label
from ingest.sources.imap_folders import Selection
from ingest.sources.marks import make_mark
from ingest.sources.source import Cursor, Pulled

BATCH_MESSAGES = 50
BATCH_BYTES = 20_000_000
LISTED_AT_ONCE = 500
# A message at which the server drops us this often is left for the next run.
STRIKES = 3
MAX_RETRIED = 100


@dataclass(frozen=True)
class Rules:
    """What is read: `name` is the source's own, `excluded` are patterns of folders."""

    name: str
    max_message_mb: int
    since: date | None
    excluded: tuple[str, ...]

    @property
    def scope(self) -> list[str]:
        """Return what decides whether a message counts, besides the folder that it is in."""
        return [str(self.since or ""), *self.excluded]


@dataclass
class _Place:
    """How far one folder was read; `retry` are messages that could not be fetched."""

    validity: int
    last_uid: int = 0
    retry: list[int] = field(default_factory=list)

    @classmethod
    def read(cls, kept: Any) -> "_Place | None":
        if not isinstance(kept, dict) or not isinstance(kept.get("validity"), int):
            return None
        return cls(kept["validity"], int(kept.get("uid", 0)), list(kept.get("retry", [])))

    def write(self) -> dict[str, Any]:
        kept: dict[str, Any] = {"validity": self.validity, "uid": self.last_uid}
        return {**kept, "retry": self.retry} if self.retry else kept


class MailRun:
    """One pull: how far it got, over however many connections it takes."""

    def __init__(self, rules: Rules, cursor: Cursor) -> None:
        self.progress = 0
        self.next_uids: dict[str, int] = {}
        self._rules = rules
        folders = cursor.get("folders")
        # Under another rule, what was left out may count: all is read again, and known again.
        is_same = cursor.get("scope") == rules.scope
        kept = folders.items() if isinstance(folders, dict) and is_same else ()
        self._places = {name: place for name, value in kept if (place := _Place.read(value))}
        self._seen: set[bytes] = set()
        self._finished: set[str] = set()
        self._done = 0
        self._total = 0
        self._notes: list[str] = []
        self._is_noted = True
        # What was being fetched when the connection broke, and how often each message broke it.
        self._fetching: tuple[str, list[int]] = ("", [])
        self._singly: set[tuple[str, int]] = set()
        self._strikes: dict[tuple[str, int], int] = {}

    def read_folder(self, mailbox: Mailbox, folder: str, selection: Selection) -> Iterator[Pulled]:
        """Yield what is new in a folder, portion by portion."""
        if folder in self._finished:
            return
        try:
            opened = mailbox.open(folder)
        except Refused as error:
            self._note(f"folder {folder!r} cannot be opened: {error}")
            self._finished.add(folder)
            return
        place = self._place(folder, opened.validity)
        self.next_uids[folder] = opened.next_uid or 0
        uids = self._new_uids(mailbox, place, opened.next_uid, folder, selection)
        self._total += len(uids)
        for start in range(0, len(uids), LISTED_AT_ONCE):
            chunk = uids[start : start + LISTED_AT_ONCE]
            listed = mailbox.list_messages(chunk)
            there = {one.uid for one in listed}
            place.retry = [uid for uid in place.retry if uid not in chunk or uid in there]
            for group in self._groups(folder, listed):
                yield self._fetch(mailbox, folder, place, group)
            self._advance(place, chunk[-1])
        if opened.next_uid:
            self._advance(place, opened.next_uid - 1)
        self._finished.add(folder)

    def finish(self) -> Iterator[Pulled]:
        """Yield the last cursor where it says more than the one before."""
        if not self._is_noted or self._notes:
            yield self._portion([], None)

    def was_dropped(self) -> None:
        """Have what broke the connection fetched one by one, and left out if it does it again."""
        folder, uids = self._fetching
        self._fetching = ("", [])
        if len(uids) == 1:
            key = (folder, uids[0])
            self._strikes[key] = self._strikes.get(key, 0) + 1
        self._singly |= {(folder, uid) for uid in uids}
        # What was not read of this folder is counted again.
        self._total = self._done

    def _place(self, folder: str, validity: int) -> _Place:
        place = self._places.get(folder)
        if place is None or place.validity != validity:
            if place is not None:
                self._note(f"folder {folder!r} was numbered anew by its server: read again")
            place = self._places[folder] = _Place(validity)
            self._is_noted = False
        return place

    def _new_uids(
        self,
        mailbox: Mailbox,
        place: _Place,
        next_uid: int | None,
        folder: str,
        selection: Selection,
    ) -> list[int]:
        retried = [uid for uid in place.retry if (folder, uid) not in self._strikes]
        if next_uid is not None and next_uid <= place.last_uid + 1 and not retried:
            return []
        # A range up to `*` holds the last message even if its number is lower.
        span = f"{place.last_uid + 1}:*"
        criteria = ["UID", span]
        if self._rules.since:
            criteria += ["SINCE", self._rules.since.strftime("%d-%b-%Y")]
        uids = {uid for uid in mailbox.search(*criteria) if uid > place.last_uid}
        if folder == selection.all_mail:
            for label in selection.hidden_labels:
                uids -= set(mailbox.search("UID", span, "X-GM-LABELS", quote_label(label)))
        return sorted(uids | set(retried))

    def _groups(self, folder: str, listed: list[Listed]) -> Iterator[list[Listed]]:
        """Yield messages to be fetched together: few, and not too large in all."""
        group: list[Listed] = []
        size = 0
        for one in listed:
            if one.is_draft:
                continue
            is_single = (folder, one.uid) in self._singly
            is_full = len(group) >= BATCH_MESSAGES or size + one.size > BATCH_BYTES
            if group and (is_full or is_single):
                yield group
                group, size = [], 0
            group.append(one)
            size += one.size
            if is_single:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _fetch(self, mailbox: Mailbox, folder: str, place: _Place, group: list[Listed]) -> Pulled:
        limit = self._rules.max_message_mb * 1_000_000
        wanted = [
            one.uid
            for one in group
            if one.size <= limit and self._strikes.get((folder, one.uid), 0) < STRIKES
        ]
        self._fetching = (folder, wanted)
        bodies = self._bodies(mailbox, wanted)
        self._fetching = ("", [])
        items: list[ParsedConversation | Reject | Duplicate] = []
        for one in group:
            label = f"{self._rules.name}/{folder}/{one.uid}"
            raw = bodies.get(one.uid)
            place.retry = [uid for uid in place.retry if uid != one.uid]
            if one.size > limit:
                items.append(Reject(label, f"larger than {self._rules.max_message_mb} MB"))
            elif one.uid not in wanted or raw is None:
                items.append(Reject(label, "the server breaks off at it: tried again next time"))
                place.retry = sorted({*place.retry, one.uid})[-MAX_RETRIED:]
            elif raw:
                items.append(self._parse(RawMessage(label, raw)))
        self._advance(place, group[-1].uid)
        self._done += len(group)
        self.progress += 1
        newest = [one.started_at for one in items if isinstance(one, ParsedConversation)]
        return self._portion(items, max(newest, default=None))

    def _bodies(self, mailbox: Mailbox, uids: list[int]) -> dict[int, bytes | None]:
        """Return the messages: None for one that the server refuses, empty for one that is gone."""
        if not uids:
            return {}
        try:
            found = mailbox.fetch(uids)
        except Refused:
            if len(uids) == 1:
                return {uids[0]: None}
            found = {}
            for uid in uids:
                try:
                    found |= mailbox.fetch([uid])
                except Refused:
                    continue
            return {uid: found.get(uid) for uid in uids}
        return {uid: found.get(uid, b"") for uid in uids}

    def _parse(self, message: RawMessage) -> ParsedConversation | Reject | Duplicate:
        parsed = parse_message(message)
        if isinstance(parsed, Reject):
            return parsed
        mark = make_mark(parsed.external_id)
        if mark in self._seen:
            # A copy in another folder: the first is kept.
            return Duplicate(message.label)
        self._seen.add(mark)
        return parsed

    def _advance(self, place: _Place, uid: int) -> None:
        if uid > place.last_uid:
            place.last_uid = uid
            self._is_noted = False

    def _note(self, words: str) -> None:
        if words not in self._notes:
            self._notes.append(words)

    def _portion(
        self, items: list[ParsedConversation | Reject | Duplicate], newest_at: datetime | None
    ) -> Pulled:
        self._is_noted = True
        notes, self._notes = tuple(self._notes), []
        return Pulled(
            {
                "folders": {name: place.write() for name, place in self._places.items()},
                "scope": self._rules.scope,
            },
            conversations=tuple(items),
            newest_at=newest_at,
            done=self._done,
            total=max(self._total, self._done),
            notes=notes,
        )
