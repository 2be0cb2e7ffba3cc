"""Any REST interface as a source, as far as it can be declared without code."""

import base64
import copy
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from crm.errors import PermanentError
from ingest.crm.mapping import Mapping as FieldsMapping
from ingest.crm.values import as_text
from ingest.sources.declaration import (
    AnyAuth,
    BasicAuth,
    BearerAuth,
    Declaration,
    Endpoint,
    HeaderAuth,
    OauthAuth,
    Since,
    load_declaration,
)
from ingest.sources.pacing import Pacing
from ingest.sources.places import parse_time, shown_time
from ingest.sources.records import native, objects_of
from ingest.sources.rest import NO_AUTH, Auth, ClientCredentials, FixedAuth, Reply, RestClient
from ingest.sources.source import Cursor, Gone, Pulled, TableRows

__all__ = ["CustomRestConfig", "CustomRestSource", "open_custom_rest"]

PORTION = 1_000
_NEXT_LINK = re.compile(r'<([^>]*)>\s*(?:;[^,]*)?;\s*rel="?next"?')
_ABSENT = object()

State = dict[str, Any]


class CustomRestConfig(BaseModel):
    """A declared REST interface: `file` is its YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["rest"] = "rest"
    file: Path


class CustomRestSource:
    """What a declaration says, read endpoint by endpoint."""

    kind = "rest"

    def __init__(
        self,
        declared: Declaration,
        *,
        name: str,
        mapping: FieldsMapping,
        secret: Callable[[str], SecretStr],
        pacing: Pacing,
    ) -> None:
        self.name, self.mapping = name, mapping
        self._declared, self._secret, self._pacing = declared, secret, pacing

    def pull(self, cursor: Cursor | None, *, now: datetime) -> Iterator[Pulled]:
        """Yield what changed since the cursor, some 1,000 records a time.

        Raises:
            TransientError: out of reach, or busy for longer than is waited.
            PermanentError: refused, or the answers are not as declared.
        """
        declared = self._declared
        with closing(RestClient(
            declared.base_url, pacing=self._pacing,
            auth=_auth(declared.auth, self._secret, self._pacing),
            most_bytes=declared.most_megabytes * 1024 * 1024,
        )) as client:  # fmt: skip
            yield from _Run(client, declared, self.mapping, cursor or {}, now).portions()


def open_custom_rest(
    config: CustomRestConfig,
    *,
    name: str = "rest",
    secret: Callable[[str], SecretStr],
    pacing: Pacing | None = None,
) -> CustomRestSource:
    """Return the source; nothing is connected yet. Raises BadInput for an unusable file."""
    declared, mapping = load_declaration(config.file.expanduser(), source=name)
    return CustomRestSource(
        declared, name=name, mapping=mapping, secret=secret, pacing=pacing or Pacing()
    )


class _Run:
    """One reading."""

    def __init__(
        self,
        client: RestClient,
        declared: Declaration,
        mapping: FieldsMapping,
        cursor: Mapping[str, Any],
        now: datetime,
    ) -> None:
        self._client, self._now = client, now
        columns = objects_of(mapping)
        self._columns = columns
        # In the order in which references are filled, whatever the order declared.
        self._endpoints = sorted(
            declared.endpoints, key=lambda one: list(columns).index(one.object)
        )
        self._states: dict[str, State] = copy.deepcopy(dict(cursor.get("objects", {})))
        self._server_time: datetime | None = None
        self._done = 0

    def portions(self) -> Iterator[Pulled]:
        """Yield the portions, people before companies before deals."""
        for endpoint in self._endpoints:
            yield from self._read(endpoint)

    def _read(self, endpoint: Endpoint) -> Iterator[Pulled]:
        state = self._states.setdefault(endpoint.object, {})
        params = dict(endpoint.params)
        since = endpoint.since
        at = parse_time(state.get("at"))
        if since and at:
            params[since.param] = _written(at - timedelta(minutes=since.overlap_minutes), since)
        newest: datetime | None = None
        kept: list[Mapping[str, Any]] = []
        for records in self._pages(endpoint, params):
            kept += records
            if since:
                times = (_time_of(record, since) for record in records)
                newest = max((one for one in (newest, *times) if one), default=None)
            if len(kept) >= PORTION:
                if since and since.is_ordered:
                    self._move(state, newest)
                yield self._take(endpoint, kept, newest)
                kept = []
        # Only now, as nobody promised that the oldest change comes first.
        self._move(state, newest)
        yield self._take(endpoint, kept, newest)

    def _move(self, state: State, newest: datetime | None) -> None:
        if newest is None:
            return
        # A time from the future must not hide what comes until then.
        reached = min(newest, self._server_time or self._now)
        before = parse_time(state.get("at"))
        state["at"] = shown_time(max(reached, before) if before else reached)

    def _pages(
        self, endpoint: Endpoint, params: Mapping[str, str]
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        paging = endpoint.paging
        asked: dict[str, str] = dict(params)
        if paging.size_param:
            asked[paging.size_param] = str(paging.size)
        path, number = endpoint.path, _first(endpoint)
        seen: set[bytes] = set()
        while True:
            counted = {str(paging.param): str(number)} if number is not None else {}
            reply = self._client.get(path, {**asked, **counted})
            self._server_time = reply.server_time or self._server_time
            records = _records(endpoint, reply.body)
            if records:
                _check_new(endpoint, records, seen)
                yield records
            if number is not None:
                number += 1 if paging.kind == "page" else len(records)
                following: str | None = str(number) if records else None
            else:
                following = _following(endpoint, reply)
            if following is None:
                return
            if paging.kind == "cursor" and paging.param:
                asked[paging.param] = following
            elif number is None:
                # The address of the next page carries its own parameters.
                path, asked = following, {}

    def _take(
        self, endpoint: Endpoint, records: Sequence[Mapping[str, Any]], newest: datetime | None
    ) -> Pulled:
        columns = self._columns[endpoint.object]
        rows, gone = [], []
        for record in records:
            if endpoint.deleted and _is_deleted(endpoint, record):
                at = _time_of(record, endpoint.since) if endpoint.since else None
                gone.append(Gone(endpoint.object, as_text(native(_at(record, endpoint.id))), at))
                continue
            found = ((column, _at(record, column)) for column in columns)
            rows.append({column: value for column, value in found if value is not _ABSENT})
        self._done += len(records)
        return Pulled(
            {"objects": copy.deepcopy(self._states)},
            tables=(TableRows(endpoint.object, tuple(rows)),) if rows else (),
            gone=tuple(gone),
            newest_at=newest,
            done=self._done,
        )


def _first(endpoint: Endpoint) -> int | None:
    paging = endpoint.paging
    if paging.kind not in ("page", "offset"):
        return None
    return paging.start if paging.start is not None else int(paging.kind == "page")


def _following(endpoint: Endpoint, reply: Reply) -> str | None:
    if endpoint.paging.kind == "link":
        found = _NEXT_LINK.search(reply.headers.get("link", ""))
        return found[1] if found else None
    if endpoint.paging.kind != "cursor" or not isinstance(reply.body, Mapping):
        return None
    following = _at(reply.body, str(endpoint.paging.next))
    return None if following in (_ABSENT, None, "", False) else as_text(native(following))


def _records(endpoint: Endpoint, body: Any) -> Sequence[Mapping[str, Any]]:
    found = body
    if endpoint.records:
        found = _at(body, endpoint.records) if isinstance(body, Mapping) else _ABSENT
    if found is None:
        return ()
    if isinstance(found, list) and all(isinstance(one, Mapping) for one in found):
        return found
    keys = ", ".join(map(repr, list(body)[:20])) if isinstance(body, Mapping) else "a list"
    where = endpoint.records or "the answer itself"
    raise PermanentError(
        f"{endpoint.path!r}: {where!r} is no list of records; the answer has {keys}: "
        "set `records` to where they are"
    )


def _check_new(endpoint: Endpoint, records: Sequence[Mapping[str, Any]], seen: set[bytes]) -> None:
    ids = "\0".join(as_text(native(_shown(record, endpoint.id))) for record in records)
    mark = hashlib.sha256(ids.encode("utf-8", "replace")).digest()
    if mark in seen:
        raise PermanentError(
            f"{endpoint.path!r} sent the same page twice: stopped; check `paging` "
            f"({endpoint.paging.kind}, param {endpoint.paging.param!r})"
        )
    seen.add(mark)


def _shown(record: Mapping[str, Any], path: str) -> Any:
    found = _at(record, path)
    return str(record) if found is _ABSENT else found


def _at(record: Mapping[str, Any], path: str) -> Any:
    """Return what is at a dotted path, `_ABSENT` if that leads nowhere."""
    if path in record:
        return record[path]
    here: Any = record
    for key in path.split("."):
        if here is None:
            # A relation to nothing.
            return None
        if not isinstance(here, Mapping) or key not in here:
            return _ABSENT
        here = here[key]
    return here


def _is_deleted(endpoint: Endpoint, record: Mapping[str, Any]) -> bool:
    if endpoint.deleted is None:
        return False
    value = _at(record, endpoint.deleted.field)
    text = "" if value is _ABSENT else as_text(native(value)).casefold()
    return text in {word.casefold() for word in endpoint.deleted.values}


def _time_of(record: Mapping[str, Any], since: Since) -> datetime | None:
    value = _at(record, since.field)
    if value is _ABSENT or value is None:
        return None
    if since.format == "iso":
        return parse_time(value)
    try:
        seconds = float(as_text(native(value)))
    except ValueError:
        return None
    return parse_time(int(seconds * (1_000 if since.format == "epoch" else 1)))


def _written(moment: datetime, since: Since) -> str:
    if since.format == "iso":
        return shown_time(moment)
    return str(int(moment.timestamp() * (1 if since.format == "epoch" else 1_000)))


def _auth(declared: AnyAuth, secret: Callable[[str], SecretStr], pacing: Pacing) -> Auth:
    if isinstance(declared, BearerAuth):
        token = secret(declared.secret).get_secret_value()
        return FixedAuth({"Authorization": f"Bearer {token}"}, (token,))
    if isinstance(declared, HeaderAuth):
        return FixedAuth({declared.name: secret(declared.secret).get_secret_value()})
    if isinstance(declared, BasicAuth):
        password = secret(declared.secret).get_secret_value()
        pair = base64.b64encode(f"{declared.user}:{password}".encode()).decode("ascii")
        return FixedAuth({"Authorization": f"Basic {pair}"}, (password, pair))
    if isinstance(declared, OauthAuth):
        form = {"client_id": declared.client_id} | (
            {"scope": declared.scope} if declared.scope else {}
        )
        return ClientCredentials(declared.token_url, form, secret(declared.secret), pacing)
    return NO_AUTH
