"""What telemetry tells, and what it never tells: canaries in, no canary out; nor in the log."""

import ast
import json
import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from copilot.cli.log_lines import JsonFormatter, LineFormatter
from copilot.llm.client import Message
from copilot.settings import Settings
from copilot.telemetry import ATTRIBUTES, COUNTERS, GAUGES, HISTOGRAMS, listening, telemetry
from copilot.usage import make_accounts
from crm import tracing
from crm.errors import PermanentError, TransientError
from crm.principal import Principal
from crm.store import Store
from tests.agent_world import ANNA_ASKS, Company, company, filled_company
from tests.scripted import ScriptedModel
from tests.test_agent_conversations import heard
from tests.test_cli_errors import filled, home, run

__all__ = ["company", "filled", "filled_company", "home"]

ROOT = Path(__file__).parents[1]
FOLDERS = ("copilot", "crm", "ingest", "tools")


class Heard:
    """Everything that a process told, as text and as spans."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.metrics = ""

    @contextmanager
    def listening(self) -> Iterator[None]:
        with listening([SimpleSpanProcessor(self.exporter)], [self.reader]):
            yield
            data = self.reader.get_metrics_data()
            self.metrics = "" if data is None else data.to_json()

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def attributes(self, name: str) -> Mapping[str, Any]:
        (span,) = self.spans(name)
        return dict(span.attributes or {})

    @property
    def text(self) -> str:
        return self.metrics + "".join(span.to_json() for span in self.exporter.get_finished_spans())


def test_a_turn_is_one_tree_with_its_steps_tools_and_statements(company: Company) -> None:
    heard = Heard()
    with heard.listening():
        company.ask("how many deals did Anna Berg win?", by=ANNA_ASKS)
    (root,) = heard.spans("ask")
    assert root.parent is None
    assert root.context is not None
    for name in ("plan", "act", "verify"):
        (span,) = heard.spans(name)
        assert span.parent is not None
        assert span.parent.span_id == root.context.span_id
    attributes = heard.attributes("ask")
    assert attributes["sales_copilot.status"] == "answered"
    assert attributes["sales_copilot.sql.statements"] > 0
    assert heard.attributes("tool")["sales_copilot.route"] == "metric"
    assert "sales_copilot.questions" in heard.metrics
    assert "sales_copilot.question.duration" in heard.metrics


def test_a_call_of_a_model_follows_the_conventions(store: Store, tmp_path: Path) -> None:
    accounts = make_accounts(Settings.load(home=tmp_path), store)
    told = Heard()
    with told.listening():
        model = accounts.metered(ScriptedModel([{"summary": "x"}]), Principal.local_owner())
        from copilot.agent.answering import Summary

        model.structured([Message(role="user", content="x")], Summary, max_tokens=9)
    assert told.attributes("chat scripted") == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "scripted",
        "gen_ai.request.max_tokens": 9,
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
    } | {
        key: value
        for key, value in told.attributes("chat scripted").items()
        if key.startswith("sales_copilot.sql")
    }
    assert "gen_ai.client.token.usage" in told.metrics
    accounts.close()


@pytest.mark.parametrize("error", [None, TransientError("ZANZIBAR is busy"), KeyError("ZANZIBAR")])
def test_no_canary_is_told(company: Company, error: Exception | None) -> None:
    heard_all = Heard()
    replies: list[Any] = [heard("Maria Lopez wants ZANZIBAR")] if error is None else [error]
    with heard_all.listening():
        company.script(*replies)
        questions = [
            "what did Acme Corp say about security?",
            "how many deals did Anna Berg win?",
            "what is the ZANZIBAR of Quokka Ltd?",
            "draft an email to Maria Lopez",
        ]
        for question in questions:
            try:
                company.ask(question, by=ANNA_ASKS)
            except (TransientError, KeyError, AssertionError):
                company.script()
    assert len(heard_all.spans("ask")) == len(questions)
    canaries = ("zanzibar", "quokka", "anna", "berg", "maria", "lopez", "acme", "security", "@")
    told = heard_all.text.lower()
    assert [word for word in canaries if word in told] == []


def test_words_of_no_set_and_unknown_attributes_are_left_out() -> None:
    heard = Heard()
    with heard.listening(), tracing.span("tool", route="Maria Lopez", question="secret") as told:
        told.note(status="x" * 100, model="a b")
    assert set(heard.attributes("tool").values()) == {"other"}
    assert "secret" not in heard.text


def test_of_an_exception_only_its_class_is_told() -> None:
    heard = Heard()
    with heard.listening(), pytest.raises(ValueError, match="Maria"), tracing.span("tool"):
        raise ValueError("Maria Lopez")
    (span,) = heard.spans("tool")
    assert heard.attributes("tool") == {"error.type": "ValueError"}
    assert span.events == ()
    assert not span.status.is_ok
    assert "Maria" not in heard.text


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            source = path.read_text("utf-8")
            if "crm.tracing" not in source:
                continue
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    yield name, node


def test_all_that_is_told_is_known() -> None:
    found = [(name, node) for name, node in _calls() if name in {"span", "count", "measure"}]
    assert len(found) > 10
    known = {"count": COUNTERS, "measure": {**HISTOGRAMS, **GAUGES}}
    for name, node in found:
        assert {word.arg for word in node.keywords} <= set(ATTRIBUTES), ast.unparse(node)
        first = node.args[0]
        if name in known and isinstance(first, ast.Constant):
            assert first.value in known[name], ast.unparse(node)


def test_nobody_hears_anything_unless_that_is_set(tmp_path: Path) -> None:
    with telemetry(Settings.load(home=tmp_path)):
        assert tracing.span("a") is tracing.span("b")


def test_a_file_gets_one_document_a_line(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = filled / "told" / "traces.jsonl"
    monkeypatch.setenv("SALES_COPILOT_TRACES_FILE", str(file))
    assert run("ask", "how many deals did Ana Ortiz win?").exit_code == 0
    told = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert {"ask", "plan", "act", "tool", "verify"} <= {one.get("name") for one in told}
    assert "resource_metrics" in told[-1]
    assert "Ortiz" not in file.read_text("utf-8")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path, traces_file=tmp_path)
    with pytest.raises(PermanentError, match="SALES_COPILOT_TRACES_FILE"), telemetry(settings):
        pass


@pytest.mark.slow
def test_a_collector_that_is_down_is_no_trouble(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    result = run("ask", "how many deals did Ana Ortiz win?", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["status"] == "answered"
    assert "opentelemetry" not in result.stderr.lower()


def records() -> list[logging.LogRecord]:
    try:
        raise KeyError("Quokka Ltd") from ValueError("Maria Lopez")
    except KeyError as error:
        raised = (KeyError, error, error.__traceback__)
    at = (logging.ERROR, "module.py", 7)
    return [
        logging.LogRecord("copilot.cli", *at, "unexpected error", (), raised),
        logging.LogRecord("langgraph.state", *at, "bad state %s", ("Maria Lopez",), None),
        logging.LogRecord("openai", *at, "asked about Quokka Ltd", (), None),
    ]


@pytest.mark.parametrize("formatter", [LineFormatter(), JsonFormatter()])
def test_the_log_quotes_neither_exceptions_nor_libraries(formatter: logging.Formatter) -> None:
    lines = "\n".join(formatter.format(record) for record in records())
    assert "unexpected error" in lines
    assert "KeyError" in lines
    assert "in records" in lines
    assert "module:7" in lines
    assert "Maria" not in lines
    assert "Quokka" not in lines


def test_a_log_of_json_has_one_document_a_line(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALES_COPILOT_LOG_FORMAT", "json")

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("Maria Lopez said ZANZIBAR")

    monkeypatch.setattr("copilot.agent.asking.new_turn", broken)
    assert run("ask", "what did ZANZIBAR say?").exit_code == 1
    (file,) = filled.rglob("sales-copilot.log")
    written = file.read_text("utf-8")
    (document,) = [json.loads(line) for line in written.splitlines()]
    assert (document["message"], document["error"]) == ("unexpected error", "RuntimeError")
    assert document["frames"]
    assert "ZANZIBAR" not in written


def test_an_error_of_the_database_does_not_quote_values(store: Store) -> None:
    with pytest.raises(DBAPIError) as refused, store.session() as session:
        session.execute(text("SELECT * FROM nowhere WHERE name = :name"), {"name": "ZANZIBAR"})
    assert "ZANZIBAR" not in str(refused.value)
