"""Whether servers elsewhere answer at all, asked once and shortly, without any customer's data."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from copilot.settings import Settings


@dataclass(frozen=True)
class Reached:
    """A server by what it is for and its place; `problem` says why it did not answer."""

    name: str
    place: str
    problem: str | None


def reach_servers(settings: Settings, *, wait_s: float) -> Iterator[Reached]:
    """Yield each server that the settings name, tried for at most `wait_s` seconds."""
    if settings.uses_endpoint:
        yield _ask("language_model", settings.endpoint_url, wait_s)
    if settings.uses_speech_endpoint and settings.speech_base_url:
        yield _ask("speech_endpoint", settings.speech_base_url, wait_s)
    if settings.embedder_base_url:
        yield _ask("embedder_endpoint", settings.embedder_base_url, wait_s)
    mail = {
        "mail_imap": (settings.mail_imap_host, settings.mail_imap_port),
        "mail_smtp": (settings.mail_smtp_host, settings.mail_smtp_port),
    }
    for name, (host, port) in mail.items():
        if host:
            problem = _dial(host, port, wait_s)
            yield Reached(name, f"{host}:{port}", problem)


def _ask(name: str, url: str, wait_s: float) -> Reached:
    """Ask an HTTP server for anything: that it answers counts, not what."""
    import httpx2

    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    try:
        httpx2.get(place, timeout=wait_s, follow_redirects=False)
    except httpx2.TimeoutException:
        return Reached(name, place, f"no answer within {wait_s:g} s: see whether it runs")
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        why = str(error) or type(error).__name__
        return Reached(name, place, f"out of reach ({why}): see whether it runs")
    return Reached(name, place, None)


def _dial(host: str, port: int, wait_s: float) -> str | None:
    try:
        with socket.create_connection((host, port), timeout=wait_s):
            return None
    except TimeoutError:
        return f"no answer within {wait_s:g} s: see whether it runs"
    except OSError as error:
        return f"out of reach ({error.strerror or error}): see whether it runs"
