"""Access tokens for a mailbox, got with a refresh token from the provider's token address."""

import ipaddress
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from crm.errors import PermanentError, TransientError
from ingest.sources.registry import Secret

TIMEOUT_S = 20.0
# A token about to expire may not outlive the login.
_MARGIN_S = 60.0
_DEFAULT_LIFE_S = 300.0


class OAuthConfig(BaseModel):
    """Where tokens come from; `client_secret` and `refresh_token` are names of secrets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token_url: str
    client_id: str = Field(min_length=1)
    refresh_token: str = Field(min_length=1)
    client_secret: str | None = None
    scope: str | None = None

    @field_validator("token_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname or "")):
            return value
        raise ValueError("must begin with https://, secrets are sent there")


class AccessTokens:
    """Gives access tokens, each until shortly before it expires.

    A provider that hands out a new refresh token with each use has the newest kept while the
    process lives; what was configured must stay valid for the next one.
    """

    def __init__(
        self,
        config: OAuthConfig,
        secret: Secret,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._secret = secret
        self._clock = clock
        self._token: SecretStr | None = None
        self._refresh: SecretStr | None = None
        self._expires_at = 0.0

    def get(self) -> SecretStr:
        """Return a token that is valid now.

        Raises PermanentError if the provider refuses (somebody has to sign in again), and
        TransientError if it is out of reach, busy, or answers nonsense.
        """
        if self._token is None or self._clock() >= self._expires_at:
            self._token = self._renew()
        return self._token

    @property
    def is_held(self) -> bool:
        """Say whether the next token given is one that was given before."""
        return self._token is not None and self._clock() < self._expires_at

    def forget(self) -> None:
        """Drop the token: a server did not take it."""
        self._token = None

    def _renew(self) -> SecretStr:
        answer = self._ask(self._form())
        token, life = answer.get("access_token"), answer.get("expires_in", _DEFAULT_LIFE_S)
        if not isinstance(token, str) or not token:
            raise TransientError(f"{self._host!r} answered without an access token: try again")
        renewed = answer.get("refresh_token")
        if isinstance(renewed, str) and renewed:
            self._refresh = SecretStr(renewed)
        try:
            self._expires_at = self._clock() + max(0.0, float(life) - _MARGIN_S)
        except (TypeError, ValueError):
            self._expires_at = self._clock() + _DEFAULT_LIFE_S - _MARGIN_S
        return SecretStr(token)

    def _form(self) -> dict[str, str]:
        refresh = self._refresh or self._secret(self._config.refresh_token)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh.get_secret_value(),
            "client_id": self._config.client_id,
        }
        if self._config.client_secret:
            form["client_secret"] = self._secret(self._config.client_secret).get_secret_value()
        if self._config.scope:
            form["scope"] = self._config.scope
        return form

    def _ask(self, form: dict[str, str]) -> dict[str, Any]:
        import httpx2

        try:
            # No redirects: the form holds secrets.
            reply = httpx2.post(
                self._config.token_url, data=form, timeout=TIMEOUT_S, follow_redirects=False
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise TransientError(
                f"{self._host!r} gives no access token ({type(error).__name__}): try again later"
            ) from None
        try:
            answer = reply.json()
        except ValueError:
            answer = None
        if reply.status_code in (400, 401, 403):
            reason = answer.get("error") if isinstance(answer, dict) else None
            raise PermanentError(
                f"{self._host!r} refuses an access token ({str(reason)[:80]!r}): sign in again and"
                f" set the secret {self._config.refresh_token!r} anew, or check client_id"
            )
        if reply.status_code != 200 or not isinstance(answer, dict):
            raise TransientError(
                f"{self._host!r} answered {reply.status_code} instead of an access token:"
                " try again later"
            )
        return answer

    @property
    def _host(self) -> str:
        return urlsplit(self._config.token_url).hostname or self._config.token_url


def is_loopback(host: str) -> bool:
    """Say whether what is sent to this host stays on this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
