"""A declared REST interface: every kind of paging and login, news, deletions, and bad ones."""

import base64
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm.errors import BadInput, PermanentError, TransientError
from crm.models import Account, Opportunity
from crm.principal import Principal
from crm.store import Store
from ingest.sources.custom_rest import CustomRestConfig, CustomRestSource, open_custom_rest
from tests.rest_server import Answer, Request, RestServer, Sleeps, secrets
from tests.source_sync import Sync, shown

SECRET = "key-of-ours-123"
MAPPING = """
mapping:
  currency: EUR
  stages: {Neu: open, Gewonnen: won, Verloren: lost}
  tables:
    - object: kunden
      entity: accounts
      fields: {id: id, name: firma, city: adresse.ort}
    - object: angebote
      entity: opportunities
      fields: {id: id, name: titel, account_id: kunde.id, stage: status, amount: summe,
               expected_close_on: {column: faellig, date_format: epoch}}
"""
PLAIN = """
endpoints:
  - {object: angebote, path: v1/angebote, records: items}
  - {object: kunden, path: v1/kunden, records: data.list}
"""


class Shop:
    """Two lists; `answer` may be replaced."""

    def __init__(self) -> None:
        self.customers = [
            {"id": number, "firma": f"Firma {number}", "adresse": {"ort": "Köln"}}
            for number in range(1, 6)
        ]
        self.deals: list[dict[str, Any]] = [
            {"id": "A1", "titel": "Erstes", "kunde": {"id": 2}, "status": "neu", "summe": 99.90,
             "faellig": 1796083200},
        ]  # fmt: skip
        self.server = RestServer(self.respond)

    def respond(self, request: Request) -> Answer:
        if request.path.endswith("angebote"):
            return Answer(body={"items": self.deals})
        return Answer(body={"data": {"list": self.customers}})


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    with shop.server.running():
        yield shop


@pytest.fixture
def sync(store: Store, owner: Principal, tmp_path: Path) -> Sync:
    return Sync(store, owner, tmp_path / "rejects")


Connect = Callable[..., CustomRestSource]


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
def connect(shop: Shop, tmp_path: Path, sleeps: Sleeps) -> Connect:
    def run(endpoints: str = PLAIN, *, auth: str = "", mapping: str = MAPPING) -> CustomRestSource:
        file = tmp_path / "shop.yaml"
        file.write_text(
            f"base_url: {shop.server.url}/api/\n{auth}\n{endpoints}\n{mapping}", "utf-8"
        )
        return open_custom_rest(
            CustomRestConfig(file=file), name="shop", secret=secrets(key=SECRET),
            pacing=sleeps.pacing(),
        )  # fmt: skip

    return run


def test_declared_lists_become_linked_rows(
    store: Store, owner: Principal, shop: Shop, connect: Connect, sync: Sync, as_of: datetime
) -> None:
    stored = sync(connect(), as_of)
    assert (sync.error, stored.rejected) == (None, 0)
    deal = shown(store, Opportunity, owner)[0]
    customer = {one.id: one for one in shown(store, Account, owner)}[deal.account_id]
    assert (customer.name, customer.city) == ("Firma 2", "Köln")
    assert (deal.amount_minor, deal.currency) == (9_990, "EUR")
    assert deal.expected_close_on.isoformat() == "2026-12-01"
    again = sync(connect(), as_of)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 6)


@pytest.mark.parametrize("kind", ["page", "offset", "cursor", "cursor_link", "link"])
def test_every_kind_of_paging_reads_all(
    store: Store, owner: Principal, shop: Shop, connect: Connect, sync: Sync, as_of: datetime,
    kind: str,
) -> None:  # fmt: skip
    def respond(request: Request) -> Answer:
        if request.path.endswith("angebote"):
            return Answer(body=[])
        query = request.query
        first = {
            "page": (int(query.get("p", 1)) - 1) * 2,
            "offset": int(query.get("p", 0)),
        }.get(kind, int(query.get("p", 0)))
        page, following = shop.customers[first : first + 2], first + 2
        body: dict[str, Any] = {"list": page, "meta": {}}
        headers = {}
        if following < len(shop.customers):
            where = f"{shop.server.url}/api/kunden?p={following}"
            if kind == "cursor":
                body["meta"]["next"] = following
            elif kind == "cursor_link":
                body["meta"]["next"] = where
            elif kind == "link":
                headers["Link"] = f'<{shop.server.url}/x>; rel="first", <{where}>; rel="next"'
        return Answer(body=body, headers=headers)

    shop.server.respond = respond
    paging = {
        "page": "{kind: page, param: p}",
        "offset": "{kind: offset, param: p}",
        "cursor": "{kind: cursor, param: p, next: meta.next, size: 2, size_param: n}",
        "cursor_link": "{kind: cursor, next: meta.next}",
        "link": "{kind: link}",
    }[kind]
    endpoints = f"endpoints: [{{object: kunden, path: kunden, records: list, paging: {paging}}}]"
    sync(connect(endpoints), as_of)
    assert sync.error is None
    assert len(shown(store, Account, owner)) == 5


