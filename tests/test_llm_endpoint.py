"""The client of OpenAI-compatible endpoints, against a real HTTP server on loopback."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from copilot.llm.client import Message
from copilot.llm.endpoint import EndpointModel
from crm.errors import PermanentError, TransientError
from tests.fake_endpoint import Answer, FakeEndpoint, fails, says

KEY = "sk-very-secret-0123456789"
GOOD = '{"tool": "metric", "owner": null}'
ASK = [Message(role="user", content="How many deals?")]


class Choice(BaseModel):
    tool: Literal["metric", "search"]
    owner: str | None = Field(default=None, max_length=40)


@contextmanager
def endpoint(*answers: Answer, **options: Any) -> Iterator[tuple[FakeEndpoint, EndpointModel]]:
    fake = FakeEndpoint(*answers)
    options = {"max_retries": 2, "timeout_s": 60.0, **options}
    model = EndpointModel("fake-1", base_url=fake.url, api_key=SecretStr(KEY), **options)
    try:
        yield fake, model
    finally:
        model.close()
        fake.close()


def ask(model: EndpointModel, messages: list[Message] = ASK) -> Choice:
    return model.structured(messages, Choice, max_tokens=50).value


def test_asks_for_a_schema_with_a_token_limit_and_no_temperature() -> None:
    with endpoint(says(GOOD)) as (fake, model):
        reply = model.structured(ASK, Choice, max_tokens=50)
    assert reply.value == Choice(tool="metric")
    assert (reply.usage.tokens_in, reply.usage.tokens_out) == (20, 7)
    request = fake.requests[0]
    assert (request["model"], request["max_tokens"], request["temperature"]) == ("fake-1", 50, 0)
    wanted = request["response_format"]["json_schema"]
    assert wanted["strict"] is True
    assert wanted["schema"]["required"] == ["tool", "owner"]
    assert wanted["schema"]["properties"]["owner"]["anyOf"][0]["maxLength"] == 40
    assert fake.keys == [f"Bearer {KEY}"]


def test_falls_back_to_looser_formats_and_remembers_them() -> None:
    refusal = fails(400, "response_format json_schema is not supported by this model")
    with endpoint(refusal, refusal, says(GOOD)) as (fake, model):
        ask(model)
        ask(model, [Message(role="user", content="有多少商机？")])
    formats = [r["response_format"]["type"] for r in fake.requests]
    assert formats == ["json_schema", "json_schema", "json_object", "json_object"]
    assert '"enum": ["metric", "search"]' in fake.requests[2]["messages"][-1]["content"]
    assert "JSON Schema" in fake.requests[2]["messages"][-1]["content"]
    assert "只回复一个 JSON 对象" in fake.requests[3]["messages"][-1]["content"]


def test_a_declared_capability_is_used_from_the_first_request() -> None:
    with endpoint(says(GOOD), structured="json_object") as (fake, model):
        ask(model)
    assert [r["response_format"]["type"] for r in fake.requests] == ["json_object"]


def test_a_declared_json_schema_never_becomes_json_object() -> None:
    refusal = fails(400, "response_format is not supported")
    with (
        endpoint(refusal, structured="json_schema") as (fake, model),
        pytest.raises(PermanentError, match="not supported"),
    ):
        ask(model)
    assert {r["response_format"]["type"] for r in fake.requests} == {"json_schema"}


@pytest.mark.parametrize(
    ("message", "absent", "present"),
    [
        (
            "Use 'max_completion_tokens' instead of 'max_tokens'",
            "max_tokens",
            "max_completion_tokens",
        ),
        ("temperature does not support 0 with this model", "temperature", "max_tokens"),
        ("unknown field: seed", "seed", "max_tokens"),
    ],
)
def test_options_that_a_server_refuses_are_left_out(
    message: str, absent: str, present: str
) -> None:
    with endpoint(fails(400, message), says(GOOD)) as (fake, model):
        assert ask(model).tool == "metric"
    assert absent not in fake.requests[1]
    assert present in fake.requests[1]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_transient_failures_are_tried_again(status: int) -> None:
    with endpoint(fails(status, "busy"), says(GOOD)) as (fake, model):
        assert ask(model).tool == "metric"
    assert len(fake.requests) == 2


@pytest.mark.parametrize("status", [429, 500])
def test_lasting_transient_failures_end_as_transient(status: int) -> None:
    with (
        endpoint(fails(status, "busy")) as (fake, model),
        pytest.raises(TransientError, match="is busy"),
    ):
        ask(model)
    assert len(fake.requests) == 3


def test_an_empty_account_is_not_transient() -> None:
    refusal = fails(429, "You exceeded your quota", code="insufficient_quota")
    with (
        endpoint(refusal, max_retries=0) as (_, model),
        pytest.raises(PermanentError, match="quota"),
    ):
        ask(model)


@pytest.mark.parametrize(
    ("status", "variable"),
    [
        (401, "SALES_COPILOT_LLM_API_KEY"),
        (403, "SALES_COPILOT_LLM_API_KEY"),
        (404, "SALES_COPILOT_LLM_MODEL"),
    ],
)
def test_lasting_failures_name_the_setting_and_are_not_repeated(status: int, variable: str) -> None:
    with (
        endpoint(fails(status, f"no: {KEY}")) as (fake, model),
        pytest.raises(PermanentError, match=variable) as caught,
    ):
        ask(model)
    assert len(fake.requests) == 1
    assert KEY not in str(caught.value)


def test_no_error_shows_the_key() -> None:
    with (
        endpoint(fails(400, f"your key {KEY} is odd")) as (_, model),
        pytest.raises(PermanentError) as caught,
    ):
        ask(model)
    assert KEY not in str(caught.value)
    assert "***" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_bad_reply_is_shown_to_the_model_with_its_error() -> None:
    bad = '{"tool": "delete_everything", "owner": null}'
    with endpoint(says(bad), says(GOOD)) as (fake, model):
        reply = model.structured(ASK, Choice, max_tokens=50)
    assert reply.value.tool == "metric"
    assert reply.usage.tokens_in == 40
    first, shown, plea = fake.requests[1]["messages"]
    assert first["content"] == "How many deals?"
    assert shown == {"role": "assistant", "content": bad}
    assert "delete_everything" in plea["content"]
    assert "tool" in plea["content"]


@pytest.mark.parametrize(
    "reply",
    [
        says("I would rather talk."),
        says(None),
        says('{"tool": "met', finish="length"),
        says("[1, 2]"),
        Answer(body={"id": "x", "object": "chat.completion", "created": 1, "choices": []}),
    ],
)
def test_unusable_replies_end_after_one_repair(reply: Answer) -> None:
    with endpoint(reply) as (fake, model), pytest.raises(PermanentError, match="no usable answer"):
        ask(model)
    assert len(fake.requests) == 2


def test_a_complete_object_in_a_cut_reply_is_not_trusted() -> None:
    with endpoint(says(GOOD, finish="length"), says(GOOD)) as (fake, model):
        ask(model)
    assert "cut off after 50 tokens" in fake.requests[1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    "wrapped",
    [
        f"```json\n{GOOD}\n```",
        f"<think>{{maybe}} search?</think>\n{GOOD}",
        f"Here you are: {GOOD} Anything else?",
    ],
)
def test_talk_around_the_object_is_ignored(wrapped: str) -> None:
    with endpoint(says(wrapped)) as (fake, model):
        assert ask(model).tool == "metric"
    assert len(fake.requests) == 1


def test_a_silent_server_is_transient() -> None:
    slow = Answer(body={}, delay_s=1.0)
    with (
        endpoint(slow, timeout_s=0.1, max_retries=0) as (_, model),
        pytest.raises(TransientError, match="did not answer in time"),
    ):
        ask(model)


def test_a_refused_connection_names_the_address_without_its_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = EndpointModel(
        "fake-1", base_url=f"http://me:hunter2@127.0.0.1:{port}/v1?k=hunter2", max_retries=0
    )
    with pytest.raises(TransientError, match="SALES_COPILOT_LLM_BASE_URL") as caught:
        ask(model)
    model.close()
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("body", ["<html>hello</html>", b"{broken", [], {"error": "no"}])
def test_a_page_that_is_not_an_api_is_an_error_and_not_an_answer(body: object) -> None:
    with endpoint(Answer(body=body)) as (_, model), pytest.raises(PermanentError):
        ask(model)


def test_tokens_are_counted_without_the_network() -> None:
    with endpoint(says(GOOD)) as (fake, model):
        assert 1 < model.count_tokens("Which deals slipped this quarter?") < 12
    assert fake.requests == []


def test_dates_and_numbers_are_read_from_text() -> None:
    class Found(BaseModel):
        due: date | None
        worth: float

    body = json.dumps({"due": "2026-11-16", "worth": 12.5})
    with endpoint(says(body)) as (_, model):
        found = model.structured(ASK, Found, max_tokens=50).value
    assert (found.due, found.worth) == (date(2026, 11, 16), 12.5)
