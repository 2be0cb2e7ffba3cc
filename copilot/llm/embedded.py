"""The embedded language model: llama.cpp in this process, loaded at first use, one call a time."""

import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from copilot.llm.client import Message, Reply, T, Usage
from copilot.llm.llama import LlamaServer, Threads, build_name, current_threads
from copilot.llm.prefixes import PrefixStore
from copilot.llm.schema import Schema
from copilot.llm.structured import Completion, ask_structured
from crm.errors import TransientError
from prompts.library import without_control_tokens

SEED = 7
# Reading this much takes a second or two; less is not worth a file of 28 KB a token.
MIN_PREFIX_CHARS = 400
# Plain JSON without line breaks or spaces: 40 % fewer tokens to write.
_COMPACT = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}


class EmbeddedModel:
    """A GGUF model on this machine's processor."""

    def __init__(
        self,
        model_path: Path,
        *,
        context_tokens: int = 6144,
        threads: Threads | None = None,
        state_dir: Path | None = None,
        timeout_s: float = 240.0,
    ) -> None:
        """Nothing is loaded yet.

        Without `threads` they are chosen at the start from what the machine has idle. With a
        `state_dir`, fixed system prompts are read once ever instead of once a process.
        """
        self._path = model_path
        self._context_tokens = context_tokens
        self._threads = threads
        self._state_dir = state_dir
        self._timeout_s = timeout_s
        self._server: LlamaServer | None = None
        self._prefixes: PrefixStore | None = None
        self._current_prefix = ""
        self._lock = threading.RLock()
        # Work runs on its own thread so that the caller's Ctrl-C and time limit are heard.
        self._worker: ThreadPoolExecutor | None = None

    @property
    def name(self) -> str:
        """The model file's name without its ending."""
        return self._path.stem

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._server is not None

    def structured(
        self, messages: Sequence[Message], result_type: type[T], *, max_tokens: int
    ) -> Reply[T]:
        """Return the model's answer as a `result_type`; see `LanguageModel.structured`."""
        return ask_structured(
            self._complete, messages, result_type, max_tokens=max_tokens, model=self.name
        )

    def warm(self, system_prompt: str) -> None:
        """Load the model and read a fixed prompt ahead, so that the first question is fast."""
        with self._lock, self._replaced_if_dead():
            self._use_prefix(self._started(), without_control_tokens(system_prompt))

    def count_tokens(self, text: str) -> int:
        """Return exactly how many tokens the text costs; loads the model if it is not."""
        with self._lock, self._replaced_if_dead():
            return self._started().count_tokens(text)

    def close(self) -> None:
        """Free the model's memory; the next call would load it again."""
        with self._lock:
            if self._worker is not None:
                self._worker.shutdown()
            if self._server is not None:
                self._server.close()
            self._worker = self._server = None
            self._current_prefix = ""

    def _started(self) -> LlamaServer:
        if self._server is None:
            self._server = LlamaServer(
                self._path,
                context_tokens=self._context_tokens,
                threads=self._threads or current_threads(),
                state_dir=self._state_dir,
            )
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="llama")
            if self._state_dir is not None:
                self._prefixes = PrefixStore(self._state_dir, identity=self._identity())
        return self._server

    @contextmanager
    def _replaced_if_dead(self) -> Iterator[None]:
        """Let go of a server that stopped, so that the next call starts another."""
        try:
            yield
        except TransientError:
            # What the slot holds after a failure is unknown.
            self._current_prefix = ""
            if self._server is not None and not self._server.is_running:
                self.close()
            raise

    def _identity(self) -> str:
        seen = self._path.stat()
        file = f"{self._path.name} {seen.st_size} {seen.st_mtime_ns}"
        return f"{file} {self._context_tokens} {build_name()}"

    def _complete(self, messages: Sequence[Message], schema: Schema, max_tokens: int) -> Completion:
        turns = [{"role": m.role, "content": without_control_tokens(m.content)} for m in messages]
        grammar = {**schema, "x-guidance": _COMPACT}
        with self._lock, self._replaced_if_dead():
            server = self._started()
            has_system = bool(turns) and turns[0]["role"] == "system"
            self._use_prefix(server, turns[0]["content"] if has_system else "")
            return self._chat(
                server,
                {
                    "messages": turns,
                    "max_tokens": max_tokens,
                    "grammar": f"%llguidance {{}}\nstart: %json {json.dumps(grammar)}",
                },
            )

    def _use_prefix(self, server: LlamaServer, prefix: str) -> None:
        """Put the model into its state after the prefix, from disk if that was ever saved."""
        if prefix == self._current_prefix:
            return
        self._current_prefix = prefix
        if self._prefixes is None or len(prefix) < MIN_PREFIX_CHARS:
            return
        file_name = self._prefixes.file_name(prefix)
        if self._prefixes.is_kept(file_name):
            try:
                server.restore_state(file_name)
            except TransientError:
                self._prefixes.forget(file_name)
        if not self._prefixes.is_kept(file_name):
            self._save_prefix(server, self._prefixes, prefix)

    def _save_prefix(self, server: LlamaServer, prefixes: PrefixStore, prefix: str) -> None:
        self._chat(server, {"messages": [{"role": "system", "content": prefix}], "max_tokens": 1})
        try:
            scratch = prefixes.scratch_name()
        except OSError:
            return  # a full or read-only disk costs speed, not the answer
        try:
            server.save_state(scratch)
            prefixes.keep(scratch, prefixes.file_name(prefix))
        except (TransientError, OSError):
            prefixes.forget(scratch)

    def _chat(self, server: LlamaServer, request: dict[str, Any]) -> Completion:
        assert self._worker is not None  # noqa: S101  # made together with the server
        stop = threading.Event()
        chunks: list[dict[str, Any]] = []

        def take(chunk: dict[str, Any]) -> bool:
            chunks.append(chunk)
            return stop.is_set()

        options: dict[str, Any] = {"temperature": 0, "seed": SEED, "stream": True}
        options["stream_options"] = {"include_usage": True}
        future = self._worker.submit(server.chat, {**request, **options}, take)
        try:
            future.result(timeout=self._timeout_s)
        except TimeoutError:
            raise TransientError(
                f"the embedded model did not finish within {self._timeout_s:g} s; "
                "ask something shorter, or close other programs"
            ) from None
        finally:
            stop.set()
        return _completion(chunks)


def _completion(chunks: Sequence[dict[str, Any]]) -> Completion:
    text, reason = [], ""
    usage: dict[str, Any] = {}
    for chunk in chunks:
        for choice in chunk.get("choices", ()):
            text.append(choice.get("delta", {}).get("content") or "")
            reason = choice.get("finish_reason") or reason
        usage = chunk.get("usage") or usage
    if not reason:
        raise TransientError("the embedded model broke off in the middle of its reply; try again")
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    cost = Usage(
        tokens_in=usage.get("prompt_tokens", 0),
        tokens_out=usage.get("completion_tokens", 0),
        tokens_cached=cached,
    )
    return Completion("".join(text), cost, is_cut=reason == "length")
