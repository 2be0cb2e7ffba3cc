"""JSON over HTTP: one client that stays on its host, renews its token and bounds what it reads."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NoReturn, Protocol
from urllib.parse import urljoin, urlsplit

import httpx2
from pydantic import AfterValidator, SecretStr

from crm.errors import BadInput, PermanentError
from ingest.sources.pacing import Away, Busy, Pacing, http_time, make_retrying, retry_after_s

MOST_BYTES = 64 * 1024 * 1024
_HOPS = 5
_SHOWN = 200
_TOO_MANY = 429
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_FAILING = frozenset({408, 500, 502, 503, 504})
_PASSING = _FAILING | {425, _TOO_MANY}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Params = Mapping[str, str | int]


class Refused(PermanentError):
    """The server understood and said no; `status` and `code` say how, as far as it told."""

    def __init__(self, message: str, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Reply:
    """An answer: its JSON, and the server's own time where it told it."""

    status: int
    body: Any
    headers: Mapping[str, str]
    server_time: datetime | None


class Auth(Protocol):
    """How requests prove who we are."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers for a request, fetching a token first if need be."""
        ...

    def renew(self) -> bool:
        """Drop a token that was refused; False if another one cannot be had."""
        ...

    def conceal(self, text: str) -> str:
        """Return the text without our secrets."""
        ...


class FixedAuth:
    """The same headers for every request; their values are secret."""

    def __init__(self, headers: Mapping[str, str], secrets: tuple[str, ...] = ()) -> None:
        self._headers = dict(headers)
        self._secrets = tuple(part for part in (*secrets, *self._headers.values()) if part)

    def headers(self) -> Mapping[str, str]:
        """Return the headers."""
        return self._headers

    def renew(self) -> bool:
        """Nothing to renew."""
        return False

    def conceal(self, text: str) -> str:
        """Return the text without the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


NO_AUTH = FixedAuth({})


class RestClient:
    """Requests to one host; made again by `pacing` when the trouble may pass.

    `is_spent` tells from an answer that an allowance is used up, so that waiting makes no sense.
    """

    def __init__(
        self,
        base_url: str,
        *,
        pacing: Pacing,
        auth: Auth = NO_AUTH,
        is_spent: Callable[[Reply], bool] = lambda _reply: False,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._base = base_url.rstrip("/") + "/"
        self._origin = origin_of(base_url)
        self._auth, self._pacing, self._is_spent = auth, pacing, is_spent
        self._most_bytes = most_bytes
        self._http = httpx2.Client(timeout=pacing.timeout_s, follow_redirects=False)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def get(self, path: str, params: Params | None = None) -> Reply:
        """Return the answer to a GET of a path below the base, or of a full address on its host.

        Raises:
            TransientError: out of reach, or busy for longer than is waited.
            Refused: the server said no.
            PermanentError: it sends us elsewhere, or too much.
        """
        return self._request("GET", path, params=dict(params or {}) or None)

    def post(self, path: str, body: object) -> Reply:
        """Return the answer to JSON posted; raises like `get`."""
        return self._request("POST", path, json=body)

    def post_form(self, path: str, form: Mapping[str, str]) -> Reply:
        """Return the answer to a form posted; raises like `get`."""
        return self._request("POST", path, data=dict(form))

    def write(
        self, method: str, path: str, body: object, *, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Return the answer to JSON that changes something there.

        Unlike the others it is sent again only where the first surely changed nothing: whoever
        gets a TransientError has to look whether it happened.
        """
        return self._request(method, path, is_write=True, more=headers, json=body)

    def _request(
        self,
        method: str,
        path: str,
        *,
        is_write: bool = False,
        more: Mapping[str, str] | None = None,
        **content: Any,
    ) -> Reply:
        renewed = False
        while True:
            # Outside the loop: fetching a token has tries of its own.
            headers = {**self._auth.headers(), **(more or {})}
            retrying = make_retrying(self._pacing, is_write=is_write)
            reply: Reply = retrying(self._once, method, path, headers, content)
            if reply.status == 401 and not renewed and self._auth.renew():
                renewed = True
                continue
            if reply.status >= 400:
                self._refuse(path, reply)
            return reply

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], content: dict[str, Any]
    ) -> Reply:
        url = self._address(path)
        for _hop in range(_HOPS):
            try:
                reply = self._exchange(method, url, headers, content)
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                kind = type(error).__name__
                raise Away(
                    f"{self._shown(url)} is out of reach ({kind}); try again",
                    is_untouched=isinstance(error, _NEVER_SENT),
                ) from None
            except httpx2.InvalidURL:
                raise PermanentError(f"{self._shown(url)!r} is no address to read") from None
            if not 300 <= reply.status < 400:
                return self._checked(url, reply)
            if method != "GET":
                break
            # The new address carries its own query.
            url, content = self._address(urljoin(url, reply.headers.get("location", ""))), {}
        raise PermanentError(f"{self._shown(url)} redirects without end: check the address")

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: dict[str, Any]
    ) -> Reply:
        with self._http.stream(method, url, headers=dict(headers), **content) as answer:
            raw = bytearray()
            for part in answer.iter_bytes():
                raw += part
                if len(raw) > self._most_bytes:
                    raise PermanentError(
                        f"{self._shown(url)} sends more than {self._most_bytes:,} bytes in one "
                        "answer: ask for smaller pages"
                    )
            status, found = answer.status_code, answer.headers
        return Reply(status, bytes(raw), found, http_time(found.get("date")))

    def _checked(self, url: str, reply: Reply) -> Reply:
        body, is_json = _parsed(reply.body)
        parsed = Reply(reply.status, body, reply.headers, reply.server_time)
        if reply.status >= 400 and self._is_spent(parsed):
            raise Busy(
                f"{self._shown(url)}: the allowance of requests is used up "
                f"({self._auth.conceal(error_text(body))}); it goes on at the next run",
                float("inf"),
                is_untouched=True,
            )
        if reply.status in _PASSING:
            asked = retry_after_s(reply.headers.get("retry-after"), reply.server_time)
            wait = f", asks for {asked:.0f} s" if asked else ""
            raise (Away if reply.status in _FAILING else Busy)(
                f"{self._shown(url)} is busy (HTTP {reply.status}{wait}); try again",
                asked,
                is_untouched=reply.status == _TOO_MANY,
            )
        if reply.status < 400 and not is_json and reply.status != 204:
            raise Busy(f"{self._shown(url)} sent no readable JSON; try again")
        return parsed

    def _refuse(self, path: str, reply: Reply) -> NoReturn:
        said = self._auth.conceal(error_text(reply.body))
        advice = "; check the credentials and their rights" if reply.status in (401, 403) else ""
        raise Refused(
            f"{self._shown(self._address(path))} refused (HTTP {reply.status}): "
            f"{said or 'no reason given'}{advice}",
            reply.status,
            error_code(reply.body),
        )

    def _address(self, path: str) -> str:
        url = urljoin(self._base, path)
        if origin_of(url) != self._origin:
            raise PermanentError(
                f"{self._origin} sends us to {origin_of(url)!r}: our credentials stay with the "
                "host that they are for; if it moved, change its address in the settings"
            )
        return url

    def _shown(self, url: str) -> str:
        parts = urlsplit(url)
        return self._auth.conceal(f"{parts.scheme}://{parts.netloc}{parts.path}")


