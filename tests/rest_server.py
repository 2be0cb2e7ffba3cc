"""Loopback HTTP servers for tests: answers by a function, faults by a list, requests kept."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from crm.errors import BadInput
from ingest.sources.pacing import Pacing


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    is_cut: bool = False


@dataclass
class Fault:
    """Given in place of the next `times` answers whose path holds `where`, after `after` others."""

    answer: Answer
    where: str = ""
    times: int = 1
    after: int = 0


Responder = Callable[[Request], Answer]


class RestServer:
    """One server; `clock` is what it tells as its time."""

    def __init__(self, respond: Responder, clock: Callable[[], datetime] | None = None) -> None:
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.respond, self.clock = respond, clock
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.serve(self)

            do_POST = do_PATCH = do_GET  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

            def date_time_string(self, timestamp: float | None = None) -> str:
                if server.clock is None:
                    return super().date_time_string(timestamp)
                return format_datetime(server.clock(), usegmt=True)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def fail(self, answer: Answer, where: str = "", *, times: int = 1, after: int = 0) -> None:
        self.faults.append(Fault(answer, where, times, after))

    def paths(self, where: str = "") -> list[str]:
        return [request.path for request in self.requests if where in request.path]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        request = _read(handler)
        with self._lock:
            self.requests.append(request)
            answer = self._fault(request) or self.respond(request)
        raw = answer.raw if answer.raw is not None else json.dumps(answer.body).encode()
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw[: len(raw) // 2] if answer.is_cut else raw)
        if answer.is_cut:
            handler.close_connection = True

    def _fault(self, request: Request) -> Answer | None:
        for fault in self.faults:
            if fault.times and fault.where in request.path:
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return fault.answer
        return None

    @contextmanager
    def running(self) -> Iterator["RestServer"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            self._thread.join(5)


def _read(handler: BaseHTTPRequestHandler) -> Request:
    parts = urlsplit(handler.path)
    raw = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    is_form = "form" in handler.headers.get("Content-Type", "")
    body: Any = None
    if raw:
        body = dict(parse_qsl(raw.decode())) if is_form else json.loads(raw)
    headers = {name.casefold(): value for name, value in handler.headers.items()}
    return Request(handler.command, parts.path, dict(parse_qsl(parts.query)), headers, body)


@dataclass
class Sleeps:
    """Waits that take no time, kept in order."""

    taken: list[float] = field(default_factory=list)

    def pacing(self, **changes: Any) -> Pacing:
        return Pacing(
            **{"first_wait_s": 1.0, "timeout_s": 60.0, "sleep": self.taken.append} | changes
        )


def secrets(**known: str) -> Callable[[str], SecretStr]:
    """Return a look-up of secrets by name."""

    def secret(name: str) -> SecretStr:
        if name not in known:
            raise BadInput(f"the secret {name!r} is missing")
        return SecretStr(known[name])

    return secret
