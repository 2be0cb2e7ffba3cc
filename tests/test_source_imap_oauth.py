"""Access tokens for a mailbox: renewed in time, refused with advice, never shown."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr, ValidationError

from crm.errors import PermanentError, TransientError
from ingest.sources.oauth import AccessTokens, OAuthConfig, is_loopback
from tests.imap_servers import free_port


class _Provider(HTTPServer):
    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.forms: list[dict[str, list[str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.forms.append(parse_qs(body))
        status, raw = self.server.answers.pop(0)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def provider() -> Iterator[_Provider]:
    with _Provider() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _tokens(port: int, clock: list[float] | None = None) -> AccessTokens:
    config = OAuthConfig(
        token_url=f"http://127.0.0.1:{port}/token", client_id="client", refresh_token="REFRESH",
        client_secret="CLIENT", scope="mail",
    )  # fmt: skip
    held = clock or [0.0]
    return AccessTokens(
        config, lambda name: SecretStr(f"very-secret-{name}"), clock=lambda: held[0]
    )


def test_token_is_kept_until_shortly_before_it_expires(provider: _Provider) -> None:
    provider.answers = [
        (200, b'{"access_token": "t1", "expires_in": 3600, "refresh_token": "newer"}'),
        (200, b'{"access_token": "t2", "expires_in": 3600}'),
    ]
    clock = [0.0]
    tokens = _tokens(provider.server_address[1], clock)
    assert not tokens.is_held
    assert [tokens.get().get_secret_value() for _ in range(2)] == ["t1", "t1"]
    clock[0] = 3_550.0
    assert tokens.get().get_secret_value() == "t2"
    assert provider.forms[0] == {
        "grant_type": ["refresh_token"], "refresh_token": ["very-secret-REFRESH"],
        "client_id": ["client"], "client_secret": ["very-secret-CLIENT"], "scope": ["mail"],
    }  # fmt: skip
    assert provider.forms[1]["refresh_token"] == ["newer"]


def test_forgotten_token_is_got_anew(provider: _Provider) -> None:
    provider.answers = [(200, b'{"access_token": "t1"}'), (200, b'{"access_token": "t2"}')]
    tokens = _tokens(provider.server_address[1])
    tokens.get()
    tokens.forget()
    assert tokens.get().get_secret_value() == "t2"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((400, b'{"error": "invalid_grant"}'), PermanentError),
        ((401, b"no"), PermanentError),
        ((429, b"slow"), TransientError),
        ((503, b"<html>"), TransientError),
        ((302, b""), TransientError),
        ((200, b"not json"), TransientError),
        ((200, b'{"token": 1}'), TransientError),
        ((200, b'{"access_token": ""}'), TransientError),
    ],
)
def test_refusals_and_nonsense_are_told_without_secrets(
    provider: _Provider, answer: tuple[int, bytes], error: type[Exception]
) -> None:
    provider.answers = [answer]
    tokens = _tokens(provider.server_address[1])
    with pytest.raises(error) as caught:
        tokens.get()
    assert "very-secret" not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_provider_out_of_reach_is_transient() -> None:
    with pytest.raises(TransientError):
        _tokens(free_port()).get()


def test_secrets_go_over_safe_lines_only() -> None:
    assert is_loopback("127.0.0.1")
    assert not is_loopback("localhost.evil.example")
    for url in ("http://login.example/t", "ftp://x/t", "login.example"):
        with pytest.raises(ValidationError):
            OAuthConfig(token_url=url, client_id="c", refresh_token="R")