def test_a_page_that_comes_again_and_again_is_noticed(
    store: Store, owner: Principal, connect: Connect, sync: Sync, as_of: datetime
) -> None:
    endpoints = (
        "endpoints: [{object: kunden, path: kunden, records: data.list, "
        "paging: {kind: page, param: seite}}]"
    )
    sync(connect(endpoints), as_of)
    assert isinstance(sync.error, PermanentError)
    assert "same page twice" in str(sync.error)
    assert shown(store, Account, owner) == []


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ("auth: {kind: bearer, secret: key}", "authorization", f"Bearer {SECRET}"),
        ("auth: {kind: header, name: X-Api-Key, secret: key}", "x-api-key", SECRET),
        (
            "auth: {kind: basic, user: ana, secret: key}", "authorization",
            "Basic " + base64.b64encode(f"ana:{SECRET}".encode()).decode(),
        ),
    ],
)  # fmt: skip
def test_we_say_who_we_are_and_never_in_errors(
    shop: Shop, connect: Connect, sync: Sync, as_of: datetime, auth: str, header: str, value: str
) -> None:
    shop.server.respond = lambda request: Answer(403, {"error": f"{request.headers[header]}?"})
    sync(connect(auth=auth), as_of)
    assert shop.server.requests[0].headers[header] == value
    assert isinstance(sync.error, PermanentError)
    assert SECRET not in str(sync.error)
    assert value not in str(sync.error)


def test_a_token_by_client_credentials_is_renewed_when_refused(
    store: Store, owner: Principal, shop: Shop, connect: Connect, sync: Sync, as_of: datetime
) -> None:
    logins: list[dict[str, str]] = []

    def respond(request: Request) -> Answer:
        if request.path == "/token":
            logins.append(request.body)
            return Answer(body={"access_token": f"t{len(logins)}"})
        if request.headers.get("authorization") != "Bearer t2":
            return Answer(401, {"error": "expired"})
        return shop.respond(request)

    shop.server.respond = respond
    auth = f"auth: {{kind: oauth2, token_url: {shop.server.url}/token, client_id: c, secret: key}}"
    sync(connect(auth=auth), as_of)
    assert sync.error is None
    assert [one["client_secret"] for one in logins] == [SECRET, SECRET]
    assert len(shown(store, Account, owner)) == 5


def test_news_are_asked_for_and_flags_delete(
    store: Store, owner: Principal, shop: Shop, connect: Connect, sync: Sync, as_of: datetime
) -> None:
    endpoints = """
endpoints:
  - object: kunden
    path: kunden
    records: data.list
    since: {field: geaendert, param: seit, format: epoch}
    deleted: {field: status, values: [weg]}
"""
    stamp = int((as_of - timedelta(hours=1)).timestamp())
    for one in shop.customers:
        one["geaendert"] = stamp
    source = connect(endpoints)
    sync(source, as_of)
    shop.customers = [
        {"id": 1, "firma": "Neu GmbH", "geaendert": stamp + 60},
        {"id": 2, "status": "Weg", "geaendert": stamp + 90},
    ]
    stored = sync(source, as_of)
    assert shop.server.requests[-1].query == {"seit": str(stamp - 600)}
    assert (stored.updated, stored.deleted) == (1, 1)
    names = {one.external_id: (one.name, one.city) for one in shown(store, Account, owner)}
    assert names["1"] == ("Neu GmbH", "Köln")
    assert set(names) == {"1", "3", "4", "5"}


def test_a_list_that_shrinks_deletes_nothing(
    store: Store, owner: Principal, shop: Shop, connect: Connect, sync: Sync, as_of: datetime
) -> None:
    source = connect()
    sync(source, as_of)
    shop.customers = []
    assert sync(source, as_of).deleted == 0
    assert len(shown(store, Account, owner)) == 5


