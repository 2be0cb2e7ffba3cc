"""What stands above the turns of a meeting's transcript: title, time and who was there."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from dateutil import parser as dates

from ingest.transcripts.speakers import is_person_name

_MAX_LINES = 60
_SUFFIX = re.compile(
    r"\s*[-–—_]?\s*(?:meeting )?"
    r"(?:transcript(?:ion)?|trascrizione|transkript|转写|转录|文字记录)\s*$",
    re.I,
)
_LABEL = re.compile(r"\W*(?:transcript|notes|文字记录|文字转写|转写|逐字稿)\W*", re.I)
_MEET = re.compile(
    r"(?P<title>.*?)\s*\((?P<day>\d{4}-\d\d-\d\d) at (?P<time>\d\d:\d\d)"
    r"(?: (?:GMT|UTC)(?P<zone>[+-]\d{1,2}(?::?\d\d)?)?)?[^)]*\).*"
)
_TEAMS = re.compile(r"(?P<title>.+?)-(?P<stamp>\d{8}_\d{6})(?:-.*)?")
_HAN_DATE = re.compile(
    r"(?P<year>\d{4})\s*年\s*(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*日[^\d上下]{0,8}"
    r"(?P<half>上午|下午|晚上)?\s*(?:(?P<hour>\d{1,2})[:：](?P<minute>\d\d))?.*"
)
_DATE = re.compile(r"(?=.*\b\d{4}\b)[\w ,.:/+-]{8,45}")
_PEOPLE = re.compile(
    r"\W*(attendees|invited|participants|speakers|参会人员?|参与者|与会者|与会人员?|发言人)"
    r"\s*[:：]?\s*(.*)",
    re.I,
)  # fmt: skip
_SEPARATOR = re.compile(r"\s*[,，、;；]\s*")
_ADDRESS = re.compile(r"(?P<name>.*?)\s*[<(（]?(?P<email>[\w.+-]+@[\w.-]+)[>)）]?")
_TITLE_LABEL = re.compile(r"(?:主题|会议主题|标题|title|topic|meeting)\s*[:：]\s*", re.I)


def read_preamble(lines: Sequence[str]) -> dict[str, Any]:
    """Return title, started_at and participants as far as they are stated.

    A time without a zone is taken as UTC, like all such times here.
    """
    values: dict[str, Any] = {}
    people: list[dict[str, str]] = []
    is_listing = False
    for line in [line for line in lines[:_MAX_LINES] if line]:
        heading = _PEOPLE.fullmatch(line)
        if heading:
            people += _people(heading[2])
            is_listing = not heading[2]
        elif is_listing:
            people += _people(line)
            is_listing = False
        else:
            _take_line(line, values)
    if people:
        values["participants"] = people
    return values


def _take_line(line: str, values: dict[str, Any]) -> None:
    """Put what a line says into the values, unless one above it said so already."""
    started_at, title = _date_of(line), None
    meet, teams = _MEET.fullmatch(line), _TEAMS.fullmatch(line)
    if meet:
        title = meet["title"]
    elif teams:
        title = teams["title"]
    elif started_at is None and not _LABEL.fullmatch(line) and len(line) <= 200:
        title = _SUFFIX.sub("", _TITLE_LABEL.sub("", line))
    if title and "title" not in values:
        values["title"] = title
    # The stamp in a name is in UTC, the line for readers in nobody knows what zone.
    if started_at and "started_at" not in values:
        values["started_at"] = started_at


def _date_of(line: str) -> datetime | None:
    meet, teams, han = _MEET.fullmatch(line), _TEAMS.fullmatch(line), _HAN_DATE.fullmatch(line)
    try:
        if meet:
            day = datetime.fromisoformat(f"{meet['day']}T{meet['time']}")
            return day.replace(tzinfo=_zone(meet["zone"]))
        if teams:
            return datetime.strptime(teams["stamp"], "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
        if han:
            return _han_date(han)
        if _DATE.fullmatch(line):
            found = dates.parse(line, default=datetime(2000, 1, 1, tzinfo=UTC))
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return None


def _han_date(found: re.Match[str]) -> datetime:
    hour = int(found["hour"] or 0)
    if found["half"] in ("下午", "晚上") and hour < 12:
        hour += 12
    day = (int(found["year"]), int(found["month"]), int(found["day"]))
    return datetime(*day, hour, int(found["minute"] or 0), tzinfo=UTC)


def _zone(text: str | None) -> timezone:
    if not text:
        return UTC
    hours, _, minutes = text[1:].partition(":") if ":" in text else (text[1:3], "", text[3:])
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-offset if text[0] == "-" else offset)


def _people(line: str) -> list[dict[str, str]]:
    people = []
    for part in _SEPARATOR.split(line):
        address = _ADDRESS.fullmatch(part)
        if address:
            people.append({"name": address["name"], "email": address["email"]})
        elif part and is_person_name(part):
            people.append({"name": part})
    return people
