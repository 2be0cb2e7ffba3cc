"""A transcription endpoint on loopback: answers from a script, drops connections, records."""

import email.parser
import email.policy
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DROP = -1


@dataclass(frozen=True)
class Asked:
    """A request: its fields by name, lists under `name[]`, the file, and the key."""

    fields: dict[str, list[str]]
    sound: bytes
    key: str


@dataclass(frozen=True)
class Told:
    """An answer; the status DROP closes the connection instead. `body` may depend on the sound."""

    status: int = 200
    body: Any = None
    retry_after: str | None = "0.01"


def refuses(status: int, message: str, **more: Any) -> Told:
    return Told(status, {"error": {"message": message, **more}})


class FakeTranscriptions:
    """Serves the answers in order, the last one again and again."""

    def __init__(self, *answers: Told | Callable[[Asked], Told]) -> None:
        self._answers = deque(answers)
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, asked: Asked) -> Told:
        answer = self._answers.popleft() if len(self._answers) > 1 else self._answers[0]
        return answer if isinstance(answer, Told) else answer(asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                asked = _parsed(raw, self.headers["content-type"], self.headers["authorization"])
                fake.asked.append(asked)
                answer = fake._answer(asked)
                if answer.status == DROP or not self.path.endswith("/audio/transcriptions"):
                    self.close_connection = True
                    self.connection.close()
                    return
                is_raw = isinstance(answer.body, bytes)
                payload = answer.body if is_raw else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                if answer.status != 200 and answer.retry_after:
                    self.send_header("retry-after", answer.retry_after)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: Any) -> None:
                return

        return Handler


def _parsed(raw: bytes, content_type: str, key: str) -> Asked:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + raw)
    fields: dict[str, list[str]] = {}
    sound = b""
    for part in message.iter_parts():  # type: ignore[attr-defined]
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if name == "file":
            sound = content
        else:
            fields.setdefault(name, []).append(content.decode())
    return Asked(fields, sound, key)
