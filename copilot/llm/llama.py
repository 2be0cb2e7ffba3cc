"""One llama.cpp server in this process: starting it silently, and the calls it answers."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from crm.errors import BadInput, PermanentError, TransientError

SIDE_TIMEOUT_S = 60.0
MOST_GENERATION_THREADS = 4
_STOPPED = "the embedded model stopped answering; try again, which starts it anew"


@dataclass(frozen=True)
class Threads:
    """CPU threads for writing tokens and for reading prompts."""

    writing: int
    reading: int


def choose_threads(cores: int, load: float) -> Threads:
    """Return threads that suit a machine with this many cores and this load average.

    Writing is a tight loop over all its threads: one that has to wait for a busy core stalls the
    others, so it only takes cores that are idle now. Reading suffers far less and takes them all.
    """
    idle = round(cores - load)
    return Threads(writing=max(1, min(idle, MOST_GENERATION_THREADS)), reading=max(1, cores))


def current_threads() -> Threads:
    """Return `choose_threads` for this machine at this moment."""
    has_load = hasattr(os, "getloadavg")  # not on Windows
    cores = os.cpu_count() or 1
    return choose_threads(cores, os.getloadavg()[0] if has_load else cores / 2)


class LlamaServer:
    """A running server; completions go straight into it, the rest over loopback with a key."""

    def __init__(
        self, model_path: Path, *, context_tokens: int, threads: Threads, state_dir: Path | None
    ) -> None:
        """Load the model, which takes seconds.

        Raises:
            PermanentError: the file is missing, damaged or too large for the memory.
        """
        if not model_path.is_file():
            raise PermanentError(
                f"the model file {str(model_path)!r} is missing; run `sales-copilot setup`, "
                "or point SALES_COPILOT_LLM_MODEL_PATH at a GGUF file"
            )
        key = secrets.token_urlsafe(24)
        params = _params(model_path, context_tokens=context_tokens, threads=threads)
        params.api_keys = [key]
        if state_dir is not None:
            state_dir.mkdir(parents=True, exist_ok=True)
            params.endpoint_slots = True
            params.slot_save_path = f"{state_dir}{os.sep}"
        self._server: Any = _start(params, model_path)
        self._http = httpx2.Client(
            base_url=self._server.listening_address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=SIDE_TIMEOUT_S,
            trust_env=False,
        )

    def chat(self, request: dict[str, Any], on_chunk: Callable[[dict[str, Any]], bool]) -> None:
        """Run one streamed chat completion; it stops early once `on_chunk` returns True.

        Raises:
            BadInput: the prompt is longer than the context.
            TransientError: the server failed.
            PermanentError: it cannot serve such a request at all.
        """
        problems: list[dict[str, Any]] = []

        def watch(chunk: dict[str, Any]) -> bool:
            if "error" in chunk:
                problems.append(chunk["error"])
                return True
            return on_chunk(chunk)

        if self._server is None:
            raise TransientError(_STOPPED)
        try:
            self._server.handle_chat_completions(request, watch)
        except ValueError as error:
            raise PermanentError(f"the embedded model refused the request: {error}") from error
        except RuntimeError as error:
            raise TransientError(f"the embedded model failed: {error}; try again") from error
        if problems:
            raise _in_our_words(problems[0])

    def count_tokens(self, text: str) -> int:
        """Return exactly how many tokens the text costs."""
        return len(self._post("/tokenize", {"content": text})["tokens"])

    def save_state(self, file_name: str) -> None:
        """Write what the model has read so far into the state folder."""
        self._post("/slots/0?action=save", {"filename": file_name})

    def restore_state(self, file_name: str) -> None:
        """Go back to a saved state.

        Raises:
            TransientError: the file does not fit this model.
        """
        self._post("/slots/0?action=restore", {"filename": file_name})

    def close(self) -> None:
        """Stop the server and free its memory."""
        self._http.close()
        # Its destructor is the only way to stop it.
        self._server = None

    @property
    def is_running(self) -> bool:
        """Whether it still answers."""
        try:
            return self._server is not None and self._http.get("/health").is_success
        except httpx2.HTTPError:
            return False

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if self._server is None:
            raise TransientError(_STOPPED)
        try:
            response = self._http.post(path, json=body)
            response.raise_for_status()
        except httpx2.HTTPError as error:
            raise TransientError(f"{_STOPPED} ({type(error).__name__})") from error
        answer: dict[str, Any] = response.json()
        return answer


def build_name() -> str:
    """Return the version of the llama.cpp build, for state that must not outlive it."""
    import xllamacpp

    return str(xllamacpp.__version__)


def _params(model_path: Path, *, context_tokens: int, threads: Threads) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model_path)
    params.n_ctx = context_tokens
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.fit_params = False
    params.warmup = False
    params.cpuparams.n_threads = threads.writing
    params.cpuparams_batch.n_threads = threads.reading
    # Sleeping instead of spinning while waiting costs nothing alone and saves much in company.
    params.cpuparams.poll = 0
    params.cpuparams_batch.poll = 0
    # Read instead of mapped: the weights are repacked, and a mapping would keep both copies.
    params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    params.cache_ram_mib = 0
    params.offline = True
    params.verbosity = -1
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.endpoint_slots = False
    params.cors_origins = ""
    params.cors_credentials = False
    return params


def _start(params: Any, model_path: Path) -> Any:
    import xllamacpp

    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise PermanentError(
            f"the model file {str(model_path)!r} cannot be loaded ({error}); it needs about 1.5 GB "
            "of free memory and must be an intact GGUF file; `sales-copilot setup` checks it"
        ) from error


def _in_our_words(problem: dict[str, Any]) -> BadInput | TransientError | PermanentError:
    said = str(problem.get("message", problem))[:300]
    if problem.get("type") == "exceed_context_size_error":
        return BadInput(
            f"that is {problem.get('n_prompt_tokens')} tokens with its facts, and the model has "
            f"room for {problem.get('n_ctx')}; ask something shorter, or raise "
            "SALES_COPILOT_LLM_CONTEXT_TOKENS"
        )
    if int(problem.get("code", 500)) >= 500:
        return TransientError(f"the embedded model failed: {said}; try again")
    return PermanentError(f"the embedded model refused the request: {said}")
