"""Traces and metrics by OpenTelemetry: to a collector, to a file, or, as it comes, to nobody."""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event

from copilot.llm.deadline import within
from copilot.settings import APP, Settings
from crm.errors import PermanentError, TransientError
from crm.tracing import Value, recording

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, Tracer

log = logging.getLogger(__name__)

FLUSH_S = 1.0
_EXPORT_S = 3.0
_OWN = "sales_copilot"
ATTRIBUTES: Mapping[str, str] = {
    "operation": "gen_ai.operation.name",
    "model": "gen_ai.request.model",
    "max_tokens": "gen_ai.request.max_tokens",
    "tokens_in": "gen_ai.usage.input_tokens",
    "tokens_out": "gen_ai.usage.output_tokens",
    "direction": "gen_ai.token.type",
    "error": "error.type",
    "status": f"{_OWN}.status",
    "language": f"{_OWN}.language",
    "route": f"{_OWN}.route",
    "kind": f"{_OWN}.kind",
    "state": f"{_OWN}.state",
    "hits": f"{_OWN}.hits",
    "done": f"{_OWN}.done",
}
"""What is told, and under which name: numbers, and words out of closed sets."""

COUNTERS: Mapping[str, str] = {
    "questions": f"{_OWN}.questions",
    "model_errors": f"{_OWN}.model.errors",
    "breaker_changes": f"{_OWN}.breaker.changes",
    "effects": f"{_OWN}.effects",
    "jobs": f"{_OWN}.jobs",
}
HISTOGRAMS: Mapping[str, tuple[str, str]] = {
    "question_seconds": (f"{_OWN}.question.duration", "s"),
    "model_seconds": ("gen_ai.client.operation.duration", "s"),
    "model_tokens": ("gen_ai.client.token.usage", "{token}"),
    "job_seconds": (f"{_OWN}.job.duration", "s"),
}
GAUGES: Mapping[str, str] = {
    "jobs_waiting": f"{_OWN}.jobs.waiting",
    "breaker_open": f"{_OWN}.breaker.open",
}
_WORD = re.compile(r"[A-Za-z][\w.-]{0,60}")
_MODEL = re.compile(r"[\w./:@+-]{1,100}", re.ASCII)


def telemetry(settings: Settings) -> AbstractContextManager[None]:
    """Return the context in which this process tells what it does, if anybody is to hear it.

    Raises PermanentError if the file for it cannot be written.
    """
    if settings.otlp_endpoint is None and settings.traces_file is None:
        return nullcontext()
    return _told(settings)


@contextmanager
def _told(settings: Settings) -> Iterator[None]:
    # Its own complaints about a collector that is down belong on no terminal.
    library = logging.getLogger("opentelemetry")
    library.addHandler(logging.NullHandler())
    library.propagate = False
    spans: list[SpanProcessor] = []
    readers: list[MetricReader] = []
    with ExitStack() as stack:
        if settings.traces_file is not None:
            to_file(stack, settings.traces_file, spans, readers)
        if settings.otlp_endpoint is not None:
            _to_collector(settings.otlp_endpoint, spans, readers)
        stack.enter_context(listening(spans, readers))
        yield


@contextmanager
def listening(spans: "list[SpanProcessor]", readers: "list[MetricReader]") -> Iterator[None]:
    """Send what happens in the block to these processors and readers, and flush them at its end.

    A collector that does not take it holds nobody up for longer than `FLUSH_S`.
    """
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    resource = Resource.create({"service.name": APP})
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    for each in spans:
        tracers.add_span_processor(each)
    meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    recorder = OpenTelemetry(tracers.get_tracer(APP), meters.get_meter(APP))
    with _statements_counted(), recording(recorder):
        try:
            yield
        finally:
            _flush([tracers.shutdown, meters.shutdown])


def _flush(shutdowns: list[Callable[[], None]]) -> None:
    def run() -> None:
        for shutdown in shutdowns:
            shutdown()

    try:
        within(FLUSH_S, run, late="telemetry is late")
    except TransientError:
        log.warning("telemetry was not taken within %g s", FLUSH_S)


def to_file(
    stack: ExitStack, path: Path, spans: "list[SpanProcessor]", readers: "list[MetricReader]"
) -> None:
    """Let spans be written as they end, and metrics once a minute and at the end."""
    from opentelemetry.sdk.metrics.export import (
        ConsoleMetricExporter,
        PeriodicExportingMetricReader,
    )
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        out = stack.enter_context(path.open("a", encoding="utf-8"))
    except OSError as error:
        raise PermanentError(
            f"SALES_COPILOT_TRACES_FILE={str(path)!r} cannot be written ({error.strerror}): name "
            "another file, or unset it"
        ) from error

    def line(told: Any) -> str:
        return str(told.to_json(indent=None)) + "\n"

    spans.append(SimpleSpanProcessor(ConsoleSpanExporter(out=out, formatter=line)))
    readers.append(PeriodicExportingMetricReader(ConsoleMetricExporter(out=out, formatter=line)))


