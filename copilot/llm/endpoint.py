"""Any OpenAI-compatible endpoint as a language model: OpenAI, Azure, DeepSeek, vLLM, Ollama."""

import json
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import openai
from openai.types.chat import ChatCompletion
from pydantic import SecretStr

from copilot.llm import budget
from copilot.llm.client import Message, Reply, T, Usage
from copilot.llm.deadline import left_s, within
from copilot.llm.dialect import Dialect
from copilot.llm.schema import Schema
from copilot.llm.structured import Completion, ask_structured
from crm.errors import CopilotError, PermanentError, TransientError
from prompts.library import language_of, load_prompt

SEED = 7
OPENAI_URL = "https://api.openai.com/v1"
_TRANSIENT = (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError)


class EndpointModel:
    """A model behind an OpenAI-compatible HTTP interface."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str = OPENAI_URL,
        api_key: SecretStr | None = None,
        structured: Literal["auto", "json_schema", "json_object"] = "auto",
        timeout_s: float = 120.0,
        max_retries: int = 3,
    ) -> None:
        """`timeout_s` is for a whole answer, its retries, their pauses and its repair included."""
        self._model = model
        self._timeout_s = timeout_s
        self._key = api_key.get_secret_value() if api_key else ""
        self._place = _without_credentials(base_url)
        self._dialect = Dialect(structured)
        # The SDK is the one place that retries, waiting as long as Retry-After says.
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=self._key or "none",
            timeout=timeout_s,
            max_retries=max_retries,
            http_client=openai.DefaultHttpx2Client(event_hooks={"request": [_limit_time]}),
        )

    @property
    def place(self) -> str:
        """The endpoint's address, without credentials."""
        return self._place

    @property
    def name(self) -> str:
        """The model's name as the endpoint knows it."""
        return self._model

    def structured(
        self, messages: Sequence[Message], result_type: type[T], *, max_tokens: int
    ) -> Reply[T]:
        """Return the model's answer as a `result_type`; see `LanguageModel.structured`."""
        return within(
            self._timeout_s,
            lambda: ask_structured(
                self._complete, messages, result_type, max_tokens=max_tokens, model=self._model
            ),
            late=_late(self._place),
        )

    def count_tokens(self, text: str) -> int:
        """Return about how many tokens the text costs: the endpoint's own tokenizer is unknown."""
        return budget.count_tokens(text)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _complete(self, messages: Sequence[Message], schema: Schema, max_tokens: int) -> Completion:
        while True:
            try:
                return _completion(self._request(messages, schema, max_tokens))
            except openai.BadRequestError as error:
                # Each refusal removes one possibility, so this ends.
                if not self._dialect.learn(error):
                    raise self._in_our_words(error) from None
            except openai.APIError as error:
                # The SDK's exception holds the request with the key: it is not chained.
                raise self._in_our_words(error) from None
            except ValueError:
                raise PermanentError(_not_an_api(self._place)) from None

    def _request(
        self, messages: Sequence[Message], schema: Schema, max_tokens: int
    ) -> ChatCompletion:
        turns: list[Any] = [message.model_dump() for message in messages]
        if self._dialect.needs_schema_in_prompt:
            language = language_of(messages[-1].content)
            text = json.dumps(schema, ensure_ascii=False)
            rule = load_prompt("json_reply", language).render(schema=text)
            turns[-1]["content"] += f"\n\n{rule}"
        options: dict[str, Any] = self._dialect.options(
            schema, max_tokens=max_tokens, temperature=0, seed=SEED
        )
        completion: object = self._client.chat.completions.create(
            model=self._model, messages=turns, **options
        )
        # A web page or a bare string comes back as text instead of an exception.
        if not isinstance(completion, ChatCompletion):
            raise PermanentError(_not_an_api(self._place))
        return completion

    def _in_our_words(self, error: openai.APIError) -> CopilotError:
        said = self._redacted(error.message)
        place, model = self._place, self._model
        if isinstance(error, _TRANSIENT) and error.code != "insufficient_quota":
            return TransientError(_why_transient(error, place, said))
        if isinstance(error, (openai.AuthenticationError, openai.PermissionDeniedError)):
            return PermanentError(f"{place!r} refused the key; set SALES_COPILOT_LLM_API_KEY")
        if isinstance(error, openai.NotFoundError):
            return PermanentError(
                f"{place!r} does not know the model {model!r}: {said}; "
                "check SALES_COPILOT_LLM_MODEL and SALES_COPILOT_LLM_BASE_URL"
            )
        return PermanentError(f"{place!r} refused the request to {model!r}: {said}")

    def _redacted(self, text: str) -> str:
        return (text.replace(self._key, "***") if self._key else text)[:300]


def _limit_time(request: Any) -> None:
    """Give an attempt the time that is left for the answer; without any it is not sent."""
    left = left_s()
    if left is None:
        return
    if left <= 0:
        raise openai.APITimeoutError(request=request)
    request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), left)


def _late(place: str) -> str:
    return f"the model at {place!r} did not answer in time; try again later"


def _not_an_api(place: str) -> str:
    return (
        f"{place!r} answers, but not as an OpenAI-compatible API; check "
        "SALES_COPILOT_LLM_BASE_URL, which often ends in '/v1'"
    )


def _why_transient(error: openai.APIError, place: str, said: str) -> str:
    if isinstance(error, openai.APITimeoutError):
        return _late(place)
    if isinstance(error, openai.APIConnectionError):
        return (
            f"the model at {place!r} is out of reach; check the network and "
            "SALES_COPILOT_LLM_BASE_URL"
        )
    return f"the model at {place!r} is busy: {said}; try again later"


def _completion(reply: ChatCompletion) -> Completion:
    # The SDK builds a reply from whatever came: fields that it declares may be absent.
    usage = reply.usage
    details = usage.prompt_tokens_details if usage else None
    cost = Usage(
        tokens_in=usage.prompt_tokens if usage else 0,
        tokens_out=usage.completion_tokens if usage else 0,
        tokens_cached=(details.cached_tokens or 0) if details else 0,
    )
    choices = getattr(reply, "choices", None)
    if not choices:
        return Completion("", cost, is_cut=False)
    text = choices[0].message.content or ""
    return Completion(text, cost, is_cut=choices[0].finish_reason == "length")


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
