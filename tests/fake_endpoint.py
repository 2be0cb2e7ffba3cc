"""A small OpenAI-compatible server on loopback, which answers from a script and records."""

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One scripted HTTP answer; a `delay_s` comes before it."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


def says(content: str | None, *, finish: str = "stop") -> Answer:
    """Return a chat completion with this content."""
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": content},
    }
    usage = {"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "fake", "usage": usage}
    return Answer(body={**body, "choices": [choice]})


def fails(status: int, message: str, **more: Any) -> Answer:
    """Return an error in the shape that OpenAI gives it; `headers` are taken from `more`."""
    headers = more.pop("headers", {"retry-after": "0.01"})
    return Answer(status, {"error": {"message": message, **more}}, headers)


class FakeEndpoint:
    """Serves the answers in order, the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = deque(answers)
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
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

    def _next(self) -> Answer:
        return self._answers.popleft() if len(self._answers) > 1 else self._answers[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                fake.requests.append(json.loads(self.rfile.read(length)))
                fake.keys.append(self.headers.get("authorization", ""))
                answer = fake._next()
                time.sleep(answer.delay_s)
                body = answer.body
                payload = body if isinstance(body, bytes) else json.dumps(body).encode()
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(payload)))
                    self.end_headers()
                    self.wfile.write(payload)
                except OSError:
                    return  # the client gave up waiting, as some tests want it to

            def log_message(self, *_: Any) -> None:
                return

        return Handler