def _to_collector(
    endpoint: str, spans: "list[SpanProcessor]", readers: "list[MetricReader]"
) -> None:
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    where: dict[str, Any] = {
        "endpoint": endpoint,
        "insecure": not endpoint.startswith("https://"),
        "timeout": _EXPORT_S,
    }
    spans.append(BatchSpanProcessor(OTLPSpanExporter(**where)))
    readers.append(PeriodicExportingMetricReader(OTLPMetricExporter(**where)))


@dataclass
class _Tally:
    """The SQL statements of a span, those of the spans inside it included."""

    statements: int = 0
    seconds: float = 0.0


_open: ContextVar[tuple[_Tally, ...]] = ContextVar("open_tallies", default=())


@dataclass
class _Told:
    """A span under way, as `crm.tracing` knows it."""

    span: "Span"

    def note(self, **attributes: Value) -> None:
        """Add attributes."""
        self.span.set_attributes(_safe(attributes))


@dataclass
class OpenTelemetry:
    """Hands spans and counts to OpenTelemetry, without what could be anybody's words."""

    tracer: "Tracer"
    meter: "Meter"
    _instruments: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value]) -> Iterator[_Told]:
        """Yield the span; of an exception only the class is told, its message may quote people."""
        from opentelemetry.trace import SpanKind, Status, StatusCode

        tally = _Tally()
        token = _open.set((*_open.get(), tally))
        kind = SpanKind.CLIENT if "model" in attributes else SpanKind.INTERNAL
        with self.tracer.start_as_current_span(
            _named(name, attributes),
            kind=kind,
            attributes=_safe(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _Told(span)
            except BaseException as error:
                span.set_attributes(_safe({"error": type(error).__name__}))
                span.set_status(Status(StatusCode.ERROR))
                raise
            finally:
                _open.reset(token)
                if tally.statements:
                    span.set_attribute(f"{_OWN}.sql.statements", tally.statements)
                    span.set_attribute(f"{_OWN}.sql.ms", round(tally.seconds * 1000, 3))

    def count(self, name: str, value: int, attributes: Mapping[str, Value]) -> None:
        """Add to a counter."""
        self._instrument(name).add(value, _safe(attributes))

    def measure(self, name: str, value: float, attributes: Mapping[str, Value]) -> None:
        """Note one value in a histogram or a gauge."""
        instrument = self._instrument(name)
        take = instrument.set if name in GAUGES else instrument.record
        take(value, _safe(attributes))

    def _instrument(self, name: str) -> Any:
        if name not in self._instruments:
            if name in COUNTERS:
                made: Any = self.meter.create_counter(COUNTERS[name])
            elif name in GAUGES:
                made = self.meter.create_gauge(GAUGES[name])
            else:
                called, unit = HISTOGRAMS[name]
                made = self.meter.create_histogram(called, unit=unit)
            self._instruments[name] = made
        return self._instruments[name]


def _named(name: str, attributes: Mapping[str, Value]) -> str:
    """Return the span's name; the conventions for models want the operation and the model."""
    safe = _safe(attributes)
    operation, model = safe.get(ATTRIBUTES["operation"]), safe.get(ATTRIBUTES["model"])
    return f"{operation} {model}" if operation and model else name


def _safe(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """Return the attributes under their public names; what is no word of a set becomes "other"."""
    safe: dict[str, Value] = {}
    for name, value in attributes.items():
        public = ATTRIBUTES.get(name)
        if public is None:
            continue
        shape = _MODEL if name == "model" else _WORD
        is_word = not isinstance(value, str) or shape.fullmatch(value) is not None
        safe[public] = value if is_word else "other"
    return safe


@contextmanager
def _statements_counted() -> Iterator[None]:
    """Count the SQL statements of all engines, and their time, for the spans around them."""

    def begin(connection: Any, *_rest: Any) -> None:
        connection.info["begun"] = time.perf_counter()

    def end(connection: Any, *_rest: Any) -> None:
        took = time.perf_counter() - connection.info.get("begun", time.perf_counter())
        for tally in _open.get():
            tally.statements += 1
            tally.seconds += took

    event.listen(Engine, "before_cursor_execute", begin)
    event.listen(Engine, "after_cursor_execute", end)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", begin)
        event.remove(Engine, "after_cursor_execute", end)