def test_a_reading_that_fails_moves_no_cursor_where_order_is_not_promised(
    shop: Shop, connect: Connect, sync: Sync, sleeps: Sleeps, as_of: datetime
) -> None:
    shop.customers = [
        {"id": number, "firma": f"F{number}", "at": (as_of - timedelta(minutes=number)).isoformat()}
        for number in range(3_000)
    ]

    def respond(request: Request) -> Answer:
        first = int(request.query.get("o", 0))
        return Answer(body=shop.customers[first : first + 500])

    shop.server.respond = respond
    shop.server.fail(Answer(200, [{"id": 1}], is_cut=True), times=99, after=4)
    endpoints = """
endpoints:
  - object: kunden
    path: kunden
    paging: {kind: offset, param: o}
    since: {field: at, param: since}
"""
    source = connect(endpoints)
    stored = sync(source, as_of)
    assert isinstance(sync.error, TransientError)
    assert (stored.created, sync.cursor) == (2_000, {"objects": {"kunden": {}}})
    assert sleeps.taken == [1.0, 2.0, 4.0, 8.0, 16.0]
    shop.server.faults.clear()
    again = sync(source, as_of)
    assert (again.created, again.unchanged) == (1_000, 2_000)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(302, headers={"Location": "https://elsewhere.example/steal"}), "elsewhere.example"),
        (Answer(302, headers={"Location": "/api/kunden"}), "redirects without end"),
        (Answer(body={"data": {"list": [1]}}), "no list of records"),
        (Answer(body={"items": []}), "the answer has 'items'"),
        (Answer(raw=b"[" * 200_000), "no readable JSON"),
        (Answer(raw=b'{"x": "' + b"y" * 1_100_000 + b'"}'), "more than 1,048,576 bytes"),
    ],
)
def test_answers_that_cannot_be_used_end_the_run_with_a_reason(
    shop: Shop, connect: Connect, sync: Sync, as_of: datetime, answer: Answer, says: str
) -> None:
    shop.server.respond = lambda _request: answer
    endpoints = "endpoints: [{object: kunden, path: kunden, records: data.list}]"
    sync(connect(endpoints, auth="most_megabytes: 1"), as_of)
    assert says in str(sync.error)


def test_a_move_within_the_host_is_followed(
    store: Store, owner: Principal, shop: Shop, connect: Connect, sync: Sync, as_of: datetime
) -> None:
    shop.server.fail(Answer(307, headers={"Location": "/api/v2/kunden?x=1"}), "kunden")
    sync(connect(), as_of)
    assert sync.error is None
    assert "/api/v2/kunden" in shop.server.paths()
    assert len(shown(store, Account, owner)) == 5


def test_a_next_page_on_another_host_gets_no_token(
    shop: Shop, connect: Connect, sync: Sync, as_of: datetime
) -> None:
    body = {"list": shop.customers, "next": "https://elsewhere.example/2"}
    shop.server.respond = lambda _request: Answer(body=body)
    endpoints = (
        "endpoints: [{object: kunden, path: kunden, records: list, "
        "paging: {kind: cursor, next: next}}]"
    )
    sync(connect(endpoints, auth="auth: {kind: bearer, secret: key}"), as_of)
    assert "elsewhere.example" in str(sync.error)


@pytest.mark.parametrize(
    ("endpoints", "mapping", "says"),
    [
        ("endpoints: [{object: kunden, pth: x}]", MAPPING, "unknown key 'pth' (did you mean"),
        ("endpoints: []", MAPPING, "endpoints"),
        (
            "endpoints: [{object: kunde, path: x}]", MAPPING,
            "no table of the mapping has `object: kunde` (did you mean 'kunden'",
        ),
        (
            "endpoints: [{object: kunden, path: x, paging: {kind: page}}]", MAPPING,
            "paging by page needs `param`",
        ),
        (
            "endpoints: [{object: kunden, path: x, id: nr, deleted: {field: f}}]", MAPPING,
            "its deletions need the field `id: nr`",
        ),
        (PLAIN, "mapping: {tables: [{object: kunden, entity: acounts, fields: {name: n}}]}",
         "did you mean 'accounts'"),
        (PLAIN, "mapping: nowhere.yaml", "cannot read the mapping"),
        ("endpoints: [1", MAPPING, "not valid YAML"),
    ],
)  # fmt: skip
def test_a_declaration_that_cannot_work_is_refused_in_words(
    connect: Connect, endpoints: str, mapping: str, says: str
) -> None:
    with pytest.raises(BadInput) as caught:
        connect(endpoints, mapping=mapping)
    assert says in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://x.example/", "https://u:pw@x.example/", "file:///etc"])
def test_only_plain_web_addresses_are_read(tmp_path: Path, url: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(f"base_url: {url}\n{PLAIN}\n{MAPPING}", "utf-8")
    with pytest.raises(BadInput, match="no web address"):
        open_custom_rest(CustomRestConfig(file=file), secret=secrets())
