"""An export of a Slack workspace as files: who its people are, its channels, their days."""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol

from crm.errors import BadInput
from ingest.identity import Person
from ingest.wording import clean_label

MAX_FILE_BYTES = 200_000_000
MAX_FILES = 2_000_000


class ChannelKind(StrEnum):
    """Who may read a channel."""

    PUBLIC = "public"
    PRIVATE = "private"
    DIRECT = "direct"
    GROUP_DIRECT = "group_direct"


_INDEXES = {
    "channels.json": ChannelKind.PUBLIC,
    "groups.json": ChannelKind.PRIVATE,
    "dms.json": ChannelKind.DIRECT,
    "mpims.json": ChannelKind.GROUP_DIRECT,
}


@dataclass(frozen=True)
class Channel:
    """A channel or direct conversation; `folder` is where its days are, `members` are user ids."""

    id: str
    name: str
    kind: ChannelKind
    folder: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class SlackUser:
    """Somebody in the workspace, or an app."""

    person: Person
    is_bot: bool


class _Files(Protocol):
    def names(self) -> list[str]:
        """Return the paths of all files, with slashes."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open one for reading."""
        ...


class _FolderFiles:
    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        return [
            path.relative_to(self._root).as_posix()
            for path in self._root.rglob("*.json")
            if path.is_file() and not path.is_symlink()
        ]

    def open(self, name: str) -> BinaryIO:
        return (self._root / name).open("rb")


class _ZipFiles:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._infos = {
            _zip_name(info): info for info in archive.infolist() if not info.is_dir()
        }  # fmt: skip

    def names(self) -> list[str]:
        return list(self._infos)

    def open(self, name: str) -> BinaryIO:
        return self._archive.open(self._infos[name])  # type: ignore[return-value]


class SlackArchive:
    """An opened export."""

    def __init__(self, files: _Files, label: str) -> None:
        self._files = files
        self.label = label
        names = files.names()
        if len(names) > MAX_FILES:
            raise BadInput(f"{label!r} holds more than {MAX_FILES:,} files: not an export")
        self._prefix = _prefix_of(names, label)
        self._days: dict[str, list[str]] = {}
        for name in names:
            path = PurePosixPath(name.removeprefix(self._prefix))
            if name.startswith(self._prefix) and len(path.parts) == 2 and path.suffix == ".json":
                self._days.setdefault(path.parts[0], []).append(path.stem)
        self._top = {name for name in names if name.startswith(self._prefix)}

    def users(self) -> Mapping[str, SlackUser]:
        """Return everybody by user id."""
        found: dict[str, SlackUser] = {}
        for index in ("users.json", "org_users.json"):
            for entry in self._index(index):
                found[str(entry.get("id"))] = _user(entry)
        return found

    def channels(self) -> list[Channel]:
        """Return the channels that have days, in the order of their names."""
        found = [
            channel
            for index, kind in _INDEXES.items()
            for entry in self._index(index)
            if (channel := self._channel(entry, kind))
        ]
        return sorted(found, key=lambda channel: (channel.kind, channel.name))

    def unlisted(self) -> list[str]:
        """Return the folders that no index names: nobody knows who may read them."""
        listed = {channel.folder for channel in self.channels()}
        return sorted(folder for folder in self._days if folder not in listed)

    def days(self, channel: Channel) -> list[str]:
        """Return the days of a channel, such as `2026-05-04`, in order."""
        return sorted(day for day in self._days.get(channel.folder, []) if _is_day(day))

    def read_day(self, channel: Channel, day: str) -> list[dict[str, Any]]:
        """Return the messages of a day as exported; BadInput if the file cannot be read."""
        return self._read(f"{channel.folder}/{day}.json")

    def _channel(self, entry: Mapping[str, Any], kind: ChannelKind) -> Channel | None:
        own_id = str(entry.get("id") or "")
        name = clean_label(str(entry.get("name") or own_id))
        folder = next((one for one in (str(entry.get("name")), own_id) if one in self._days), None)
        if not own_id or folder is None:
            return None
        given = entry.get("members")
        members = tuple(str(one) for one in given) if isinstance(given, list) else ()
        return Channel(own_id, name, kind, folder, members)

    def _index(self, name: str) -> list[dict[str, Any]]:
        return self._read(name) if self._prefix + name in self._top else []

    def _read(self, name: str) -> list[dict[str, Any]]:
        label = f"{self.label}/{name}"
        try:
            with self._files.open(self._prefix + name) as file:
                raw = file.read(MAX_FILE_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
            raise BadInput(f"{label!r} is damaged: export again ({error})") from error
        if len(raw) > MAX_FILE_BYTES:
            raise BadInput(f"{label!r} unpacks to more than {MAX_FILE_BYTES:,} bytes")
        try:
            values = json.loads(raw.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{label!r} is no JSON, or cut off: export again") from error
        if not isinstance(values, list):
            raise BadInput(f"{label!r} is not a list: not from an export of Slack")
        return [value for value in values if isinstance(value, dict)]


@contextmanager
def open_archive(path: Path) -> Iterator[SlackArchive]:
    """Open an export, a zip file or an unpacked folder; BadInput if it is none or damaged."""
    if path.is_dir():
        yield SlackArchive(_FolderFiles(path), path.name)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise BadInput(f"{str(path)!r} is no zip file, or cut off: export again") from error
    with archive:
        yield SlackArchive(_ZipFiles(archive), path.name)


def is_archive_folder(path: Path) -> bool:
    """Say whether this folder is an unpacked export."""
    return any((path / name).is_file() for name in ("users.json", "org_users.json", *_INDEXES))


def _prefix_of(names: list[str], label: str) -> str:
    """Return the folder within the archive that holds the indexes, with its slash."""
    heads = [
        name[: -len(PurePosixPath(name).name)]
        for name in names
        if PurePosixPath(name).name in ("users.json", "org_users.json", *_INDEXES)
    ]
    if not heads:
        raise BadInput(f"{label!r} holds neither users.json nor channels.json: no Slack export")
    return min(heads, key=len)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return a name as it was meant: UTF-8 that is not declared is read as an old code page."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _user(entry: Mapping[str, Any]) -> SlackUser:
    given = entry.get("profile")
    profile = given if isinstance(given, dict) else {}
    names = (profile.get("real_name"), entry.get("real_name"), profile.get("display_name"),
             entry.get("name"), entry.get("id"))  # fmt: skip
    name = next((clean_label(one, 200) for one in names if isinstance(one, str) and one), "Unknown")
    person = Person(
        name,
        email=(_text(profile, "email") or "").lower() or None,
        role=_text(profile, "title"),
        phone=_text(profile, "phone"),
    )
    return SlackUser(person, is_bot=bool(entry.get("is_bot")) or entry.get("id") == "USLACKBOT")


def _text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return clean_label(value, 200) or None if isinstance(value, str) else None


def _is_day(name: str) -> bool:
    return len(name) == 10 and name.replace("-", "").isdigit()