class ClientCredentials:
    """OAuth 2 client credentials: a token is fetched when needed, and again when refused."""

    def __init__(
        self, token_url: str, form: Mapping[str, str], secret: SecretStr, pacing: Pacing
    ) -> None:
        self._url, self._form, self._secret, self._pacing = token_url, dict(form), secret, pacing
        self._token = ""

    def headers(self) -> Mapping[str, str]:
        """Return the header with the token. Raises PermanentError if none is given."""
        if not self._token:
            client = RestClient(self._url, pacing=self._pacing)
            form = {
                **self._form,
                "grant_type": "client_credentials",
                "client_secret": self._secret.get_secret_value(),
            }
            try:
                found = client.post_form(self._url, form).body
            except Refused as error:
                raise PermanentError(
                    f"the token was refused: {self.conceal(str(error))}; check client_id and secret"
                ) from None
            finally:
                client.close()
            if not isinstance(found, dict) or not found.get("access_token"):
                raise PermanentError(f"{self._url!r} gave no access token: check token_url")
            self._token = str(found["access_token"])
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        """Drop the token: the next request fetches another."""
        self._token = ""
        return True

    def conceal(self, text: str) -> str:
        """Return the text without token and secret."""
        for part in (self._token, self._secret.get_secret_value()):
            text = text.replace(part, "…") if part else text
        return text


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address. Raises BadInput unless it is plain http(s)."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        raise BadInput(f"{url!r} is no web address: expected https://…") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        where = f"{parts.scheme}://{parts.hostname or ''}"
        raise BadInput(f"{where!r} is no web address: expected https:// and a host, no password")
    return f"{parts.scheme}://{parts.hostname}:{port}"


def require_https(url: str) -> str:
    """Return the address if what is sent there is encrypted, or stays on this machine.

    Raises BadInput for any other.
    """
    origin = origin_of(url)
    if not origin.startswith("https") and urlsplit(url).hostname not in _LOOPBACK:
        raise BadInput(f"{origin!r} is not encrypted: a token may only go to https://…")
    return url


def _safe_address(url: str) -> str:
    try:
        return require_https(url.strip())
    except BadInput as error:
        raise ValueError(str(error)) from None


# A setting that is an address to which tokens may go.
WebAddress = Annotated[str, AfterValidator(_safe_address)]


def error_text(body: Any) -> str:
    """Return what an error's body says, in the forms that REST interfaces use, cut short."""
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict):
        return ""
    parts = [
        str(first[key])
        for key in ("errorCode", "error", "category", "error_description", "message", "detail")
        if isinstance(first.get(key), str | int)
    ]
    return ": ".join(parts)[:_SHOWN]


def error_code(body: Any) -> str:
    """Return the short code of an error's body, or nothing."""
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict):
        return ""
    return str(first.get("errorCode") or first.get("error") or first.get("category") or "")


def _parsed(raw: bytes) -> tuple[Any, bool]:
    try:
        # Amounts stay exact.
        return json.loads(raw, parse_float=Decimal, parse_constant=_no_number), True
    except (ValueError, RecursionError):
        return None, False


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
